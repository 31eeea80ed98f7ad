"""Seeded random queries on the demo, compared with brute force over its tables.

``OMSKIT_RANDOM_QUERIES=2000`` runs so many; the suite runs fewer. The other side of the
comparison is plain Python over records: it shares no code with what it judges.
"""

from __future__ import annotations

import asyncio
import csv
import datetime as dt
import fnmatch
import io
import json
import math
import os
import random
import re
import warnings

import pyarrow as pa
import pytest
from pyarrow import parquet
from tests.support.amount import examples

from omskit import AsyncClient, Client
from omskit.cli.app import run as command
from omskit.query import Condition, Query
from omskit.schema import bundled

COUNT = int(os.environ.get("OMSKIT_RANDOM_QUERIES", str(examples(48))))
PARTS = 8
RESOURCES = (
    "runs", "lumisections", "fills", "eras", "l1triggerrates", "deadtimes",
    "hltpathinfo", "prescalechanges", "daqreadouts", "l1configurationkeys",
    "hltconfigdata", "l1prescalesets", "lhcrunconfigurations", "filldetails",
)  # fmt: skip
pytestmark = pytest.mark.filterwarnings("ignore::omskit.errors.OMSWarning")


@pytest.fixture(scope="module")
def oms():
    with Client("demo", audit=False) as client:
        yield client


@pytest.fixture(scope="module")
def rows(oms):
    """Every row of every resource, as records, in natural order."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {name: oms.query(name).fetch().to_records() for name in RESOURCES}


def plain(column):
    """Whether a column's values are the same whatever else is asked."""
    return not column.after_filter and column.kind in {
        "int", "float", "str", "bool", "time", "list"
    }  # fmt: skip


def some_value(dice, values, kind):
    """A value of a column, or one near it."""
    known = [v for v in values if v is not None]
    if not known:
        return {"int": 5, "float": 0.5, "str": "x", "bool": True}.get(kind)
    value = dice.choice(known)
    if kind == "int" and dice.random() < 0.3:
        return value + dice.choice([-1, 1])
    return value


def some_condition(dice, resource, records):
    """A condition that OMS can be asked, of any operator that suits the column."""
    able = [
        f for f in resource.fields if f.filterable and plain(f) and len(f.path) == 1
    ]
    column = dice.choice(able)
    values = [r[column.name] for r in records]
    value = some_value(dice, values, column.kind)
    if column.kind == "list":
        items = [i for v in values if v for i in v]
        return Condition(column.name, "CT", dice.choice(items)) if items else None
    if value is None:
        return None
    if dice.random() < 0.1:
        return Condition(column.name, dice.choice(["EQ", "NEQ"]), None)
    ops = {
        "int": ["EQ", "NEQ", "LT", "LE", "GT", "GE", "IN"],
        "float": ["LT", "LE", "GT", "GE"],
        "str": ["EQ", "NEQ", "LIKE", "GLOB", "IN"],
        "bool": ["EQ", "NEQ"],
        "time": ["LT", "LE", "GT", "GE"],
    }
    op = dice.choice(ops[column.kind])
    if op == "IN":
        several = {some_value(dice, values, column.kind) for _ in range(3)} - {None}
        return Condition(column.name, "IN", tuple(sorted(several)))
    if op == "LIKE":
        return Condition(column.name, op, value[: dice.randrange(len(value) + 1)] + "%")
    if op == "GLOB":
        head = re.sub(r"[\[\]?*!]", "?", value[: dice.randrange(1, len(value) + 1)])
        return Condition(column.name, op, head + "*")
    return Condition(column.name, op, value)


def some_query(dice, rows):
    """A query that is valid on the demo."""
    name = dice.choice(RESOURCES)
    resource, records = bundled()[name], rows[name]
    query = Query(name)
    for _ in range(dice.choice([0, 1, 1, 2, 3])):
        condition = some_condition(dice, resource, records)
        if condition is not None:
            query = query.where(condition)
    if dice.random() < 0.5:
        able = [f.name for f in resource.fields if f.sortable and plain(f)
                and f.kind != "list" and len(f.path) == 1]  # fmt: skip
        keys = dice.sample(able, min(len(able), dice.choice([1, 1, 2])))
        query = query.sort(*(dice.choice(["", "-"]) + key for key in keys))
    if dice.random() < 0.5:
        names = [f.name for f in resource.fields if plain(f) and len(f.path) == 1]
        query = query.select(*dice.sample(names, min(len(names), dice.randint(1, 4))))
    if dice.random() < 0.4:
        query = query.limit(dice.choice([1, 2, 3, 10, 500]))
    return query


def holds(condition, row):
    """Whether a row fulfils a condition, by SQL's rules; unknown is no."""
    found, value, op = row[condition.field], condition.value, condition.op
    if value is None:
        return (found is None) == (op == "EQ")
    if found is None:
        return False
    if op == "IN":
        return found in value
    if op == "CT":
        return value in found
    if op == "LIKE":
        parts = {"%": ".*", "_": "."}
        pattern = "".join(parts.get(c, re.escape(c)) for c in value)
        return re.fullmatch(pattern, found, re.DOTALL) is not None
    if op == "GLOB":
        return fnmatch.fnmatchcase(found, value)
    return {
        "EQ": found == value,
        "NEQ": found != value,
        "LT": found < value,
        "LE": found <= value,
        "GT": found > value,
        "GE": found >= value,
    }[op]


