"""LumiMask: sets of lumisections, against Python sets and against known answers."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omskit.errors import MaskError, SelectorError
from omskit.lumi import LumiMask, lookup
from omskit.lumi.files import read_mask
from omskit.table import Table

RUNS = st.sampled_from([1, 2, 3, 297050, 2**31 - 1])
NUMBERS = st.integers(1, 40)
RANGES = st.lists(
    st.tuples(RUNS, NUMBERS, st.integers(0, 12)).map(
        lambda t: (t[0], t[1], t[1] + t[2])
    ),
    max_size=8,
)
PLAIN = RANGES.map(LumiMask.from_ranges)


@st.composite
def examined(draw: st.DrawFn) -> LumiMask:
    """A mask of which more than the good lumisections is known."""
    good, known = draw(PLAIN), draw(PLAIN)
    return good.within(known)


MASKS = st.one_of(PLAIN, examined())


def as_set(mask: LumiMask) -> set[tuple[int, int]]:
    """The good lumisections, by walking over the ranges."""
    return {
        (run, number)
        for run, first, last in mask.ranges()
        for number in range(first, (last or 0) + 1)
    }


OPERATIONS = {
    "and": (LumiMask.__and__, set.__and__),
    "or": (LumiMask.__or__, set.__or__),
    "sub": (LumiMask.__sub__, set.__sub__),
    "xor": (LumiMask.__xor__, set.__xor__),
}
WHOLE = LumiMask.from_json({"5": [[-1]]})
SOME = LumiMask.from_ranges([(5, 10, 20), (6, 1, 2)])


def certification(name: str) -> LumiMask:
    """A real certification file, or a skipped test where the folder is not given."""
    folder = os.environ.get("OMSKIT_RECORDED")
    if not folder:
        pytest.skip("OMSKIT_RECORDED does not name the folder of recorded answers")
    return read_mask(Path(folder) / "certification" / name)


@given(RANGES)
def test_a_mask_is_the_set_of_its_ranges(ranges: list[tuple[int, int, int]]) -> None:
    """Ranges in any order make the set of all their lumisections."""
    expected = {(r, n) for r, a, b in ranges for n in range(a, b + 1)}
    mask = LumiMask.from_ranges(ranges)
    assert as_set(mask) == set(mask) == expected
    assert len(mask) == len(expected)
    assert bool(mask) == bool(expected)
    assert mask.runs.tolist() == sorted({r for r, _ in expected})


@given(RANGES)
def test_ranges_are_canonical(ranges: list[tuple[int, int, int]]) -> None:
    """Ranges come sorted, are not empty and do not touch within a run."""
    found = list(LumiMask.from_ranges(ranges).ranges())
    assert found == sorted(found)
    for run, first, last in found:
        assert last is not None
        assert first <= last
        assert (run, last + 1) not in {(r, a) for r, a, _ in found}


@given(MASKS, MASKS, st.sampled_from(sorted(OPERATIONS)))
def test_operations_are_those_of_sets(a: LumiMask, b: LumiMask, name: str) -> None:
    """Every operation acts on the good lumisections as on plain sets."""
    ours, theirs = OPERATIONS[name]
    before = (pickle.dumps(a), pickle.dumps(b))
    assert as_set(ours(a, b)) == theirs(as_set(a), as_set(b))
    assert (pickle.dumps(a), pickle.dumps(b)) == before


@given(MASKS, MASKS, st.sampled_from(sorted(OPERATIONS)))
def test_what_is_known_follows_one_law(a: LumiMask, b: LumiMask, name: str) -> None:
    """Known of a result is what both know, and what is good in it."""
    result = OPERATIONS[name][0](a, b)
    assert result.known.good == (a.known & b.known).good | result.good
    assert result.good <= result.known


@given(MASKS, MASKS, MASKS)
def test_laws_of_sets(a: LumiMask, b: LumiMask, c: LumiMask) -> None:
    """Operations commute, associate and distribute, and differences cancel."""
    assert a | b == b | a
    assert a & b == b & a
    assert ((a | b) | c).good == (a | (b | c)).good
    assert ((a & b) & c).good == (a & (b & c)).good
    assert (a & (b | c)).good == ((a & b) | (a & c)).good
    assert (a ^ b).good == ((a | b) - (a & b)).good
    assert (a - b).good == (a ^ (a & b)).good
    assert not a - a  # that is the law


@given(MASKS, MASKS)
def test_comparison_is_that_of_sets(a: LumiMask, b: LumiMask) -> None:
    """A mask is below another when its good lumisections are a subset."""
    assert (a <= b) == (as_set(a) <= as_set(b))
    assert (a >= b) == (as_set(a) >= as_set(b))
    assert (a.good == b.good) == (as_set(a) == as_set(b))


@given(MASKS, MASKS)
def test_equal_masks_have_equal_hashes(a: LumiMask, b: LumiMask) -> None:
    """Equality compares what is known too, and the hash follows it."""
    known = (as_set(a.known), a.has_known) == (as_set(b.known), b.has_known)
    assert (a == b) == (as_set(a) == as_set(b) and known)
    assert a != b or hash(a) == hash(b)
    assert pickle.loads(pickle.dumps(a)) == a
    assert hash(pickle.loads(pickle.dumps(a))) == hash(a)


@given(MASKS, MASKS)
def test_not_is_known_without_good(a: LumiMask, known: LumiMask) -> None:
    """The complement is what is known and not good, and twice is the mask again."""
    mask = a.within(known)
    assert as_set(~mask) == as_set(mask.known) - as_set(a)
    assert ~~mask == mask
    assert not mask & ~mask


@given(MASKS, st.lists(st.tuples(RUNS, st.integers(-2, 99)), max_size=30))
def test_contains_is_membership(mask: LumiMask, pairs: list[tuple[int, int]]) -> None:
    """Membership of many pairs is that of each of them, by table and by search."""
    members = as_set(mask)
    expected = [pair in members for pair in pairs]
    runs = np.array([r for r, _ in pairs], dtype=np.int64)
    numbers = np.array([n for _, n in pairs], dtype=np.int64)
    assert mask.contains(runs, numbers).tolist() == expected
    assert [pair in mask for pair in pairs] == expected
    edges = mask._good
    assert lookup.search(edges, runs, numbers).tolist() == expected


@given(MASKS)
def test_conversions_come_back(mask: LumiMask) -> None:
    """Pairs, JSON, CMSSW text and ranges make the same set again."""
    good = mask.good
    assert LumiMask.from_pairs(np.column_stack(mask.pairs())) == good
    assert LumiMask.from_pairs(list(mask)) == good
    assert LumiMask.from_json(mask.to_json(), strict=True) == good
    assert LumiMask.from_json(mask.to_json().encode(), strict=True) == good
    assert LumiMask.from_cmssw(mask.to_cmssw()) == good
    assert LumiMask.from_ranges(mask.ranges()) == good
    arrow = mask.to_arrow()
    ranges = np.column_stack([column.to_numpy() for column in arrow.columns])
    assert LumiMask.from_ranges(ranges) == good


@given(MASKS, RUNS, RUNS)
def test_restrict_is_a_cut(mask: LumiMask, a: int, b: int) -> None:
    """Restricting keeps the lumisections of some runs, and knows only those."""
    first, last = min(a, b), max(a, b)
    kept = mask.restrict((first, last))
    assert as_set(kept) == {p for p in as_set(mask) if first <= p[0] <= last}
    assert as_set(kept.known) == {
        p for p in as_set(mask.known) if first <= p[0] <= last
    }
    assert mask.restrict([a, b]) == mask.restrict(np.array([b, a, a]))
    assert mask.restrict(a) == mask.restrict((a, a)) == mask.restrict([a])


@given(MASKS, MASKS)
def test_restrict_by_a_mask_cuts_what_is_known(a: LumiMask, b: LumiMask) -> None:
    """Within a mask only its good lumisections are left, good or known."""
    kept = a.restrict(b)
    assert as_set(kept) == as_set(a) & as_set(b)
    assert as_set(kept.known) == as_set(a.known) & as_set(b)


@given(RUNS, NUMBERS, NUMBERS)
def test_open_ends_stay_right_under_operations(run: int, a: int, b: int) -> None:
    """An open end behaves as infinity in every operation."""
    tail = LumiMask.from_ranges([(run, a, None)])
    other = LumiMask.from_ranges([(run, b, None)])
    assert list((tail & other).ranges()) == [(run, max(a, b), None)]
    assert list((tail | other).ranges()) == [(run, min(a, b), None)]
    gap = range(min(a, b), max(a, b))
    assert set(tail ^ other) == {(run, n) for n in gap}
    assert tail.contains(run, [a - 1, a, 10**6]).tolist() == [False, True, True]
    assert (tail <= other) == (a >= b)


@pytest.mark.parametrize(
    ("use", "name"),
    [
        (len, "len"),
        (list, "list"),
        (LumiMask.to_json, "json"),
        (LumiMask.to_cmssw, "cmssw"),
        (LumiMask.pairs, "pairs"),
        (lambda m: ~m.within(m), "invert"),
    ],
)
def test_open_ends_are_refused_where_an_end_is_needed(use, name) -> None:  # type: ignore[no-untyped-def]  # parameters of pytest
    """What needs an end raises, names the run and says how to close it."""
    with pytest.raises(MaskError, match=r"Run 5 .*mask\.close\(table\)"):
        use(WHOLE)


def test_open_ends_can_be_written_on_request() -> None:
    """Without strict an open end is written as CMSSW's list class reads it."""
    text = (WHOLE - LumiMask.from_ranges([(5, 1, 3)])).to_json(strict=False)
    assert text == '{"5": [[4, 0]]}'
    assert LumiMask.from_json(text).contains(5, 4)


