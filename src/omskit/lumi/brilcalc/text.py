"""The text of brilcalc, cut into sections: a header and the rows that it is about.

``brilcalc ... --output-style csv`` (or ``-o``) writes::

    #Data tag : 19v2 , Norm tag: None
    #run:fill,ls,time,beamstatus,E(GeV),delivered(/pb),recorded(/pb),avgpu,source
    297050:5839,12:12,06/16/17 20:55:44,STABLE BEAMS,6500,0.16,0.15,40.3,HFET
    #Summary:
    #nfill,nrun,nls,ncms,totdelivered(/pb),totrecorded(/pb)
    #1,1,710,710,97.2,94.7

The default style draws the same as a table of ``|`` and ``+---+``; pandas drops the
``#`` or adds a column of row numbers; `cat` puts several outputs into one file. A
header holds for the rows below it until the next header, and a summary for the rows
since the last one: both can change in the middle of a file.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import gzip
import re
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from omskit.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORD = re.compile(r"^\s*(\w[\w/: ]*?)\s*(?:\(([^)]*)\))?\s*$")
_FIRST = {"run:fill", "run"}
"""What the first column of every header is called."""
_MORE = {"ls", "cmsls", "nls", "ncms", "time", "fill", "utctime", "deliveredls"}
"""What at least one other column is called, which tells a header from a remark."""
_MEASURED = {"delivered", "recorded", "avgpu"}
"""What tells a header in which run is not the first column."""
_MARKS = (",", "\t", ";")
"""What stands between cells: brilcalc writes commas, spreadsheets the others."""
_BORDER = re.compile(r"\+[-+=]*\+|\|[-:| ]+\|")
_ROW = re.compile(r"[0-9]{6,}(:[0-9]+)?$")
"""The first cell of a row: run:fill or run."""
_SIGNS = {
    "intensity1": "beam currents (brilcalc beam)",
    "egev": "beam energies (brilcalc beam)",
    "bkg1": "backgrounds (brilcalc bkg)",
    "seedvalue": "HLT paths with their seeds (brilcalc trg)",
    "hltkey": "HLT menus (brilcalc trg)",
    "effective": "the luminosity of paths as lumiCalc2 wrote it",
}
"""Columns that tell an output which omskit does not read, and what it is."""
GZIP = b"\x1f\x8b"
LARGEST = 1 << 30
"""Unpacked bytes that are read; a year of lumisections takes 0.05 of it."""


@dataclass(frozen=True, slots=True)
class Header:
    """The names of columns, in small letters, and their units; both in order."""

    names: tuple[str, ...]
    units: tuple[str, ...]
    line: int

    def at(self, *names: str) -> int | None:
        """The place of the first of these columns that is there."""
        found = (self.names.index(n) for n in names if n in self.names)
        return next(found, None)

    def unit(self, name: str) -> str:
        """The unit of a column; empty where it has none."""
        return self.units[self.names.index(name)]


@dataclass(slots=True)
class Section:
    """A header, and the rows that it is about with the numbers of their lines."""

    header: Header
    rows: list[tuple[int, list[str]]] = field(default_factory=list)


@dataclass(slots=True)
class Block:
    """The sections that one summary counts; None: there is no summary."""

    sections: list[Section] = field(default_factory=list)
    summary: Header | None = None
    totals: tuple[str, ...] = ()


def text_of(document: str | bytes) -> str:
    """The text of a document, unpacked where it is gzip.

    Raises:
        DecodeError: It is neither text in UTF-8 nor gzip of it, or breaks off.
    """
    if isinstance(document, str):
        return document.lstrip("\ufeff")
    if document.startswith(GZIP):
        document = _unpacked(document)
    if document.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        # What ">" writes in a PowerShell.
        return document.decode("utf-16", errors="replace")
    try:
        return document.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = (
            f"This is no text in UTF-8 (byte {error.start} is {error.reason}), so it "
            "is no output of brilcalc."
        )
        raise DecodeError(message, path=f"byte {error.start}") from error


def _unpacked(document: bytes) -> bytes:
    import io

    try:
        with gzip.open(io.BytesIO(document)) as stream:
            content = stream.read(LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        message = f"This gzip file cannot be unpacked: {error}. Is it whole?"
        raise DecodeError(message, path="gzip", broken=True) from error
    if len(content) > LARGEST:
        message = (
            f"This gzip file unpacks to more than {LARGEST} bytes; it is not read."
        )
        raise DecodeError(message, path="gzip")
    return content


def blocks(document: str | bytes) -> list[Block]:
    """The blocks of a document, in order; rows without a header are refused.

    Raises:
        DecodeError: There is no header, or a line cannot be read; the path names it.
    """
    lines = text_of(document).splitlines()
    found = [Block()]
    for number, cells, remark in _split(lines):
        header = _header(cells, number)
        block = found[-1]
        if header is not None and "nfill" in header.names:
            block.summary = header
        elif header is not None:
            if block.totals:
                found.append(block := Block())
            block.sections.append(Section(header))
        elif block.summary is not None and not block.totals:
            block.totals = tuple(cells)
        elif not remark and not _is_beside(block, cells):
            if block.totals:
                # Rows go on behind a summary under the header that they had.
                last = block.sections[-1].header
                found.append(block := Block([Section(last)]))
            _add(block, number, cells, lines)
    if not any(block.sections for block in found):
        raise _no_header(lines)
    return found


def _is_beside(block: Block, cells: list[str]) -> bool:
    """Whether a line is no row: of a log above the header, or the total of a path."""
    is_row = bool(_ROW.match(cells[0].strip())) if cells else False
    if not block.sections:
        return not is_row and len(cells) == 1
    summary = block.summary
    return not is_row and summary is not None and len(cells) == len(summary.names)


def _split(lines: list[str]) -> Iterator[tuple[int, list[str], bool]]:
    """The cells of each line, and whether it is a remark; borders are left out."""
    mark = _mark(lines)
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or _BORDER.fullmatch(text):
            continue
        remark = text.startswith("#")
        try:
            yield number, _cells(text, mark), remark
        except csv.Error as error:
            if remark:
                continue
            message = f"This line is no CSV: {error}."
            raise DecodeError(message, path=f"line {number}") from error


def _cells(text: str, mark: str) -> list[str]:
    if text.startswith("|") and text.endswith("|"):
        return [cell.strip() for cell in text[1:-1].split("|")]
    return next(csv.reader([text.lstrip("# ")], delimiter=mark, strict=True), [])


def _mark(lines: list[str], most: int = 1000) -> str:
    """What stands between the cells of the first header."""
    for number, line in enumerate(lines[:most], 1):
        for mark in _MARKS:
            with contextlib.suppress(csv.Error):
                if mark in line and _header(_cells(line.strip(), mark), number):
                    return mark
    return _MARKS[0]


def _header(cells: list[str], number: int) -> Header | None:
    """The header that a line is, or None.

    Raises:
        DecodeError: Two of its columns have one name, so that one would be lost.
    """
    pairs = [_word(cell) for cell in cells]
    names = [name for name, _ in pairs]
    # pandas writes the numbers of rows into a column without a name.
    known = names[1:] if names[:1] == [""] else names
    header = Header(tuple(names), tuple(unit for _, unit in pairs), number)
    if "nfill" in known[:2]:
        return header
    is_first = known[:1] != [] and known[0] in _FIRST and _MORE & set(known)
    if not is_first and not (_FIRST & set(known) and _MEASURED & set(known)):
        return None
    for name in filter(None, names):
        if names.count(name) > 1:
            message = f"This header has the column {name!r} twice. Remove one of them."
            raise DecodeError(message, path=f"line {number}")
    return header


def _word(cell: str) -> tuple[str, str]:
    """``delivered(/pb)`` as name and unit."""
    text = cell.lstrip("# ").strip()
    match = _WORD.match(text)
    return (match[1].lower(), match[2] or "") if match else (text.lower(), "")


def _add(block: Block, number: int, cells: list[str], lines: list[str]) -> None:
    """Put a row under its header."""
    if not block.sections:
        raise _no_header(lines)
    header = block.sections[-1].header
    if len(cells) != len(header.names):
        message = (
            f"This line has {len(cells)} of {len(header.names)} columns: "
            f"{','.join(cells)[:60]!r}. Did the file break off?"
        )
        raise DecodeError(message, path=f"line {number}", broken=True)
    block.sections[-1].rows.append((number, [cell.strip() for cell in cells]))


def _no_header(lines: list[str]) -> DecodeError:
    first = next((line.strip() for line in lines if line.strip()), "")
    # Not what it says: it may be a key that was given by mistake.
    cells = first.lstrip("#| ").split("|" if first.startswith("|") else ",")
    signs = (_SIGNS.get(_word(cell)[0]) for cell in cells)
    what = next(filter(None, signs), None)
    if what is not None:
        message = f"This holds {what}, which is no luminosity and is not read."
        return DecodeError(message, path="line 1")
    kind = f"its first line, of {len(cells)} columns, is another"
    if not first:
        kind = "it is empty"
    elif _ROW.match(cells[0].strip()) and len(cells) > 1:
        kind = f"it begins with a row, of {len(cells)} columns; the header was cut off"
    message = (
        f"This CSV has no header of brilcalc ({kind}), so neither columns nor units "
        "are known and it is not read as luminosity. Write it with "
        "brilcalc lumi --byls -u /pb -o FILE"
    )
    return DecodeError(message, path="line 1")


def sign_of(header: Header) -> str | None:
    """What a header without luminosity is of, where omskit knows it by a column."""
    return next((_SIGNS[name] for name in header.names if name in _SIGNS), None)
