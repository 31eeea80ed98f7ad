from __future__ import annotations

import json
import subprocess
import sys

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omskit.errors import DecodeError
from omskit.jsonapi import decode, depth, error_detail
from omskit.jsonapi.careful import read_carefully
from omskit.jsonapi.depth import MOST_LEVELS, is_deep
from omskit.jsonapi.sample import like_first_row
from omskit.jsonapi.shape import shape_of
from omskit.schema import bundled

RUNS = bundled()["runs"]
OPEN = {"array": ("[", "]"), "object": ('{"a":', "}")}

JSON = st.recursive(
    st.none() | st.integers() | st.text('{}[]"\\,:a', max_size=6),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text('{}[]"\\a', max_size=3), inner, max_size=4)
    ),
    max_leaves=40,
)


def levels(value):
    """How deep a value is nested, told with recursion."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return 1 + max(map(levels, value), default=0)
    return 0


@given(JSON, st.integers(1, 6), st.integers(0, 9), st.integers(2, 9))
def test_depth_is_told_without_recursion(value, most, more, chunk):
    """JSON is deep where it has over so many levels, however it is cut in pieces."""
    for _ in range(more):
        value = [value, "]}", {"}": '"]'}]
    body = json.dumps(value, ensure_ascii=False).encode()
    for size in (depth._CHUNK, chunk):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(depth, "_CHUNK", size)
            assert is_deep(body, most) == (levels(value) > most)


@pytest.mark.parametrize("text", [b'"' + b"[" * 99, b'["' + b"[" * 99 + rb"\\\""])
def test_what_is_in_a_text_without_end_is_not_deep(text):
    """No reader reads brackets of a text that breaks off."""
    assert not is_deep(text)


@pytest.mark.parametrize(
    "piece",
    [
        b"[" * 60 + b"]" * 60 + b",",
        b"[" * 63 + b'"x"' + b"]" * 63 + rb',"a\\\"",',
        b'""',
        rb'"\\\"[",',
    ],
)
def test_a_large_body_is_read_once(monkeypatch, piece):
    """Each byte is in one step only, and a step is no longer than a chunk."""
    steps = []
    unescaped = depth.without_escapes

    def noted(chunk):
        steps.append(len(chunk))
        return unescaped(chunk)

    monkeypatch.setattr(depth, "without_escapes", noted)
    body = b"[" + piece * (2_000_000 // len(piece)) + b"0]"
    assert not is_deep(b"[[" * 32 + b"]]" * 32 + body)
    assert sum(steps) == len(body) + 128
    assert max(steps) <= depth._CHUNK
    assert len(steps) <= len(body) // (depth._CHUNK - 1) + 1


@pytest.mark.parametrize("decoy", [b'"]",', b'"}",', rb'"\"]",', rb'"\\]",', rb'"\"",'])
def test_brackets_in_texts_close_nothing(decoy):
    """What looks like an end of a level in a text does not hide how deep it goes."""
    assert is_deep(b"[" + (decoy + b"[") * 1000)
    assert not is_deep(b"[" + decoy * 1000 + b"1]")


@pytest.mark.parametrize("text", ["[" * 200, '{"}' * 99, "\\" * 99, '"]' * 99])
def test_many_brackets_in_texts_are_not_deep(text):
    """A page whose texts are full of brackets is read as it is."""
    rows = [{"id": str(n), "attributes": {"new": text}} for n in range(100)]
    found = decode(json.dumps({"data": rows}).encode(), RUNS)
    assert found.table["new"].to_pylist() == [text] * 100


PROGRAM = """
import sys, threading
from omskit.errors import DecodeError
from omskit.jsonapi import decode, depth, error_detail
from omskit.schema import bundled
said = []
def read(body):
    try:
        decode(body, bundled()["runs"])
    except DecodeError as error:
        said.append(str(error))
    error_detail(body)
