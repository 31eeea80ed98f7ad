from __future__ import annotations

import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.contexts import context_of
from tests.support.interpreter import Interpreter
from tests.support.smallservice import SmallService, lumis, page, refusal

from omskit.effects import Progress
from omskit.errors import (
    DecodeError,
    IncompleteError,
    NotFoundError,
    ServerFailedError,
)
from omskit.flow.identity import repeated
from omskit.flow.read import (
    Part,
    PartPage,
    incomplete,
    later_pages,
    limit_of,
    read_all,
    read_parts,
)
from omskit.query import Query, field
from omskit.schema import Field, Resource, bundled

LUMIS = bundled()["lumisections"]
RUN = Query("lumisections").where(field("run_number") == 297050)


def service(count=25, **options):
    return SmallService({"lumisections": lumis(297050, count)}, **options)


def read(answer, queries=(RUN,), wanted=None, *, later_first=False, **changes):
    world = Interpreter(answer, later_first=later_first)
    flow = read_all(queries, wanted, context_of(**{"page_size": 10, **changes}), LUMIS)
    parts, flaws = world.run(flow)
    return world, parts, flaws


def numbers(part):
    return pa.concat_tables(part.tables())["lumisection_number"].to_pylist()


def offsets(world):
    return [int(url.split("page[offset]=")[1].split("&")[0]) for url in world.sent]


