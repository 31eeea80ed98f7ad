"""The forms in which people keep masks besides certification JSON.

CMSSW's ranges, alone or as a fragment of a configuration; tables of run and lumisection
as CSV; and what ``oms mask show`` writes: its summary and the C++ header.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from omskit.errors import MaskError
from omskit.lumi import cmssw, dialects
from omskit.lumi.edges import LARGEST, OPEN, SHIFT, IntArray, from_arrays, merged
from omskit.lumi.rows import FIRST, LAST, RUN, SINGLE

_CMSSW = re.compile(
    r"VLuminosityBlockRange|^\s*['\"]?[0-9]+:(?:[0-9]|min|max)", re.IGNORECASE
)
_SUMMARY = re.compile(r"^[^\n]*: (?:[0-9]+|open) lumisections in [0-9]+ ranges of ")
_CPP = re.compile(r"static constexpr std::uint64_t edges\[\] = \{([^}]*)\}")
_EDGE = re.compile(r"([0-9]{1,19})ULL")
_NUMBER = re.compile(r"[0-9]{1,10}")

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True, slots=True)
class Form:
    """A form of masks.

    Attributes:
        name: What it is called in messages.
        fits: Whether a text has it.
        read: The edges that such a text holds.
    """

    name: str
    fits: Callable[[str], bool]
    read: Callable[[str], IntArray]


def read(text: str | bytes, *, strict: bool = False) -> dialects.Reading:
    """The mask in a text, whatever its form.

    Args:
        text: The content of a file.
        strict: Refuse certification JSON that would be mended.

    Raises:
        MaskError: It has none of the forms, or no meaning in the one that it has.

    Example:
        >>> read("run,ls" + chr(10) + "297050,12" + chr(10) + "297050,13").edges.size
        2
    """
    plain = dialects.text_of(text)
    start = plain.lstrip("\ufeff \t\r\n")
    if start.startswith("{"):
        return dialects.read(plain, strict=strict)
    for form in FORMS:
        if form.fits(start):
            return dialects.Reading(form.read(start), (f"read as {form.name}",))
    if start.startswith("config.Data."):
        message = (
            "These are lines of a CRAB configuration: they name runs and a mask file, "
            "but hold no lumisections. Read the file that lumiMask names."
        )
        raise MaskError(message)
    names = ", ".join(form.name for form in FORMS)
    message = (
        f"A certification file begins with '{{', and {dialects.instead(plain)} "
        f"Other forms that are read: {names}."
    )
    raise MaskError(message)


def is_text(given: str) -> bool:
    """Whether a text is a mask itself, and not the path of one.

    Example:
        >>> is_text('{"297050": [[1, 2]]}'), is_text("1:2-1:5"), is_text("golden.json")
        (True, True, False)
    """
    start = given.lstrip("\ufeff \t\r\n")
    if start[:1] in "{[<" or "\n" in given:
        return True
    return bool(_CMSSW.search(start)) and "/" not in start


def is_no_file(given: str) -> bool:
    """Whether a text is taken for a certification file itself, right or wrong."""
    return is_text(given) or given.startswith("http") or not _exists(given)


def _exists(name: str) -> bool:
    try:
        return Path(name).expanduser().exists()
    except (OSError, ValueError, RuntimeError):
        return False  # Too long for a name, or no name at all.


def _cmssw(text: str) -> IntArray:
    return from_arrays(*cmssw.parse(text))


def _cpp(text: str) -> IntArray:
    found = _CPP.search(text)
    words = [w.strip() for w in found[1].split(",")] if found else []
    numbers = [m[1] for w in words if (m := _EDGE.fullmatch(w))]
    edges = np.array([min(int(n), 2**63 - 1) for n in numbers], dtype=np.int64)
    if len(numbers) != len(words) or edges.size % 2 or not (np.diff(edges) > 0).all():
        message = "The list of edges in this C++ header is damaged."
        raise MaskError(message)
    starts, ends = edges[0::2], edges[1::2]
    low = (1 << SHIFT) - 1
    # As for any other form, runs and numbers are checked.
    return from_arrays(starts >> SHIFT, starts & low, (ends - 1) & low)


def _summary(text: str) -> IntArray:
    rows: list[tuple[int, int, int]] = []
    for number, line in enumerate(text.splitlines()[1:], 2):
        run, colon, spans = line.strip().partition(":")
        if not run:
            continue
        for span in spans.split():
            first, dash, last = span.partition("-")
            end = OPEN if last == "open" else _whole(last if dash else first, number)
            rows.append((_whole(run, number), _whole(first, number), end))
        if not colon or not spans.strip():
            message = f"Line {number} is not 'run: first-last ...': {line[:60]!r}."
            raise MaskError(message)
    return _edges(rows)


def _is_table(text: str) -> bool:
    head = next(_rows(text), None)
    if head is None:
        return False
    cells = [cell.lower() for cell in head[1]]
    if RUN & set(cells):
        return True
    return len(cells) in {2, 3} and all(_NUMBER.fullmatch(c) for c in cells[:2])


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """The lines that are no remarks, as cells: by comma, semicolon, tab or blanks."""
    for number, line in enumerate(text.splitlines(), 1):
        # A header may begin with a hash, a remark does.
        bare = line.strip()
        if bare.startswith("#"):
            words = re.split(r"[,;\t ]+", bare.lstrip("# ").lower())
            if not RUN & set(words):
                continue
            bare = bare.lstrip("# ")
        if not bare:
            continue
        mark = next((m for m in ",;\t" if m in bare), None)
        try:
            cells = next(csv.reader([bare], delimiter=mark)) if mark else bare.split()
        except csv.Error as error:
            message = f"Line {number} is no CSV: {error}."
            raise MaskError(message) from error
        yield number, [cell.strip() for cell in cells]


def _table(text: str) -> IntArray:
    """Pairs or ranges, in columns that a header names or in the usual order."""
    rows = list(_rows(text))
    number, head = rows[0]
    names = [name.lower() for name in head]
    if RUN & set(names):
        run, first, last = _places(names, number)
        rows = rows[1:]
    else:
        run, first, last = 0, 1, len(head) - 1
    width, found = len(head), []
    for number, cells in rows:
        if len(cells) != width:
            message = f"Line {number} has {len(cells)} columns, the others {width}."
            raise MaskError(message)
        end = cells[last]
        found.append(
            (
                _whole(cells[run], number),
                _whole(cells[first], number),
                OPEN if not end and last != first else _whole(end, number),
            )
        )
    return _edges(found)


def _places(names: list[str], number: int) -> tuple[int, int, int]:
    """Where run, first and last lumisection stand."""

    def place(words: frozenset[str]) -> int | None:
        at = [i for i, name in enumerate(names) if name in words]
        if len(at) > 1:
            message = f"Line {number} names one column twice: {', '.join(names)[:80]}."
            raise MaskError(message)
        return at[0] if at else None

    run, single = place(RUN), place(SINGLE)
    first, last = place(FIRST), place(LAST)
    assert run is not None
    if single is not None:
        return run, single, single
    if first is not None and last is not None:
        return run, first, last
    message = (
        f"Line {number} names no column of lumisections: {', '.join(names)[:80]}. "
        "Call it ls or lumisection_number, or give first and last."
    )
    raise MaskError(message)


def _whole(cell: str, number: int) -> int:
    value = int(cell) if _NUMBER.fullmatch(cell) else 0
    if not 1 <= value <= LARGEST:
        message = (
            f"Line {number} has {cell[:40]!r} where a run or lumisection number, from "
            f"1 to {LARGEST}, must be."
        )
        raise MaskError(message)
    return value


def _edges(rows: list[tuple[int, int, int]]) -> IntArray:
    if not rows:
        return merged(np.empty(0, np.int64), np.empty(0, np.int64))
    return from_arrays(*np.array(rows, dtype=np.int64).T)


FORMS = (
    Form("CMSSW ranges", lambda text: bool(_CMSSW.search(text)), _cmssw),
    Form("a summary of oms mask show", lambda t: bool(_SUMMARY.match(t)), _summary),
    Form("a C++ header of omskit", lambda text: bool(_CPP.search(text)), _cpp),
    Form("a table of runs and lumisections", _is_table, _table),
)
"""What is tried, in this order."""
