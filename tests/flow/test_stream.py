from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import product

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.amount import examples, some
from tests.support.contexts import context_of
from tests.support.interpreter import Interpreter
from tests.support.smallservice import BASE, SmallService, lumis, page, refusal

from omskit import Client, LumiMask, field
from omskit.effects import Emit, Send
from omskit.errors import DecodeError, IncompleteError, ServiceError, UnitError
from omskit.flow import count, explain, fetch, pages
from omskit.flow.audit import missing
from omskit.flow.identity import Seen, repeated
from omskit.query import Query, Selection
from omskit.schema import bundled

UNITS = {
    "lumisections": {
        "init_lumi": "10^{34}cm^{-2}s^{-1}",
        "end_lumi": "10^{34}cm^{-2}s^{-1}",
        "delivered_lumi": "nb^{-1}",
    }
}
LUMIS = bundled()["lumisections"]
RUNS = (1, 2, 3, 5, 8, 9)
ROWS = [row for run in RUNS for row in lumis(run, 7 + run, missing={run})]


def small(**options):
    """Six runs of 7 to 15 lumisections, each with a gap."""
    return SmallService({"lumisections": ROWS, "runs": []}, units=UNITS, **options)


def selected(draw, query):
    """Runs by list, range, mask or not at all."""
    runs = draw(st.lists(st.sampled_from([*RUNS, 4]), min_size=1, max_size=6))
    way = draw(st.sampled_from(["all", "list", "range", "lists", "mask"]))
    if way == "list":
        return query.where(field("run_number").is_in(runs))
    if way == "range":
        return query.where(field("run_number").between(min(runs), max(runs)))
    if way == "lists":
        numbers = draw(st.lists(st.integers(1, 16), min_size=1, max_size=6))
        query = query.where(field("run_number").is_in(runs))
        return query.where(field("lumisection_number").is_in(numbers))
    if way == "mask":
        ranges = {str(run): [[2, 4], [6, 6 + run]] for run in runs}
        return replace(query, selection=Selection(mask=LumiMask.from_json(ranges)))
    return query


@st.composite
def questions(draw):
    """Questions with lists, masks, local filters, sorts, columns and limits."""
    query = selected(draw, Query("lumisections"))
    if draw(st.booleans()):
        query = query.where(field("delivered_lumi") > draw(st.integers(0, 20)) * 1e-3)
    if draw(st.booleans()):
        query = query.where(field("cms_active") == draw(st.booleans()))
    keys = ["run_number", "lumisection_number", "cms_active", "init_lumi"]
    order = draw(st.lists(st.sampled_from(keys), max_size=2, unique=True))
    signs = draw(st.lists(st.sampled_from(["", "-"]), min_size=2, max_size=2))
    if order:
        query = query.sort(*(s + k for s, k in zip(signs, order, strict=False)))
    if draw(st.booleans()):
        query = query.select("lumisection_number", "end_lumi", "run_number")
    return query.limit(draw(st.integers(1, 30))) if draw(st.booleans()) else query


def run(flow, service):
    world = Interpreter(service)
    return world.run(flow), world


def words(notes):
    """Notes without their numbers."""
    return {re.sub(r"\d+( rows?)?", "#", note) for note in notes}


@given(questions(), st.integers(1, 9), st.booleans(), st.booleans())
@settings(max_examples=examples(60), deadline=None)
def test_pages_together_are_the_fetch(query, size, raw, later_first):
    """Whatever is asked, the pages one after the other are what fetch() gives."""
    context = context_of(page_size=size, raw=raw, concurrency=2)
    whole, _ = run(fetch(query, context), small())
    world = Interpreter(small(), later_first=later_first)
    world.run(pages(query, context))
    told = [table.arrow for table in world.tables]
    assert pa.concat_tables(told).equals(whole.arrow, check_metadata=True)
    assert all(0 < len(table) <= size for table in told) or len(told) == 1
    assert all(table.complete for table in world.tables)
    assert world.most_flying <= context.settings.window
    said = [note for table in world.tables for note in table.warnings]
    assert len(said) == len(set(said))
    if query.maximum is None:
        assert words(said) == words(whole.warnings)


