"""What two masks have in common and what not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omskit.errors import MaskError
from omskit.lumi import LumiMask, compare, read_brilcalc

RANGES = st.lists(
    st.tuples(st.integers(1, 3), st.integers(1, 20), st.integers(0, 6)).map(
        lambda t: (t[0], t[1], t[1] + t[2])
    ),
    max_size=5,
)
A = LumiMask.from_ranges([(7, 1, 10), (8, 1, 5)])
B = LumiMask.from_ranges([(7, 3, 12), (9, 1, 1)])
CSV = "#run:fill,ls,delivered(/pb),recorded(/pb)\n" + "".join(
    f"{run}:1,{ls}:{ls},2,1\n" for run, ls in [(7, 1), (7, 2), (7, 11), (7, 12), (9, 1)]
)


@given(RANGES, RANGES)
def test_the_three_parts_are_those_of_sets(first, second) -> None:
    """Parts do not overlap, make up the union, and count right, run by run."""
    a, b = LumiMask.from_ranges(first), LumiMask.from_ranges(second)
    found = compare(a, b)
    assert set(found.only_a) == set(a) - set(b)
    assert set(found.only_b) == set(b) - set(a)
    assert set(found.both) == set(a) & set(b)
    assert found.equal == (set(a) == set(b))
    assert found.differing == (a ^ b).good
    for row in found.table.to_records():
        run = row["run_number"]
        for part in ("only_a", "only_b", "both"):
            assert row[part] == len(getattr(found, part).restrict(run))
    assert found.lumisections["both"] == len(a & b)


def test_the_report_names_what_differs() -> None:
    """Totals come first, then the runs that differ most."""
    text = str(compare(A, B, names=("mine", "golden")))
    assert text.splitlines() == [
        "8 lumisections in both, 7 only in mine, 3 only in golden.",
        "3 of 3 runs differ:",
        "  8: only in mine 1-5",
        "  7: only in mine 1-2; only in golden 11-12",
        "  9: only in golden 1",
    ]
    assert str(compare(A, A)).endswith("They are equal.")
    many = LumiMask.from_pairs([(run, 1) for run in range(1, 30)])
    assert "and 9 more" in str(compare(many, LumiMask()))


def test_luminosity_at_stake_is_summed() -> None:
    """Both sums are told for what differs, and what has none is named."""
    found = compare(A, B, luminosity=read_brilcalc(CSV))
    assert found.stake_a is not None
    assert found.stake_b is not None
    assert (found.stake_a.recorded, found.stake_b.recorded) == (2.0, 3.0)
    assert found.stake_a.missing == LumiMask.from_ranges([(8, 1, 5)])
    by_run = {row["run_number"]: row for row in found.table.to_records()}
    assert by_run[7]["delivered_lumi_only_a"] == 4.0
    assert by_run[8]["recorded_lumi_only_a"] is None
    assert by_run[9]["recorded_lumi_only_a"] == 0.0
    assert found.table.units["recorded_lumi_only_b"] == "/pb"
    assert "At stake only in b: 3 lumisections: 6 /pb delivered" in str(found)
    one_sided = compare(A, A & B, luminosity=read_brilcalc(CSV))
    assert "At stake only in b" not in str(one_sided)


def test_open_ends_have_no_count() -> None:
    """Where a difference has no end its count is null, and luminosity is refused."""
    whole = LumiMask.from_json({"7": [[-1]]})
    found = compare(whole, A)
    assert found.lumisections == {"only_a": None, "only_b": 5, "both": 10}
    assert found.table["only_a"].to_pylist() == [None, 0]
    assert "open only in a" in str(found)
    assert "7: only in a 11-end" in str(found)
    with pytest.raises(MaskError, match="without an end"):
        compare(whole, A, luminosity=read_brilcalc(CSV))


def test_operands_need_not_be_plain() -> None:
    """What else is known of a mask plays no part."""
    assert compare(A.within(A | B), A).equal
