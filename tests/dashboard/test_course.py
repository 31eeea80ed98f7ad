"""The course of a fill: its runs by the clock, and where their luminosity went."""

from __future__ import annotations

import dataclasses

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from omskit.dashboard.pages.course import course, of_run


@pytest.fixture(scope="module")
def of_fill(asker):
    """The report on fill 5839."""
    return asker.report("fill", 5839)


def value(cell):
    """The number of a cell."""
    return float(cell.removesuffix(" /pb") or 0)


def test_the_runs_and_no_run_add_up_to_the_fill(of_fill):
    """What runs delivered, and what went without a run, is what the fill delivered."""
    found = course(of_fill)
    *runs, whole = found.rows
    assert whole[0] == "fill 5839"
    assert sum(value(row[1]) for row in runs) == pytest.approx(
        value(whole[1]), abs=0.01
    )
    for row in [row for row in found.rows if row[2]]:
        assert sum(map(value, row[2:])) == pytest.approx(value(row[1]), abs=0.1)
    assert [row[0] for row in runs][-1] == "no run, after the last run"
    by_run = {row[0]: value(row[1]) for row in runs}
    for record in of_fill.runs.to_records():
        wanted = record["delivered_lumi"] or 0.0
        assert by_run[str(record["run_number"])] == pytest.approx(wanted, abs=0.001)


def test_blocks_are_in_the_order_of_the_clock(of_fill):
    """Runs and the times without one fill the clock, one after another."""
    blocks = course(of_fill).blocks
    assert [b.run for b in blocks if b.run] == list(range(297046, 297052))
    lefts = [b.left for b in blocks]
    assert lefts == sorted(lefts)
    assert blocks[-1].left + blocks[-1].width == pytest.approx(100, abs=0.01)
    assert blocks[-1].text.endswith("for 39 min: no luminosity")
    assert "deadtime 2.79 %" in next(b.text for b in blocks if b.run == 297050)
    assert sum(share for _, share in blocks[0].parts) == pytest.approx(100, abs=0.1)


def test_a_fill_without_times_has_no_course(of_fill):
    """Where OMS says no times of runs, or no luminosity, there is nothing to draw."""
    runs = of_fill.runs.arrow
    at = runs.column_names.index("start_time")
    none = pa.nulls(runs.num_rows, runs.schema.field(at).type)
    blank = of_fill.runs.part(runs.set_column(at, runs.schema.field(at), none))
    assert course(dataclasses.replace(of_fill, runs=blank)) is None
    assert course(dataclasses.replace(of_fill, ledger=None)) is None


def test_a_run_without_lumisections_is_a_block_alone(of_fill):
    """A run of which OMS has no lumisection stands on the clock, and in no row."""
    lumis = of_fill.lumisections
    kept = pc.not_equal(lumis.arrow["run_number"], 297048)
    others = lumis.part(lumis.arrow.filter(kept))
    partial = dataclasses.replace(of_fill, lumisections=others)
    assert of_run(partial, 297048) is None
    found = course(partial)
    assert "297048" not in {row[0] for row in found.rows}
    block = next(b for b in found.blocks if b.run == 297048)
    assert block.text.endswith("no luminosity")
    assert block.parts == ()
