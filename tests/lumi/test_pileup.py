"""The pileup profile of a mask, and pileup JSON."""

from __future__ import annotations

import io
import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omskit import Client, LumiMask
from omskit.errors import DecodeError, MaskError, UsageError
from omskit.lumi import pileup_json, pileup_profile, read_pileup
from omskit.table import Table, with_unit


def rows(values, unit="/pb", **more):
    """Lumisections of run 7: (number, luminosity, pileup)."""
    numbers, lumis, pileups = zip(*values, strict=True)
    name = "recorded_lumi_per_lumisection"
    schema = [
        ("run_number", pa.int64()),
        ("lumisection_number", pa.int64()),
        with_unit(pa.field(name, pa.float64()), unit),
        ("pileup", pa.float64()),
    ]
    columns = [[7] * len(numbers), numbers, lumis, pileups]
    for key, column in more.items():
        schema.append((key, pa.float64()))
        columns.append(column)
    return Table(pa.table([list(c) for c in columns], schema=pa.schema(schema)))


def all_of(count):
    """The lumisections 1 to count of run 7."""
    return LumiMask.from_ranges([(7, 1, count)])


def test_each_lumisection_weighs_what_it_recorded():
    """Luminosity goes to the bin of its pileup; the sum is that of the mask."""
    table = rows([(1, 2.0, 1.5), (2, 3.0, 1.6), (3, 5.0, 8.0), (4, 9.0, 3.0)])
    found = pileup_profile(all_of(3), table, bins=10, most=10)
    assert found.lumi_pb.tolist() == [0, 5, 0, 0, 0, 0, 0, 0, 5, 0]
    assert (found.total_pb, found.outside_pb, found.complete) == (10.0, 0.0, True)
    assert found.mean == 5.0
    assert found.density.sum() == pytest.approx(1.0)
    assert str(found) == "10 /pb recorded, mean pileup 5.00."
    assert found.table().units["recorded_lumi"] == "/pb"
    assert len(found.table()) == 10


def test_what_lies_beyond_the_bins_is_told():
    """Luminosity above the last bin is counted apart, and in the total."""
    found = pileup_profile(all_of(2), rows([(1, 2.0, 1.0), (2, 3.0, 30.0)]), most=10)
    assert found.outside_pb == pytest.approx(3.0)
    assert found.total_pb == pytest.approx(5.0)
    assert "3 /pb lie beyond the bins" in str(found)


def test_what_has_no_value_is_missing():
    """Lumisections without a row, without pileup or luminosity are named."""
    table = rows([(1, 2.0, 1.0), (2, None, 1.0), (3, 2.0, None)])
    found = pileup_profile(all_of(5), table)
    assert found.missing == LumiMask.from_ranges([(7, 2, 5)])
    assert not found.complete
    assert "4 lumisections have no pileup or luminosity: 7:2-5" in str(found)
    empty = pileup_profile(all_of(1), rows([(2, 1.0, 1.0)]))
    assert empty.mean is None
    assert empty.density.sum() == 0
    assert "mean pileup none" in str(empty)


def test_the_spread_over_bunches_is_a_gaussian():
    """With pileup_rms a lumisection is spread over bins, two thirds within one rms."""
    table = rows([(1, 1.0, 30.0)], pileup_rms=[5.0])
    found = pileup_profile(all_of(1), table, bins=[0, 25, 35, 60])
    assert found.lumi_pb[1] == pytest.approx(0.6827, abs=1e-4)
    assert found.total_pb == pytest.approx(1.0)
    wide = pileup_profile(all_of(1), table, bins=[0, 50, 70, 120], scale=2)
    assert wide.lumi_pb.tolist() == pytest.approx(found.lumi_pb.tolist())


def test_the_demo_has_a_profile():
    """A client is asked for the runs of the mask; the demo says that it is one."""
    mask = LumiMask.from_ranges([(297050, 1, 100)])
    with Client("demo") as oms:
        found = pileup_profile(mask, oms)
    assert found.simulated
    assert 35 < found.mean < 45
    assert str(found).endswith("Simulated by the demo.")
    with Client("demo") as oms:
        assert pileup_profile(LumiMask.from_ranges([]), oms).total_pb == 0


