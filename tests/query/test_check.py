"""Conditions on rows: SQL's logic, checked against DuckDB, and the shell's patterns."""

from __future__ import annotations

import datetime as dt
import fnmatch

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.amount import examples

from omskit.errors import DecodeError
from omskit.query import OPERATORS, Condition, field
from omskit.query.check import (
    failing,
    fnmatch_names,
    glob_like,
    glob_regex,
    keep,
    like_regex,
    matches,
)
from omskit.schema import ARROW

LETTERS = "ab_%-\\.[]*?!^A\n&|~é"
NAMES = st.lists(st.none() | st.text(LETTERS, max_size=5), max_size=6)
PATTERNS = st.text(LETTERS, max_size=7)
COLUMNS = {
    "int": st.integers(-3, 3),
    "float": st.sampled_from([-1.5, 0.0, 0.5, 1.0, 1e300]),
    "str": st.text(LETTERS, max_size=3),
    "bool": st.booleans(),
    "time": st.integers(0, 10**6).map(
        lambda us: dt.datetime(2017, 1, 1, tzinfo=dt.UTC) + dt.timedelta(0, 0, us)
    ),
}


@pytest.fixture(scope="module")
def duck():
    """A DuckDB without threads, in UTC."""
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def in_sql(duck, column, template, values):
    """What DuckDB says of each row."""
    sql = f"SELECT ({template}) AS y FROM given_rows"
    with duck.cursor() as cursor:
        cursor.register("given_rows", pa.table({"x": column}))
        found = cursor.sql(sql, params=list(values)).to_arrow_table()
        return found["y"].to_pylist()


def texts(values):
    """A column of text."""
    return pa.chunked_array([pa.array(values, pa.string())])


@given(NAMES, PATTERNS)
@settings(max_examples=examples(250))
def test_shell_patterns_are_those_of_fnmatch(names, pattern):
    """A shell pattern matches just the names that fnmatch says it matches."""
    column = texts(names)
    found = matches(Condition("x", "GLOB", pattern), column).to_pylist()
    assert found == [
        None if name is None else fnmatch.fnmatchcase(name, pattern) for name in names
    ]


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("HLT_*_v[0-9]", "HLT_ZeroBias_v5"),
        ("[!a]", "b"),
        ("[!a]", "\n"),
        ("[]]", "]"),
        ("[]-a]", "^"),
        ("[a-]", "-"),
        ("[--0]", "."),
        ("[z-a]", "m"),
        ("[!z-a]", "m"),
        ("[z-ab]", "b"),
        ("[a-c-e]", "-"),
        ("[a-c-e]", "d"),
        ("[\\]", "\\"),
        ("[^a]", "a"),
        ("[[:alpha:]]", "a]"),
        ("[a", "[a"),
        ("[!", "[!"),
        ("[]", "[]"),
        ("a.b", "axb"),
        ("?", "\N{GRINNING FACE}"),
        ("*", ""),
        ("", ""),
        ("[&&]", "&"),
        ("[a||b]", "|"),
        ("[~~]", "~"),
    ],
)
def test_shell_patterns_that_are_easily_wrong(pattern, name):
    """Brackets, ranges and escapes mean what they mean to fnmatch."""
    found = pc.match_substring_regex(texts([name]), glob_regex(pattern)).to_pylist()
    assert found == [fnmatch.fnmatchcase(name, pattern)]
    assert fnmatch_names([name], pattern) == ([name] if found[0] else [])


@given(st.text(LETTERS, max_size=6), PATTERNS)
@settings(max_examples=examples(150))
def test_the_wider_like_lets_everything_through(name, pattern):
    """What a shell pattern matches, the LIKE pattern made from it matches too."""
    if fnmatch.fnmatchcase(name, pattern):
        like = Condition("x", "LIKE", glob_like(pattern))
        assert matches(like, texts([name])).to_pylist() == [True]