def brute(query, records):
    """The rows of a query: filtered, sorted with nulls last, and cut."""
    kept = [r for r in records if all(holds(c, r) for c in query.conditions)]
    for key in reversed(query.order):
        name = key.removeprefix("-")
        known = [r for r in kept if r[name] is not None]
        known.sort(key=lambda r, n=name: r[n], reverse=key.startswith("-"))
        kept = known + [r for r in kept if r[name] is None]
    if query.maximum is not None:
        kept = kept[: query.maximum]
    # The luminosity of the next row of the answer is not for the tables to say.
    shown = [n for n in (query.fields or records[0]) if n != "end_lumi"]
    return [{name: row[name] for name in shown} for row in kept]


def same(found, wanted):
    """Whether two lists of records are equal; decimals up to their last digit."""
    if len(found) != len(wanted):
        return False
    return all(
        equal(row[name], other[name])
        for row, other in zip(found, wanted, strict=True)
        for name in other
    )


def equal(a, b):
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-15)
    return a == b


def text_of(condition):
    """A condition as the command line takes it, or None where it has no words."""
    value = condition.value
    words = {"EQ": "=", "NEQ": "!=", "LT": "<", "LE": "<=", "GT": ">", "GE": ">=",
             "LIKE": "~", "CT": "has", "GLOB": "matches", "IN": "in"}  # fmt: skip
    if condition.op == "IN":
        if any(isinstance(v, str) and re.search(r"[,'\"\s]", v) for v in value):
            return None
        return f"{condition.field} in {','.join(map(str, value))}"
    if value is None:
        shown = "null"
    elif isinstance(value, bool):
        shown = str(value).lower()
    elif isinstance(value, dt.datetime):
        shown = value.strftime("%Y-%m-%dT%H:%M:%SZ")
    elif isinstance(value, str):
        if "'" in value or value != value.strip():
            return None
        shown = f"'{value}'"
    else:
        shown = repr(value)
    return f"{condition.field} {words[condition.op]} {shown}"


def by_command(query, form, capsysbinary):
    """The rows that the command gives, or None where it cannot be asked."""
    words = ["get", query.resource, "-i", "demo", "-q", "-f", form, "--all"]
    for condition in query.conditions:
        text = text_of(condition)
        if text is None:
            return None
        words += ["--where", text]
    if query.order:
        words += [f"--sort={','.join(query.order)}"]
    if query.fields:
        words += ["--fields", ",".join(query.fields)]
    if query.maximum:
        words += ["--limit", str(query.maximum)]
    code = command(words)
    said = capsysbinary.readouterr()
    found = read(form, said.out)
    assert code == (0 if found else 1), (words, said.err)
    return found


def read(form, written):
    """The rows that were written."""
    if form == "parquet":
        return parquet.read_table(io.BytesIO(written)).to_pylist()
    if form == "json":
        return json.loads(written)
    return list(csv.DictReader(io.StringIO(written.decode(), newline="")))


def as_json(value):
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return value


def as_csv(text, value):
    """A cell of CSV as a value of the same kind."""
    if value is None or text == "":
        return value if value == text else None
    if isinstance(value, bool):
        return {"true": True, "false": False}[text]
    if isinstance(value, list):
        return json.loads(text)
    if isinstance(value, (int, float)):
        return type(value)(text)
    return text


@pytest.mark.timeout(10800)  # the full campaign; the suite takes a minute
@pytest.mark.parametrize("part", range(PARTS))
def test_random_queries(part, oms, rows, capsysbinary):
    """fetch, pages, count, both drivers and the command agree with brute force."""
    for number in range(part, COUNT, PARTS):
        dice = random.Random(f"omskit {number}")
        query = some_query(dice, rows)
        wanted = brute(query, rows[query.resource])
        bound = oms.bind(query).options(page_size=dice.choice([7, 100, 1000]))
        where = f"query {number}: {query}"
        table = bound.fetch()
        assert same(table.to_records(), wanted), where
        assert table.complete, where
        assert bound.count() == len(wanted), where
        pages = [page.arrow for page in bound.pages()]
        paged = pa.concat_tables(pages, promote_options="permissive").to_pylist()
        assert same(paged, wanted), where
        if number % 4 == 0:
            assert same(asyncio.run(awaited(query)), wanted), where
        form = ("json", "csv", "parquet")[number % 3]
        found = by_command(query, form, capsysbinary)
        if found is None:
            continue
        if form == "parquet":
            assert same(found, wanted), where
        elif form == "json":
            plain_rows = [{k: as_json(v) for k, v in r.items()} for r in wanted]
            assert same(found, plain_rows), where
        else:
            plain_rows = [{k: as_json(v) for k, v in r.items()} for r in wanted]
            assert len(found) == len(plain_rows), where
            for row, other in zip(found, plain_rows, strict=True):
                for name, value in other.items():
                    assert equal(as_csv(row[name], value), value), (where, name)


async def awaited(query):
    async with AsyncClient("demo", audit=False) as client:
        table = await client.bind(query).fetch()
        return table.to_records()
