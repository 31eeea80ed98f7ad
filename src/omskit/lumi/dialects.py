"""Reading certification files in every dialect that real ones are written in.

The format is ``{"run": [[first, last], ...]}`` with both ends included. Seen in files
that circulate: ranges in any order (521 runs of the 2017 DCS-only file), adjacent and
overlapping ranges, integer keys (in Python), repeated keys, CRLF, a byte-order mark,
``[-1]`` for a whole run, ``[a, 0]`` for an open end, ranges that start at 0. All these
have one meaning, are mended, and are reported. What has none is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from omskit.errors import MaskError
from omskit.lumi.edges import LARGEST, OPEN, SHIFT, IntArray, merged

PAIR = 2
WHOLE_RUN = -1
LONGEST_NUMBER = 40

_JSON = msgspec.json.Decoder(msgspec.Raw)
"""Checks that a text is JSON, and makes nothing of it."""
_BLANKS = b" \n\t\r"
_DIGITS = b"0123456789"
_NUMBERS = bytes(byte if byte in _DIGITS else ord(" ") for byte in range(256))
"""Translates all but digits into blanks."""
_POWERS = 10 ** np.arange(1, 10)


@dataclass(frozen=True, slots=True)
class Reading:
    """The set that a file holds, and what was mended in it."""

    edges: IntArray
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Notes:
    """What was mended: per kind, the runs in which it was."""

    kinds: dict[str, dict[int, None]] = field(default_factory=dict)
    general: list[str] = field(default_factory=list)

    def add(self, kind: str, runs: Iterable[int]) -> None:
        self.kinds.setdefault(kind, {}).update(dict.fromkeys(runs))

    def sentences(self) -> tuple[str, ...]:
        counted = (
            f"{kind} in {len(runs)} run{'s'[: len(runs) > 1]}, "
            f"e.g. run {next(iter(runs))}"
            for kind, runs in self.kinds.items()
            if runs
        )
        return (*self.general, *counted)


def read(document: str | bytes | Mapping[Any, Any], *, strict: bool) -> Reading:
    """The ranges of a certification file, as text or as the dict it parses to.

    Raises:
        MaskError: It has no meaning, or, where *strict* holds, needed mending.

    Cost: O(n log n).
    """
    notes = _Notes()
    if isinstance(document, Mapping):
        columns = _columns(document.items(), notes)
    else:
        text = _text(document, notes)
        columns = _plain(text) or _columns(_parse(text), notes)
    edges = _edges(*columns, notes)
    sentences = notes.sentences()
    if strict and sentences:
        message = (
            f"Not a canonical certification file: {'; '.join(sentences)}. "
            "Without strict=True it is mended."
        )
        raise MaskError(message)
    return Reading(edges, sentences)


def text_of(document: str | bytes) -> str:
    """The text of a document.

    Raises:
        MaskError: It is no text in UTF-8.
    """
    if isinstance(document, str):
        return document
    try:
        return document.decode("utf-8")
    except UnicodeDecodeError as error:
        message = (
            f"This is no text in UTF-8 (byte {error.start}: {error.reason}). Is it a "
            "certification file?"
        )
        raise MaskError(message) from error


def _text(document: str | bytes, notes: _Notes) -> str:
    is_given = isinstance(document, str)
    document = text_of(document)
    if document.startswith("\ufeff"):
        notes.general.append("it began with a byte-order mark")
        document = document[1:]
    if "\r" in document:
        notes.general.append("lines ended in CRLF")
    if document.lstrip()[:1] != "{":
        message = f"A certification file begins with '{{', and {instead(document)}"
        if is_given:
            message += (
                " To read a file by its name, try LumiMask.read(path) or "
                "read_mask(path); there is no file of this name."
            )
        raise MaskError(message)
    return document


def instead(text: str) -> str:
    """What a text is that is no mask; of what it says, nothing, as it may be a key."""
    start = text.lstrip()
    if not start:
        return "this is empty."
    if start.startswith("<"):
        return "this looks like a web page, perhaps of a login."
    if start.startswith("-----BEGIN"):
        return "this is a key or a certificate."
    return "this does not."


def _plain(text: str) -> tuple[IntArray, IntArray, IntArray] | None:
    """The columns of a file without oddities, or None: the fast way for the most.

    No Python object is made of a range: where the text is JSON, and what is left of it
    without blanks and digits shows a pair in every place, then all its numbers in a row
    are the runs and the ends of their ranges.
    """
    try:
        content = text.encode()
        _JSON.decode(content)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return None
    counts = _counts(content.translate(None, _BLANKS + _DIGITS))
    if counts is None:
        return None
    # One that is too large for 64 bits becomes the largest of them, and so is refused.
    values = np.fromstring(content.translate(_NUMBERS, _BLANKS), np.int64, sep=" ")
    lengths = 2 * counts + 1
    places = np.cumsum(lengths) - lengths
    if values.size != lengths.sum() or values.min() < 1 or values.max() > LARGEST:
        return None
    runs, pairs = values[places], np.delete(values, places).reshape(-1, 2)
    first, last = pairs[:, 0], pairs[:, 1]
    if not (first <= last).all() or not _are_keys(content, runs):
        return None
    return np.repeat(runs, counts), first, last


def _counts(frame: bytes) -> IntArray | None:
    """How many ranges each run has, by the brackets; None where there is more."""
    head, *lists = (frame[:-1] + b",").split(b'"":[')
    for one in set(lists):
        # With its end, as "[,],[,],[,]],": three letters for a range, one to go on.
        if one != b"[,]," * (len(one) // 4 - 1) + b"[,]],":
            return None
    if head != b"{" or not lists:
        return None
    return np.fromiter(map(len, lists), np.int64, len(lists)) // 4


def _are_keys(content: bytes, runs: IntArray) -> bool:
    """Whether the keys are these numbers and nothing else, each of them once."""
    quotes = np.flatnonzero(np.frombuffer(content, np.uint8) == ord('"'))
    lengths = quotes[1::2] - quotes[0::2] - 1
    # A zero or a blank in front makes a key longer than its number.
    if not np.array_equal(lengths, np.searchsorted(_POWERS, runs, side="right") + 1):
        return False
    return bool((runs[1:] > runs[:-1]).all()) or np.unique(runs).size == runs.size


def _parse(text: str) -> list[tuple[Any, Any]]:
    """The pairs of the outer object, repeated keys included."""
    try:
        document = json.loads(text, object_pairs_hook=_Pairs)
    except RecursionError as error:
        message = "This is no JSON of a certification file: it is nested too deeply."
        raise MaskError(message) from error
    except json.JSONDecodeError as error:
        message = f"This is no JSON: {error}. Is the file whole?"
        raise MaskError(message) from error
    except ValueError as error:
        # Python does not read integers of thousands of digits.
        message = "This JSON holds a number too long to be a run or lumisection."
        raise MaskError(message) from error
    return list(document)


class _Pairs(list[tuple[str, Any]]):
    """A JSON object as its pairs; a type of its own, to tell it from a list."""


def _columns(
    items: Iterable[tuple[Any, Any]], notes: _Notes
) -> tuple[IntArray, IntArray, IntArray]:
    rows: list[tuple[int, int, int]] = []
    seen: set[int] = set()
    for key, spans in items:
        run = _run(key, notes)
        if run in seen:
            notes.add("the run was given more than once", [run])
        seen.add(run)
        rows.extend(_spans(run, spans, notes))
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]


def _run(key: Any, notes: _Notes) -> int:
    number: Any = key
    if isinstance(key, str):
        stripped = key.strip()
        # A number of thousands of digits is refused by its length: int() would raise.
        short = len(stripped) <= LONGEST_NUMBER
        plain = short and stripped.isascii() and stripped.isdecimal()
        number = int(stripped) if plain else key
        if str(number) != key and number != key:
            notes.add("the run number was padded", [number])
    elif _is_whole(key):
        number = int(key)
        notes.add("the run number was an integer, not text", [number])
    if not _is_whole(number) or not 1 <= number <= LARGEST:
        message = f'{shown(key)} is no run number. Keys must be like "297050".'
        raise MaskError(message)
    return int(number)


def _spans(run: int, spans: Any, notes: _Notes) -> list[tuple[int, int, int]]:
    if isinstance(spans, np.ndarray):
        spans = spans.tolist()
    if isinstance(spans, _Pairs) or not isinstance(spans, list | tuple):
        message = f"Run {run} has {shown(spans)} where a list of ranges must be."
        raise MaskError(message)
    if list(spans) == [WHOLE_RUN]:
        spans = [spans]
    if not spans:
        notes.add("there was an empty list of ranges", [run])
    return [(run, *_span(run, span, notes)) for span in spans]


def _span(run: int, span: Any, notes: _Notes) -> tuple[int, int]:
    """First and last of one range."""
    numbers = span.tolist() if isinstance(span, np.ndarray) else span
    if isinstance(numbers, list | tuple) and all(_is_whole(n) for n in numbers):
        if list(numbers) == [WHOLE_RUN]:
            notes.add("[-1] was read as the whole run", [run])
            return 1, OPEN
        if len(numbers) == PAIR:
            return _ends(run, int(numbers[0]), int(numbers[1]), notes)
    message = (
        f"Run {run} has the range {shown(span)}. "
        "A range is [first, last], or [-1] for the whole run."
    )
    raise MaskError(message)


def _ends(run: int, first: int, last: int, notes: _Notes) -> tuple[int, int]:
    start, end = first, last
    if first == 0:
        notes.add("a range began at 0 and was read from 1", [run])
        start = 1
    if last == 0:
        notes.add("[a, 0] was read as an open end", [run])
        end = OPEN
    known = (end <= LARGEST or end == OPEN) and last != OPEN
    if not 1 <= start <= min(end, LARGEST) or not known:
        message = (
            f"Run {run} has the range {shown([first, last])}, which has no meaning: "
            "lumisections count from 1 and first comes before last."
        )
        raise MaskError(message)
    return start, end


def shown(value: Any) -> str:
    """A value as a message shows it: cut off, and never an error of its own."""
    try:
        return f"{value!r:.60}"
    except (ValueError, RecursionError):
        # Python refuses to print a number of thousands of digits, or deep nesting.
        return f"<{type(value).__name__}, too large to show>"


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _edges(runs: IntArray, first: IntArray, last: IntArray, notes: _Notes) -> IntArray:
    """The ranges as a set; runs where they were not in order, overlap or touch.

    Ranges of different runs never touch, see `omskit.lumi.edges`.
    """
    base = runs << SHIFT
    starts, ends = base + first, base + last + 1
    back = starts[1:] < starts[:-1]
    if back.any():
        back &= runs[1:] == runs[:-1]
        notes.add("ranges were not in order", _each(runs[1:][back]))
        order = np.argsort(starts, kind="stable")
        starts, ends = starts[order], ends[order]
    reach = np.maximum.accumulate(ends)
    gaps, later = starts[1:] - reach[:-1], starts[1:]
    notes.add("ranges overlapped", _each(later[gaps < 0] >> SHIFT))
    notes.add("adjacent ranges were merged", _each(later[gaps == 0] >> SHIFT))
    return merged(starts, reach)


def _each(runs: IntArray) -> list[int]:
    """The runs, without repeating one again and again."""
    found: list[int] = runs[
        np.append(True, runs[1:] != runs[:-1])[: runs.size]
    ].tolist()
    return found
