"""The pages that both benchmarks read: simulated rows in OMS's JSON:API envelope.

Pages are built once, before anything is timed, and lie on disk as plain and gzipped
files. Values are simulated; what is taken from OMS is their shape: the envelope, the
`links` of every row, nullable numbers, ISO times and floats of mixed precision.
"""

from __future__ import annotations

import gzip
import json
import random
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from omskit.schema.model import Catalogue, Field, Resource

if TYPE_CHECKING:
    from pathlib import Path

    from omskit.schema.model import Kind

RESOURCE = "benchrows"
GZIP_LEVEL = 6  # what Apache's mod_deflate and nginx users commonly run with
NULL_SHARE = 0.1
LUMISECTIONS = 2000
FIRST_RUN = 300_000

_KINDS: tuple[tuple[Kind, int], ...] = (
    ("int", 16),
    ("float", 22),
    ("str", 7),
    ("bool", 8),
    ("time", 5),
)


def _fields() -> tuple[Field, ...]:
    """60 columns: two that identify a row, then 58 of five kinds, half nullable."""
    fields = [
        Field("run_number", ("run_number",), "int", nullable=False),
        Field("lumisection_number", ("lumisection_number",), "int", nullable=False),
    ]
    for kind, count in _KINDS:
        for n in range(count):
            name = f"{kind}_value_{n:02d}"
            fields.append(Field(name, (name,), kind, nullable=n % 2 == 1))
    return tuple(fields)


BENCH = Resource(
    name=RESOURCE,
    fields=_fields(),
    title="Rows made for the benchmark",
    identity=("run_number", "lumisection_number"),
    row_id="{run_number}_{lumisection_number}",
    id_is_real=True,
)


def catalogue() -> Catalogue:
    """The catalogue made for the benchmark: one resource of 60 fields."""
    return Catalogue({RESOURCE: BENCH})


@dataclass(frozen=True, slots=True)
class Shape:
    """How much there is to fetch."""

    pages: int = 200
    rows: int = 1000

    @property
    def total(self) -> int:
        """All rows of all pages."""
        return self.pages * self.rows


def envelope(rows: list[str], offset: int, limit: int, total: int) -> bytes:
    """A page as OMS sends it, around rows that are JSON already."""
    base = f"https://cmsoms.cern.ch/agg/api/v1/{RESOURCE}?page[limit]={limit}"

    def link(at: int) -> str | None:
        if not 0 <= at < total:
            return None
        return f"{base}&page[offset]={at}" if at else base

    last = (total - 1) // limit * limit
    links = {
        "first": link(0),
        "last": link(last),
        "next": link(offset + limit),
        "prev": link(offset - limit),
    }
    tail = {"links": links, "meta": {"totalResourceCount": total}}
    text = '{"data":[' + ",".join(rows) + "]," + json.dumps(tail)[1:]
    return text.encode()


def build(folder: Path, shape: Shape) -> None:
    """Write every page to *folder*, plain and gzipped.

    Cost: about 60 ms of CPU a page of 1000 rows, mostly gzip.
    """
    with ProcessPoolExecutor() as pool:
        list(pool.map(partial(_write, folder, shape), range(shape.pages), chunksize=5))


def _write(folder: Path, shape: Shape, page: int) -> None:
    offset = page * shape.rows
    body = envelope(_rows(offset, shape.rows), offset, shape.rows, shape.total)
    (folder / f"{page:05d}.json").write_bytes(body)
    packed = gzip.compress(body, GZIP_LEVEL, mtime=0)
    (folder / f"{page:05d}.json.gz").write_bytes(packed)


def _rows(offset: int, count: int) -> list[str]:
    dice = random.Random(offset)
    runs = [FIRST_RUN + i // LUMISECTIONS for i in range(offset, offset + count)]
    lumis = [1 + i % LUMISECTIONS for i in range(offset, offset + count)]
    columns = [
        list(map(str, runs)),
        list(map(str, lumis)),
        *(_column(field, count, dice) for field in BENCH.fields[2:]),
    ]
    keys = ",".join(f'"{name}":%s' for name in BENCH.names)
    row = (
        f'{{"id":"%s","type":"{RESOURCE}","attributes":{{{keys}}},"links":'
        f'{{"self":"https://cmsoms.cern.ch/agg/api/v1/{RESOURCE}/%s"}}}}'
    )
    ids = [f"{run}_{lumi}" for run, lumi in zip(runs, lumis, strict=True)]
    return [row % (i, *cells, i) for i, *cells in zip(ids, *columns, strict=True)]


def _column(field: Field, count: int, dice: random.Random) -> list[str]:
    """JSON texts of one column of one page."""
    number = int(field.name[-2:])
    make = _MAKERS[field.kind]
    cells = [make(number, dice) for _ in range(count)]
    if not field.nullable:
        return cells
    return ["null" if dice.random() < NULL_SHARE else cell for cell in cells]


def _int(number: int, dice: random.Random) -> str:
    return str(dice.randrange(10 ** (1 + number % 9)))


def _float(number: int, dice: random.Random) -> str:
    value = dice.random() * 10.0 ** (number % 6)
    return repr(value if number % 3 == 0 else round(value, number % 3 * 3))


def _str(number: int, dice: random.Random) -> str:
    return (
        f'"collisions2018/v{dice.randrange(40)}"'
        if number % 2
        else f'"Run2018{dice.choice("ABCD")}"'
    )


def _bool(_number: int, dice: random.Random) -> str:
    return "true" if dice.random() < 0.9 else "false"


def _time(_number: int, dice: random.Random) -> str:
    day, second = 1 + dice.randrange(28), dice.randrange(86_400)
    hour, minute = second // 3600, second // 60 % 60
    return f'"2018-05-{day:02d}T{hour:02d}:{minute:02d}:{second % 60:02d}Z"'


_MAKERS = {"int": _int, "float": _float, "str": _str, "bool": _bool, "time": _time}
