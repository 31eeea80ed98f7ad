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
from itertools import chain
from typing import Any

import msgspec
import numpy as np

from omskit.errors import MaskError
from omskit.lumi.edges import LARGEST, OPEN, SHIFT, IntArray

_PLAIN = msgspec.json.Decoder(dict[str, list[tuple[int, int]]])
PAIR = 2
WHOLE_RUN = -1


@dataclass(frozen=True, slots=True)
class Reading:
    """The ranges of a file as three columns, and what was mended in them."""

    runs: IntArray
    first: IntArray
    last: IntArray
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
    columns = _order(*columns, notes)
    sentences = notes.sentences()
    if strict and sentences:
        message = (
            f"Not a canonical certification file: {'; '.join(sentences)}. "
            "Without strict=True it is mended."
        )
        raise MaskError(message)
    return Reading(*columns, sentences)


def _text(document: str | bytes, notes: _Notes) -> str:
    if isinstance(document, bytes):
        try:
            document = document.decode("utf-8")
        except UnicodeDecodeError as error:
            message = f"This is no text in UTF-8: {error}. Is it a certification file?"
            raise MaskError(message) from error
    if document.startswith("\ufeff"):
        notes.general.append("it began with a byte-order mark")
        document = document[1:]
    if "\r" in document:
        notes.general.append("lines ended in CRLF")
    if document.lstrip()[:1] != "{":
        start = document.lstrip()[:40]
        hint = " It looks like a web page, perhaps of a login." if "<" in start else ""
        message = (
            f"A certification file begins with '{{', this with {start!r}.{hint} "
            "To read a file by its name, try omskit.lumi.files.read_mask(path)."
        )
        raise MaskError(message)
    return document


def _plain(text: str) -> tuple[IntArray, IntArray, IntArray] | None:
    """The columns of a file without oddities, or None: the fast way for the most."""
    content = text.encode()
    try:
        document = _PLAIN.decode(content)
        runs = np.fromiter(map(int, document), np.int64, len(document))
        counts = np.fromiter(map(len, document.values()), np.int64, len(document))
        numbers = chain.from_iterable(chain.from_iterable(document.values()))
        first, last = np.fromiter(numbers, np.int64).reshape(-1, 2).T
    except (msgspec.MsgspecError, ValueError, OverflowError):
        return None
    # A repeated key is gone by now, but its colon is still in the text.
    whole = content.count(b":") == len(document) > 0
    digits = all(key.isascii() and key.isdigit() and key[0] != "0" for key in document)
    if not whole or not digits or not counts.all():
        return None
    sound = first.min() >= 1 and (last >= first).all()
    if not sound or max(last.max(), runs.max()) > LARGEST:
        return None
    return np.repeat(runs, counts), first, last


def _parse(text: str) -> list[tuple[Any, Any]]:
    """The pairs of the outer object, repeated keys included."""
    try:
        document = json.loads(text, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError) as error:
        message = f"This is no JSON: {error}. Is the file whole?"
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
        number = int(stripped) if stripped.isascii() and stripped.isdecimal() else key
        if str(number) != key and number != key:
            notes.add("the run number was padded", [number])
    elif _is_whole(key):
        number = int(key)
        notes.add("the run number was an integer, not text", [number])
    if not _is_whole(number) or not 1 <= number <= LARGEST:
        message = f'{key!r} is no run number. Keys must be like "297050".'
        raise MaskError(message)
    return int(number)


def _spans(run: int, spans: Any, notes: _Notes) -> list[tuple[int, int, int]]:
    if isinstance(spans, np.ndarray):
        spans = spans.tolist()
    if isinstance(spans, _Pairs) or not isinstance(spans, list | tuple):
        message = f"Run {run} has {spans!r} where a list of ranges must be."
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
        f"Run {run} has the range {span!r}. "
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
    if not 1 <= start <= end or (end > LARGEST and end != OPEN) or last == OPEN:
        message = (
            f"Run {run} has the range [{first}, {last}], which has no meaning: "
            "lumisections count from 1 and first comes before last."
        )
        raise MaskError(message)
    return start, end


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _order(
    runs: IntArray, first: IntArray, last: IntArray, notes: _Notes
) -> tuple[IntArray, IntArray, IntArray]:
    """The ranges in order; runs where they were not, overlap or touch are noted."""
    key = (runs << SHIFT) + first
    if not (key[1:] > key[:-1]).all():
        same = runs[1:] == runs[:-1]
        unsorted = same & (first[1:] < first[:-1])
        notes.add("ranges were not in order", runs[1:][unsorted].tolist())
        order = np.argsort(key, kind="stable")
        runs, first, last = runs[order], first[order], last[order]
    same = runs[1:] == runs[:-1]
    # The reach of earlier ranges, kept apart by run: OPEN is below the run's own bits.
    reach = np.maximum.accumulate((runs << SHIFT) + last)[:-1] - (runs[1:] << SHIFT)
    overlap = same & (first[1:] <= reach)
    notes.add("ranges overlapped", runs[1:][overlap].tolist())
    touch = same & (first[1:] == reach + 1)
    notes.add("adjacent ranges were merged", runs[1:][touch].tolist())
    return runs, first, last
