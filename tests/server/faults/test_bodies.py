"""What faults do to answers."""

import json
import zlib

import pytest

from omskit.effects import Request, Response
from omskit.server import respond
from omskit.server.faults.bodies import damaged
from omskit.server.faults.plan import Rule, asked_of


@pytest.fixture
def hurt(service):
    """The answer to a request, after a fault."""

    def hurting(fault, query="", path="lumisections", *, known=True, **parameters):
        def ask(tail):
            url = f"{service.base_url}/{path}?{tail}"
            return respond(Request("GET", url), service)

        rule = Rule(fault, parameters=tuple(parameters.items()))
        resource = service.engine.resource(path.split("/")[0]) if known else None
        return damaged(rule, asked_of(path, query), ask(query), ask, resource)

    return hurting


def rows(answer):
    """The lumisection numbers of a page."""
    data = json.loads(answer.body)["data"]
    return [row["attributes"]["lumisection_number"] for row in data]


PAGE = "filter[run_number][EQ]=297050&page[offset]={}&page[limit]=1"


def test_status(hurt):
    """An error status comes with a document, and the headers that belong to it."""
    answer = hurt("status", status=429, retry_after=0.5)
    assert (answer.status, answer.headers["retry-after"]) == (429, "0.5")
    assert json.loads(answer.body)["errors"][0]["status"] == "429"
    assert "retry-after" not in hurt("status", status=503).headers
    assert hurt("status", status=401).headers["www-authenticate"].startswith("Bearer")
    assert hurt("status", status=599).status == 599


def test_html_and_login(hurt):
    """A page of HTML says 200; a login page is elsewhere."""
    answer = hurt("html")
    assert (answer.status, answer.body[:9]) == (200, b"<!doctype")
    answer = hurt("login", location="https://auth.cern.ch/x")
    assert (answer.status, answer.headers["location"]) == (
        302,
        "https://auth.cern.ch/x",
    )


def test_truncated_gzip(hurt):
    """The content breaks off although the answer is whole."""
    answer = hurt("truncated_gzip")
    assert answer.headers["content-encoding"] == "gzip"
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    unpacker.decompress(answer.body)
    assert not unpacker.eof


def test_total(hurt):
    """The total is wrong, the rows are not."""
    answer = hurt("total", PAGE.format(0), by=-2)
    assert json.loads(answer.body)["meta"]["totalResourceCount"] == 1
    assert rows(answer) == [1]


def test_duplicate(hurt):
    """The last row of a page is the first of another; on the first page its own."""
    assert rows(hurt("duplicate", PAGE.format(1))) == [1]
    whole = PAGE.format(0).replace("limit]=1", "limit]=3")
    assert rows(hurt("duplicate", whole)) == [1, 2, 1]
    assert rows(hurt("duplicate", PAGE.format(5))) == []


def test_moved(hurt):
    """A page holds its neighbour's rows, and stays at the first row going back."""
    assert rows(hurt("moved", PAGE.format(1), by=1)) == [3]
    assert rows(hurt("moved", PAGE.format(1), by=-1)) == [1]
    assert rows(hurt("moved", PAGE.format(0), by=-1)) == [1]
    assert rows(hurt("moved", PAGE.format(2), by=1)) == []


def test_null_identity(hurt):
    """The first identity column of the first row is null, or the one that is named."""
    attributes = json.loads(hurt("null_identity").body)["data"][0]["attributes"]
    assert attributes["run_number"] is None
    answer = hurt("null_identity", column="lumisection_number")
    assert rows(answer)[0] is None
    assert rows(hurt("null_identity", "filter[run_number][EQ]=1")) == []


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"known": False}, "no column was named"),
        ({"column": "nix"}, "no 'nix' in them"),
        ({"query": "fields=pileup", "column": "run_number"}, "no 'run_number'"),
    ],
)
def test_a_fault_that_would_do_nothing_says_so(hurt, how, said):
    """Where there is nothing to make null the answer is an error, not a whole page."""
    answer = hurt("null_identity", **how)
    assert answer.status == 500
    assert said in json.loads(answer.body)["errors"][0]["detail"]


@pytest.mark.parametrize("fault", ["total", "moved", "duplicate", "null_identity"])
def test_what_is_no_page_is_left_alone(hurt, fault):
    """Single rows and error documents have no rows to damage."""
    for path, status in (("lumisections/297050_1", 200), ("lumisections/x", 404)):
        answer = hurt(fault, path=path)
        assert answer.status == status
        assert b"errors" in answer.body or b'"run_number":297050' in answer.body


def test_what_belongs_to_the_connection_is_not_done_here(hurt):
    """A reset leaves the answer as it is."""
    assert rows(hurt("reset", PAGE.format(0))) == [1]


def test_an_honest_answer_may_vanish(service):
    """A page that cannot be had when a fault wants it counts as empty."""
    answers = iter([Response(404)] * 2)
    url = f"{service.base_url}/lumisections?page[limit]=2"
    honest = respond(Request("GET", url), service)
    asked = asked_of("lumisections", "page[limit]=2")
    rule = Rule("moved")
    found = damaged(rule, asked, honest, lambda tail: next(answers), None)
    assert rows(found) == []
    found = damaged(Rule("duplicate"), asked, honest, lambda tail: Response(404), None)
    assert rows(found) == [1, 1]