def test_close_puts_ends_at_the_last_lumisection() -> None:
    """Closing asks a table of runs or of lumisections where each run ended."""
    runs = pa.table(
        {"run_number": [5, 6], "last_lumisection_number": pa.array([9, None])}
    )
    assert list(WHOLE.close(runs).ranges()) == [(5, 1, 9)]
    rows = Table(pa.table({"run_number": [5, 5], "lumisection_number": [7, 3]}))
    assert list(WHOLE.close(rows).ranges()) == [(5, 1, 7)]
    closed = WHOLE.within(LumiMask.from_json({"5": [[1, 0]]})).close(rows)
    assert not ~closed
    assert SOME.close(rows) is SOME


def test_close_drops_a_tail_behind_the_end() -> None:
    """An open range that begins after the run's end holds nothing."""
    rows = pa.table({"run_number": [5], "lumisection_number": [7]})
    tail = LumiMask.from_ranges([(5, 8, None), (5, 1, 2)])
    assert list(tail.close(rows).ranges()) == [(5, 1, 2)]


@pytest.mark.parametrize("last", [[9], [None]])
def test_close_needs_every_open_run(last: list[int | None]) -> None:
    """A run whose end the table does not give is named."""
    run = [6] if last == [9] else [5]
    table = pa.table(
        {
            "run_number": run,
            "last_lumisection_number": pa.array(last, type=pa.int64()),
        }
    )
    with pytest.raises(MaskError, match=r"Run 5 .*Fetch that run"):
        WHOLE.close(table)