@given(values=NAMES, pattern=PATTERNS)
@settings(max_examples=examples(250))
def test_like_is_sqls_like(duck, values, pattern):
    """LIKE, backslashes included, is DuckDB's LIKE."""
    column = texts(values)
    expected = in_sql(duck, column, "x LIKE ?", [pattern])
    assert matches(Condition("x", "LIKE", pattern), column).to_pylist() == expected


def test_like_patterns_are_anchored():
    """A LIKE pattern matches the whole text, over several lines."""
    found = pc.match_substring_regex(texts(["a\nb", "ab\n"]), like_regex("a%b"))
    assert found.to_pylist() == [True, False]


@pytest.mark.parametrize(
    ("word", "kind"),
    [(o.word, k) for o in OPERATORS.values() for k in COLUMNS if k in o.kinds],
)
def test_every_operator_is_its_sql(duck, kind, word):
    """On every kind each operator says true, false or null just as its SQL does."""
    operator = OPERATORS[word]
    value = COLUMNS[kind]
    given_value = st.lists(value, min_size=1, max_size=3) if word == "IN" else value

    @given(st.lists(st.none() | value, max_size=5), given_value)
    @settings(max_examples=examples(15))
    def check(values, asked):
        column = pa.chunked_array([pa.array(values, ARROW[kind])])
        condition = Condition("x", word, tuple(asked) if word == "IN" else asked)
        bound = list(condition.value) if word == "IN" else [asked]
        if word == "GLOB":
            bound = [glob_regex(asked)]
        marks = ", ".join("?" * len(bound))
        marks = f"({marks})" if word == "IN" else marks
        template = operator.sql.format(column="x", value=marks)
        expected = in_sql(duck, column, template, bound)
        assert matches(condition, column).to_pylist() == expected
        kept = keep(pa.table({"x": column}), condition)
        assert kept["x"].to_pylist() == [
            v for v, held in zip(values, expected, strict=True) if held
        ]
        assert failing(kept, condition) is None

    check()


@given(
    lists=st.lists(st.none() | st.lists(st.sampled_from(["a", "b", "A", None]))),
    value=st.sampled_from("abc"),
)
@settings(max_examples=examples(100))
def test_lists_contain_as_in_sql(duck, lists, value):
    """CT on lists says what DuckDB's contains() says, nulls inside included."""
    column = pa.chunked_array([pa.array(lists, pa.list_(pa.string()))])
    condition = Condition("x", "CT", value)
    expected = in_sql(duck, column, "contains(x, ?)", [value])
    assert matches(condition, column).to_pylist() == expected
    assert failing(keep(pa.table({"x": column}), condition), condition) is None


def test_lists_in_chunks_contain():
    """CT looks at every chunk of a column of lists, and at lists of numbers."""
    kind = pa.list_(pa.int64())
    column = pa.chunked_array([pa.array([[1], None], kind), pa.array([[2, 1]], kind)])
    found = matches(Condition("x", "CT", 1), column.slice(1)).to_pylist()
    assert found == [None, True]
    assert failing(pa.table({"x": column}), Condition("x", "CT", 2)) is not None
    empty = pa.chunked_array([], kind)
    assert matches(Condition("x", "CT", 1), empty).to_pylist() == []


@pytest.mark.parametrize("kind", [pa.int64(), pa.string(), pa.list_(pa.string())])
def test_nulls_are_asked_for_by_name(kind):
    """= null and != null are true or false of every row, never null."""
    column = pa.chunked_array([pa.nulls(1, kind)])
    assert matches(Condition("x", "EQ", None), column).to_pylist() == [True]
    assert matches(Condition("x", "NEQ", None), column).to_pylist() == [False]


@pytest.mark.parametrize("word", list(OPERATORS))
def test_a_column_without_a_type_is_null(word):
    """Of a column that is null in every row nothing is known."""
    column = pa.chunked_array([pa.nulls(2)])
    condition = Condition("x", word, ("a",) if word == "IN" else "a")
    assert matches(condition, column).to_pylist() == [None, None]
    assert "2 of 2 rows" in failing(pa.table({"x": column}), condition)


