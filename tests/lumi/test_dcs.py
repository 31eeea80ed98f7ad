"""cms_active beside a DCS-only mask."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.amount import examples

from omskit.errors import MaskError, NoRowError
from omskit.lumi import LumiMask
from omskit.lumi.dcs import compare_dcs
from omskit.query.pairs import PairSet
from omskit.table import Table


def lumis(flags, *, warnings=()):
    """Lumisections with these flags: {number: cms_active}."""
    columns = {
        "lumisection_number": pa.array(list(flags), pa.int64()),
        "cms_active": pa.array(list(flags.values()), pa.bool_()),
    }
    return Table(pa.table(columns), resource="lumisections", warnings=warnings)


def mask(*numbers, run=5):
    """A mask of these lumisections of a run."""
    return PairSet.of([run] * len(numbers), list(numbers))


def test_two_that_agree():
    """Where every lumisection says the same in both there is nothing to tell."""
    check = compare_dcs(lumis({1: True, 2: False, 3: True}), mask(1, 3), 5)
    assert check.agree
    assert (check.active, check.in_mask) == (2, 2)
    assert str(check) == (
        "Run 5: 3 lumisections, 2 with cms_active, 2 in the mask: they agree."
    )
    assert check.table.to_records()[1] == {
        "lumisection_number": 2,
        "cms_active": False,
        "in_mask": False,
    }


def test_every_way_to_disagree():
    """Differing, unknown and missing lumisections are told apart."""
    table = lumis({1: True, 2: False, 3: None}, warnings=["gap"])
    check = compare_dcs(table, mask(2, 3, 9), 5)
    assert check.differing == (1, 2)
    assert check.unknown == (3,)
    assert check.missing == (9,)
    assert not check.agree
    assert str(check) == (
        "Run 5: 3 lumisections, 1 with cms_active, 2 in the mask: "
        "2 differ (1 2), 1 without cms_active (3), 1 only in the mask (9)."
    )
    assert check.table.warnings == ("gap",)


def test_long_lists_are_cut():
    """The sentence shows eight lumisections and that there are more."""
    check = compare_dcs(lumis(dict.fromkeys(range(1, 20), True)), mask(), 5)
    assert "19 differ (1 2 3 4 5 6 7 8 ...)" in str(check)


def test_another_run_is_no_business():
    """Lumisections of another run in the mask do not count."""
    assert compare_dcs(lumis({1: False}), mask(1, 2, run=6), 5).agree


def test_a_run_without_lumisections():
    """A run without lumisections is no yes, whatever the mask has."""
    for held in (mask(1, 2), mask(), LumiMask.from_json('{"5": [[2, 0]]}')):
        with pytest.raises(NoRowError, match="no lumisection of run 5"):
            compare_dcs(lumis({}), held, 5)


def test_an_open_end_ends_with_the_run():
    """A mask that holds a run to its end misses nothing after the last lumisection."""
    whole = LumiMask.from_json(json.dumps({"5": [[2, 0]]}))
    check = compare_dcs(lumis({1: False, 2: True, 4: True}), whole, 5)
    assert check.missing == (3,)
    assert check.differing == ()


@pytest.mark.parametrize("wrong", [None, [297050], {"297050": [[1, 2]]}, "x.json"])
def test_what_is_no_mask_is_refused(wrong):
    """Only a mask can be held against OMS; the message says how to read one."""
    with pytest.raises(MaskError, match="needs a LumiMask, not"):
        compare_dcs(lumis({1: True}), wrong, 5)


@given(
    st.dictionaries(
        st.integers(1, 30), st.none() | st.booleans(), min_size=1, max_size=12
    ),
    st.sets(st.integers(1, 40), max_size=12),
)
@settings(max_examples=examples(60))
def test_every_lumisection_is_told_once(flags, inside):
    """Each lumisection agrees, differs, is unknown or is missing: just one of these."""
    check = compare_dcs(lumis(flags), mask(*inside), 5)
    assert set(check.differing) == {
        n for n, on in flags.items() if on is not None and on != (n in inside)
    }
    assert set(check.unknown) == {n for n, on in flags.items() if on is None}
    assert set(check.missing) == inside - flags.keys()


def test_run_306458_as_recorded(recorded):
    """Run 306458 is active but at 269; the DCS-only file is off at 43 more numbers."""
    path = recorded / "recorded" / "cms_active_306458_af49037.json"
    flags = dict(enumerate(json.loads(path.read_bytes())["cms_active"], start=1))
    text = (recorded / "certification" / "json_DCSONLY_2017.txt").read_text()
    check = compare_dcs(lumis(flags), LumiMask.from_json(text), 306458)
    assert (len(flags), check.active, check.in_mask) == (269, 268, 225)
    assert check.differing[:5] == (18, 19, 36, 42, 48)
    assert len(check.differing) == 43
    assert check.missing == check.unknown == ()