def test_close_needs_a_column_of_lumisections() -> None:
    """A table that holds runs alone does not say where they ended."""
    with pytest.raises(MaskError, match="no column 'lumisection_number'"):
        WHOLE.close(pa.table({"run_number": [5]}))


def test_not_of_a_plain_mask_is_refused() -> None:
    """Where only good lumisections are known, the rest is not called bad."""
    with pytest.raises(MaskError, match="within"):
        ~SOME  # noqa: B018  # the operation is what raises
    with pytest.raises(MaskError, match="within"):
        ~(SOME | SOME)


def test_a_mask_without_a_bad_lumisection_has_an_empty_complement() -> None:
    """Where all that was looked at is good, nothing is known to be bad."""
    mask = SOME.within(SOME)
    assert mask != SOME
    assert not ~mask


def test_what_is_cut_off_is_known_not_to_be_good() -> None:
    """The difference of two plain masks knows that what was removed is not in it."""
    assert ~(SOME - LumiMask.from_ranges([(6, 1, 1)])) == LumiMask.from_ranges(
        [(6, 1, 1)]
    ).within(SOME)


@pytest.mark.parametrize(
    "made",
    [
        np.array([4, 5, 5, 6]),
        pa.array([4, 5, 5, 6]),
        pa.chunked_array([[4, 5], [5, 6]]),
        pd.Series([4, 5, 5, 6]),
        pd.Series([4, 5, 5, 6], dtype="Int64"),
        pd.Series([4, 5, 5, 6], dtype=pd.ArrowDtype(pa.int64())),
        pl.Series([4, 5, 5, 6]),
        np.array([4, 5, 5, 6], dtype=np.uint16),
        [4, 5, 5, 6],
        (4, 5, 5, 6),
    ],
)
def test_contains_takes_anything_array_like(made: object) -> None:
    """Lists, numpy, Arrow, pandas and polars columns are all understood."""
    answer = SOME.contains(made, [10, 9, 20, 2])
    assert answer.tolist() == [False, False, True, True]
    assert answer.dtype == bool


