"""The tables are what the engine is promised."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pytest

from omskit.demo import NOTICE, tables
from omskit.demo.build import table
from omskit.demo.lazy import MAKERS, LazyTables
from omskit.schema import bundled

ONLY_IN_IDS = {"path_number", "set"}
"""Columns that rows do not show: their ids are made of them."""


@pytest.mark.parametrize("name", sorted(LazyTables()))
def test_columns_and_types_are_the_catalogues(demo: Any, name: str) -> None:
    """Columns, their order and types are the catalogue's, plus units of scaled ones."""
    resource = bundled()[name.removesuffix("@run")]
    expected: list[tuple[str, pa.DataType]] = []
    for field in resource.fields:
        expected.append((field.name, field.arrow_type))
        if field.scaled:
            expected.append((f"{field.name}@unit", pa.string()))
    found = demo[name]
    for field in resource.filters:
        if field.name in found.column_names:
            kind = found[field.name].type
            assert kind in {field.arrow_type, pa.list_(field.arrow_type)}
            expected.append((field.name, kind))
    shown = [(f.name, f.type) for f in found.schema if f.name not in ONLY_IN_IDS]
    assert shown == expected
    for field in resource.fields:
        if not field.nullable:
            assert found[field.name].null_count == 0


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_rows_are_sorted_and_unique_by_identity(demo: Any, name: str) -> None:
    """Rows stand in the order of their identity, and no identity occurs twice."""
    resource = bundled()[name.removesuffix("@run")]
    identity = [*resource.identity, *([resource.within] if resource.within else [])]
    found = demo[name]
    assert len(found) > 0
    if not identity:
        return
    keys = found.select(identity)
    assert keys.group_by(identity).aggregate([]).num_rows == len(found)
    order = [(column, "ascending") for column in identity]
    assert keys.sort_by(order).equals(keys)


def test_every_resource_with_granularities_has_both(demo: Any) -> None:
    """A resource that can be grouped has its run-level rows beside it."""
    for name in bundled():
        if "run" in bundled()[name].granularities:
            assert {name, f"{name}@run"} <= set(demo)


def test_every_resource_of_the_catalogue_is_there(demo: Any) -> None:
    """No resource is without a table."""
    assert {name for name in demo if "@" not in name} == set(bundled())
    assert len(demo) == len(list(demo))


def test_an_unknown_name_is_a_key_error(demo: Any) -> None:
    """A name outside the catalogue is no key of the mapping."""
    assert "nonsense" not in demo
    with pytest.raises(KeyError, match="nonsense"):
        demo["nonsense"]


def test_a_column_outside_the_catalogue_is_refused() -> None:
    """A table is not made with a column that the catalogue does not know."""
    with pytest.raises(KeyError, match="l1_rat"):
        table("runs", {"l1_rat": [1.0]}, 1)


def test_a_table_is_made_once_by_many_threads() -> None:
    """Threads that ask at once get the same table."""
    fresh = LazyTables()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: fresh["runs"], range(16)))
    assert len({id(one) for one in found}) == 1


def test_the_tables_are_one_for_the_process() -> None:
    """tables() is the same mapping each time."""
    assert tables() is tables()


def test_another_process_makes_the_same_numbers(demo: Any) -> None:
    """Numbers do not depend on the process or its hash seed."""
    code = (
        "import json, omskit.demo as d; t = d.tables(); "
        "print(json.dumps([t[n].slice(0, 300).to_pydict() for n in "
        "('hltpathrates', 'l1triggerrates')], default=str))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": "77"},
        capture_output=True,
        text=True,
        check=True,
    )
    ours = [
        demo[name].slice(0, 300).to_pydict()
        for name in ("hltpathrates", "l1triggerrates")
    ]
    assert json.loads(answer.stdout) == json.loads(json.dumps(ours, default=str))


def test_importing_the_demo_is_cheap() -> None:
    """The package itself loads neither numpy nor pyarrow nor duckdb."""
    code = (
        "import sys, omskit.demo; "
        "print([m for m in ('numpy', 'pyarrow', 'duckdb') if m in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"


def test_the_notice_is_one_line_that_says_simulated() -> None:
    """The notice is one line: data are simulated, with facts for the runs named."""
    assert "\n" not in NOTICE
    assert re.search(r"simulated", NOTICE)
    assert "306458" in NOTICE


def test_each_run_has_the_prescales_of_its_columns(rows: Any) -> None:
    """The prescale sets of a run name the prescale columns that the run has."""
    for run, number in ((297050, 10), (306458, 8), (386694, 10)):
        for resource in ("l1prescalesets", "hltprescalesets"):
            found = rows(resource, run_number=run)["prescales"].to_pylist()
            assert {len(json.loads(text)) for text in found} == {number}
            names = {entry["prescale_name"] for entry in json.loads(found[0])}
            seen = rows("lumisections", run_number=run)["prescale_name"].to_pylist()
            assert set(filter(None, seen)) <= names


def test_prescale_sets_are_lists_in_json(demo: Any) -> None:
    """Prescales come as JSON lists of column, name and value, for L1 and HLT."""
    for resource in ("l1prescalesets", "hltprescalesets"):
        for text in demo[resource]["prescales"].to_pylist():
            for entry in json.loads(text):
                assert set(entry) == {"prescale", "prescale_index", "prescale_name"}


def test_era_of_each_fill_is_in_the_eras(demo: Any) -> None:
    """Each fill lies between the first and last fill of the era that it names."""
    eras = {row["name"]: row for row in demo["eras"].to_pylist()}
    for row in demo["fills"].to_pylist():
        era = eras[row["era"]]
        assert era["start_fill"] <= row["fill_number"] <= era["end_fill"]


def test_bunches_are_those_of_the_fill(demo: Any, rows: Any) -> None:
    """Each of two fills has 3564 slots, as many filled as the fill has bunches."""
    for fill in (5839, 10210):
        slots = rows("bunches", fill_number=fill).to_pylist()
        (row,) = rows("fills", fill_number=fill).to_pylist()
        assert len(slots) == 3564
        assert sum(s["beam_1_configured"] for s in slots) == row["bunches_beam1"]
        colliding = sum(s["initial_lumi"] > 0 for s in slots)
        assert colliding == row["bunches_target"]