def test_the_first_page_comes_before_the_rest():
    """The first page tells the total, the others follow from it, in order."""
    world, (part,), flaws = read(service(25))
    assert flaws == []
    assert offsets(world) == [0, 10, 20]
    assert numbers(part) == list(range(1, 26))
    assert part.totals == [25, 25, 25]


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 20, 21])
def test_pages_are_as_many_as_needed(count):
    """No page is asked for that would be empty, but the first."""
    world, (part,), flaws = read(service(count))
    assert flaws == []
    assert len(world.sent) == max(1, -(-count // 10))
    assert part.count == part.expected == count


@pytest.mark.parametrize("concurrency", [1, 2, 3, 8])
def test_the_window_is_kept(concurrency):
    """Never are more pages under way than the window allows, and as many if it can."""
    world, (part,), _ = read(service(95), concurrency=concurrency)
    assert world.most_flying == min(2 * concurrency, 9)
    assert numbers(part) == list(range(1, 96))


def test_pages_that_come_early_wait_for_their_turn():
    """Rows are in order even where later pages arrive first."""
    world, (part,), flaws = read(service(45), later_first=True)
    assert offsets(world) == [0, 40, 30, 20, 10]
    assert flaws == []
    assert numbers(part) == list(range(1, 46))


def test_several_requests_share_the_window():
    """All first pages go out at once; the rows of each request stay together."""
    runs = [297050, 297056, 306458]
    rows = [row for run in runs for row in lumis(run, 15)]
    queries = [Query("lumisections").where(field("run_number") == r) for r in runs]
    small = SmallService({"lumisections": rows})
    world, parts, flaws = read(small, queries, concurrency=1)
    assert flaws == []
    assert world.most_flying == 2
    for run, part in zip(runs, parts, strict=True):
        assert set(pa.concat_tables(part.tables())["run_number"].to_pylist()) == {run}
        assert numbers(part) == list(range(1, 16))


def test_progress_is_told():
    """After each page the rows that are here and the rows expected are told."""
    world, _, _ = read(service(25))
    told = [e for e in world.effects if isinstance(e, Progress)]
    assert told == [Progress(n, 25, "lumisections") for n in (10, 20, 25)]


def test_streamed_pages_come_strictly_in_order():
    """With a sink, pages of several requests come in order, side by side or not."""
    runs = [1, 2, 3, 4]
    rows = [row for run in runs for row in lumis(run, 5 * run)]
    queries = [Query("lumisections").where(field("run_number") == r) for r in runs]
    seen = []

    def sink(page, rows):
        seen.append((page.part, page.offset, rows.table.num_rows))
        yield from ()

    for later_first in (False, True):
        seen.clear()
        parts = [Part(query, None) for query in queries]
        small = SmallService({"lumisections": rows})
        world = Interpreter(small, later_first=later_first)
        world.run(
            read_parts(parts, context_of(page_size=10, concurrency=2), LUMIS, sink)
        )
        assert seen == sorted(seen)
        assert sum(count for _, _, count in seen) == 50
        assert all(not part.pages for part in parts)
        assert world.most_flying <= 4


@pytest.mark.parametrize(
    ("wanted", "total", "asked", "limit"),
    [
        (3, 25, [0], 3),
        (10, 25, [0], 10),
        (15, 25, [0, 8], 8),
        (20, 25, [0, 10], 10),
        (24, 25, [0, 8, 16], 8),
        (30, 25, [0, 10, 20], 10),
        (7, 0, [0], 7),
        (7, 5, [0], 7),
    ],
)
def test_a_limit_asks_for_what_it_needs(wanted, total, asked, limit):
    """A limit takes equal pages, offsets are multiples, and min(n, total) rows come."""
    world, (part,), flaws = read(service(total), wanted=wanted)
    assert flaws == []
    assert offsets(world) == asked
    assert all(f"page[limit]={limit}" in url for url in world.sent)
    assert part.count == part.expected == min(wanted, total)
    assert part.total == total


@given(st.integers(1, 10**6), st.integers(1, 10**5))
def test_equal_pages_cover_a_limit(wanted, size):
    """Equal pages cover what is wanted, with less than one row too many a page."""
    limit = limit_of(wanted, size)
    assert 1 <= limit <= size
    pages = -(-wanted // limit)
    assert pages == -(-wanted // size)
    assert wanted <= pages * limit < wanted + pages


def test_later_pages_are_computed():
    """Pages after the first are computed from the total, never from links."""
    first = PartPage(RUN, 0, 1000)
    assert [p.offset for p in later_pages(first, 1000, None)] == []
    assert [p.offset for p in later_pages(first, 1001, None)] == [1000]
    assert [p.offset for p in later_pages(first, 10**9, 2500)] == [1000, 2000]


def growing(small, when):
    """One lumisection more before each request whose number is in *when*."""
    asked = iter(range(10**6))

    def grow(_request):
        if next(asked) in when:
            rows = small.rows["lumisections"]
            rows.append({**rows[-1], "lumisection_number": len(rows) + 1})

    small.faults.append(grow)
    return small


def test_a_run_that_grew_is_read_again():
    """Where the total changes while reading, all is read again, and is whole then."""
    small = growing(service(25), when={2})
    world, (part,), flaws = read(small)
    assert flaws == []
    assert len(set(part.totals)) == 1
    assert part.count == part.total
    assert len(world.sent) == 6


def test_a_run_that_goes_on_growing_is_given_up():
    """After three rounds a total that never stands still is named."""
    world, _, flaws = read(growing(service(21), when=range(99)))
    assert len(world.sent) == 9
    assert len(flaws) == 1
    assert "changed while reading" in flaws[0]


def test_only_the_part_with_a_flaw_is_read_again():
    """A request whose pages add up is not asked a second time."""
    rows = [*lumis(1, 5), *lumis(2, 5)]
    queries = [Query("lumisections").where(field("run_number") == r) for r in (1, 2)]
    small = SmallService({"lumisections": rows})
    short = iter([0, 1])

    def cut(request):
        if "run_number][EQ]=2" in request.url and next(short, None) == 0:
            return page(data=[], meta={"totalResourceCount": 5})
        return None

    small.faults.append(cut)
    world, parts, flaws = read(small, queries)
    assert flaws == []
    assert [part.count for part in parts] == [5, 5]
    assert sum("EQ]=1&" in url for url in world.sent) == 1
    assert sum("EQ]=2&" in url for url in world.sent) == 2


def edited(edit):
    """A service whose pages pass through *edit* (rows, offset)."""
    small = service(25)

    def answer(request):
        document = json.loads(small(request).body)
        offset = int(request.url.split("page[offset]=")[1].split("&")[0])
        document["data"] = edit(document["data"], offset)
        return page(**document)

    return answer


def test_a_short_page_is_named():
    """A page that holds fewer rows than it should makes the answer incomplete."""
    _, _, flaws = read(edited(lambda rows, offset: rows[: 7 if offset == 10 else None]))
    assert flaws == ["22 of 25 rows came back"]


def test_too_many_rows_are_named():
    """A service that sends more rows than were asked for is not trusted."""
    _, _, flaws = read(edited(lambda rows, _offset: [*rows, rows[0]]), wanted=5)
    assert flaws == [
        "6 rows came back where 5 were asked for: the service ignores page[limit]"
    ]


def test_rows_that_come_twice_are_named():
    """A row that comes twice instead of another is told by its id."""
    _, _, flaws = read(
        edited(lambda rows, offset: [rows[1], *rows[1:]] if offset == 10 else rows)
    )
    assert flaws == ["1 rows came more than once, the first 297050_12"]


def test_rows_without_id_are_named():
    """A row without id cannot be told from others."""

    def bare(rows, offset):
        return [{**row, "id": None} for row in rows] if offset == 20 else rows

    _, _, flaws = read(edited(bare))
    assert flaws == ["5 rows have no id"]


def test_a_missing_total_is_an_error():
    """A page that does not say how many rows match cannot be trusted."""
    with pytest.raises(DecodeError, match="totalResourceCount") as caught:
        read(service(5, total=lambda _count: None))
    assert caught.value.path == "$.meta.totalResourceCount"


def failing(small, offset, answer):
    marker = f"page[offset]={offset}&"
    small.faults.append(lambda r: answer if marker in r.url else None)
    return small


def test_a_page_that_fails_is_the_end():
    """The error of a page that cannot be had is raised as it is."""
    with pytest.raises(ServerFailedError) as caught:
        read(failing(service(25), 10, refusal(500, "database")))
    assert "page[offset]=10" in caught.value.request


def test_partial_answers_name_the_page_that_failed():
    """With allow_partial other pages are kept, and the flaw names page and error."""
    small = failing(service(25), 10, refusal(500, "database"))
    world, (part,), flaws = read(small, allow_partial=True)
    assert sorted(part.pages) == [0, 20]
    assert len(world.sent) == 3
    assert len(flaws) == 1
    assert flaws[0].startswith("the page from row 10 could not be had: ")
    assert "database" in flaws[0]


def test_a_first_page_that_fails_is_never_partial():
    """Without the first page nothing is known, allow_partial or not."""
    with pytest.raises(NotFoundError):
        read(failing(service(25), 0, refusal(404, "gone")), allow_partial=True)


def test_incomplete_says_how_often_it_was_read():
    """The error says how often was read, what to try, and carries what did arrive."""
    with pytest.raises(IncompleteError, match=r"read 3 times.*allow_partial") as caught:
        incomplete(["x of y"], "table", LUMIS)
    assert caught.value.table == "table"
    with pytest.raises(IncompleteError, match="read once"):
        incomplete(["x of y"], None, LUMIS, rounds=1)


def keyed(**columns):
    return pa.table(
        {"@id": pa.array(["?"] * len(next(iter(columns.values()))))} | columns
    )


def test_identity_columns_tell_rows_apart():
    """Where the id's form is not known, the identity columns tell rows apart."""
    rates = bundled()["hltpathrates"]
    names = ["a", "b"]
    good = keyed(run_number=[1, 1], path_name=names, first_lumisection_number=[1, 1])
    assert repeated([good], rates) is None
    assert (
        repeated([good, good], rates) == "2 rows came more than once, the first 1, a, 1"
    )


def test_rows_of_whole_runs_need_no_lumisection():
    """A row per run may say nothing of lumisections; its run it must name."""
    rates = bundled()["l1triggerrates"]
    none = pa.array([None, None], pa.int64())
    whole = keyed(run_number=[1, 2], first_lumisection_number=none)
    assert repeated([whole], rates) is None
    bare = keyed(run_number=none, first_lumisection_number=[1, 2])
    assert repeated([bare], rates) == "2 rows have no run_number"


def test_what_cannot_be_told_apart_is_not_judged():
    """Without identity columns, or with types that clash, nothing is claimed."""
    runs = bundled()["eras"]
    assert repeated([], runs) is None
    assert repeated([pa.table({"@id": ["a", "a"]})], runs) is None
    clash = [keyed(name=["a"]), keyed(name=[5])]
    assert repeated(clash, runs) is None


def test_ids_tell_rows_of_unknown_resources_apart():
    """Outside the catalogue the ids are used where every row has one."""
    other = Resource("other", (Field("x", ("x",), "int"),))
    twice = pa.table({"@id": ["a", "a"], "x": [1, 2]})
    assert repeated([twice], other) == "1 rows came more than once, the first a"
    bare = pa.table({"@id": pa.array([None, None], pa.string()), "x": [1, 2]})
    assert repeated([bare], other) is None