class Awkward:
    """As an awkward array gives itself to numpy: flat ones do, jagged ones raise."""

    def __init__(self, values: list[int] | None) -> None:
        self.values = values

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        """The values; awkward raises ValueError for lists of unequal length."""
        if self.values is None:
            message = "cannot convert to RegularArray"
            raise ValueError(message)
        return np.array(self.values)


def test_contains_takes_awkward_arrays() -> None:
    """Flat arrays are understood; jagged and masked ones are refused, not guessed."""
    assert SOME.contains(Awkward([5, 6]), Awkward([10, 3])).tolist() == [True, False]
    with pytest.raises(MaskError, match=r"Awkward .* Flatten"):
        SOME.contains(Awkward(None), [1])
    masked = np.ma.array([5, 5], mask=[False, True])
    with pytest.raises(MaskError, match="some are masked"):
        SOME.contains(masked, 10)
    assert SOME.contains(np.ma.array([5, 5]), 10).all()


def test_runs_can_be_selected_by_text() -> None:
    """Text selects as on the command line: runs, ranges and open ranges."""
    three = SOME | LumiMask.from_pairs([(7, 1), (9, 1)])
    assert three.restrict("5, 7 - 8").runs.tolist() == [5, 7]
    assert three.restrict("6-").runs.tolist() == [6, 7, 9]
    assert three.restrict("9") == three.restrict(9)


def test_contains_broadcasts() -> None:
    """A number goes with an array, and a row with a column."""
    assert SOME.contains(5, [9, 10]).tolist() == [False, True]
    grid = SOME.contains(np.array([[5], [6]]), np.array([1, 10]))
    assert grid.tolist() == [[False, True], [True, False]]
    assert SOME.contains(5, 10) is True
    assert SOME.contains(np.int64(5), np.uint8(1)) is False
    assert SOME.contains([], []).tolist() == []


def test_contains_is_right_beyond_every_edge() -> None:
    """Runs and numbers far outside, negative or unsigned, are not members."""
    far = np.array([-(2**62), -1, 0, 2**31, 2**62])
    assert not SOME.contains(far, 10).any()
    assert not SOME.contains(5, far).any()
    assert not SOME.contains(np.array([2**64 - 1], dtype=np.uint64), 10).any()
    assert not SOME.contains(5, np.array([2**64 - 1], dtype=np.uint64)).any()
    edges = SOME._good
    assert not lookup.search(edges, far, np.full(5, 10)).any()


def test_contains_works_where_no_table_fits() -> None:
    """Masks too wide for a table are searched, with the same answers."""
    wide = LumiMask.from_ranges([(1, 1, 2**30), (2**31 - 1, 5, None)])
    assert wide._good is not None
    assert lookup.build(wide._good) is None
    answer = wide.contains([1, 1, 2**31 - 1, 2**31 - 1], [2**30, 2**30 + 1, 4, 2**40])
    assert answer.tolist() == [True, False, False, True]


def test_contains_works_in_steps() -> None:
    """More pairs than one step holds give the answers of each pair."""
    numbers = np.arange(3 * lookup.CHUNK + 7) % 30
    assert (SOME.contains(5, numbers) == ((numbers >= 10) & (numbers <= 20))).all()
    runs = np.broadcast_to(np.array([[5], [6]]), (2, numbers.size))
    assert SOME.contains(runs, numbers).sum() == SOME.contains(5, numbers).sum() + (
        SOME.contains(6, numbers).sum()
    )


