"""Recorded facts of real OMS answers, typed in, each with its source in its file.

The files are ``data/*.toml`` and ``certification/*.txt``. What they call recorded is
what OMS, a certification file or a published table said; the demo reproduces it to the
last digit. Everything that they do not call so is simulated.
"""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

RUN = 297050
"""The run of which everything is recorded."""


@cache
def document(name: str) -> dict[str, Any]:
    """One file of facts.

    Example:
        >>> document("l1_rates")["nulls"]
        [297055]
    """
    path = files("omskit.demo") / "data" / f"{name}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


def run_attributes() -> dict[str, Any]:
    """The 43 attributes of run 297050."""
    found: dict[str, Any] = document("run_297050")["attributes"]
    return dict(found)


def run_units() -> dict[str, str]:
    """The units that the row of run 297050 named."""
    found: dict[str, str] = document("run_297050")["units"]
    return dict(found)


def lumisection_attributes() -> dict[str, Any]:
    """The attributes of lumisection 297050_1 but for ``end_lumi``.

    A service computes ``end_lumi`` after its filters: the recorded 0.0 belongs to the
    request for that one row.
    """
    found = document("lumisection_297050_1")
    return {**dict.fromkeys(found["nulls"]), **found["attributes"]}


def l1_trigger_rates() -> dict[str, Any]:
    """The columns of the recorded l1triggerrates row, nested values flattened."""
    flat: dict[str, Any] = {}
    for name, value in document("l1triggerrates_297050_1")["attributes"].items():
        if isinstance(value, dict):
            flat.update({f"{name}_{part}": number for part, number in value.items()})
        else:
            flat[name] = value
    empty = ("physics_generated_fdl_gt_counter", "physics_generated_fdl_gt_rate")
    return {**flat, **dict.fromkeys(empty)}


def hlt_paths() -> tuple[str, ...]:
    """The 278 path names of run 297050, sorted as recorded."""
    return tuple(document("hlt_paths_297050")["path_names"])


def l1_rates() -> dict[int, float | None]:
    """The recorded ``runs.l1_rate`` of runs 297050 to 297056; one is None."""
    found = document("l1_rates")
    rates: dict[int, float | None] = {int(r): v for r, v in found["l1_rate"].items()}
    return {**rates, **dict.fromkeys(found["nulls"])}


@cache
def certification(name: str) -> dict[int, list[list[int]]]:
    """The demo runs in a certification file: run -> ranges, ends included.

    Args:
        name: ``DCSONLY_2017``, ``DCSONLY_2018``, ``GOLDEN_2017`` or ``GOLDEN_2018``.

    Example:
        >>> certification("GOLDEN_2017")[297050]
        [[12, 137], [193, 776]]
    """
    path = files("omskit.demo") / "certification" / f"json_{name}.txt"
    found = json.loads(path.read_text(encoding="utf-8"))
    return {int(run): ranges for run, ranges in found.items()}


def moment(text: str) -> datetime:
    """A time as OMS writes it.

    Example:
        >>> moment("2017-06-16T20:50:33Z").hour
        20
    """
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def seconds(text: str) -> int:
    """A time as OMS writes it, in seconds since 1970.

    Example:
        >>> seconds("1970-01-02T00:00:00Z")
        86400
    """
    return int(moment(text).timestamp())
