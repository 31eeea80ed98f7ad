"""Where the luminosity went: causes that add up."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.amount import examples

from omskit import Client, MaskError, NoRowError, Table, UnitError
from omskit.lumi import ledger
from omskit.lumi.accounting import COLUMNS
from omskit.lumi.building import PRESETS
from omskit.lumi.ledgers import CAUSES, RECORDING

FLAGS = ("cms_active", "beams_stable", *PRESETS["all"])


def lumis(rows, unit="/pb"):
    """A table of lumisections from dicts; flags are on unless a row says otherwise."""
    filled = [{**dict.fromkeys(FLAGS, True), "fill_number": 1, **row} for row in rows]
    fields = []
    for name in COLUMNS:
        kind = pa.bool_() if name in FLAGS else pa.int64()
        metadata = None
        if "lumi_per" in name or name == "delivered_lumi":
            kind, metadata = pa.float64(), {"unit": unit} if unit else None
        fields.append(pa.field(name, kind, metadata=metadata))
    return Table(pa.Table.from_pylist(filled, pa.schema(fields)))


def row(run, number, running, delivered, recorded, **more):
    """One lumisection."""
    return {
        "run_number": run,
        "lumisection_number": number,
        "delivered_lumi": running,
        "delivered_lumi_per_lumisection": delivered,
        "recorded_lumi_per_lumisection": recorded,
        **more,
    }


def causes(found):
    """The luminosity of each cause."""
    return {e.cause: pytest.approx(e.lumi_pb) for e in found.entries}


def test_every_cause_has_its_place():
    """Each piece of a fill goes to the cause that it was made for."""
    table = lumis(
        [
            row(10, 1, 3.0, 1.0, 0.5, beams_stable=False),
            row(10, 2, 4.0, 1.0, 0.75),
            row(10, 4, 6.0, 1.0, 1.0),
            row(11, 1, 8.0, 1.0, 0.25, bpix_ready=False),
            row(11, 2, 9.0, 1.0, 0.0, cms_active=False),
            row(11, 3, None, None, None),
            row(11, 4, 11.0, 1.0, 1.0, ebp_ready=None),
        ]
    )
    found = ledger(table, fill=1, fill_delivered_pb=11.5)
    assert {e.cause: e.lumi_pb for e in found.entries} == causes(found)
    assert {e.cause: e.lumi_pb for e in found.entries} == pytest.approx(
        {
            "recorded": 1.75,
            "detector_off": 0.25,
            "flag_unknown": 1.0,
            "not_stable": 0.5,
            "deadtime": 1.5,
            "inactive": 1.0,
            "missing": 1.0,
            "no_value": 1.0,
            "before": 2.0,
            "between": 1.0,
            "after": 0.5,
        }
    )
    assert found.delivered_pb == pytest.approx(11.5)
    assert found.recorded_pb == pytest.approx(3.5)


def test_parts_inclusive_and_exclusive():
    """What was off alone is told apart from what was off with others."""
    table = lumis(
        [
            row(1, 1, 1.0, 1.0, 1.0, bpix_ready=False),
            row(1, 2, 3.0, 2.0, 2.0, bpix_ready=False, rpc_ready=False),
            row(1, 3, 7.0, 4.0, 4.0, rpc_ready=False, beams_stable=False),
        ]
    )
    parts = {p.subsystem: p for p in ledger(table, run=1).parts}
    assert (parts["pixel"].inclusive_pb, parts["pixel"].exclusive_pb) == (3.0, 1.0)
    assert (parts["muon"].inclusive_pb, parts["muon"].exclusive_pb) == (2.0, 0.0)
    assert parts["muon"].flags == (("rpc_ready", 2.0),)


def test_a_run_begins_with_its_own_luminosity():
    """A run is not charged for what its fill delivered before."""
    found = ledger(
        lumis([row(1, 1, 100.0, 1.0, 1.0), row(1, 2, 101.0, 1.0, 1.0)]), run=1
    )
    assert found.delivered_pb == 2.0
    assert found.efficiency == 1.0


def test_a_run_of_two_fills():
    """A run that goes on into another fill, whose sum begins anew, has one ledger."""
    table = lumis(
        [row(1, 1, 50.0, 1.0, 1.0), {**row(1, 2, 2.0, 2.0, 1.0), "fill_number": 2}]
    )
    found = ledger(table, run=1)
    assert found.delivered_pb == 3.0
    assert found.recorded_pb == 2.0


def test_without_any_value():
    """A run of cosmics has no luminosity, and no efficiency either."""
    found = ledger(lumis([row(1, 1, None, None, None)], unit=None), run=1)
    assert (found.delivered_pb, found.recorded_pb, found.efficiency) == (0.0, 0.0, None)
    assert [(e.cause, e.lumisections) for e in found.entries] == [("no_value", 1)]
    assert found.table()["fraction"].to_pylist() == [None]


def test_other_units_are_converted():
    """A table in /nb gives the same ledger as in /pb."""
    found = ledger(lumis([row(1, 1, 2000.0, 1000.0, 500.0)], unit="/nb"), run=1)
    assert found.delivered_pb == pytest.approx(1.0)
    assert found.recorded_pb == pytest.approx(0.5)


@pytest.mark.parametrize("unit", [None, "furlong"])
def test_unknown_units(unit):
    """A luminosity without a unit that is known is not added up."""
    with pytest.raises(UnitError, match="delivered_lumi"):
        ledger(lumis([row(1, 1, 1.0, 1.0, 1.0)], unit=unit), run=1)


def test_wrong_questions():
    """What cannot be answered is named."""
    table = lumis([row(1, 1, 1.0, 1.0, 1.0)])
    with pytest.raises(MaskError, match="fill= or run="):
        ledger(table)
    with pytest.raises(NoRowError, match="run 2"):
        ledger(table, run=2)
    with pytest.raises(MaskError, match="lacks fill_number"):
        ledger(table.arrow.drop_columns(["fill_number"]), run=1)


numbers = st.floats(0, 2, allow_nan=False).map(lambda x: round(x, 3))


@settings(max_examples=examples(200))
@given(
    st.lists(
        st.tuples(
            numbers,
            st.one_of(st.none(), numbers),
            numbers,
            st.integers(1, 3),
            st.sets(st.sampled_from(FLAGS), max_size=3),
            st.sets(st.sampled_from(FLAGS), max_size=2),
        ),
        min_size=1,
        max_size=30,
    ),
    st.randoms(use_true_random=False),
    numbers,
)
def test_causes_add_up(pieces, random, after):
    """Whatever happened in a fill, the causes add up to what it delivered."""
    rows, running, number, run = [], 0.0, 0, 1
    for delivered, recorded, gap, step, off, unknown in pieces:
        number, running = number + step, running + gap + delivered
        if random.random() < 0.1:
            run, number = run + 1, 1
        flags = {**dict.fromkeys(off, False), **dict.fromkeys(unknown, None)}
        lost = random.random() < 0.1
        rows.append(
            row(run, number, None if lost else running, delivered, recorded, **flags)
        )
    random.shuffle(rows)
    found = ledger(lumis(rows), fill=1, fill_delivered_pb=running + after)
    valued = [r for r in rows if r["delivered_lumi"] is not None]
    total = running + after
    assert sum(e.lumi_pb for e in found.entries) == pytest.approx(found.delivered_pb)
    assert found.delivered_pb == pytest.approx(total, rel=1e-4, abs=1e-4)
    recorded = sum(r["recorded_lumi_per_lumisection"] or 0.0 for r in valued)
    assert found.recorded_pb == pytest.approx(recorded)
    assert {e.cause for e in found.entries} <= set(CAUSES)
    assert np.isfinite(found.table()["lumi"].to_numpy()).all()


def test_the_demo_adds_up():
    """The recorded numbers of fill 5839 come out of its ledger."""
    with Client("demo") as oms:
        lumis_ = oms.lumisections(fill=5839, fields=list(COLUMNS))
        run = oms.runs(297050)
    found = ledger(lumis_, fill=5839, fill_delivered_pb=140.880)
    assert found.delivered_pb == pytest.approx(140.880)
    of_run = ledger(lumis_, run=297050)
    assert of_run.delivered_pb == pytest.approx(run["delivered_lumi"][0])
    assert of_run.recorded_pb == pytest.approx(run["recorded_lumi"][0])
    assert found.simulated
    assert "simulated" in str(found)
    assert RECORDING[0] in [e.cause for e in found.entries]


def test_any_rows_have_a_ledger():
    """Rows of several runs have a ledger under the name that they are given."""
    with Client("demo") as oms:
        lumis = oms.lumisections(fill=5839, fields=list(COLUMNS))
    found = ledger(lumis, whole="a day")
    parts = sum(ledger(lumis, run=run).recorded_pb for run in (297046, 297047, 297050))
    assert found.of == "a day"
    assert found.recorded_pb > parts > 0
    assert sum(e.lumi_pb for e in found.entries) == pytest.approx(found.delivered_pb)
    assert not {"before", "after"} & {e.cause for e in found.entries}
