"""What CMSSW's LumiList and its tools do, and where omskit deliberately does not.

The expected behaviour of CMSSW is that of FWCore/PythonUtilities/python/LumiList.py
and the scripts beside it (compareJSON, mergeJSON, filterJSON, printJSON), typed in as
facts.
"""

from __future__ import annotations

import re

import pytest

from omskit.errors import MaskError
from omskit.lumi import LumiMask

# The example of LumiList's own documentation.
COMPACT = {
    "1": [[1, 33], [35, 35], [37, 47], [49, 75], [77, 130], [133, 136]],
    "2": [[1, 45], [50, 80]],
}
STRING = "1:1-1:33,1:35,1:37-1:47,1:49-1:75,1:77-1:130,1:133-1:136,2:1-2:45,2:50-2:80"


def mask(**runs):
    return LumiMask.from_json({run.strip("r"): spans for run, spans in runs.items()})


def test_its_four_forms_are_the_same_mask() -> None:
    """Compact list, runs and lumis, pairs and CMSSW string are one mask."""
    found = LumiMask.from_json(COMPACT)
    assert LumiMask.from_cmssw(STRING) == found
    assert found.to_cmssw() == STRING
    assert found.to_dict() == COMPACT
    pairs = [[1, 1], [1, 2], [1, 4], [2, 1], [2, 5], [1, 10]]
    assert LumiMask.from_pairs(pairs).to_dict() == {
        "1": [[1, 2], [4, 4], [10, 10]],
        "2": [[1, 1], [5, 5]],
    }


def test_a_block_range_is_written_and_read() -> None:
    """The text of a VLuminosityBlockRange, tracked or not, comes back."""
    found = LumiMask.from_json(COMPACT)
    text = found.to_cmssw(block=True)
    assert text == (
        "cms.untracked.VLuminosityBlockRange("
        + ", ".join(f"'{piece}'" for piece in STRING.split(","))
        + ")"
    )
    assert LumiMask.from_cmssw(text) == found
    assert LumiMask.from_cmssw(text.replace("untracked.", "")) == found
    assert LumiMask.from_cmssw(text.replace(", ", ",\n    ")) == found


@pytest.mark.parametrize(
    ("operation", "a", "b", "expected"),
    [
        ("__and__", [[1, 10]], [[5, 20]], [[5, 10]]),
        ("__and__", [[1, 10]], [[2, 3], [4, 5]], [[2, 5]]),
        ("__and__", [[1, 10]], [[11, 20]], []),
        ("__or__", [[1, 5]], [[6, 9]], [[1, 9]]),
        ("__or__", [[1, 9]], [[2, 3]], [[1, 9]]),
        ("__sub__", [[1, 10]], [[3, 4], [9, 20]], [[1, 2], [5, 8]]),
        ("__sub__", [[1, 10]], [[1, 10]], []),
        ("__sub__", [[5, 5]], [[6, 6]], [[5, 5]]),
    ],
)
def test_operations_agree(operation, a, b, expected) -> None:
    """Overlaps at start, end and within combine as there; empty runs are left out."""
    found = getattr(mask(r7=a), operation)(mask(r7=b))
    assert found.to_dict() == ({"7": expected} if expected else {})


def test_overlapping_and_touching_ranges_merge_as_there() -> None:
    """Sorted, overlapping and adjacent ranges of a file become one."""
    assert mask(r7=[[8, 9], [1, 4], [3, 7]]).to_dict() == {"7": [[1, 9]]}


def test_json_is_printed_as_there() -> None:
    """Keys sorted as text, one run a line, as str(LumiList) and writeJSON."""
    found = mask(r10=[[1, 2]], r9=[[3, 4], [6, 7]])
    assert found.to_json() == '{"10": [[1, 2]],\n "9": [[3, 4], [6, 7]]}'


def test_filter_select_and_remove_runs() -> None:
    """Restrict is selectRuns, the difference removeRuns, contains filterLumis."""
    found = LumiMask.from_json(COMPACT)
    assert found.restrict([2]).to_dict() == {"2": COMPACT["2"]}
    assert (found - found.restrict("2")).to_dict() == {"1": COMPACT["1"]}
    assert found.contains([1, 1, 3], [34, 35, 1]).tolist() == [False, True, False]


# Each deliberate difference: what LumiList does, and what is done here.
def test_difference_len_counts_lumisections() -> None:
    """There len() is the number of runs, here of lumisections."""
    found = LumiMask.from_json(COMPACT)
    assert len(found) == sum(b - a + 1 for s in COMPACT.values() for a, b in s)
    assert found.runs.size == 2


def test_difference_zero_as_an_end_is_open_everywhere() -> None:
    """There [a, 0] is open for contains but empty for filterLumis and operations."""
    found = mask(r7=[[5, 0]])
    assert (7, 10**6) in found
    assert (found & mask(r7=[[4, 9]])).to_dict() == {"7": [[5, 9]]}
    with pytest.raises(MaskError, match="without an end"):
        found.to_cmssw()


def test_difference_reversed_ranges_are_refused() -> None:
    """There [9, 5] is kept and holds nothing, here it has no meaning."""
    with pytest.raises(MaskError, match=re.escape("[9, 5]")):
        mask(r7=[[9, 5]])


def test_difference_operands_stay_as_they_are() -> None:
    """There (in WMCore's copy) a | b changes a, here nothing changes."""
    a, b = mask(r7=[[1, 5]]), mask(r7=[[6, 9]])
    assert (a | b) != a
    assert a.to_dict() == {"7": [[1, 5]]}


def test_difference_runs_are_numbers() -> None:
    """There getRuns() sorts runs as text, here as numbers (JSON keeps text order)."""
    assert mask(r10=[[1, 1]], r9=[[1, 1]]).runs.tolist() == [9, 10]


def test_difference_whole_runs_are_open() -> None:
    """There a run without ranges ends at 0xFFFFFFF, here it is open, from [-1]."""
    assert list(mask(r7=[[-1]]).ranges()) == [(7, 1, None)]


def test_difference_a_run_alone_is_no_member() -> None:
    """There contains(run) asks for a run, here that is restrict(run)."""
    with pytest.raises(MaskError, match="pair"):
        7 in mask(r7=[[1, 2]])  # type: ignore[operator]  # noqa: B015
    assert mask(r7=[[1, 2]]).restrict(7)


def test_difference_a_range_over_runs_is_understood() -> None:
    """There each range is in one run, here r:l-s:m holds the runs between whole."""
    found = LumiMask.from_cmssw("7:5-9:3")
    assert list(found.ranges()) == [(7, 5, None), (8, 1, None), (9, 1, 3)]
