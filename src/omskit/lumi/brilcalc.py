"""Luminosity as brilcalc prints it, read into rows like those of OMS.

``brilcalc lumi --byls --output-style csv`` (or ``-o``) writes::

    #Data tag : 19v2 , Norm tag: None
    #run:fill,ls,time,beamstatus,E(GeV),delivered(/pb),recorded(/pb),avgpu,source
    297050:5839,12:12,06/16/17 20:55:44,STABLE BEAMS,6500,0.16,0.15,40.3,HFET
    #Summary:
    #nfill,nrun,nls,ncms,totdelivered(/pb),totrecorded(/pb)
    #1,1,710,710,97.2,94.7

The unit is in the header, so a file without one is refused, and so are instantaneous
luminosities and files of pileup alone: none of them is an integrated luminosity.
"""

from __future__ import annotations

import csv
import datetime as dt
import re
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from omskit.errors import DecodeError, UnitError
from omskit.lumi.integral import DELIVERED, FILL, RECORDED
from omskit.lumi.tables import RUN, SINGLE
from omskit.schema.units import INSTANTANEOUS, INTEGRATED, factor
from omskit.table import Table, with_unit

WORD = re.compile(r"^\s*(\w[\w ]*?)\s*(?:\(([^)]*)\))?\s*$")
NEEDED = ("run:fill", "ls", "delivered", "recorded")
ROUNDING = 1e-8
"""Half of the last digit that brilcalc prints, and a little."""

SCHEMA = pa.schema(
    [
        pa.field(RUN, pa.int64()),
        pa.field(SINGLE, pa.int64()),
        pa.field(FILL, pa.int64()),
        pa.field("start_time", pa.timestamp("us", "UTC")),
        pa.field("beam_status", pa.string()),
        pa.field("energy", pa.float64(), metadata={"unit": "GeV"}),
        with_unit(pa.field(DELIVERED, pa.float64()), INTEGRATED),
        with_unit(pa.field(RECORDED, pa.float64()), INTEGRATED),
        pa.field("pileup", pa.float64()),
        pa.field("source", pa.string()),
    ]
)
"""The columns of what is read; those of OMS where it has them."""


@dataclass(frozen=True, slots=True)
class _Header:
    names: tuple[str, ...]
    units: tuple[str, ...]

    def at(self, name: str) -> int | None:
        return self.names.index(name) if name in self.names else None

    def scale(self, name: str) -> float:
        """What turns the numbers of a column into /pb."""
        unit = self.units[self.names.index(name)]
        found = factor(unit, INTEGRATED) if unit else None
        if found is not None:
            return found
        if factor(_rate(unit), INSTANTANEOUS) is not None:
            message = (
                f"The column {name!r} is in {unit}: these are rates (instantaneous "
                "luminosities), no integrals. Run brilcalc with -u /pb."
            )
        else:
            message = (
                f"The column {name!r} is in {unit or 'no unit'}, which is no unit of "
                "luminosity. Run brilcalc with -u /pb."
            )
        raise UnitError(message)


def _rate(unit: str) -> str:
    """``1e30/cm2s`` and ``hz/ub`` as OMS would write them."""
    text = unit.lower().replace(" ", "")
    match = re.fullmatch(r"(?:1e(\d+))?/cm2s", text)
    if match:
        return f"10^{{{match[1] or 0}}}cm^{{-2}}s^{{-1}}"
    powers = {"hz/ub": 30, "hz/nb": 33, "hz/mb": 27, "hz/b": 24}
    return f"10^{{{powers[text]}}}cm^{{-2}}s^{{-1}}" if text in powers else unit


def read_brilcalc(document: str | bytes) -> Table:
    """The rows of a brilcalc CSV, one per lumisection, in /pb.

    Lines may end in LF, CRLF or both; the summary, where there is one, is held against
    the rows.

    Args:
        document: The text or the bytes of the file; not a path
            (see `omskit.lumi.files.read_luminosity`).

    Raises:
        DecodeError: There is no header, no luminosity per lumisection, or a line breaks
            off; the message says what the file is instead.
        UnitError: It holds rates, or a unit that is none.

    Example:
        >>> head = "#run:fill,ls,delivered(/nb),recorded(/nb)"
        >>> rows = read_brilcalc(head + chr(10) + "297050:5839,12:12,160,154")
        >>> rows.to_records()[0]["delivered_lumi_per_lumisection"]
        0.16
    """
    text = document.decode("utf-8-sig") if isinstance(document, bytes) else document
    lines = text.lstrip("\ufeff").splitlines()
    header, found = _header(lines)
    at = {name: header.at(name) for name in ("time", "beamstatus", "e", "avgpu")}
    at["source"] = header.at("source")
    scales = tuple(header.scale(name) for name in ("delivered", "recorded"))
    rows = [
        _row(cells, number, header, at, scales)
        for number, cells in _cells(lines, found, len(header.names))
    ]
    columns = list(zip(*rows, strict=True)) or [()] * len(SCHEMA)
    typed = zip(columns, SCHEMA.types, strict=True)
    arrays = [pa.array(values, kind) for values, kind in typed]
    table = pa.table(arrays, schema=SCHEMA)
    _summary(lines, header, table)
    return Table(table, resource="brilcalc")


