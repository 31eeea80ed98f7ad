"""The fast way of reading certification files, held against the careful one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omskit.errors import MaskError
from omskit.lumi import LumiMask, dialects

RANGES = st.lists(
    st.tuples(st.integers(1, 40), st.integers(0, 9)).map(lambda p: [p[0], sum(p)]),
    min_size=1,
    max_size=6,
)
DOCUMENTS = st.dictionaries(
    st.sampled_from([1, 9, 10, 99, 100, 297050, 999999999, 2147483647]).map(str),
    RANGES,
    min_size=1,
)


@given(DOCUMENTS, st.sampled_from([None, 0, 2, "\t"]))
def test_both_ways_give_the_same_mask_and_the_same_notes(document, indent):
    """In whatever order ranges and runs are, and however the text is laid out."""
    text = json.dumps(document, indent=indent)
    assert dialects._plain(text) is not None
    fast, careful = LumiMask.from_json(text), LumiMask.from_json(document)
    assert fast == careful
    assert fast.notes == careful.notes
    told = [(int(run), *span) for run, spans in document.items() for span in spans]
    assert fast == LumiMask.from_ranges(told)


def test_runs_in_the_order_of_texts_are_in_order():
    """CMSSW sorts runs as text, which is no oddity."""
    text = '{"10": [[4, 4]],\n "2": [[1, 1]]}'
    assert dialects._plain(text) is not None
    mask = LumiMask.from_json(text, strict=True)
    assert list(mask.ranges()) == [(2, 1, 1), (10, 4, 4)]


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"7": []}',
        '{"7": [[1, 2], 3]}',
        '{"7": [[1, 2]], "7": [[4, 5]]}',
        '{"07": [[1, 2]]}',
        '{" 7": [[1, 2]]}',
        '{"7 ": [[1, 2]]}',
        '{"7 8": [[1, 2]]}',
        '{"": [[1, 2]]}',
        '{"7": [[1, 2]], "": [[3, 4]], "8 9": [[5, 6]]}',
        '{"7": [[0, 2]]}',
        '{"7": [[2, 0]]}',
        '{"7": [[2, 1]]}',
        '{"7": [[-1]]}',
        '{"7": [[1.0, 2]]}',
        '{"7": [[1, 2147483648]]}',
        '{"2147483648": [[1, 2]]}',
        '{"\\u0037": [[1, 2]]}',
        '{"\u0667": [[1, 2]]}',
        '{"7": {"8": [[1, 2]]}}',
        '[{"7": [[1, 2]]}]',
    ],
)
def test_what_is_odd_is_left_to_the_careful_way(text):
    """The fast way takes nothing that would have to be mended or refused."""
    assert dialects._plain(text) is None


def test_half_a_letter_is_no_run():
    """A text that cannot be encoded raises as other keys that are no runs."""
    with pytest.raises(MaskError, match="is no run number"):
        LumiMask.from_json('{"\ud800": [[1, 2]]}')


def test_an_open_end_begins_at_a_possible_number():
    """A range without an end that begins too late raises, with run and range."""
    with pytest.raises(MaskError, match=r"Run 7 has the range \[2147483648, 0\]"):
        LumiMask.from_json('{"7": [[2147483648, 0]]}')