PAGED = {
    "list": Query("lumisections").where(field("run_number").is_in([1, 3, 5, 9])),
    "downwards": Query("lumisections")
    .where(field("run_number").is_in([1, 3, 5, 9]))
    .sort("-run_number"),
    "mask": Query(
        "lumisections",
        selection=Selection(mask=LumiMask.from_json({"1": [[1, 9]], "9": [[1, 9]]})),
    ),
    "local filter": Query("lumisections").where(field("init_lumi") > 1),
    "next lumisection": Query("lumisections").sort("-run_number"),
}
SORTED = {
    "luminosity": Query("lumisections").sort("init_lumi"),
    "interleaved": Query("lumisections")
    .where(field("run_number").is_in([1, 3]))
    .sort("lumisection_number")
    .select("cms_active"),
    "next": Query("lumisections").sort("cms_active"),
}


@pytest.mark.parametrize("name", PAGED)
def test_the_first_table_comes_before_the_window_is_passed(name):
    """What need not be sorted here is given while later pages are not yet asked for."""
    context = context_of(page_size=2, concurrency=2)
    world = Interpreter(small())
    world.run(pages(PAGED[name], context))
    kinds = [e for e in world.effects if isinstance(e, Send | Emit)]
    first = next(n for n, effect in enumerate(kinds) if isinstance(effect, Emit))
    assert first <= context.settings.window + 2
    assert len(world.sent) > 2 * context.settings.window
    assert world.most_flying <= context.settings.window
    text, _ = run(explain(PAGED[name], context), small())
    assert "reads all rows" not in text


@pytest.mark.parametrize("name", SORTED)
def test_what_is_sorted_here_is_read_whole_and_said(name):
    """A sort that OMS cannot do needs all rows first, and explain() says so."""
    context = context_of(page_size=2)
    world = Interpreter(small())
    world.run(pages(SORTED[name], context))
    kinds = [type(e) for e in world.effects if isinstance(e, Send | Emit)]
    assert kinds == sorted(kinds, key=[Send, Emit].index)
    text, _ = run(explain(SORTED[name], context), small())
    assert "pages() reads all rows before the first: " in text


def test_a_reached_limit_ends_the_asking():
    """With a limit and a filter applied here, pages end with the window."""
    rows = {"lumisections": lumis(1, 1000), "runs": []}
    query = Query("lumisections").where(field("init_lumi") > 1).limit(12)
    context = context_of(concurrency=2)
    world = Interpreter(SmallService(rows, units=UNITS))
    world.run(pages(query, context))
    assert sum(map(len, world.tables)) == 12
    assert all(table.complete for table in world.tables)
    assert len(world.sent) <= 4 + context.settings.window


def test_lists_are_read_side_by_side():
    """The first pages of several runs are on their way at once."""
    world = Interpreter(small())
    world.run(pages(PAGED["list"], context_of(page_size=100, concurrency=4)))
    assert world.most_flying == 4


@pytest.mark.parametrize(
    ("runs", "least", "later_first"),
    some(
        [
            *product(
                ([1, 3, 5, 9], [4, 1, 4, 9, 77], [4, 77]),
                (None, 0.012, 99),
                (True, False),
            )
        ]
    ),
)
def test_the_total_of_a_page_is_of_its_addresses(runs, least, later_first):
    """A receipt counts the rows that match what it says was asked, from the first."""
    query = Query("lumisections").where(field("run_number").is_in(runs))
    if least is not None:
        query = query.where(field("delivered_lumi") > least)
    context = context_of(page_size=3)
    whole, _ = run(fetch(query, context), small())
    world = Interpreter(small(), later_first=later_first)
    world.run(pages(query, context))
    urls = []
    for table in world.tables:
        receipt = table.receipt
        urls += receipt.urls
        asked = {int(re.search(r"EQ\]=(\d+)", url)[1]) for url in receipt.urls}
        assert receipt.total == sum(6 + n for n in asked if n in RUNS)
        assert receipt.rows == len(table)
    assert sorted(urls) == sorted(whole.receipt.urls)
    assert whole.receipt.total == sum(6 + n for n in set(runs) if n in RUNS)


def altered(change, text):
    """A service whose answers to URLs with *text* are changed by *change*."""

    def fault(request):
        if text not in request.url:
            return None
        found = json.loads(small()(request).body)
        change(found)
        return page(**found)

    return small(faults=[fault])


def test_a_page_that_is_short_before_the_limit_is_told():
    """Where rows are missing before the limit is reached, the table is not complete."""

    def shorten(found):
        del found["data"][0]

    query = Query("lumisections").where(field("init_lumi") > 1).limit(12)
    service = altered(shorten, "page[offset]=5&")
    with pytest.raises(IncompleteError, match="of 20 rows came back"):
        run(pages(query, context_of()), service)