def pages():
    row = '{"id": "1", "attributes": {"run_number": 1%s}}'
    page = '{"data": [%s], "meta": {"totalResourceCount": 1}%s}'
    for depth in (10_000, 50_000, 1_000_000):
        for begin, end in (("[", "]"), ('{"a":', "}")):
            for close in (True, False)[depth // 1_000_000 :]:
                deep = begin * depth + ("1" + end * depth if close else "")
                yield page % (row % (', "new": ' + deep), "")
                yield page % (row % (', "components": ' + deep), "")
                yield page % (row % "", ', "new": ' + deep)
                yield page % (deep, "")
                yield deep
threading.stack_size(512 * 1024)
bodies = [page.encode() for page in pages()]
for body in bodies:
    thread = threading.Thread(target=read, args=(body,))
    thread.start()
    thread.join()
print(len(bodies), len(said))
print(sorted({text.split(":")[0][:40] for text in said}))
"""


def test_deep_json_is_an_error_and_not_the_end_of_the_process():
    """Nested 10 000 to 1 000 000 deep, in a small thread, a page is a DecodeError."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    counts, kinds = done.stdout.splitlines()
    assert counts == "50 50"
    assert "The answer is nested too deeply to be a " in kinds


def test_what_the_fast_reader_is_spared_is_read_the_careful_way():
    """Up to the most levels a page is read, as JSON text where it is nested."""

    def page(levels):
        deep = "[" * levels + "1" + "]" * levels
        body = f'{{"data": [{{"id": "1", "attributes": {{"new": {deep}}}}}]}}'
        return deep, body.encode()

    for inner in (MOST_LEVELS // 2, MOST_LEVELS - 4):
        deep, body = page(inner)
        assert decode(body, RUNS).table["new"].to_pylist() == [deep]
    with pytest.raises(DecodeError, match=f"over {MOST_LEVELS} levels"):
        decode(page(MOST_LEVELS - 3)[1], RUNS)


def test_a_deep_error_document_says_nothing():
    """An error document that cannot be read has no detail, and ends nothing."""
    assert error_detail(b'{"errors": ' + b"[" * 100_000) is None


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize(
    "template",
    [
        '{"data": [ROW], "meta": {"totalResourceCount": 1, "load": %s}}',
        '{"data": [ROW], "load": %s, "meta": {"totalResourceCount": 1}}',
    ],
)
def test_numbers_that_json_has_not_are_harmless_outside_rows(template, number):
    """NaN in a member that nobody reads changes no value."""
    row = '{"id": "1", "attributes": {"run_number": 1}}'
    body = (template % number).replace("ROW", row).encode()
    found, good = decode(body, RUNS), body.replace(number.encode(), b"null")
    assert found.table.equals(decode(good, RUNS).table)
    assert found.total == 1


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize(
    "template",
    [
        '{"data": [{"id": "1", "attributes": {"new": %s}}]}',
        '{"data": [{"id": "1", "attributes": {"l1_rate": %s}}]}',
        '{"data": [{"id": "1", "attributes": {"new": [1.5, %s]}}]}',
        '{"data": [{"id": "1", "attributes": {"new": {"a": %s}}}]}',
        '{"data": [{"id": %s, "attributes": {}}]}',
        '{"data": [], "meta": {"totalResourceCount": %s}}',
        '{"data": [{"attributes": {}, "meta": {"row": {"end_lumi": {"units": %s}}}}]}',
    ],
)
def test_numbers_that_json_has_not_are_refused_where_they_are_read(template, number):
    """NaN and Infinity in anything that becomes part of an answer are a DecodeError."""
    with pytest.raises(DecodeError):
        decode((template % number).encode(), RUNS)


ATTRIBUTES = st.dictionaries(
    st.sampled_from(["run_number", "era", "new", "more", "when"]),
    st.none()
    | st.integers(-5, 5)
    | st.floats(-5, 5)
    | st.booleans()
    | st.sampled_from(["a", "2017-06-16T20:50:33Z", ""])
    | st.lists(st.integers(0, 3), max_size=2)
    | st.dictionaries(st.sampled_from("xy"), st.integers(0, 3), max_size=2),
    max_size=4,
)


@given(st.lists(ATTRIBUTES, min_size=1, max_size=4), st.booleans())
def test_a_guess_from_the_first_row_changes_nothing(found, wrapped):
    """Whatever the first row leads us to expect, both ways of reading agree."""
    rows = [{"id": str(n), "attributes": a} for n, a in enumerate(found)]
    if wrapped:
        rows = [{**row, "links": {"self": "u"}, "more": {"a": [1]}} for row in rows]
    body = json.dumps({"data": rows}).encode()
    try:
        expected = read_carefully(body, RUNS)
    except DecodeError:
        with pytest.raises(DecodeError):
            decode(body, RUNS)
        return
    fast = decode(body, RUNS)
    names = sorted(set(expected.table.column_names) - {"@id"})
    for name in names:
        if name in fast.table.column_names:
            assert fast.table[name].to_pylist() == expected.table[name].to_pylist()
        else:  # all null: an empty object has no parts
            assert expected.table[name].null_count == len(rows)


@pytest.mark.parametrize(
    "body",
    [
        b'{"data": []}',
        b'{"meta": {}, "data": [{"attributes": {}}]}',
        b'{"data": [5]}',
        b'{"data": [{"attributes": {"new": null}}]}',
        b'{"data": [{"attributes": {"new": []}}]}',
        b'{"data": [{"attributes": {"new": "2017-06-16"}}]}',
        b'{"data": [{"attributes": ' + b"[" * 400,
        b'{"data": [{"attributes": ' + b"[" * 600,
    ],
)
def test_a_first_row_that_does_not_tell_gives_no_guess(body):
    """Where the first row leaves a type open, nothing is guessed."""
    with pytest.raises(pa.ArrowInvalid, match="does not tell"):
        like_first_row(body, shape_of(RUNS).document)
