"""What was asked for is held against what came, on every way of asking."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from tests.support.bothways import both, refused
from tests.support.smallservice import BASE, SmallService, page

from omskit import field
from omskit.errors import IncompleteError

RATES = [5.0, 7.0, 3.0, 3.0, None, 9.0, 1.0, 8.0]
ERAS = ["2017B", "2017C", "2017B", None, "2018A", "2017D", "2018A", "2018B"]


def runs(count=40):
    """Runs in ascending order, as a service has them that ignores ``sort``."""
    return [
        {
            "run_number": 297000 + n,
            "fill_number": 5800 + n // 4,
            "l1_rate": RATES[n % 8],
            "era": ERAS[n % 8],
            "start_time": f"2017-06-{1 + (n * 7) % 28:02d}T20:50:33Z",
            "stable_beam": n % 3 == 0,
            "last_lumisection_number": 10,
        }
        for n in range(count)
    ]


class Deaf(SmallService):
    """A service that ignores one parameter, and honours the others."""

    def __init__(self, ignored, rows, **options):
        super().__init__({"runs": rows}, **options)
        self.ignored = ignored

    def __call__(self, request):
        path, _, tail = request.url.partition("?")
        kept = [p for p in tail.split("&") if not p.startswith(self.ignored)]
        self.log.append(request.url.removeprefix(f"{BASE}/"))
        return self._answer(replace(request, url=f"{path}?{'&'.join(kept)}"))


def ways(build):
    """The ways of asking for the rows of a query."""
    return {
        "fetch": lambda oms: build(oms).fetch(),
        "pages": lambda oms: list(build(oms).pages()),
        "partial": lambda oms: build(oms).options(allow_partial=True).fetch(),
    }


SORTED = {
    "last": lambda oms: oms.query("runs", last=3),
    "number down": lambda oms: oms.query("runs").sort("-l1_rate").limit(2),
    "number up": lambda oms: oms.query("runs").sort("l1_rate").limit(4),
    "whole number": lambda oms: oms.query("runs").sort("-fill_number").limit(5),
    "second key": lambda oms: oms.query("runs").sort("fill_number", "-run_number"),
    "time": lambda oms: oms.query("runs").sort("start_time"),
    "flag": lambda oms: oms.query("runs").sort("-stable_beam"),
    "text": lambda oms: oms.query("runs").sort("era"),
    "text down": lambda oms: oms.query("runs").sort("-era").limit(3),
    "left out": lambda oms: oms.query("runs").select("era").sort("-l1_rate").limit(2),
}


@pytest.mark.parametrize("way", ["fetch", "pages"])
@pytest.mark.parametrize("question", SORTED)
def test_an_order_that_is_ignored_is_found_out(question, way):
    """Rows in another order than the one asked for are refused, with both orders."""
    ask = ways(SORTED[question])[way]
    error = refused(lambda: Deaf("sort=", runs()), ask, audit=False).error
    assert isinstance(error, IncompleteError)
    assert "rows are not sorted by" in str(error)


def test_the_last_of_a_service_that_cannot_sort_is_refused():
    """runs(last=3), and the one row of a limit, are never the oldest without a word."""
    for ask in (
        lambda oms: oms.runs(last=3),
        lambda oms: oms.query("runs").sort("-run_number").limit(2).fetch_one(),
    ):
        error = refused(lambda: Deaf("sort=", runs()), ask, audit=False).error
        assert "by -run_number: 297000 comes before 297001" in str(error)


@pytest.mark.parametrize("question", SORTED)
@pytest.mark.parametrize("way", ["fetch", "pages"])
def test_an_order_that_is_kept_passes(question, way):
    """Rows in the order asked for pass, nulls last in both directions."""
    ask = ways(SORTED[question])[way]
    outcome = both(
        lambda: SmallService({"runs": runs()}), ask, audit=False, page_size=7
    )
    assert outcome.error is None


def swapped(first, second):
    """A service that exchanges two pages."""
    service = SmallService({"runs": runs()})

    def exchange(request):
        here = f"page[offset]={first}&", f"page[offset]={second}&"
        for one, other in (here, here[::-1]):
            if one in request.url:
                url = request.url.replace(one, other)
                return service._answer(replace(request, url=url))
        return None

    service.faults.append(exchange)
    return service


@pytest.mark.parametrize("way", ["fetch", "pages"])
def test_pages_that_are_exchanged_are_found_out(way):
    """Pages in another order than that of their offsets make no whole answer."""
    ask = ways(lambda oms: oms.query("runs"))[way]
    error = refused(lambda: swapped(10, 20), ask, page_size=10, audit=False).error
    assert isinstance(error, IncompleteError)
    assert "by run_number: 297009 comes before" not in str(error)
    assert "rows are not sorted by run_number: 297029 comes before 297010" in str(error)


@pytest.mark.parametrize("way", ["fetch", "pages"])
@pytest.mark.parametrize(
    ("ignored", "size"), [("page[limit]=", 20), ("page[offset]=", 10)]
)
def test_pages_that_are_ignored_are_found_out(ignored, size, way):
    """Neither more rows than a page may have nor the same page again pass."""
    ask = ways(lambda oms: oms.query("runs").limit(20))[way]
    deaf = refused(lambda: Deaf(ignored, runs()), ask, page_size=size, audit=False)
    error = deaf.error
    assert isinstance(error, IncompleteError)
    said = {
        "page[limit]=": "40 rows came back where .*: the service ignores page",
        "page[offset]=": "10 rows came more than once|297009 comes before 297000",
    }
    assert re.search(said[ignored], str(error))


def rates(spans):
    return [
        {
            "id": f"297050_{first}",
            "type": "l1triggerrates",
            "attributes": {
                "run_number": 297050,
                "first_lumisection_number": first,
                "last_lumisection_number": last,
            },
        }
        for first, last in spans
    ]


@pytest.mark.parametrize("way", ["fetch", "pages"])
@pytest.mark.parametrize(
    ("granularity", "spans", "said"),
    [
        ("run", [(1, 1), (2, 2)], "not one per run: run_number 297050 comes twice"),
        ("lumisection", [(1, 793)], "not one per lumisection: one goes from 1 to 793"),
    ],
)
def test_a_granularity_that_is_ignored_is_found_out(granularity, spans, said, way):
    """Rows of lumisections are no rows of runs, and the other way round."""
    rows = rates(spans)
    document = page(data=rows, meta={"totalResourceCount": len(rows)})
    ask = ways(
        lambda oms: oms.query("l1triggerrates", 297050).group(granularity=granularity)
    )[way]
    error = refused(
        lambda: SmallService({}, faults=[lambda _: document]), ask, audit=False
    ).error
    assert isinstance(error, IncompleteError)
    assert said in str(error)


@pytest.mark.parametrize("way", ["fetch", "pages"])
def test_a_filter_that_is_ignored_is_found_out_without_its_column(way):
    """What is filtered by is asked for as well, so that it can be held against it."""
    ask = ways(
        lambda oms: oms.query("runs").where(field.fill_number > 5805).select("era")
    )[way]
    outcome = refused(lambda: Deaf("filter[", runs()), ask, audit=False)
    assert "break the filter 'fill_number > 5805'" in str(outcome.error)
    fine = both(lambda: SmallService({"runs": runs()}), ask, audit=False)
    tables = fine.value if isinstance(fine.value, list) else [fine.value]
    assert all(table.columns == ["era"] for table in tables)


@pytest.mark.parametrize("way", ["fetch", "pages"])
def test_fields_that_are_ignored_do_no_harm(way):
    """Of whole rows, the columns that were asked for are shown."""
    ask = ways(lambda oms: oms.query("runs").select("era"))[way]
    outcome = both(lambda: Deaf("fields=", runs()), ask, audit=False)
    tables = outcome.value if isinstance(outcome.value, list) else [outcome.value]
    assert [t.columns for t in tables] == [["era"]]


def liar(rows, total):
    """The same rows on every page, and a total that nobody can read."""
    return SmallService({}, faults=[lambda _: _page(rows, total)])


def _page(rows, total):
    return page(data=rows, meta={"totalResourceCount": total})


def numbered(count):
    return [
        {
            "id": str(297000 + n),
            "type": "runs",
            "attributes": {"run_number": 297000 + n},
        }
        for n in range(count)
    ]


@pytest.mark.parametrize("way", ["fetch", "pages", "partial"])
@pytest.mark.parametrize("size", [3, 1000])
def test_a_total_that_is_a_lie_ends_soon(size, way):
    """The same rows again, or a short page before the last, end the reading."""
    asked = []

    def service():
        made = liar(numbered(3), 999_999_999)
        asked.append(made)
        return made

    ask = ways(lambda oms: oms.query("runs"))[way]
    outcome = both(service, ask, asks_alike=False, page_size=size, audit=False)
    if way == "partial":
        assert not outcome.value.complete
    else:
        assert isinstance(outcome.error, IncompleteError)
    # Three rounds; with allow_partial, ten pages that do not fit end each of them.
    assert all(len(made.log) <= 3 * (1 + 10 + 8) for made in asked)
