"""One row per lumisection, with rates and masks beside it."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omskit import AsyncClient, Client, LumiMask
from omskit.client.framing import Wanted, joined, wanted_rates
from omskit.errors import UsageError
from omskit.table import Table, with_unit

RATES = ["l1a_total_rate", "L1_ZeroBias", "HLT_ZeroBias", "HLT_IsoMu*"]
pytestmark = pytest.mark.filterwarnings("ignore::omskit.errors.OMSWarning")


@pytest.fixture(scope="module")
def oms():
    """The demo, without the look for gaps."""
    with Client("demo", audit=False) as client:
        yield client


def test_a_frame_is_what_two_merges_make(oms):
    """Every row and value is that of a merge by run and lumisection."""
    runs = (297050, 297057)
    found = oms.frame(runs, rates=RATES, fields=["pileup"]).to_pandas()
    lumis = oms.lumisections(
        runs, fields=["run_number", "lumisection_number", "pileup"]
    )
    expected = lumis.to_pandas()
    keys = ["run_number", "lumisection_number"]
    l1 = oms.l1_rates(runs).to_pandas()
    bits = oms.l1_algorithms(runs, names="L1_ZeroBias").to_pandas()
    hlt = oms.hlt_rates(runs, paths="HLT_ZeroBias_v*").to_pandas()
    for frame, column, name in (
        (l1, "l1a_total_rate", "l1a_total_rate"),
        (bits, "post_dt_rate", "L1_ZeroBias"),
        (hlt, "rate", "HLT_ZeroBias"),
    ):
        one = frame.rename(columns={"first_lumisection_number": keys[1], column: name})
        expected = expected.merge(one[[*keys, name]], on=keys, how="outer")
    assert len(found) == len(expected)
    names = ["pileup", "l1a_total_rate", "L1_ZeroBias", "HLT_ZeroBias"]
    expected = expected.sort_values(keys).reset_index(drop=True)
    pd.testing.assert_frame_equal(found[names], expected[names])
    assert "HLT_IsoMu27" in found
    assert not found.duplicated(keys).any()


def test_units_and_masks_come_along(oms, tmp_path):
    """Each column has its unit; a mask by value or by path is a column of flags."""
    file = tmp_path / "m.json"
    file.write_text('{"297050": [[1, 7]]}', encoding="utf-8")
    mask = LumiMask.from_ranges([(297050, 5, 9)])
    table = oms.frame(
        297050, rates=RATES, masks={"golden": mask, "mine": file}, fields="pileup"
    )
    assert table.units["HLT_ZeroBias"] == table.units["l1a_total_rate"] == "Hz"
    assert (table["golden"].sum(), table["mine"].sum()) == (5, 7)
    assert table.complete
    assert oms.frame(297050, fields="pileup").columns == [
        "run_number", "lumisection_number", "pileup",
    ]  # fmt: skip
    assert "init_lumi" in oms.frame(297050)


def test_an_era_and_conditions(oms):
    """Selectors, conditions, masks and limits are those of the lumisections."""
    era = oms.frame(era="2018A", rates="HLT_ZeroBias", fields="pileup")
    assert len(era) == len(oms.lumisections(era="2018A", fields="pileup"))
    high = oms.frame(297050, rates="HLT_ZeroBias", where="pileup > 39")
    assert all(p > 39 for p in high["pileup"])
    mask = LumiMask.from_ranges([(297050, 3, 4)])
    few = oms.frame(mask, rates=["HLT_ZeroBias", "l1a_total_rate"])
    assert few["lumisection_number"].to_pylist() == [3, 4]
    assert few["l1a_total_rate"].null_count == 0
    assert len(oms.frame(297050, rates="HLT_ZeroBias", limit=3)) == 3


def test_the_plan_says_what_is_asked(oms):
    """frame_plan() has a part for each resource, and asks for no row."""
    text = oms.frame_plan(297050, rates=RATES)
    assert [part.partition(" from ")[0] for part in text.split("\n\n")] == [
        "lumisections", "l1triggerrates", "l1algorithmtriggers", "hltpathrates",
    ]  # fmt: skip
    assert "for each of path_name: HLT_ZeroBias, HLT_IsoMu*" in text


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rates": "l1a_totl_rate"}, "Did you mean 'l1a_total_rate'"),
        ({"rates": [5]}, "names nothing"),
        ({"masks": "f.json"}, "masks= is names and masks"),
        ({"masks": {"a": 5}}, "is no mask"),
        ({"masks": {"pileup": LumiMask.from_ranges([(1, 1, 1)])}}, "'pileup' already"),
        ({"rate": "HLT_X"}, "Did you mean 'rates'"),
    ],
    ids=["typo", "number", "no names", "no mask", "twice", "option"],
)
def test_what_cannot_be_framed_is_refused(oms, options, said):
    """Names that are no rate and masks that are none are named."""
    with pytest.raises(UsageError, match=said):
        oms.frame(297050, **options)


@pytest.mark.anyio
async def test_the_other_client_frames_too(oms):
    """The asynchronous client gives the same table and the same plan."""
    async with AsyncClient("demo", audit=False) as other:
        table = await other.frame(297050, rates=RATES, fields="pileup")
        plan = await other.frame_plan(297050, rates=RATES)
    assert table == oms.frame(297050, rates=RATES, fields="pileup")
    assert plan == oms.frame_plan(297050, rates=RATES)


def test_rates_are_sorted_by_kind():
    """Columns, algorithms and paths are told apart; nothing is nothing."""
    assert wanted_rates(None, []) == wanted_rates((), []) == Wanted()
    found = wanted_rates(["x_rate", "L1_A*", "HLT_B", "AlCa_C", "*"], ["x_rate"])
    assert found == Wanted(("x_rate",), ("L1_A*",), ("HLT_B", "AlCa_C", "*"))


def rows(keys, number, **columns):
    """A table of runs and lumisections."""
    data = {"run_number": [r for r, _ in keys], number: [n for _, n in keys]}
    types = [pa.int64()] * 2
    names = list(data)
    arrays = [pa.array(v, t) for v, t in zip(data.values(), types, strict=True)]
    for name, values in columns.items():
        names.append(name)
        arrays.append(pa.array(values, pa.float64()))
    return Table(pa.table(arrays, names=names))


PAIRS = st.lists(st.tuples(st.integers(1, 3), st.integers(1, 6)), unique=True)


@given(here=PAIRS, there=PAIRS, whole=st.booleans())
def test_nothing_is_lost_or_doubled(here, there, whole):
    """Each lumisection is there once, with its own rate or none."""
    lumis = rows(here, "lumisection_number", pileup=[float(n) for _, n in here])
    rates = rows(
        there, "first_lumisection_number", rate=[10.0 * r + n for r, n in there]
    )
    table = joined(lumis, {"x": (rates, "rate")}, {}, [lumis, rates], whole=whole)
    found = [(r["run_number"], r["lumisection_number"]) for r in table]
    extra = set(there) - set(here) if whole else set()
    assert sorted(found) == sorted(set(here) | extra)
    assert len(found) == len(set(found))
    for row in table:
        pair = row["run_number"], row["lumisection_number"]
        assert row["x"] == (10.0 * pair[0] + pair[1] if pair in there else None)
        assert row["pileup"] == (float(pair[1]) if pair in here else None)
    if not whole or not extra:
        assert found == here
    assert len(table.notes) == bool(extra)


def test_a_rate_that_is_there_twice_is_refused():
    """Two versions of a path in one run are no one column."""
    lumis = rows([(1, 1)], "lumisection_number")
    rates = rows([(1, 1), (1, 1)], "first_lumisection_number", rate=[1.0, 2.0])
    with pytest.raises(UsageError, match="two rows for run 1, lumisection 1"):
        joined(lumis, {"HLT_X": (rates, "rate")}, {}, [lumis], whole=True)


def test_masks_and_rates_have_names_of_their_own():
    """A mask that is called as a rate is refused, and units are those of the rate."""
    lumis = rows([(1, 1)], "lumisection_number")
    rates = rows([(1, 1)], "first_lumisection_number", rate=[1.0])
    field = with_unit(rates.schema.field("rate"), "Hz")
    rates = Table(rates.arrow.set_column(2, field, rates["rate"].arrow))
    mask = LumiMask.from_ranges([(1, 1, 1)])
    table = joined(lumis, {"x": (rates, "rate")}, {"m": mask}, [lumis], whole=True)
    assert table.units["x"] == "Hz"
    with pytest.raises(UsageError, match="call the mask otherwise"):
        joined(lumis, {"x": (rates, "rate")}, {"x": mask}, [lumis], whole=True)