@pytest.mark.parametrize("ask", [fetch, pages])
def test_rows_of_another_request_are_refused(ask):
    """A service that answers one run of a list with another's rows is found out."""

    def mistake(request):
        if "filter[run_number][EQ]=5" not in request.url:
            return None
        other = replace(request, url=request.url.replace("[EQ]=5", "[EQ]=1"))
        return small()(other)

    with pytest.raises(ServiceError, match="answered another question"):
        run(ask(PAGED["list"], context_of()), small(faults=[mistake]))


@pytest.mark.parametrize("ask", [fetch, pages])
def test_the_same_id_in_two_requests_is_told(ask):
    """A row of one request that has the id of a row of another is told."""

    def rename(found):
        found["data"][0]["id"] = "1_2"

    query = Query("lumisections").where(field("run_number").is_in([1, 5]))
    service = altered(rename, "[EQ]=5&")
    with pytest.raises(IncompleteError, match="1_2"):
        run(ask(query, context_of(page_size=100)), service)


def test_a_unit_that_is_lost_on_the_way_is_refused():
    """Pages never mix numbers of one unit with numbers of none."""

    def forget(found):
        for row in found["data"]:
            row.pop("meta")

    service = altered(forget, "page[offset]=10&")
    with pytest.raises(UnitError, match="units='raw' keeps"):
        run(pages(Query("lumisections"), context_of()), service)
    alone = Query("lumisections").select("end_lumi")
    with pytest.raises(UnitError, match="end_lumi"):
        run(pages(alone, context_of()), service)


def test_an_endless_total_is_not_read_for_ever():
    """A total far too high ends with the first empty page, not with a billion."""
    service = small(total=lambda count: 10**12)
    world = Interpreter(service)
    with pytest.raises(IncompleteError, match="of 1000000000000 rows"):
        world.run(pages(Query("lumisections"), context_of()))
    assert len(world.sent) < 40
    world = Interpreter(service)
    with pytest.raises(IncompleteError, match="of 1000000000000 rows"):
        world.run(fetch(Query("lumisections"), context_of()))
    assert len(world.sent) < 120


@pytest.mark.parametrize("total", [10**18, 10**30, -1, "25", 25.5, True, "Infinity"])
@pytest.mark.parametrize("ask", [fetch, pages, count])
def test_a_total_that_is_none_is_refused(ask, total):
    """A total that is no plausible count is a DecodeError that names it."""
    service = small(total=lambda _: total)
    world = Interpreter(service)
    with pytest.raises(DecodeError) as caught:
        world.run(ask(Query("lumisections"), context_of()))
    assert caught.value.path == "$.meta.totalResourceCount"
    assert len(world.sent) == 1


def test_with_partial_answers_a_dead_service_is_left_alone():
    """With allow_partial, ten pages in a row that fail end the reading."""

    def dead(request):
        return None if "page[offset]=0&" in request.url else refusal(500, "gone")

    rows = {"lumisections": lumis(1, 1000), "runs": []}
    world = Interpreter(SmallService(rows, units=UNITS, faults=[dead]))
    query = Query("lumisections")
    table = world.run(fetch(query, context_of(allow_partial=True, concurrency=2)))
    assert not table.complete
    assert len(table) == 5
    assert len(world.sent) <= 1 + 10 + 4


KEYS = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.integers(-1, 9) | st.none(),
        st.sampled_from(["1_2", "1_3", "2_1", "07", "7", "x", "1_2_3", None]),
    ),
    min_size=1,
    max_size=8,
)


@given(st.lists(KEYS, min_size=1, max_size=4), st.sampled_from(["fills", "rates"]))
@settings(max_examples=examples(300))
def test_what_a_stream_has_seen_is_what_came(found, name):
    """Kept as ranges, identities tell of the same rows as all keys side by side."""
    resource = bundled()["l1triggerrates" if name == "rates" else "fills"]
    tables = [
        pa.table(
            {
                "run_number": pa.array([run for run, _, _ in keys], pa.int64()),
                "first_lumisection_number": pa.array([n for _, n, _ in keys]),
                "@id": pa.array([text for _, _, text in keys], pa.string()),
            }
        )
        for keys in found
    ]
    seen = Seen(resource)
    for table in tables:
        seen.add(table)
    expected = repeated(tables, resource)
    assert (seen.flaw() is None) == (expected is None)
    if expected and "more than once" in expected:
        assert seen.flaw().split()[0] == expected.split()[0]


