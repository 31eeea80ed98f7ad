"""The demo, and recorded counters and prescales of 2024 by run and lumisection."""

from __future__ import annotations

import csv
import gzip
import json
import os
from pathlib import Path

import numpy as np
import pytest
from tests.support.changing import Rows

from omskit import Client
from omskit.trigger import column_at, counts_of_rates


@pytest.fixture(scope="module")
def oms():
    """A client of the demo."""
    with Client("demo") as client:
        yield client


@pytest.fixture(scope="session")
def changed():
    """A client whose answers go through a function of the resource and its rows."""
    return Rows


@pytest.fixture(scope="session")
def recorded():
    """The folder of recorded answers; see tests/server/test_recorded.py."""
    folder = os.environ.get("OMSKIT_RECORDED")
    if not folder:
        pytest.skip("OMSKIT_RECORDED does not name the folder of recorded answers")
    return Path(folder)


def _zipped(path):
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return json.load(file)


@pytest.fixture(scope="session")
def hlt_rates(recorded):
    """The exported HLT rates: run, path, columns."""
    found = {}
    for path in sorted((recorded / "per_ls").glob("hltrate_Run*.json.gz")):
        found.update(_zipped(path))
    return found


@pytest.fixture(scope="session")
def zerobias_prescales(recorded):
    """The changes of the total prescale of ZeroBias, by run."""
    path = recorded / "trigger" / "HLTinfo_ZeroBias_year2024.csv"
    found = {}
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            change = (int(row["cmsls"]), float(row["totprescval"]))
            found.setdefault(int(row["# run"]), []).append(change)
    return found


@pytest.fixture(scope="session")
def zerobias_runs(recorded, hlt_rates, zerobias_prescales):
    """What the bunch count needs of each run that has all of it."""
    runs = {}
    for path in sorted((recorded / "per_ls").glob("omsdata_Run*.json.gz")):
        columns = {k: np.array(v) for k, v in _zipped(path).items()}
        for run in np.unique(columns["run_number"]):
            here = columns["run_number"] == run
            rows = {k: v[here] for k, v in columns.items()}
            rates = hlt_rates.get(str(run), {})
            name = next((p for p in rates if p.startswith("HLT_ZeroBias_v")), None)
            if name is None or int(run) not in zerobias_prescales:
                continue
            numbers = rates[name]["first_lumisection_number"]
            counts = counts_of_rates(rates[name]["rate"])
            by_number = dict(zip(numbers, counts, strict=True))
            rows["counts"] = np.array(
                [by_number.get(ls, np.nan) for ls in rows["lumisection_number"]]
            )
            rows["prescale"] = column_at(
                zerobias_prescales[int(run)], rows["lumisection_number"]
            )
            runs[int(run)] = rows
    return runs