@pytest.mark.parametrize("bad", [[1.5], ["a"], [None], [True], pa.array([1, None])])
def test_contains_refuses_what_is_no_number(bad: object) -> None:
    """Fractions, text and nulls are errors, not members or strangers."""
    with pytest.raises(MaskError, match="whole numbers"):
        SOME.contains(bad, [1])


def test_contains_refuses_lengths_that_do_not_fit() -> None:
    """Two runs and three lumisections are no pairs."""
    with pytest.raises(MaskError, match="do not fit"):
        SOME.contains([1, 2], [1, 2, 3])
    with pytest.raises(MaskError, match="pair"):
        5 in SOME  # type: ignore[operator]  # noqa: B015  # the operation raises


@pytest.mark.parametrize(
    "ranges",
    [
        [(297050, 9, 5)],
        [(297050, 0, 5)],
        [(0, 1, 5)],
        [(-3, 1, 5)],
        [(2**31, 1, 5)],
        [(1, 1, 2**31)],
        [(1, 2**33, None)],
    ],
)
def test_ranges_without_meaning_are_named(ranges: list[tuple[int, int, int]]) -> None:
    """A reversed or impossible range raises and is shown."""
    run, first, _ = ranges[0]
    with pytest.raises(MaskError, match=rf"Run {run} has the range \[{first}, "):
        LumiMask.from_ranges(ranges)


@pytest.mark.parametrize(
    "rows", [[(1, 2)], [(1, 2, 3, 4)], [1, 2, 3], [(1, 2, 3), (1, 2)], np.ones(3, int)]
)
def test_ranges_must_be_triples(rows: object) -> None:
    """Rows that are no triples raise and say what a row is."""
    with pytest.raises(MaskError, match="run, first, last"):
        LumiMask.from_ranges(rows)


def test_fractions_are_no_lumisections() -> None:
    """A pair with a fraction is refused, not rounded."""
    with pytest.raises(MaskError, match="whole numbers"):
        LumiMask.from_pairs([(1, 1.5)])


@pytest.mark.parametrize(
    "selector",
    [
        "5-3",
        "all",
        "",
        b"297050",
        (5, 3),
        (1, 2, 3),
        (1.0, 2.0),
        [],
        [0],
        [2**31],
        None,
        True,
        [1.5],
        np.ones((2, 2), int),
    ],
)
def test_selectors_that_select_nothing_are_refused(selector: object) -> None:
    """What names no runs raises instead of giving an empty mask."""
    with pytest.raises((SelectorError, MaskError)):
        SOME.restrict(selector)


def test_a_mask_shows_itself() -> None:
    """A small mask prints as what makes it, a large one as counts."""
    assert repr(LumiMask()) == "LumiMask()"
    assert eval(repr(SOME)) == SOME  # our own text
    three = SOME.within(LumiMask.from_ranges([(5, 1, 30)]))
    assert eval(repr(three)) == three
    assert eval(repr(WHOLE)) == WHOLE
    many = LumiMask.from_pairs([(1, n) for n in range(1, 99, 2)])
    assert repr(many) == "<LumiMask of 49 ranges in 1 runs>"


def test_filter_keeps_the_rows_of_good_lumisections() -> None:
    """Rows are kept in order, and a Table stays one."""
    rows = pa.table({"run_number": [5, 5, 6], "lumisection_number": [9, 10, 2]})
    assert SOME.filter(rows)["lumisection_number"].to_pylist() == [10, 2]
    table = SOME.filter(Table(rows, resource="lumisections", warnings=["w"]))
    assert (len(table), table.resource, table.warnings) == (2, "lumisections", ("w",))
    frame = SOME.filter(rows.to_pandas())
    assert (type(frame).__name__, len(frame)) == ("DataFrame", 2)
    polars_frame = SOME.filter(pl.from_arrow(rows))
    assert isinstance(polars_frame, pl.DataFrame)
    assert polars_frame["lumisection_number"].to_list() == [10, 2]