def test_a_stream_remembers_little():
    """Rows in the order of their identity are remembered as a range a run and page."""
    seen, worded = Seen(LUMIS), Seen(bundled()["hltpathrates"])
    for run_number in range(300, 320):
        numbers = pa.array(range(1, 1001), pa.int64())
        ids = pa.array([f"{run_number}_{n}" for n in range(1, 1001)])
        seen.add(pa.table({"@id": ids}))
        columns = {"run_number": pa.array([run_number] * 1000)}
        columns["path_name"] = pa.array(["HLT_a", "HLT_b"] * 500)
        columns["first_lumisection_number"] = numbers
        table = pa.table(columns)
        worded.add(table.sort_by("path_name"))
    assert seen.nbytes == 20 * 3 * 8
    assert worded.nbytes <= 20 * 1000 * 4 * 8
    assert seen.flaw() is None
    assert worded.flaw() is None
    worded.add(table.slice(7, 1))
    assert worded.flaw() == "1 rows came more than once, the first 319, HLT_b, 8"


def test_a_last_lumisection_that_cannot_be_is_no_array():
    """Gaps are told for any last number that a service may claim."""
    assert missing(np.array([1, 2, 5, 2]), 10**15) == [(3, 4), (6, 10**15)]
    assert missing(np.array([], np.int64), 0) == []


@pytest.mark.parametrize("name", [*PAGED, *SORTED])
def test_each_page_says_how_it_was_obtained(name):
    """The receipts of pages name the addresses asked for and count their own rows."""
    query = {**PAGED, **SORTED}[name]
    world = Interpreter(small())
    world.run(pages(query, context_of(page_size=3)))
    receipts = [table.receipt for table in world.tables]
    assert [r.rows for r in receipts] == [len(table) for table in world.tables]
    named = [url for r in receipts for url in r.urls]
    asked = [url.removeprefix(f"{BASE}/") for url in world.sent]
    if name in PAGED:
        assert sorted(named) == sorted(asked)
    assert set(named) == set(asked)
    whole, _ = run(fetch(query, context_of(page_size=3)), small())
    questions = {url.split("&page")[0]: r.total for r in receipts for url in r.urls}
    if name in PAGED:
        assert sum(questions.values()) == whole.receipt.total
    else:
        assert {r.total for r in receipts} == {whole.receipt.total}
    assert {r.service for r in receipts} == {BASE}
    assert {r.question for r in receipts} == {""}
    assert all(r.sha256 for r in receipts)


DIM = (297047, 297060)
"""Runs of the demo, some without luminosity: their zeros have no unit."""


def test_zeros_without_a_unit_are_zeros():
    """Runs without luminosity between others: fetch, pages and filters agree."""
    with Client("demo", audit=False, progress=False) as oms:
        query = oms.query("lumisections", DIM)
        whole = query.fetch()
        assert whole.warnings == ()
        assert whole.units["end_lumi"] == whole.units["init_lumi"]
        for size in (100, 1000, 100_000):
            parts = [p.arrow for p in query.options(page_size=size).pages()]
            assert pa.concat_tables(parts).equals(whole.arrow, check_metadata=True)
        for name in ("end_lumi", "init_lumi", "recorded_lumi"):
            lit = query.where(field(name) > 0).fetch()
            positive = pc.sum(pc.greater(whole[name].arrow, 0)).as_py()
            assert len(lit) == positive > 0
        dark = query.where(field("init_lumi") == 0).fetch()
        assert 0 < len(dark) < len(whole)
        # Of a run that is dark, from whole rows and from three columns.
        only = query.select("run_number", "lumisection_number", "end_lumi").fetch()
        assert only["end_lumi"].equals(whole["end_lumi"])


def test_the_unit_of_a_column_that_nobody_sees_is_no_warning():
    """What was not asked for, or is not shown, is not warned of."""
    with Client("demo", audit=False, progress=False) as oms:
        shown = oms.lumisections(297050, fields=["lumisection_number", "pileup"])
        assert shown.warnings == ()


@pytest.mark.parametrize("rows", [1, 3, 774])
def test_the_last_row_of_a_limit_knows_the_next_lumisection(rows):
    """A limit takes no value away: end_lumi of its last row is asked for too."""
    with Client("demo", audit=False, progress=False) as oms:
        query = oms.query("lumisections", 297050)
        whole, few = query.fetch(), query.limit(rows).fetch()
        assert few.arrow.equals(whole.arrow.slice(0, rows), check_metadata=True)
        assert few.warnings == ()
        pages = list(query.limit(rows).options(page_size=max(2, rows // 8)).pages())
        assert [row for page in pages for row in page.to_records()] == few.to_records()
        assert [note for page in pages for note in page.warnings] == []
        assert "one row more" in query.limit(rows).explain()