def _header(lines: list[str]) -> tuple[_Header, int]:
    """The header and the number of its line."""
    for number, line in enumerate(lines):
        words = line.lstrip("# ").split(",")
        if line.startswith("#") and words[0].strip() == "run:fill":
            pairs = [_word(word) for word in words]
            header = _Header(tuple(n for n, _ in pairs), tuple(u for _, u in pairs))
            _check(header)
            return header, number
    first = next((line for line in lines if line.strip()), "")
    kind = "it is empty"
    if first:
        columns = len(first.split(","))
        # Not what it says: it may be a key that was given by mistake.
        kind = f"its first line, of {columns} columns, is another"
    message = (
        f"This CSV has no header of brilcalc ({kind}), so neither columns nor units "
        "are known and it is not read as luminosity. Write it with "
        "brilcalc lumi --byls -u /pb -o FILE"
    )
    raise DecodeError(message, path="line 1")


def _word(word: str) -> tuple[str, str]:
    """``delivered(/pb)`` as name and unit."""
    word = word.strip()
    match = WORD.match(word)
    return (match[1].lower(), match[2] or "") if match else (word.lower(), "")


def _check(header: _Header) -> None:
    missing = [name for name in NEEDED if name not in header.names]
    if not missing:
        return
    if "avgpu" in header.names and "delivered" in missing:
        kind = "it holds pileup alone, which is no luminosity"
    elif "nls" in header.names:
        kind = "it holds sums over runs, not lumisections; add --byls"
    else:
        kind = f"it has no column {', '.join(missing)}"
    message = f"This CSV of brilcalc is not luminosity per lumisection: {kind}."
    raise DecodeError(message, path="header")


def _cells(lines: list[str], found: int, width: int) -> list[tuple[int, list[str]]]:
    """The lines behind the header that hold a row, with their numbers."""
    kept = [
        (number, line)
        for number, line in enumerate(lines[found + 1 :], found + 2)
        if line.strip() and not line.startswith("#")
    ]
    cells = list(csv.reader(line for _, line in kept))
    for (number, line), row in zip(kept, cells, strict=True):
        if len(row) != width:
            message = (
                f"This line has {len(row)} of {width} columns: {line[:60]!r}. "
                "Did the file break off?"
            )
            raise DecodeError(message, path=f"line {number}", broken=True)
    return [(number, row) for (number, _), row in zip(kept, cells, strict=True)]


def _row(
    cells: list[str],
    number: int,
    header: _Header,
    at: dict[str, int | None],
    scales: tuple[float, ...],
) -> tuple[Any, ...]:
    def cell(name: str) -> str:
        index = at[name]
        return "" if index is None else cells[index].strip()

    try:
        run, fill = (int(v) for v in cells[header.names.index("run:fill")].split(":"))
        lumisection = int(cells[header.names.index("ls")].split(":")[0])
        delivered, recorded = (
            float(cells[header.names.index(name)]) * scale
            for name, scale in zip(("delivered", "recorded"), scales, strict=True)
        )
        numbers = [float(cell(name)) if cell(name) else None for name in ("e", "avgpu")]
        time = _time(cell("time"))
    except ValueError as error:
        message = f"Not a row of brilcalc: {error}"
        raise DecodeError(message, path=f"line {number}") from error
    status, source = cell("beamstatus") or None, cell("source") or None
    start = (run, lumisection, fill, time, status, numbers[0])
    return (*start, delivered, recorded, numbers[1], source)


def _time(text: str) -> dt.datetime | None:
    """``06/16/17 20:55:44`` or seconds since 1970 (``--tssec``), in UTC."""
    if not text:
        return None
    if text.isdecimal():
        return dt.datetime.fromtimestamp(int(text), dt.UTC)
    return dt.datetime.strptime(text, "%m/%d/%y %H:%M:%S").replace(tzinfo=dt.UTC)


def _summary(lines: list[str], header: _Header, table: pa.Table) -> None:
    """Hold the rows against the totals at the end, where there are any."""
    titles = [i for i, line in enumerate(lines) if line.startswith("#nfill,")]
    if not titles or titles[-1] + 1 >= len(lines):
        return
    names = [_word(word)[0] for word in lines[titles[-1]].lstrip("#").split(",")]
    totals = dict(
        zip(names, lines[titles[-1] + 1].lstrip("#").split(","), strict=False)
    )
    stated = int(totals.get("nls", table.num_rows))
    if stated != table.num_rows:
        message = (
            f"The summary counts {stated} lumisections and there are "
            f"{table.num_rows} rows. Rows are missing or were added."
        )
        raise DecodeError(message, path="summary", broken=True)
    for total, name, column in (
        ("totdelivered", "delivered", DELIVERED),
        ("totrecorded", "recorded", RECORDED),
    ):
        if total in totals and table.num_rows:
            wanted = float(totals[total])
            found = sum(table[column].to_pylist()) / header.scale(name)
            if abs(found - wanted) > ROUNDING * (table.num_rows + abs(wanted)):
                message = (
                    f"The summary says {total} {wanted} and the rows add up to "
                    f"{found:.9g}. Rows were changed or are missing."
                )
                raise DecodeError(message, path="summary", broken=True)
