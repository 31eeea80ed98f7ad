"""What OMS may change, and what comes of it: the table of docs/reference, tested."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.amount import examples
from tests.support.contexts import context_of
from tests.support.interpreter import Interpreter
from tests.support.smallservice import SmallService, lumis, page, refusal

from omskit.errors import (
    DecodeError,
    NotFoundError,
    ServerFailedError,
    TimedOutError,
    UnknownResourceError,
)
from omskit.flow import fetch, pages
from omskit.query import Query
from omskit.schema import TIME

TIMES = ["2017-06-16T20:50:33Z", "2017-06-16T20:50:34Z"]
BIG = 2**53 + 1
ASK = Query("lumisections")


def service(*values, attribute="new", rest=None):
    """Two rows a page, each with a value of one attribute; ... leaves it out."""
    rows = lumis(1, len(values))
    for row, value in zip(rows, values, strict=True):
        row.pop(attribute, None)
        if value is not ...:
            row[attribute] = value
        row.update(rest or {})
    return SmallService({"lumisections": rows, "runs": []})


def fetched(source, query=ASK, **changes):
    return Interpreter(source).run(
        fetch(query, context_of(**{"page_size": 2, **changes}))
    )


def paged(source, query=ASK, **changes):
    world = Interpreter(source)
    world.run(pages(query, context_of(**{"page_size": 2, **changes})))
    return world.tables


T1, T2 = TIMES
UNIFIED = [
    ([1, 2, 0.5, 1.5], pa.float64(), [1.0, 2.0, 0.5, 1.5]),
    ([0.5, 1.5, 1, 2], pa.float64(), [0.5, 1.5, 1.0, 2.0]),
    ([BIG, 2, 0.5, 1.5], pa.string(), [str(BIG), "2", "0.5", "1.5"]),
    ([1, 2, 2**70, 3], pa.string(), ["1", "2", str(2**70), "3"]),
    ([1, 2, "a", "5"], pa.string(), ["1", "2", '"a"', '"5"']),
    (["a", "5", 1, 2], pa.string(), ['"a"', '"5"', "1", "2"]),
    ([True, False, 1, 2], pa.string(), ["true", "false", "1", "2"]),
    ([T1, T2, "never", ""], pa.string(), [T1, T2, "never", ""]),
    ([T1, T2, 5, 6], pa.string(), [f'"{T1}"', f'"{T2}"', "5", "6"]),
    ([None, None, 1, 2], pa.int64(), [None, None, 1, 2]),
    ([1, 2, None, None], pa.int64(), [1, 2, None, None]),
    ([..., ..., T1, T2], "time", [None, None, T1, T2]),
    ([..., ..., "a", 5], pa.string(), [None, None, '"a"', "5"]),
    ([[1], [2, 3], [0.5], []], pa.list_(pa.float64()), [[1.0], [2.0, 3.0], [0.5], []]),
    ([[], [], ["a"], None], pa.list_(pa.string()), [[], [], ["a"], None]),
    ([[1], [2], ["a"], []], pa.string(), ["[1]", "[2]", '["a"]', "[]"]),
    ([[1], [2], 5, 6], pa.string(), ["[1]", "[2]", "5", "6"]),
    ([1, "a", "b", "c"], pa.string(), ["1", '"a"', '"b"', '"c"']),
    (["b", "c", 1, "a"], pa.string(), ['"b"', '"c"', "1", '"a"']),
    ([[[1]], [[2]], 5, 6], pa.string(), ["[[1]]", "[[2]]", "5", "6"]),
]


@pytest.mark.parametrize(("values", "kind", "expected"), UNIFIED)
@pytest.mark.parametrize("page_size", [2, 100])
def test_new_attributes_have_one_type(values, kind, expected, page_size):
    """A new attribute has a type that holds all its values, on one page or several."""
    table = fetched(service(*values), page_size=page_size)
    column = table["new"]
    if kind == "time":
        kind, column = pa.string(), pa.chunked_array([_texts(column)])
        assert table["new"].type == TIME
    assert column.type == kind
    assert column.to_pylist() == expected
    told = [note for note in table.warnings if "does not know: new" in note]
    assert len(told) == 1
    mixed = any("JSON text" in note for note in table.warnings)
    told_as_text = kind == pa.string() and not isinstance(values[-1], (str, list))
    assert mixed or not told_as_text


def _texts(column):
    times = [
        None if t is None else t.strftime("%Y-%m-%dT%H:%M:%SZ")
        for t in column.to_pylist()
    ]
    return pa.array(times, pa.string())


VALUE = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from([0.5, 2.0, BIG, 2**70, "a", "5", T1, [1], [0.5], ["a"], [], ...])
)


@given(st.lists(VALUE, min_size=1, max_size=6), st.integers(1, 4))
@settings(max_examples=examples(40), deadline=None)
def test_the_pages_do_not_change_the_values(values, size):
    """However the rows are cut into pages, no value of a new attribute is lost."""
    rows = [v for v in values for _ in range(2)]
    whole = fetched(service(*rows), page_size=100)
    cut = fetched(service(*rows), page_size=size)
    if "new" not in whole.columns:
        assert "new" not in cut.columns
        return
    assert _same(cut["new"], whole["new"])
    try:
        told = paged(service(*rows), page_size=size)
    except DecodeError:
        return  # what does not fit is tested below
    joined = pa.concat_tables([t.arrow for t in told], promote_options="permissive")
    if joined["new"].type == whole["new"].type:
        assert _same(joined["new"], whole["new"])


def _same(one, other):
    """Equal values; texts that are JSON of equal values are equal, too."""
    return [_loosely(v) for v in one.to_pylist()] == [
        _loosely(v) for v in other.to_pylist()
    ]


def _loosely(value):
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.5, 1.5, 1, 2], [0.5, 1.5, 1.0, 2.0]),
        ([1, 2, 3.0, 4.0], [1, 2, 3, 4]),
        ([1, 2, None, None], [1, 2, None, None]),
        ([1, 2, ..., ...], [1, 2, None, None]),
        (["a", "b", T1, T2], ["a", "b", T1, T2]),
        (["a", 1, "b", 2], ['"a"', "1", '"b"', "2"]),
        ([[1], [2], [], [3.0]], [[1], [2], [], [3]]),
    ],
)
def test_a_later_page_takes_the_type_of_those_before(values, expected):
    """In pages() a page that fits without loss has the type of the pages before it."""
    tables = paged(service(*values))
    assert len({table.arrow.schema.field("new").type for table in tables}) == 1
    assert [v for table in tables for v in table["new"].to_pylist()] == expected
    assert sum("does not know: new" in n for t in tables for n in t.warnings) == 1


@pytest.mark.parametrize("missing", [None, ...])
def test_a_column_of_nulls_may_get_a_type_later(missing):
    """A column that has been null, or not there, takes the type of its first values."""
    first, second = paged(service(missing, missing, 1, 2))
    assert second["new"].to_pylist() == [1, 2]
    if "new" in first.columns:
        assert first["new"].null_count == 2
    assert second["new"].type == pa.int64()


@pytest.mark.parametrize(
    "values",
    [
        [1, 2, 0.5, 1.5],
        [1, 2, "a", "b"],
        ["a", "b", 1, 2],
        [T1, T2, "never", "b"],
        [True, False, 1, 0],
        [0.5, 1.5, BIG, 1],
        [[1], [2], ["a"], []],
        ["a", "b", "c", 1],
        [1, 2, 2**70, 3],
    ],
)
def test_a_page_that_does_not_fit_is_an_error(values):
    """In pages() a page that does not fit those given is an error that says so."""
    world = Interpreter(service(*values))
    with pytest.raises(DecodeError, match="the pages already given cannot change"):
        world.run(pages(ASK, context_of(page_size=2)))
    fetched(service(*values))
    narrow = ASK.select("lumisection_number", "init_lumi")
    assert sum(map(len, paged(service(*values), narrow))) == 4


def test_an_attribute_that_is_gone_is_null():
    """A known attribute that no row has is a column of nulls of its type."""
    table = fetched(service(..., ..., attribute="cms_active"))
    assert table["cms_active"].null_count == 2
    assert table["cms_active"].type == pa.bool_()
    assert not any("cms_active" in note for note in table.warnings)


def test_an_attribute_that_is_renamed_is_both():
    """A renamed attribute is nulls under its old name, and a new column."""
    table = fetched(service(..., ..., attribute="cms_active", rest={"active": True}))
    assert table["cms_active"].null_count == 2
    assert table["active"].to_pylist() == [True, True]
    assert any("does not know: active" in note for note in table.warnings)


@pytest.mark.parametrize("value", ["5839", True, 0.5])
def test_an_attribute_of_another_type_is_told(value):
    """A known attribute of another plain type has that type, with one warning."""
    table = fetched(service(value, value, value, value, attribute="fill_number"))
    assert table["fill_number"].to_pylist() == [value] * 4
    (told,) = (n for n in table.warnings if "fill_number" in n)
    assert "not as int" in told


@pytest.mark.parametrize("ask", [fetched, paged])
@pytest.mark.parametrize("values", [[5839, 5839, "x", "y"], [BIG, 1, 0.5, 1]])
def test_an_attribute_of_two_types_is_an_error(ask, values):
    """A known attribute of one type here and another there is a DecodeError."""
    with pytest.raises(DecodeError) as caught:
        ask(service(*values, attribute="fill_number"))
    assert "fill_number" in caught.value.path


@pytest.mark.parametrize("value", [BIG, 2**63 - 1])
def test_whole_numbers_are_exact(value):
    """Whole numbers beyond 2^53 keep every digit, known or new."""
    table = fetched(service(value, 1, rest={"fill_number": value}))
    assert table["new"].type == pa.int64()
    assert table["new"].to_pylist() == [value, 1]
    assert table["fill_number"].to_pylist() == [value, value]


def test_whole_numbers_beyond_64_bits():
    """Beyond 64 bits a new number is text, a known one an error with its path."""
    assert fetched(service(2**63, 1))["new"].to_pylist() == [str(2**63), "1"]
    with pytest.raises(DecodeError, match="64 bits"):
        fetched(service(2**63, 1, attribute="fill_number"))


@pytest.mark.parametrize("text", ["1.0", "1.00", "1e0", "1", "0.1e1", "1.0E+0"])
@pytest.mark.parametrize("name", ["new", "init_lumi", "fill_number"])
def test_how_a_number_is_written_does_not_matter(text, name):
    """1.0, 1.00 and 1e0 are one number, known or new, float or whole."""

    def respell(request):
        found = json.loads(service(7.25, 7.25, attribute=name)(request).body)
        return page(**found).__class__(
            200,
            {"content-type": "application/vnd.api+json"},
            json.dumps(found).replace("7.25", text).encode(),
        )

    rows = {"lumisections": [], "runs": []}
    table = fetched(SmallService(rows, faults=[respell]), page_size=100)
    assert table[name].to_pylist() == [1, 1]


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"meta": 5}',
        b'{"meta": {"fields": []}}',
        b'{"meta": {"fields": null}}',
        b"[]",
        b"not JSON",
        b"",
        b'{"meta":' * 5000 + b"1" + b"}" * 5000,
    ],
    ids=range(8),
)
def test_a_meta_that_tells_nothing_costs_the_types_alone(body):
    """A resource with a useless /meta has the types of its values, with a warning."""

    def bare(request):
        if "/meta" not in request.url:
            return None
        return page().__class__(200, {"content-type": "application/json"}, body)

    rows = {"wonders": [{"n": 1, "id": "a"}, {"n": 2, "id": "b"}]}
    table = fetched(SmallService(rows, faults=[bare]), Query("wonders"))
    assert table["n"].to_pylist() == [1, 2]
    assert any("describes 'wonders'" in note for note in table.warnings)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (TimedOutError("no answer within 120 s"), TimedOutError),
        (refusal(500, "database"), ServerFailedError),
        (refusal(404, "no such thing"), UnknownResourceError),
    ],
)
def test_a_meta_that_cannot_be_had_is_an_error(answer, kind):
    """Where /meta does not come, nothing is guessed: the fault is raised."""
    rows = {"wonders": [{"n": 1, "id": "a"}]}
    with pytest.raises(kind):
        fetched(SmallService(rows, faults=[lambda _: answer]), Query("wonders"))


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b'{"meta":{"fields":{"n":{"units":"m","units":"cm"}}}}', "meta.fields.n"),
        (b'{"meta":{"fields":{"n":{"units":"m"},"n":{}}}}', "meta.fields"),
        (b'{"meta":{"fields":{}},"meta":{"fields":{"n":{}}}}', "meta"),
    ],
    ids=["units", "field", "meta"],
)
def test_a_meta_that_says_something_twice_is_refused(body, path):
    """Which of two units holds is not guessed."""

    def double(request):
        if "/meta" not in request.url:
            return None
        return page().__class__(200, {"content-type": "application/json"}, body)

    service = SmallService({"wonders": [{"n": 1, "id": "a"}]}, faults=[double])
    with pytest.raises(DecodeError, match="twice in one object") as caught:
        fetched(service, Query("wonders"))
    assert caught.value.path.startswith(f"$.{path}")


def test_a_resource_that_nobody_knows():
    """A resource that neither the catalogue nor the service knows is an error."""
    with pytest.raises(UnknownResourceError, match="lumisections"):
        fetched(SmallService({}), Query("lumisection"))
    with pytest.raises(NotFoundError):
        fetched(SmallService({}), ASK)


def test_a_new_resource_is_typed_by_its_meta():
    """A resource outside the catalogue is typed where its /meta tells the fields."""
    rows = {"wonders": [{"n": 1, "id": "a"}]}
    metas = {"wonders": {"n": {"type": "NUMBER"}}}
    table = fetched(SmallService(rows, metas=metas), Query("wonders"))
    assert table["n"].to_pylist() == [1]
    assert table.warnings == ()
