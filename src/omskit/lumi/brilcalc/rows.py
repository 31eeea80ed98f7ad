"""Rows of brilcalc as tables, each of a kind that its header tells.

Kinds, with the resource that the table names: ``brilcalc`` (integrated luminosity per
lumisection), ``brilcalc rates`` (instantaneous, ``-u hz/ub`` or ``1e30/cm2s``),
``brilcalc pileup`` (no luminosity), ``brilcalc runs`` (sums over runs, without
``--byls``), ``brilcalc prescales`` (``brilcalc trg``). A column ``hltpath`` is a key:
with it the numbers are those of a path, not of the run, and the resource says so
(``brilcalc paths``, ``brilcalc paths by run``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from omskit.errors import DecodeError, UnitError
from omskit.lumi.brilcalc.cells import decimal, is_nothing, moment, scale_of, whole
from omskit.lumi.brilcalc.text import Block, Header, Section, blocks, sign_of
from omskit.lumi.integral import DELIVERED, FILL, RECORDED
from omskit.lumi.tables import RUN, SINGLE
from omskit.schema.units import INSTANTANEOUS
from omskit.table import Table, with_unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROUNDING = 1e-8
"""Half of the last digit that brilcalc prints, and a little."""
LUMISECTIONS, RATES, PILEUP = "brilcalc", "brilcalc rates", "brilcalc pileup"
RUNS, PATHS, PATHS_BY_RUN = "brilcalc runs", "brilcalc paths", "brilcalc paths by run"
PRESCALES = "brilcalc prescales"
PATH = "hltpath"

_TEXTS = {"beamstatus": "beam_status", "beam status": "beam_status"}
_TIMES = ("time", "utctime")
_KNOWN = {
    "", "run:fill", "run", "fill", "ls", "cmsls", *_TIMES, *_TEXTS, "e", "avgpu",
    "delivered", "recorded", "source", "nls", "ncms", "prescidx", "totprescval",
    "hltpath/prescval",
}  # fmt: skip

Column = tuple[pa.Field, "Callable[[list[str]], Any]"]


def read_brilcalc_table(document: str | bytes) -> Table:
    """The rows of any output of brilcalc, as a table that says what it is.

    Every style is read: CSV with and without ``#``, the default table style, gzip,
    several outputs in one file (of one kind), the header of Run 1. Each header holds
    for the rows below it, and each summary is compared with its own rows.

    Returns:
        The kind is in ``table.resource``, units are in the fields: integrals in /pb,
        rates in 10^30 cm^-2 s^-1. ``cms_active`` is false where brilcalc writes
        ``13:0``. Columns that omskit does not know are kept as text under their name;
        those of ``--xing`` as lists: ``bx``, ``bx_delivered``, ``bx_recorded``.

    Raises:
        DecodeError: There is no header, a line breaks off, kinds are mixed, or rows
            and summary disagree; the path names the line.
        UnitError: A luminosity has no unit, or one that is none.

    Example:
        >>> head = "#run:fill,ls,hltpath,delivered(/nb),recorded(/nb)"
        >>> row = "297050:5839,12:12,HLT_Mu50_v6,160,154"
        >>> found = read_brilcalc_table(head + chr(10) + row)
        >>> found.resource, found.columns[:3]
        ('brilcalc paths', ['run_number', 'lumisection_number', 'fill_number'])
    """
    tables: list[pa.Table] = []
    kinds: dict[str, int] = {}
    for block in blocks(document):
        parts = []
        for section in block.sections:
            kind, table = _table(section)
            kinds.setdefault(kind, section.header.line)
            parts.append(table)
        _check_summary(block, parts)
        tables += parts
    if len(kinds) > 1:
        told = " and ".join(f"{kind!r} (line {line})" for kind, line in kinds.items())
        message = f"This file holds tables of several kinds: {told}. Read them apart."
        raise DecodeError(message, path="header")
    whole_table = pa.concat_tables(tables, promote_options="permissive")
    return Table(whole_table, resource=next(iter(kinds)))


def read_brilcalc(document: str | bytes) -> Table:
    """The luminosity of each lumisection, in /pb, as brilcalc printed it.

    Args:
        document: The text or the bytes of the file, also gzip; not a path
            (see `omskit.lumi.files.read_luminosity`).

    Raises:
        DecodeError: It is another output of brilcalc, or as `read_brilcalc_table`.
        UnitError: It holds rates, or a unit that is none.

    Example:
        >>> head = "#run:fill,ls,delivered(/nb),recorded(/nb)"
        >>> rows = read_brilcalc(head + chr(10) + "297050:5839,12:12,160,154")
        >>> rows.to_records()[0]["delivered_lumi_per_lumisection"]
        0.16
    """
    table = read_brilcalc_table(document)
    if table.resource == LUMISECTIONS:
        return table
    if table.resource == RATES:
        message = (
            "This CSV of brilcalc holds rates (instantaneous luminosities), no "
            "integrals. Run brilcalc with -u /pb."
        )
        raise UnitError(message)
    message = (
        "This CSV of brilcalc is not luminosity per lumisection: "
        f"{_INSTEAD[table.resource]}. read_brilcalc_table() reads it as what it is."
    )
    raise DecodeError(message, path="header")


_INSTEAD = {
    PILEUP: "it holds pileup alone, which is no luminosity",
    RUNS: "it holds sums over runs, not lumisections; add --byls",
    PATHS: "its column hltpath makes it the luminosity of paths",
    PATHS_BY_RUN: "it holds sums over runs and paths",
    PRESCALES: "it holds prescales of paths (brilcalc trg)",
}


def _kind(header: Header) -> str:
    """What the rows below a header are.

    Raises:
        DecodeError: A column is missing that every kind needs.
    """
    names = set(header.names)
    if "hltpath/prescval" in names:
        return PRESCALES
    by_lumisection = header.at("ls", "cmsls") is not None
    if by_lumisection and not names & {"delivered", "recorded"} and "avgpu" in names:
        return PILEUP
    for name in ("delivered", "recorded"):
        if name not in names:
            what = sign_of(header)
            message = "This CSV of brilcalc is not luminosity per lumisection: " + (
                f"it holds {what}." if what else f"it has no column {name}."
            )
            raise DecodeError(message, path="header")
    if not by_lumisection:
        return PATHS_BY_RUN if PATH in names else RUNS
    if PATH in names:
        return PATHS
    units = {scale_of(name, header.unit(name))[0] for name in ("delivered", "recorded")}
    return RATES if INSTANTANEOUS in units else LUMISECTIONS


def _table(section: Section) -> tuple[str, pa.Table]:
    """The kind of a section, and its rows."""
    kind = _kind(section.header)
    columns = list(_columns(section.header))
    values: list[list[Any]] = [[] for _ in columns]
    for number, cells in section.rows:
        try:
            for held, (_, read) in zip(values, columns, strict=True):
                held.append(read(cells))
        except (ValueError, OverflowError, OSError, IndexError) as error:
            message = f"Not a row of brilcalc: {str(error)[:120]}"
            raise DecodeError(message, path=f"line {number}") from error
    schema = pa.schema([field for field, _ in columns])
    arrays = [
        pa.array(held, field.type) for held, field in zip(values, schema, strict=True)
    ]
    return kind, pa.table(arrays, schema=schema)


def _columns(header: Header) -> Iterator[Column]:
    """The columns of the table, and how each is read from the cells of a row."""
    yield from _keys(header)
    yield from _times_and_beam(header)
    yield from _luminosities(header)
    for name, column in (("nls", "lumisections"), ("ncms", "cms_lumisections")):
        if name in header.names:
            yield _column(pa.field(column, pa.int64()), header.at(name), whole)
    if "hltpath/prescval" in header.names:
        yield from _prescales(header)
    for place, name in enumerate(header.names):
        if name.startswith("[bx") or "bxidx" in name:
            yield from _crossings(header, place)
        elif name not in _KNOWN:
            yield _column(pa.field(name, pa.string()), place, _text)


def _column(
    field: pa.Field, place: int | None, read: Callable[[str], Any], scale: float = 1.0
) -> Column:
    """A column that is one cell of a row; empty cells and columns are null."""

    def cell(cells: list[str]) -> Any:
        text = "" if place is None else cells[place]
        value = None if is_nothing(text) and read is not _text else read(text)
        return value * scale if scale != 1.0 and value is not None else value

    return field, cell


def _text(text: str) -> str | None:
    return text or None


def _keys(header: Header) -> Iterator[Column]:
    """Run, lumisection, fill; and whether CMS was active in the lumisection."""
    run = header.at("run:fill", "run")
    assert run is not None
    fill = header.at("fill")
    yield pa.field(RUN, pa.int64()), lambda cells: whole(cells[run].split(":")[0], 1)
    number = header.at("ls", "cmsls")
    if number is not None:
        at = number

        def lumisection(cells: list[str]) -> int:
            return whole(cells[at].split(":")[0], 1)

        yield pa.field(SINGLE, pa.int64()), lumisection
    if ":" in header.names[run]:
        yield pa.field(FILL, pa.int64()), lambda cells: _second(cells[run])
    elif fill is not None:
        yield _column(pa.field(FILL, pa.int64()), fill, whole)
    if number is not None and header.names[number] == "ls":
        at = number
        yield pa.field("cms_active", pa.bool_()), lambda cells: _active(cells[at])


def _second(cell: str) -> int:
    """The fill in ``run:fill``."""
    _, colon, fill = cell.partition(":")
    if not colon:
        message = f"{cell[:40]!r} is no run:fill"
        raise ValueError(message)
    return whole(fill)


def _active(cell: str) -> bool | None:
    """What ``13:13`` and ``13:0`` say; a number alone says nothing."""
    first, colon, second = cell.partition(":")
    if not colon:
        return None
    number, active = whole(first, 1), whole(second)
    if active not in {0, number}:
        message = (
            f"{cell[:40]!r} is no lumisection: the second number is the first or 0"
        )
        raise ValueError(message)
    return bool(active)


def _times_and_beam(header: Header) -> Iterator[Column]:
    places = {
        "start_time": (header.at(*_TIMES), pa.timestamp("us", "UTC"), moment, None),
        "beam_status": (header.at(*_TEXTS), pa.string(), _text, None),
        "energy": (header.at("e"), pa.float64(), decimal, "GeV"),
    }
    for name, (place, kind, read, unit) in places.items():
        if "prescidx" in header.names or "totprescval" in header.names:
            return
        yield _column(with_unit(pa.field(name, kind), unit), place, read)


def _luminosities(header: Header) -> Iterator[Column]:
    """Delivered and recorded in a canonical unit, pileup, and who measured."""
    by_lumisection = header.at("ls", "cmsls") is not None
    for name, column in (("delivered", DELIVERED), ("recorded", RECORDED)):
        if name not in header.names:
            continue
        unit, scale = scale_of(name, header.unit(name))
        called = column if by_lumisection else f"{name}_lumi"
        if unit == INSTANTANEOUS:
            called = f"{name}_lumi_rate"
        place = header.names.index(name)
        field = with_unit(pa.field(called, pa.float64()), unit)
        yield field, _number_at(place, scale)
    if "totprescval" in header.names:
        return
    yield _column(pa.field("pileup", pa.float64()), header.at("avgpu"), decimal)
    yield _column(pa.field("source", pa.string()), header.at("source"), _text)


def _number_at(place: int, scale: float) -> Callable[[list[str]], float | None]:
    """A cell that must be a number: a luminosity that is empty is no zero.

    lumiCalc2 writes ``n/a`` where it knows none, which is null.
    """

    def read(cells: list[str]) -> float | None:
        text = cells[place]
        return None if text and is_nothing(text) else decimal(text) * scale

    return read


def _prescales(header: Header) -> Iterator[Column]:
    """Prescale column, total prescale, path and its HLT prescale."""
    pair = header.at("hltpath/prescval")
    assert pair is not None
    index, total = header.at("prescidx"), header.at("totprescval")
    if index is not None:
        yield _column(pa.field("prescale_index", pa.int64()), index, whole)
    yield _column(pa.field("total_prescale", pa.float64()), total, decimal)
    yield pa.field(PATH, pa.string()), lambda cells: _named(cells[pair])[0]
    yield pa.field("hlt_prescale", pa.int64()), lambda cells: _named(cells[pair])[1]


def _named(cell: str) -> tuple[str, int]:
    """``HLT_PFJet40_v28/30`` as name and number."""
    name, slash, number = cell.rpartition("/")
    if not slash or not name:
        message = f"{cell[:60]!r} is no path/prescale"
        raise ValueError(message)
    return name, whole(number)


def _crossings(header: Header, place: int) -> Iterator[Column]:
    """The bracketed column of ``--xing``: threes of crossing, delivered, recorded."""
    unit, scale = scale_of("bxdelivered", header.unit("delivered"))

    def third(offset: int) -> Callable[[list[str]], list[Any]]:
        def read(cells: list[str]) -> list[Any]:
            words = cells[place].strip("[]").replace(",", " ").split()
            if len(words) % 3:
                message = f"{len(words)} numbers of crossings are not threes"
                raise ValueError(message)
            mine = words[offset::3]
            return [decimal(w) * scale for w in mine] if offset else [*map(whole, mine)]

        return read

    yield pa.field("bx", pa.list_(pa.int64())), third(0)
    for offset, name in ((1, "bx_delivered"), (2, "bx_recorded")):
        field = with_unit(pa.field(name, pa.list_(pa.float64())), unit)
        yield field, third(offset)


def _check_summary(block: Block, tables: list[pa.Table]) -> None:
    """Compare the rows of a block with the totals below them, where there are any."""
    summary = block.summary
    if summary is None or len(block.totals) != len(summary.names):
        return
    if any(PATH in section.header.names for section in block.sections):
        return  # There a summary is of each path, in columns of its own.
    totals = dict(zip(summary.names, block.totals, strict=True))
    path = f"line {summary.line}"
    try:
        stated = {n: decimal(t.strip()) for n, t in totals.items() if t.strip()}
    except ValueError as error:
        message = f"The summary cannot be read: {error}."
        raise DecodeError(message, path=path, broken=True) from error
    count = sum(
        sum(t["lumisections"].to_pylist()) if "lumisections" in t.column_names
        else t.num_rows
        for t in tables
    )  # fmt: skip
    if stated.get("nls", count) != count:
        message = (
            f"The summary counts {stated['nls']:.0f} lumisections and there "
            f"{'is 1 row' if count == 1 else f'are {count} rows'}. "
            "Rows are missing or were added."
        )
        raise DecodeError(message, path=path, broken=True)
    for name in ("delivered", "recorded"):
        _check_total(name, stated, summary, tables, count)


def _check_total(
    name: str,
    stated: dict[str, float],
    summary: Header,
    tables: list[pa.Table],
    count: int,
) -> None:
    total = f"tot{name}"
    if total not in stated or not count:
        return
    _, scale = scale_of(total, summary.unit(total))
    found = sum(
        sum(v for v in table[column].to_pylist() if v is not None)
        for table in tables
        for column in table.column_names
        if column.startswith(f"{name}_lumi")
    )
    wanted = stated[total] * scale
    if abs(found - wanted) > ROUNDING * scale * (count + abs(stated[total])):
        message = (
            f"The summary says {total} {stated[total]:.9g} and the rows add up to "
            f"{found / scale:.9g}. Rows were changed or are missing."
        )
        raise DecodeError(message, path=f"line {summary.line}", broken=True)