def test_masks_do_not_change() -> None:
    """The arrays of a mask are read-only, also after pickling."""
    with pytest.raises(ValueError, match="read-only"):
        pickle.loads(pickle.dumps(SOME))._good[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        SOME.known._good[0] = 1


def test_other_things_are_no_operands() -> None:
    """Masks combine and compare with masks only."""
    for operation in (LumiMask.__and__, LumiMask.__or__, LumiMask.__le__):
        assert operation(SOME, {(5, 10)}) is NotImplemented  # type: ignore[arg-type]
    assert {(5, 10)} != SOME
    with pytest.raises(TypeError):
        SOME & 3  # type: ignore[operator]


def test_json_is_as_cmssw_prints_it() -> None:
    """One run per line, as CMSSW's LumiList prints: its dump with breaks put in."""
    mask = LumiMask.from_ranges([(297050, 12, 137), (297050, 193, 776), (9, 1, 1)])
    dump = json.dumps(mask.to_dict(), sort_keys=True)
    assert mask.to_json() == dump.replace("]],", "]],\n")
    assert mask.to_json() == ('{"297050": [[12, 137], [193, 776]],\n "9": [[1, 1]]}')
    assert LumiMask().to_json() == "{}"


GOLDEN_2017 = "Cert_294927-306462_13TeV_UL2017_Collisions17_GoldenJSON.txt"
GOLDEN_2018 = "Cert_314472-325175_13TeV_Legacy2018_Collisions18_JSON.txt"


@pytest.mark.parametrize(
    ("name", "runs", "lumisections"),
    [
        ("json_DCSONLY_2017.txt", 1016, 276928),
        ("json_DCSONLY_2018.txt", 681, 258508),
        ("json_DCSONLY_2022.txt", 646, 151179),
        ("json_GOLDEN_2022.txt", 360, 123097),
        (GOLDEN_2017, 457, 206287),
        (GOLDEN_2018, 478, 234529),
        ("Cert_Collisions2022_355100_362760_Golden.json", 362, 123182),
    ],
)
def test_real_files_have_their_counts(name: str, runs: int, lumisections: int) -> None:
    """Every real certification file is read whole, sorted or not."""
    mask = certification(name)
    assert (mask.runs.size, len(mask)) == (runs, lumisections)
    run, number = mask.pairs()
    assert mask.contains(run, number).all()
    assert (
        mask.contains(run, number + 1).sum() == lumisections - mask.to_arrow().num_rows
    )


def test_known_algebra_of_2017() -> None:
    """Golden and DCS-only of 2017 differ as counted independently."""
    golden, dcs = certification(GOLDEN_2017), certification("json_DCSONLY_2017.txt")
    assert len(golden & dcs) == 206285
    assert len(golden | dcs) == 276930
    assert len(dcs - golden) == 70643
    assert list(golden - dcs) == [(305081, 226), (305081, 227)]


def test_known_algebra_of_2018() -> None:
    """Golden of 2018 lies inside DCS-only."""
    golden, dcs = certification(GOLDEN_2018), certification("json_DCSONLY_2018.txt")
    assert golden <= dcs
    assert len(golden & dcs) == 234529
    assert len(dcs - golden) == 23979


def test_known_runs_of_2017() -> None:
    """Run 297050 has its golden ranges; run 306458 is golden where DCS-only is on."""
    golden, dcs = certification(GOLDEN_2017), certification("json_DCSONLY_2017.txt")
    assert golden.restrict(297050).to_dict() == {"297050": [[12, 137], [193, 776]]}
    assert golden.restrict(306458) == dcs.restrict(306458)
    assert int(dcs.contains(306458, np.arange(1, 269)).sum()) == 225


def test_the_recorded_membership_of_a_run() -> None:
    """Membership of run 306458 is that which the notebook recorded."""
    dcs = certification("json_DCSONLY_2017.txt")
    path = Path(os.environ["OMSKIT_RECORDED"]) / "recorded"
    document = json.loads((path / "cms_active_306458_af49037.json").read_text())
    recorded = next(
        value
        for value in document.values()
        if isinstance(value, list)
        and len(value) == 269
        and sum(map(bool, value)) == 225
    )
    assert dcs.contains(306458, np.arange(1, 270)).tolist() == [
        bool(v) for v in recorded
    ]
