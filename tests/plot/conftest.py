"""Tables to draw, a backend without a screen, and a check that nothing leaks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pyarrow as pa
import pytest

from omskit.table import Table, with_unit
from omskit.table.receipt import Receipt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

INSTANT = "10^30 cm^-2 s^-1"
UNITS = {"init_lumi": INSTANT, "delivered_lumi": "/pb", "recorded_lumi": "/pb"}


@pytest.fixture(autouse=True)
def nothing_leaks() -> Iterator[None]:
    """Settings are the same after each test, and no figure stays open."""
    before = dict(mpl.rcParams)
    yield
    plt.close("all")
    assert dict(mpl.rcParams) == before


@pytest.fixture
def make_table() -> Callable[..., Table]:
    """A maker of tables: columns, units, and where the rows are said to come from."""

    def make(
        columns: dict[str, Any],
        units: dict[str, str] | None = None,
        *,
        service: str = "https://oms.example/agg/api/v1",
        **details: Any,
    ) -> Table:
        arrow = pa.table(columns)
        fields = [with_unit(f, (units or {}).get(f.name)) for f in arrow.schema]
        now = datetime(2024, 1, 1, tzinfo=UTC)
        receipt = Receipt(service, (), len(arrow), len(arrow), now, now, "0")
        return Table(arrow.cast(pa.schema(fields)), receipt=receipt, **details)

    return make


@pytest.fixture
def lumis(make_table: Callable[..., Table]) -> Table:
    """Lumisections 1-9 of one run without 4 and 5, with a null and all flag states."""
    return make_table(
        {
            "run_number": [297050] * 7,
            "fill_number": [5839] * 7,
            "lumisection_number": [1, 2, 3, 6, 7, 8, 9],
            "pileup": [40.0, 39.5, 39.0, 38.0, None, 37.0, 36.5],
            "init_lumi": np.linspace(6885.0, 6800.0, 7),
            "delivered_lumi": np.linspace(34.0, 35.0, 7),
            "recorded_lumi": np.linspace(25.0, 26.0, 7),
            "cms_active": [False, True, True, True, None, None, True],
            "prescale_name": ["Pixels1200b"] * 7,
        },
        UNITS,
        resource="lumisections",
    )


@pytest.fixture
def two_runs(make_table: Callable[..., Table]) -> Table:
    """Two runs, unsorted: 297050 with lumisections 1-3, 297056 with 2-3."""
    return make_table(
        {
            "run_number": [297056, 297050, 297050, 297056, 297050],
            "lumisection_number": [3, 2, 1, 2, 3],
            "pileup": [50.0, 20.0, 10.0, 40.0, 30.0],
            "cms_active": [True, True, False, False, True],
        }
    )


@pytest.fixture
def paths(make_table: Callable[..., Table]) -> Table:
    """Rates of four paths in three lumisections; one path lacks the second."""
    rows = [
        (name, ls, rate)
        for name, rate in (("HLT_A_v1", 1.0), ("HLT_B_v2", 9.0), ("HLT_C_v1", 4.0))
        for ls in (1, 2, 3)
    ] + [("HLT_D_v1", 1, 6.0), ("HLT_D_v1", 3, 6.0)]
    return make_table(
        {
            "run_number": [297050] * len(rows),
            "path_name": [name for name, _, _ in rows],
            "first_lumisection_number": [ls for _, ls, _ in rows],
            "last_lumisection_number": [ls for _, ls, _ in rows],
            "rate": [rate for _, _, rate in rows],
        },
        {"rate": "Hz"},
        resource="hltpathrates",
    )
