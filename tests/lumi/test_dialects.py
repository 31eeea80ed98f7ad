"""Reading certification files as they really are."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from omskit.errors import MaskError
from omskit.lumi import LumiMask, dialects

EXPECTED = [(7, 1, 9), (7, 20, 30)]


@pytest.mark.parametrize(
    ("document", "note"),
    [
        ('{"7": [[20, 30], [1, 9]]}', "ranges were not in order in 1 run, e.g. run 7"),
        ('{"7": [[1, 9], [5, 8], [20, 30]]}', "ranges overlapped in 1 run, e.g. run 7"),
        ('{"7": [[1, 4], [5, 9], [20, 30]]}', "adjacent ranges were merged in 1 run"),
        ('{"7": [[1, 9], [3, 4], [10, 12], [20, 30]]}', "overlapped"),
        ({7: [[1, 9], [20, 30]]}, "the run number was an integer, not text"),
        ({np.int64(7): [[1, 9], [20, 30]]}, "the run number was an integer"),
        ('{" 7": [[1, 9], [20, 30]]}', "the run number was padded"),
        ('{"007": [[1, 9], [20, 30]]}', "the run number was padded"),
        ('{"7": [[1, 9]], "7": [[20, 30]]}', "the run was given more than once"),
        ('{"7": [[1, 9], [20, 30]], "8": []}', "an empty list of ranges in 1 run"),
        ('\ufeff{"7": [[1, 9], [20, 30]]}', "byte-order mark"),
        (b'\xef\xbb\xbf{"7": [[1, 9], [20, 30]]}', "byte-order mark"),
        (b'{"7": [[1, 9],\r\n [20, 30]]}\r\n', "CRLF"),
        ('{"7": [[0, 9], [20, 30]]}', "began at 0 and was read from 1"),
    ],
)
def test_dialects_are_read_and_reported(document: object, note: str) -> None:
    """What has one meaning is mended, and the notes say what was."""
    mask = LumiMask.from_json(document)  # type: ignore[arg-type]
    ranges = list(mask.ranges())
    if "[10, 12]" in str(document):
        assert ranges == [(7, 1, 12), (7, 20, 30)]
    else:
        assert ranges == EXPECTED
    assert any(note in sentence for sentence in mask.notes), mask.notes


@pytest.mark.parametrize(
    ("document", "note", "ranges"),
    [
        ('{"7": [[-1]]}', "[-1] was read as the whole run", [(7, 1, None)]),
        ('{"7": [-1]}', "[-1] was read as the whole run", [(7, 1, None)]),
        ('{"7": [[12, 0]]}', "[a, 0] was read as an open end", [(7, 12, None)]),
        ('{"7": [[0, 0]]}', "[a, 0] was read as an open end", [(7, 1, None)]),
        ('{"7": [[-1], [3, 4]]}', "ranges overlapped", [(7, 1, None)]),
    ],
)
def test_open_ends_are_read_as_such(
    document: str, note: str, ranges: list[object]
) -> None:
    """Whole runs and open ends stay open, and are reported."""
    mask = LumiMask.from_json(document)
    assert list(mask.ranges()) == ranges
    assert any(note in sentence for sentence in mask.notes)


@pytest.mark.parametrize(
    "document",
    [
        '{"7": [[20, 30], [1, 9]]}',
        {7: [[1, 9]]},
        b'{"7": [[1, 9]]}\r\n',
        '{"7": [[5, 0]]}',
    ],
)
def test_strict_refuses_what_it_would_mend(document: object) -> None:
    """With strict=True a file that needs mending raises and says why."""
    with pytest.raises(MaskError, match="Not a canonical certification file"):
        LumiMask.from_json(document, strict=True)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "document",
    [
        '{"7": [[1, 9], [20, 30]]}',
        {"7": [[1, 9], [20, 30]]},
        {"7": ((1, 9), (20, 30))},
        {"7": np.array([[1, 9], [20, 30]])},
    ],
)
def test_canonical_files_need_no_notes(document: object) -> None:
    """A file without oddities is read without a note, also strictly."""
    mask = LumiMask.from_json(document, strict=True)  # type: ignore[arg-type]
    assert list(mask.ranges()) == EXPECTED
    assert mask.notes == ()


@pytest.mark.parametrize("document", ["{}", {}, b" {\n}\n"])
def test_an_empty_file_is_an_empty_mask(document: object) -> None:
    """No runs is a mask without lumisections."""
    assert not LumiMask.from_json(document)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "spans",
    [
        "[[9, 5]]",
        "[[1]]",
        "[[1, 2, 3]]",
        "[[-5, 4]]",
        "[[3, -1]]",
        "[[1, 4294967294]]",
        "[[1, 99999999999999999999]]",
        "[[1.5, 2]]",
        '[["1", "2"]]',
        "[[true, 2]]",
        "[1, 5]",
        "5",
        "null",
        "{}",
        '"1-5"',
        "[null]",
        "[[]]",
        "[[[1, 2]]]",
    ],
)
def test_what_has_no_meaning_names_run_and_range(spans: str) -> None:
    """A range without meaning raises, and run and range are in the message."""
    with pytest.raises(MaskError, match=r"Run 297050 has"):
        LumiMask.from_json(f'{{"297050": {spans}}}')


@pytest.mark.parametrize("key", ["", "abc", "-5", "1.0", "0", "9999999999", "\u0661"])
def test_keys_must_be_run_numbers(key: str) -> None:
    """A key that is no run number raises and is shown."""
    with pytest.raises(MaskError, match="is no run number"):
        LumiMask.from_json({key: [[1, 2]]})
    with pytest.raises(MaskError, match="is no run number"):
        LumiMask.from_json(f'{{"{key}": [[1, 2]]}}')


@pytest.mark.parametrize("key", [True, 1.5, None, (1, 2)])
def test_keys_of_other_types_are_refused(key: object) -> None:
    """A key that is neither text nor an integer raises."""
    with pytest.raises(MaskError, match="is no run number"):
        LumiMask.from_json({key: [[1, 2]]})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "begins with"),
        ("[[1, 2]]", "begins with"),
        ("<!DOCTYPE html><html>", "web page"),
        ("Cert_2017.json", "read_mask"),
        ('{"7": [[1, 9]', "no JSON"),
        ('{"7": [[1, 9]]} x', "no JSON"),
        (b"\xff\xfe{", "no text in UTF-8"),
        ('{"7": ' + "[" * 100_000, "no JSON"),
    ],
)
def test_other_files_are_told_apart(text: str | bytes, message: str) -> None:
    """What is no certification file at all raises and says what it looks like."""
    with pytest.raises(MaskError, match=message):
        LumiMask.from_json(text)


def test_both_ways_of_reading_agree() -> None:
    """The fast way and the careful one give the same mask and the same notes."""
    plain = '{"7": [[20, 30], [1, 4], [5, 9]], "12": [[1, 2]]}'
    careful = {"7": [[20, 30], [1, 4], [5, 9]], "12": [[1, 2]]}
    fast, slow = LumiMask.from_json(plain), LumiMask.from_json(careful)
    assert fast == slow
    assert fast.notes == slow.notes


def test_notes_do_not_make_a_difference() -> None:
    """Masks are equal whatever was mended in the files they come from."""
    a = LumiMask.from_json('{"7": [[5, 9], [1, 4]]}')
    b = LumiMask.from_json('{"7": [[1, 9]]}')
    assert a.notes
    assert a == b
    assert hash(a) == hash(b)
    assert (a | b).notes == ()


GOOD = '{ "297050": [[12, 137],\n [193, 776]], "297056": [ [12, 203] ]\n}'


@given(
    st.lists(
        st.tuples(
            st.integers(0, len(GOOD)),
            st.integers(0, 2),
            st.sampled_from(
                ["", " ", '"', "0", "7", "-", ",", "[", "]", "{", "}", ":"]
            ),
        ),
        max_size=3,
    )
)
@example([(15, 0, " ")])
@example([(4, 0, " ")])
def test_the_fast_way_takes_only_what_json_takes(edits) -> None:
    """Whatever is changed in a text: what the fast way reads, json reads the same."""
    text = GOOD
    for place, length, new in edits:
        text = text[:place] + new + text[place + length :]
    found = dialects._plain(text)
    if found is None:
        return
    pairs = json.loads(text, object_pairs_hook=list)
    rows = [(int(run), a, b) for run, spans in pairs for a, b in spans]
    assert list(zip(*(column.tolist() for column in found), strict=True)) == rows
    assert all(run.isdecimal() for run, _ in pairs)


@pytest.mark.parametrize(
    "text",
    [
        '{"7": [[1 2, 3]]}',
        '{"7": [[1 2,]]}',
        '{"7": [[1, 2]], "": [[3 4, 5]]}',
        '{"7": [[1, 2]],}',
        '{"7": [[01, 2]]}',
        '{"7": [[1, 99999999999999999999]]}',
        '{"7": [[1, 2147483648]]}',
        '{"7 8": [[1, 2]]}',
    ],
)
def test_what_is_no_json_stays_refused(text: str) -> None:
    """Blanks within numbers, empty keys, zeros in front and endless numbers raise."""
    with pytest.raises(MaskError):
        LumiMask.from_json(text)


def test_the_fast_way_is_taken() -> None:
    """An ordinary file needs no slow reading."""
    assert dialects._plain(GOOD) is not None
    assert dialects._plain(LumiMask.from_json(GOOD).to_json()) is not None