@pytest.mark.parametrize("bins", [[], [1], [2, 1], [[1, 2]]], ids=str)
def test_bins_that_are_none_are_refused(bins):
    """Edges must ascend."""
    with pytest.raises(UsageError, match="edges that ascend"):
        pileup_profile(all_of(1), rows([(1, 1.0, 1.0)]), bins=bins)


def test_rows_without_a_column_or_a_unit_are_refused():
    """A profile wants pileup, and luminosity with its unit."""
    table = rows([(1, 1.0, 1.0)])
    with pytest.raises(MaskError, match="no column 'pileup'"):
        pileup_profile(all_of(1), table.arrow.drop_columns("pileup"))
    with pytest.raises(MaskError, match="does not name its unit"):
        pileup_profile(all_of(1), rows([(1, 1.0, 1.0)], unit=None))
    micro = pileup_profile(all_of(1), rows([(1, 1e6, 1.0)], unit="/ub"))
    assert micro.total_pb == pytest.approx(1.0)


def test_a_pileup_json_is_read():
    """Mean and rms times the cross-section are pileup; luminosity is in /ub."""
    text = '{"297050": [[1, 136000.0, 2.0e-05, 5.0e-04], [2, 0, 0, 0]], "297051": []}'
    table = read_pileup(io.StringIO(text), cross_section_ub=80000.0)
    assert table[0] == {
        "run_number": 297050,
        "lumisection_number": 1,
        "recorded_lumi_per_lumisection": 136000.0,
        "pileup": pytest.approx(40.0),
        "pileup_rms": pytest.approx(1.6),
    }
    assert table.units["recorded_lumi_per_lumisection"] == "/ub"
    assert len(read_pileup(io.StringIO("{}"))) == 0


@pytest.mark.parametrize(
    "text", ["", "[]", '{"297050": [[1, 5]]}', '{"a": [[1,1,1,1]]}', "[" * 10_000]
)
def test_what_is_no_pileup_json_is_refused(text):
    """A mask, a list or no JSON is an error that says what it should be."""
    with pytest.raises(DecodeError, match="no pileup JSON"):
        read_pileup(io.StringIO(text))


@given(
    st.lists(
        st.tuples(
            st.integers(1, 500),
            st.none() | st.floats(0, 5),
            st.none() | st.floats(0, 100),
            st.floats(0, 5),
        ),
        unique_by=lambda row: row[0],
        max_size=6,
    )
)
def test_what_is_written_is_read_back(values):
    """A pileup JSON that is written has the rows with values, and reads back equal."""
    spread = [row[3] for row in values]
    table = rows(
        [row[:3] for row in values] or [(1, None, None)], pileup_rms=spread or [0]
    )
    text = pileup_json(table)
    assert isinstance(json.loads(text), dict)
    back = {r["lumisection_number"]: r for r in read_pileup(io.StringIO(text))}
    whole = {row[0]: row for row in values if row[1] is not None and row[2] is not None}
    assert back.keys() == whole.keys()
    for number, row in back.items():
        _, lumi, pileup, rms = whole[number]
        assert row["recorded_lumi_per_lumisection"] == pytest.approx(lumi * 1e6)
        assert row["pileup"] == pytest.approx(pileup)
        assert row["pileup_rms"] == pytest.approx(rms)


def test_the_figure_shows_the_profile():
    """The drawing has the bins, and notes that say how much and what is missing."""
    from omskit.plot import pileup_profile as draw

    table = rows([(1, 2.0, 1.0), (2, 3.0, 30.0), (3, None, 1.0)])
    drawn = draw(pileup_profile(all_of(3), table, bins=5, most=10))
    assert np.asarray(drawn.lines["lumi"].get_data().values).tolist() == [2, 0, 0, 0, 0]
    assert any("beyond the axis" in note for note in drawn.notes)
    assert any("1 lumisections without" in note for note in drawn.notes)
    with Client("demo") as oms:
        found = pileup_profile(LumiMask.from_ranges([(297050, 1, 1)]), oms)
    assert "simulated" in draw(found).notes
    nothing = pileup_profile(all_of(1), rows([(2, 1.0, 1.0)]))
    assert draw(nothing).notes[0] == "recorded 0 /pb"
