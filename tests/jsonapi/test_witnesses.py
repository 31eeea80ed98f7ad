from __future__ import annotations

import json

import pytest

from omskit.errors import DecodeError
from omskit.jsonapi import decode
from omskit.jsonapi.careful import read_carefully
from omskit.jsonapi.decoding import _fast, _Refused
from omskit.jsonapi.shape import shape_of
from omskit.jsonapi.twice import twice
from omskit.schema import bundled

RUNS = bundled()["runs"]
BASE = "https://https://vocms0185.cern.ch/agg/api/v1"


def row(number, **changes):
    """A run as the service sends it."""
    name = str(number)
    links = {"self": f"{BASE}/runs/{name}"}
    whole = {"id": name, "type": "runs", "links": links}
    return {**whole, "attributes": {"run_number": number}, **changes}


def page(*rows):
    document = {"data": rows, "meta": {"totalResourceCount": len(rows)}}
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    "rows",
    [
        [row(5), row(6)],
        [row(5, links={"self": "/runs/5?x=y"}), row(6, links={"self": "/runs/6?x=y"})],
        [row(5, type=None), row(6, links=None)],
        [row(5, links={"self": f"{BASE}/resource?id=9"})],
        [row(5, type="RUNS")],
        [],
    ],
)
def test_rows_that_agree_with_themselves_pass(rows):
    """Type and address of a row are its own, or not there, or of a form unknown."""
    assert decode(page(*rows), RUNS).table["@id"].to_pylist() == [r["id"] for r in rows]


@pytest.mark.parametrize(
    ("changes", "path", "said"),
    [
        ({"type": "fills"}, "$.data[1].type", "'runs' were asked for"),
        (
            {"links": {"self": f"{BASE}/runs/7"}},
            "$.data[1].links.self",
            "id '6' and the address of '7'",
        ),
    ],
)
def test_rows_that_say_they_are_others_are_refused(changes, path, said):
    """A row of another resource, or with the address of another row, is named."""
    body = page(row(5), row(6, **changes))
    with pytest.raises(_Refused):
        _fast(body, RUNS, shape_of(RUNS))
    for read in (decode, read_carefully):
        with pytest.raises(DecodeError, match=said) as caught:
            read(body, RUNS)
        assert caught.value.path == path


def test_an_ordinary_page_takes_the_fast_way():
    """Rows whose addresses are their own need no second look."""
    body = page(*map(row, range(1, 200)))
    assert _fast(body, RUNS, shape_of(RUNS)).table.num_rows == 199


def test_what_rows_of_other_resources_say_is_not_known():
    """The type of rows that were never recorded is no witness."""
    rates = bundled()["l1triggerrates"]
    body = page({"id": "1", "type": "rates", "attributes": {"run_number": 1}})
    assert decode(body, rates).total == 1


@pytest.mark.parametrize("text", ['{"a": 1}', '{"a:b": "c:d", "e": [{"\\":\\"": 1}]}'])
def test_colons_in_texts_are_no_keys(text):
    """Only keys are counted, whatever stands in texts."""
    assert twice(text.encode(), json.loads(text)) is None


def test_many_keys_are_no_hang():
    """An object of 200 000 keys, the last twice, is read in linear time."""
    keys = ", ".join(f'"k{n}": 0' for n in range(200_000))
    text = f'{{"data": {{{keys}, "k199999": 1}}}}'.encode()
    assert twice(text, json.loads(text)) == ("k199999", "$.data.k199999")


def test_numbers_that_python_refuses_are_no_matter():
    """The second reading for the path does not read numbers."""
    digits = "9" * 10_000
    text = f'{{"a": {digits}, "b": 1e{digits}, "a": 2}}'.encode()
    assert twice(text, {"a": 2, "b": 0.0}) == ("a", "$.a")
