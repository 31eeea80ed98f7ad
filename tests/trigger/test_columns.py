"""The prescales of the paths of a run of the demo."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from omskit import NoRowError, UsageError
from omskit.trigger import prescales
from omskit.trigger.columns import columns_of, numbers_of


def test_every_path_of_a_run(oms):
    """Each path has a row per change, and the total is L1 times HLT where exact."""
    table = prescales(oms, 297050)
    rows = table.to_records()
    assert table.simulated
    starts = {r["first_lumisection_number"] for r in rows}
    assert starts == {1, 12, 431}
    assert len(rows) == 3 * len({r["path_name"] for r in rows})
    lists = oms.query("l1prescalesets", 297050).fetch().to_records()
    by_name = {r["algo_name"]: json.loads(r["prescales"]) for r in lists}
    checked = 0
    for row in rows:
        if row["status"] in {"off", "unknown"}:
            assert row["prescale"] is None
            assert row["why"]
        if row["status"] == "exact" and row["seed"] in by_name:
            (own,) = (
                p["prescale"]
                for p in by_name[row["seed"]]
                if p["prescale_index"] == row["prescale_index"]
            )
            assert row["prescale"] == own * row["hlt_prescale"]
            checked += 1
    assert checked > 100


def test_paths_by_name(oms):
    """A path is found with and without its version; none is an error."""
    plain = prescales(oms, 297050, paths="HLT_ZeroBias")
    full = prescales(oms, 297050, paths=["HLT_ZeroBias_v5"])
    assert plain == full
    assert set(plain["seed"].to_pylist()) == {"L1_ZeroBias"}
    with pytest.raises(NoRowError, match="HLT_Nothing"):
        prescales(oms, 297050, paths="HLT_Nothing*")


@pytest.mark.filterwarnings("ignore::omskit.OMSWarning")
def test_no_run(oms):
    """A run that does not exist is an error, not an empty table."""
    with pytest.raises(NoRowError, match="run 1"):
        prescales(oms, 1)


def row(*entries, **more):
    return {"algo_name": "L1_A", "prescales": json.dumps(entries), **more}


def test_columns_are_joined_by_index():
    """The order of a list says nothing; an entry without index says nothing either."""
    entries = [{"prescale_index": 7, "prescale": 2}, {"prescale": 9}]
    assert columns_of([row(*entries)], "algo_name") == {"L1_A": {7: 2}}


def test_columns_without_an_index_are_joined_by_name():
    """HLT columns that OMS gives by name alone are those of L1, where one has it."""
    menu = [{"prescale_index": 6, "prescale_name": "2p0E34", "prescale": 1},
            {"prescale_index": 7, "prescale_name": "same", "prescale": 1},
            {"prescale_index": 8, "prescale_name": "same", "prescale": 1}]  # fmt: skip
    numbers = numbers_of([row(*menu)])
    bare = [{"prescale_name": "2p0E34", "prescale": 15},
            {"prescale_name": "same", "prescale": 3},
            {"prescale_name": "other", "prescale": 4}]  # fmt: skip
    assert columns_of([row(*bare)], "algo_name", numbers) == {"L1_A": {6: 15}}


def test_hlt_prescales_by_name_are_those_by_index(oms):
    """A service whose HLT columns have no index gives the same totals."""

    class Bare:
        def query(self, resource, run):
            query = oms.query(resource, run)
            return Nameless(query) if resource == "hltprescalesets" else query

    class Nameless:
        def __init__(self, query):
            self.query = query

        def fetch(self):
            table = self.query.fetch()
            at = table.arrow.schema.get_field_index("prescales")
            texts = [
                json.dumps([e | {"prescale_index": None} for e in json.loads(text)])
                for text in table["prescales"].to_pylist()
            ]
            return table.part(table.arrow.set_column(at, "prescales", pa.array(texts)))

    names = "HLT_ZeroBias, HLT_Mu50"
    bare, whole = (prescales(client, 297050, paths=names) for client in (Bare(), oms))
    assert bare == whole
    assert set(bare["path"].to_pylist()) == {"HLT_ZeroBias", "HLT_Mu50"}


def test_masked_is_off():
    """A masked algorithm has prescale 0 in every column."""
    masked = row({"prescale_index": 7, "prescale": 2}, algo_mask=False)
    assert columns_of([masked], "algo_name") == {"L1_A": {7: 0.0}}


def test_contradictions():
    """A column that comes twice with two values is an error that names it."""
    twice = [{"prescale_index": 7, "prescale": p} for p in (2, 3)]
    with pytest.raises(UsageError, match=r"L1_A .* column 7"):
        columns_of([row(*twice)], "algo_name")
