"""Services that ignore a part of what they are asked, and say nothing."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from tests.support.contexts import context_of
from tests.support.interpreter import Interpreter
from tests.support.smallservice import SmallService, lumis

from omskit import field
from omskit.effects import Send
from omskit.errors import IncompleteError, ServiceError
from omskit.flow import fetch, fetch_one, pages
from omskit.query import Query, Selection

RUNS = [
    {"run_number": n, "l1_rate": float(n * 11 % 40), "fill_number": 7, "era": "2017B"}
    for n in range(1, 41)
]
ROWS = lumis(1, 12)


def small(forget=None, change=None):
    """A service that never sees what *forget* matches in a URL."""

    def blind(request):
        if forget is None or not re.search(forget, request.url):
            return None
        honest = SmallService({"runs": RUNS, "lumisections": ROWS})
        url = re.sub(forget, "", request.url).replace("?&", "?")
        return honest(replace(request, url=url))

    service = SmallService({"runs": RUNS, "lumisections": ROWS}, faults=[blind])
    if change is None:
        return service

    def changed(request):
        answer = service(request)
        document = json.loads(answer.body)
        change(document)
        return replace(answer, body=json.dumps(document).encode())

    return changed


def run(flow, service):
    world = Interpreter(service)
    return world.run(flow), world


@pytest.mark.parametrize("ask", [fetch, pages])
@pytest.mark.parametrize(
    ("query", "said"),
    [
        (Query("runs", selection=Selection(last=3)), "not sorted by -run_number"),
        (Query("runs").sort("-l1_rate").limit(2), "not sorted by -l1_rate"),
        (Query("runs").sort("-l1_rate").limit(7), "not sorted by -l1_rate"),
        (Query("runs").sort("-run_number"), "not sorted by -run_number"),
        (Query("runs").sort("-l1_rate").select("era").limit(3), "by -l1_rate"),
        (
            Query("runs").where(field("run_number") > 30).sort("l1_rate").limit(3),
            "not sorted by l1_rate",
        ),
    ],
)
def test_a_service_that_ignores_sort(ask, query, said):
    """The wrong end of a list is no answer, whichever columns are wanted of it."""
    whole, world = run(ask(query, context_of()), small())
    assert len(whole if ask is fetch else world.tables[0])
    with pytest.raises(IncompleteError, match=said):
        run(ask(query, context_of()), small(forget=r"sort=[^&]*&?"))


def test_fetch_one_of_the_wrong_end():
    """The highest of all is not taken for the first that comes."""
    query = Query("runs").sort("-l1_rate").limit(1)
    table, _ = run(fetch_one(query, context_of()), small())
    assert table["l1_rate"].to_pylist() == [39.0]
    # One row has no order: it is read with the next one.
    with pytest.raises(IncompleteError, match="not sorted by -l1_rate"):
        run(fetch_one(query, context_of()), small(forget=r"sort=[^&]*&?"))


@pytest.mark.parametrize("ask", [fetch, pages])
def test_pages_that_were_swapped(ask):
    """Pages in the wrong order, whole as they are, are found out."""

    def swapped(request):
        other = {"=0&": "=5&", "=5&": "=0&"}
        url = re.sub(r"(?<=page\[offset\])=[05]&", lambda m: other[m[0]], request.url)
        return small()(replace(request, url=url))

    with pytest.raises(IncompleteError, match="not sorted by"):
        run(ask(Query("lumisections"), context_of()), swapped)


@pytest.mark.parametrize("ask", [fetch, pages])
@pytest.mark.parametrize(
    "change",
    [
        lambda n, row: row.update(id=f"x{n}"),
        lambda n, row: row["attributes"].update(
            lumisection_number=row["attributes"]["lumisection_number"] + 1
        ),
        lambda n, row: row["attributes"].update(lumisection_number=1),
    ],
    ids=["other ids", "other columns", "all the same"],
)
def test_ids_and_columns_are_both_heard(ask, change):
    """Rows whose id and columns disagree, or whose columns repeat, are refused."""

    def altered(document):
        for number, row in enumerate(document["data"]):
            change(number, row)

    with pytest.raises(IncompleteError, match="another id than"):
        run(ask(Query("lumisections"), context_of()), small(change=altered))


@pytest.mark.parametrize("ask", [fetch, pages])
def test_a_total_that_no_page_bears_out(ask):
    """A total of a thousand million with three rows a page is not chased."""
    rows = [dict(row) for row in RUNS[:3]]

    def lie(document):
        document["meta"]["totalResourceCount"] = 999_999_999

    def again(request):
        honest = SmallService({"runs": rows})
        answer = honest(
            replace(request, url=re.sub(r"offset\]=\d+", "offset]=0", request.url))
        )
        document = json.loads(answer.body)
        lie(document)
        return replace(answer, body=json.dumps(document).encode())

    world = Interpreter(again)
    with pytest.raises(IncompleteError, match="3 of 999999999 rows"):
        world.run(ask(Query("runs"), context_of()))
    sent = [effect for effect in world.effects if isinstance(effect, Send)]
    assert len(sent) <= 3


@pytest.mark.parametrize("ask", [fetch, pages])
@pytest.mark.parametrize(
    ("query", "forget"),
    [
        (Query("runs").limit(3), r"page\[limit\]=\d+&?"),
        (Query("runs").where(field("run_number") < 20), r"filter\[[^&]*&?"),
        (Query("runs").where(field("l1_rate") < 9).select("era"), r"filter\[[^&]*&?"),
    ],
)
def test_other_parts_that_are_ignored(ask, query, forget):
    """A filter or a limit that is ignored never gives a table that looks right."""
    with pytest.raises((IncompleteError, ServiceError)):
        run(ask(query, context_of()), small(forget=forget))