@pytest.mark.parametrize(
    ("condition", "values"),
    [
        (field.x == 5, ["5"]),
        (field.x > 5, ["5"]),
        (field("x").is_in([5]), ["5"]),
        (field("x").is_in(["a"]), [5]),
        (field("x").like("5%"), [5]),
        (field("x").matches("5*"), [5]),
        (field("x").contains("5"), [5]),
        (field.x >= dt.datetime(2017, 1, 1, tzinfo=dt.UTC), ["x"]),
    ],
)
def test_a_column_of_another_type_cannot_be_compared(condition, values):
    """A column that came as another type raises here, and is not held against."""
    table = pa.table({"x": values})
    with pytest.raises(DecodeError, match="the service sends x as") as caught:
        keep(table, condition)
    assert caught.value.path == "$.data[*].attributes.x"
    assert failing(table, condition) is None


def broken(condition, values, kind=None):
    """What is wrong with these rows."""
    return failing(pa.table({"x": pa.array(values, kind)}), condition)


@pytest.mark.parametrize(
    ("condition", "values"),
    [
        (field.x == 6885.2021484375, [6885.202148]),
        (field.x >= 6885.2021484375, [6885.202148]),
        (field.x > 6885.202148, [6885.202148]),
        (field.x <= 6885.202148, [6885.2021484375]),
        (field.x < 6885.202148, [6885.2021484375]),
        (field.x != 0.1, [0.1, 0.10000000149]),
        (field("x").is_in([0.1, 0.2]), [0.10000000149, 0.2]),
        (field.x == 5, [5.0]),
        (field("x").like("hlt%"), ["HLT_x"]),
        (field("x").contains("dt"), ["xDTx"]),
        (field("x").contains("racke"), [["TRACKER"]]),
        (field("x").contains("A"), [["A", None]]),
        (field.x == None, [None]),  # noqa: E711
        (field.x != None, [0.5]),  # noqa: E711
        (field.x > 5, []),
    ],
)
def test_what_the_service_may_read_otherwise_is_let_through(condition, values):
    """Last digits of floats, case of text and parts of elements raise no alarm."""
    kind = None if values and values[0] is not None else pa.float64()
    assert broken(condition, values, kind) is None


@pytest.mark.parametrize(
    ("condition", "values", "said"),
    [
        (field.x == 5, [5, 6, None], "2 of 3 rows break the filter 'x = 5', the first"),
        (field.x == 5, [5, 6, None], "with x = 6"),
        (field.x == 5, [None], "with x = null"),
        (field.x != 5, [5], "x = 5"),
        (field.x != 0.5, [None], "x = null"),
        (field.x == 0.1, [0.1001], "x = 0.1001"),
        (field.x > 0.1, [0.0999], "x = 0.0999"),
        (field.x < 0.1, [0.1001], "x = 0.1001"),
        (field("x").is_in([1, 2]), [3], "x = 3"),
        (field("x").is_in([0.1, 0.2]), [0.3], "x = 0.3"),
        (field("x").is_in(["a"]), ["b"], "x = 'b'"),
        (field.x == "a", ["A"], "x = 'A'"),
        (field("x").like("a_"), ["abc"], "x = 'abc'"),
        (field("x").contains("DT"), [["CSC"]], r"x = \['CSC'\]"),
        (field("x").contains("DT"), ["CSC"], "x = 'CSC'"),
        (field.x == None, [1], "filter 'x = null', the first with x = 1"),  # noqa: E711
        (field.x != None, [None], "x = null"),  # noqa: E711
        (
            field.x >= dt.datetime(2017, 6, 16, tzinfo=dt.UTC),
            [dt.datetime(2017, 6, 15, tzinfo=dt.UTC)],
            "x = 2017-06-15T00:00:00Z",
        ),
    ],
)
def test_rows_that_a_filter_forbids_are_named(condition, values, said):
    """A row that breaks a filter is told with the count and the first value."""
    kind = pa.int64() if values == [None] and condition.value != 0.5 else None
    kind = pa.float64() if values == [None] and condition.value == 0.5 else kind
    found = broken(condition, values, kind)
    assert found is not None
    assert pc.match_substring_regex(texts([found]), said).to_pylist() == [True]
