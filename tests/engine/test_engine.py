"""The engine, on hand-made tables."""

import concurrent.futures
import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from omskit.engine import Engine, MemoryRelations, execute, sql
from omskit.engine.sql import chosen, is_newest, quoted, rows_statement
from omskit.errors import (
    OperatorError,
    UnknownFieldError,
    UnknownResourceError,
    UsageError,
)
from omskit.query import OPERATORS, Condition, Query, Selection, field
from omskit.schema import Catalogue, Field, Resource

T0 = dt.datetime(2017, 6, 16, 20, 50, 1, tzinfo=dt.UTC)


def found(engine, *conditions):
    """Places (from 0) of the rows that match, in the order of identity."""
    places = {(1, 1): 0, (1, 2): 1, (1, 3): 2, (2, 1): 3, (2, 2): 4, (3, 1): 5}
    query = Query("things").where(*conditions).select("run_number", "part")
    table = engine.execute(query).table
    pairs = zip(table["run_number"].to_pylist(), table["part"].to_pylist(), strict=True)
    return [places[pair] for pair in pairs]


CASES = [
    ("EQ", "count", 5, [0]),
    ("EQ", "count", None, [1]),
    ("EQ", "name", "it's; --", [4]),
    ("EQ", "good", True, [0, 3]),
    ("EQ", "start", T0, [0]),
    ("EQ", "count", 2**62, [3]),
    ("EQ", "run_number", -1, []),
    ("NEQ", "count", 5, [2, 3, 4, 5]),
    ("NEQ", "count", None, [0, 2, 3, 4, 5]),
    ("NEQ", "good", False, [0, 3]),
    ("LT", "count", 5, [4, 5]),
    ("LT", "name", "a", [0, 3]),
    ("GT", "rate", 1, [0, 5]),
    ("GT", "start", T0, [1, 3, 5]),
    ("LE", "rate", -0.25, [4]),
    ("LE", "start", T0, [0, 4]),
    ("GE", "count", 7, [2, 3]),
    ("GE", "start", T0, [0, 1, 3, 5]),
    ("LIKE", "name", "HLT%", [0, 3]),
    ("LIKE", "name", "hlt_a_v1", [1]),
    ("LIKE", "name", "%\\%", []),
    ("CT", "name", "HLT", [0, 3]),
    ("CT", "name", "%", [3]),
    ("CT", "tags", "PIXEL", [0]),
    ("CT", "tags", "ECAL", [0, 5]),
    ("IN", "part", (2, 3, 9), [1, 2, 4]),
    ("IN", "name", ("hlt_a_v1", "' OR 1=1"), [1]),
    ("IN", "start", (T0,), [0]),
    ("GLOB", "name", "*_?_v[0-9]", [0, 1]),
    ("GLOB", "name", "[!H]*_v1", [1]),
    ("GLOB", "name", "HLT_B%", [3]),
]


@pytest.mark.parametrize(("op", "name", "value", "places"), CASES)
def test_operator(engine, op, name, value, places):
    """Each operator selects the rows that SQL's three-valued logic says."""
    assert found(engine, Condition(name, op, value)) == places


def test_every_operator_is_tested():
    """The table of cases covers every operator there is."""
    assert {case[0] for case in CASES} == set(OPERATORS)


def test_conditions_are_anded(engine):
    """All conditions must hold."""
    assert found(engine, field.run_number >= 1, field("count") < 6) == [0, 4, 5]


def test_no_number_beyond_json_is_seen(engine):
    """NaN and infinity are missing values, to filters as to pages."""
    assert found(engine, field.rate.is_null()) == [1, 2, 3]
    assert engine.execute(Query("things")).table["rate"].null_count == 3


def test_columns_are_in_the_types_of_the_catalogue(engine, time_type):
    """Whole rows have every column, exactly typed, and units after scaled ones."""
    table = engine.execute(Query("things")).table
    units = ["lumi", "lumi@unit", "next_lumi", "next_lumi@unit"]
    assert table.column_names == [*engine.catalogue["things"].names[:8], *units]
    assert table.schema.field("start").type == time_type
    assert table.schema.field("tags").type == pa.list_(pa.string())
    assert table["start"].to_pylist()[1] == T0.replace(microsecond=5)
    assert table["tags"].to_pylist()[:3] == [["PIXEL", "ECAL"], [], None]
    assert table["lumi@unit"].to_pylist()[2:4] == [None, "nb^{-1}"]


def test_the_chosen_columns_come_in_the_order_of_the_query(engine):
    """A nested attribute stands for its parts, and a scaled column brings its units."""
    table = engine.execute(Query("things").select("lumi", "part")).table
    assert table.column_names == ["lumi", "lumi@unit", "part"]
    nested = engine.execute(Query("rates").select("l1a", "run_number")).table
    assert nested.column_names == ["l1a_counter", "l1a_rate", "run_number"]
    both = engine.execute(Query("rates").select("l1a_rate", "l1a")).table
    assert both.column_names == ["l1a_rate", "l1a_counter"]


@pytest.mark.parametrize(
    ("keys", "places"),
    [
        (("count",), [4, 5, 0, 2, 3, 1]),
        (("-count",), [3, 2, 0, 5, 4, 1]),
        (("good", "-part"), [1, 5, 0, 3, 2, 4]),
        (("-run_number",), [5, 3, 4, 0, 1, 2]),
        (("-good",), [0, 3, 1, 5, 2, 4]),
        (("-next_lumi",), [4, 3, 2, 0, 5, 1]),
        (("tags",), [1, 5, 4, 0, 3, 2]),
    ],
)
def test_sort(engine, keys, places):
    """Nulls come last both ways, keys keep their order, ties go by identity."""
    query = Query("things").sort(*keys).select("run_number", "part")
    table = engine.execute(query).table.to_pydict()
    order = [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (3, 1)]
    pairs = list(zip(table["run_number"], table["part"], strict=True))
    assert pairs == [order[i] for i in places]


def test_without_a_sort_rows_come_by_identity(tables):
    """The order of the tables does not matter."""
    backwards = pa.concat_tables([tables["rates"].slice(i, 1) for i in (4, 0, 3, 2, 1)])
    with Engine({"rates": backwards}, Catalogue({"rates": _rates()})) as engine:
        table = engine.execute(Query("rates")).table
    assert table["l1a_rate"].to_pylist() == [1.0, 2.0, 3.0, 4.0, 5.0]


def _rates():
    fields = [
        Field(name, (name,), kind)
        for name, kind in (
            ("run_number", "int"),
            ("first_lumisection_number", "int"),
            ("l1a_rate", "float"),
        )
    ]
    return Resource(
        "rates", tuple(fields), identity=("run_number", "first_lumisection_number")
    )


@pytest.mark.parametrize(
    ("offset", "limit", "rows"),
    [(0, 2, 2), (4, 2, 2), (5, 2, 1), (6, 2, 0), (99, 5, 0), (2, None, 4), (0, 0, 0)],
)
def test_total_counts_all_that_match(engine, offset, limit, rows):
    """Whatever page is asked for, the total is that of the whole answer."""
    result = engine.execute(Query("things"), offset=offset, limit=limit)
    assert (result.table.num_rows, result.total) == (rows, 6)


def test_an_empty_answer_is_typed(engine):
    """No match gives no rows, all columns and the total 0."""
    result = engine.execute(Query("things").where(field.run_number == 99), limit=5)
    assert (result.total, result.table.num_rows) == (0, 0)
    assert len(result.table.column_names) == 12


def test_maximum_bounds_rows_but_not_the_total(engine):
    """A query's own limit holds across pages."""
    query = Query("things").limit(3)
    assert engine.execute(query).table.num_rows == 3
    assert engine.execute(query, offset=2, limit=5).table.num_rows == 1
    assert engine.execute(query, offset=4, limit=5).table.num_rows == 0
    assert engine.execute(query, limit=2).table.num_rows == 2
    assert engine.execute(query).total == 6


@pytest.mark.parametrize(("offset", "limit"), [(-1, None), (0, -1)])
def test_negative_pages_are_refused(engine, offset, limit):
    """There is nothing before the first row."""
    with pytest.raises(UsageError, match="count from 0"):
        engine.execute(Query("things"), offset=offset, limit=limit)


class TestComputedAfterTheFilter:
    """Columns like end_lumi of lumisections."""

    def lead(self, engine, *conditions, **page):
        query = Query("things").where(*conditions).select("next_lumi")
        return engine.execute(query, **page).table["next_lumi"].to_pylist()

    def test_it_is_the_value_of_the_next_row(self, engine):
        """The stored column is not looked at; the last row has 0."""
        assert self.lead(engine) == [20.0, None, 40.0, 50.0, 60.0, 0.0]

    def test_it_depends_on_the_filter(self, engine):
        """The next row is the next one that passed, as in OMS's SQL."""
        assert self.lead(engine, field.part == 1) == [40.0, 60.0, 0.0]
        assert self.lead(engine, field.run_number == 3) == [0.0]

    def test_it_does_not_depend_on_the_page(self, engine):
        """A page's last row still sees the first row of the next page."""
        assert self.lead(engine, offset=1, limit=2) == [None, 40.0]

    def test_filters_on_it_come_later(self, engine):
        """They take rows away without changing what is left; the total follows."""
        query = Query("things").where(field.next_lumi >= 40, field.part < 3)
        result = engine.execute(query, limit=1)
        assert result.total == 3
        later = [40.0, 50.0, 60.0]
        assert self.lead(engine, field.next_lumi >= 40, field.part < 3) == later

    @pytest.mark.parametrize(
        "order", [("-count",), ("rate", "-part"), ("-run_number",)], ids=str
    )
    @pytest.mark.parametrize("conditions", [(), (field.part < 3,)], ids=["all", "few"])
    def test_a_page_of_many_rows_is_a_part_of_all(
        self, engine, monkeypatch, order, conditions
    ):
        """It is looked up there, and computed over all columns here."""
        whole = Query("things").where(*conditions).sort(*order)
        wanted = engine.execute(whole)
        monkeypatch.setattr(sql, "MANY", 0)
        asked = set()
        run = execute._run
        monkeypatch.setattr(
            execute, "_run", lambda c, s: (asked.add("@every" in s.text), run(c, s))[1]
        )
        for offset, limit in ((0, 3), (2, 2), (1, 50), (0, 0)):
            page = engine.execute(whole, offset=offset, limit=limit)
            assert page.table.equals(wanted.table.slice(offset, limit))
            assert page.total == wanted.total
        assert True in asked

    def test_a_page_without_it_is_read_once(self, engine, monkeypatch):
        """Nor is it looked up where it decides which rows come."""
        monkeypatch.setattr(sql, "MANY", 0)
        plain = Query("things").sort("-count").select("part")
        assert engine.execute(plain, limit=2).table["part"].to_pylist() == [1, 3]
        late = Query("things").sort("-next_lumi").select("next_lumi")
        found = engine.execute(late, limit=2).table["next_lumi"].to_pylist()
        assert found == [60.0, 50.0]

    def test_an_expression_it_does_not_know_is_refused(self):
        """A catalogue cannot smuggle SQL in."""
        odd = Field("x", ("x",), "int", after_filter="1; drop table t")
        catalogue = Catalogue({"odd": Resource("odd", (odd,))})
        with (
            Engine({"odd": pa.table({"x": [1]})}, catalogue) as engine,
            pytest.raises(UsageError, match="only knows lead"),
        ):
            engine.execute(Query("odd"))


class TestGranularity:
    """Rows of a whole run."""

    def test_default_and_its_name_are_the_same(self, engine):
        """The first granularity needs no word."""
        plain = engine.execute(Query("rates"))
        named = engine.execute(Query("rates").group("lumisection"))
        assert plain.table.equals(named.table)
        assert plain.total == 5

    def test_run(self, engine):
        """Rows of whole runs come from a table of their own."""
        table = engine.execute(Query("rates").group("run")).table
        assert table["l1a_rate"].to_pylist() == [101.0, 104.0]

    def test_unknown_groups_are_refused(self, engine):
        """Nothing is ignored in silence."""
        with pytest.raises(UsageError, match=r"group\[size\]=10 is not supported"):
            engine.execute(Query("rates").group(size=10))
        with pytest.raises(UsageError, match="has 'lumisection' or 'run', not 'fill'"):
            engine.execute(Query("rates").group("fill"))
        with pytest.raises(UsageError, match="has no granularity, not 'run'"):
            engine.execute(Query("things").group("run"))

    def test_rows_that_are_not_there_are_named(self, tables):
        """A resource can be here at one granularity only."""
        del tables["rates@run"]
        catalogue = Catalogue({"rates": _with_granularities()})
        with (
            Engine(tables, catalogue) as engine,
            pytest.raises(UnknownResourceError, match="no rows of 'rates@run' here"),
        ):
            engine.execute(Query("rates").group("run"))


def _with_granularities():
    plain = _rates()
    return Resource(
        "rates",
        plain.fields,
        identity=plain.identity,
        lumisection="first_lumisection_number",
        granularities=("lumisection", "run"),
    )


class TestNewestLumisection:
    """-1, as the web pages of OMS use it."""

    @pytest.mark.parametrize(
        "name", ["last_lumisection_number", "first_lumisection_number"]
    )
    def test_minus_one_is_the_newest_among_the_rest(self, engine, name):
        """The newest lumisection is that of the rows which the other filters leave."""
        query = Query("rates").where(Condition(name, "EQ", -1))
        assert engine.execute(query).table["l1a_rate"].to_pylist() == [3.0]
        query = query.where(field.run_number == 2)
        assert engine.execute(query).table["l1a_rate"].to_pylist() == [5.0]

    def test_only_where_rows_belong_to_lumisections(self, engine):
        """Elsewhere, and with other operators, -1 is a number."""
        resource = engine.catalogue["things"]
        assert not is_newest(Condition("part", "EQ", -1), resource)
        rates = engine.catalogue["rates"]
        assert not is_newest(Condition("first_lumisection_number", "GT", -1), rates)
        assert not is_newest(Condition("run_number", "EQ", -1), rates)


class TestRefusals:
    """What the engine does not answer."""

    def test_unknown_names(self, engine):
        """Resources and fields are checked, and the nearest are named."""
        with pytest.raises(UnknownResourceError, match="Did you mean 'things'"):
            engine.execute(Query("thing"))
        with pytest.raises(UnknownFieldError, match="Did you mean 'count'"):
            engine.execute(Query("things").where(field.coutn == 1))
        with pytest.raises(UnknownFieldError):
            engine.execute(Query("things").select("nope"))
        with pytest.raises(UnknownFieldError):
            engine.execute(Query("things").sort("-nope"))
        with pytest.raises(UnknownFieldError):
            engine.execute(Query("things").select("#row"))

    def test_values_of_another_type(self, engine):
        """A value that is not of the column's type is no value for it."""
        with pytest.raises(OperatorError):
            engine.execute(Query("things").where(field("count") == "1 OR 1=1"))

    def test_a_resource_without_rows(self, tables):
        """The message says what there is."""
        del tables["things"]
        with (
            Engine(tables) as engine,
            pytest.raises(UnknownResourceError, match="There are: rates, rates@run"),
        ):
            engine.execute(Query("runs"))

    def test_what_needs_planning(self, engine):
        """Selections and custom parameters have no SQL."""
        with pytest.raises(UsageError, match="planned"):
            engine.execute(Query("things", selection=Selection(era="2017B")))
        with pytest.raises(UsageError, match="planned"):
            engine.execute(Query("things").custom("x", 1))

    def test_a_pattern_without_meaning(self, engine, monkeypatch):
        """What DuckDB cannot read as a pattern is refused, not a crash."""
        monkeypatch.setattr(sql, "glob_regex", lambda pattern: "(")
        with pytest.raises(OperatorError, match="makes no sense"):
            engine.execute(Query("things").where(field.name.matches("x")))


class TestHeldTables:
    """What tables may look like."""

    def test_hidden_columns_filter_but_do_not_show(self, tables):
        """A column that the catalogue does not know can be filtered by."""
        extra = tables["rates"].append_column(
            "fill_number", pa.array([7, 7, 7, 8, 8], pa.int64())
        )
        catalogue = Catalogue({"rates": _rates()})
        with Engine({"rates": extra}, catalogue) as engine:
            # l1a_counter and last_lumisection_number are unknown to this catalogue.
            hidden = {f.name: f.kind for f in engine.hidden("rates")}
            assert hidden == {
                "last_lumisection_number": "int",
                "l1a_counter": "int",
                "fill_number": "int",
            }
            query = Query("rates").where(field.fill_number == 8)
            table = engine.execute(query).table
        assert table.column_names == list(_rates().names)
        assert table.num_rows == 2

    @pytest.mark.parametrize(
        ("values", "kind"),
        [
            ([1.5], "float"),
            ([True], "bool"),
            ([dt.datetime(2017, 1, 1, tzinfo=dt.UTC)], "time"),
            (["x"], "str"),
        ],
    )
    def test_kinds_of_hidden_columns(self, values, kind):
        """Their types are read off the table."""
        table = pa.table({"run_number": [1], "x": values, "y@unit": ["s"]})
        with Engine({"rates": table}, Catalogue({"rates": _rates()})) as engine:
            assert [f.kind for f in engine.hidden("rates")] == [kind]

    @pytest.mark.parametrize("kind", [pa.int64(), pa.list_(pa.int32())])
    def test_what_is_only_filtered_by_may_be_a_list(self, kind):
        """Each value of a list finds its row, a column of single values the same."""
        run = Field("run_number", ("run_number",), "int", sortable=False)
        sets = Resource(
            "sets",
            (Field("name", ("name",), "str"),),
            identity=("name",),
            filters=(run,),
            within="run_number",
        )
        runs = [[5, 6], [6], [], None] if pa.types.is_list(kind) else [5, 6, None, 6]
        names = ["a", "b", "c", "d"]
        table = pa.table({"name": names, "run_number": pa.array(runs, kind)})
        with Engine({"sets": table}, Catalogue({"sets": sets})) as engine:
            assert engine.hidden("sets") == (run,)

            def names_of(number):
                asked = Query("sets").where(field.run_number == number)
                return engine.execute(asked).table.to_pydict()

            expected = [n for n, r in zip(names, runs, strict=True) if r in (5, [5, 6])]
            assert names_of(5) == {"name": expected}
            assert len(names_of(6)["name"]) == 2
            assert names_of(7) == {"name": []}
            assert engine.execute(Query("sets")).total == 4
            with pytest.raises(OperatorError, match="one of them at a time"):
                engine.execute(Query("sets").where(field.run_number > 5))

    def test_a_filter_that_a_table_does_not_hold(self):
        """A table without the column of a filter cannot be filtered by it."""
        table = pa.table({"config_name": ["/cdaq/a"]})
        with Engine({"hltconfig": table}) as engine:
            assert engine.hidden("hltconfig") == ()
            assert engine.execute(Query("hltconfig")).total == 1
            with pytest.raises(UnknownFieldError, match="run_number"):
                engine.execute(Query("hltconfig").where(field.run_number == 5))

    def test_missing_columns_are_null(self):
        """Tables written before OMS had a column can be asked for it."""
        table = pa.table({"run_number": [1], "part": [1]})
        catalogue = Catalogue({"things": _things()})
        with Engine({"things": table}, catalogue) as engine:
            row = engine.execute(Query("things")).table.to_pylist()[0]
        assert row == {"run_number": 1, "part": 1, "lumi": None, "lumi@unit": None}

    def test_narrow_types_are_widened(self):
        """A table may hold int32 where the catalogue says int64."""
        table = pa.table({"run_number": pa.array([1], pa.int32())})
        with Engine({"rates": table}, Catalogue({"rates": _rates()})) as engine:
            found = engine.execute(Query("rates")).table
        assert found.schema.field("run_number").type == pa.int64()

    def test_tables_are_looked_up_when_needed(self):
        """A lazy mapping of tables is not emptied at once."""
        asked = set()

        class Lazy(dict):
            def __getitem__(self, key):
                asked.add(key)
                return super().__getitem__(key)

        lazy = Lazy(rates=pa.table({"run_number": [1]}), other=pa.table({"x": [1]}))
        with Engine(lazy, Catalogue({"rates": _rates()})) as engine:
            assert asked == set()
            assert engine.holds("rates")
            assert not engine.holds("other")
            engine.execute(Query("rates"))
            engine.execute(Query("rates"))
        assert asked == {"rates"}

    def test_names_with_quotes_stay_names(self):
        """Even a resource whose name is SQL is only a name."""
        name = 'a"; DROP TABLE x; --'
        odd = Resource(name, (Field('b"c', ('b"c',), "int"),), identity=('b"c',))
        table = pa.table({'b"c': [3, 1, 2]})
        with Engine({name: table}, Catalogue({name: odd})) as engine:
            query = Query(name).sort('-b"c').where(field('b"c') > 1)
            assert engine.execute(query).table['b"c'].to_pylist() == [3, 2]


def _things():
    fields = (
        Field("run_number", ("run_number",), "int"),
        Field("part", ("part",), "int"),
        Field("lumi", ("lumi",), "float", scaled=True),
    )
    return Resource("things", fields, identity=("run_number", "part"))


def test_threads_share_an_engine(engine):
    """Questions from many threads at once are answered, each on its own cursor."""

    def ask(part):
        query = Query("things" if part % 2 else "rates")
        return engine.execute(query.where(field.run_number == part % 3 + 1)).total

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        together = list(pool.map(ask, range(48)))
    assert together == [ask(part) for part in range(48)]


def test_times_at_the_ends_of_the_calendar(engine):
    """The first and last moments that Python knows can be compared with."""
    first = dt.datetime.min.replace(tzinfo=dt.UTC)
    last = dt.datetime.max.replace(tzinfo=dt.UTC)
    assert found(engine, field.start.between(first, last)) == [0, 1, 3, 4, 5]


def test_no_value_is_part_of_the_statement(engine, tables):
    """The text of a statement does not depend on the values."""
    held = MemoryRelations(tables)
    relation = held.relation("things", engine.catalogue)
    one = Query("things").where(field.name == "x", field.part.is_in([1, 2]))
    other = Query("things").where(field.name == "';--", field.part.is_in([3, 4]))
    statements = [
        rows_statement(query, relation, offset=1, limit=2) for query in (one, other)
    ]
    assert statements[0].text == statements[1].text
    assert statements[1].values == ("';--", 3, 4, 2 + 1, 1)
    assert quoted('a"b') == '"a""b"'


def test_all_fields_are_chosen_when_none_is_named(engine):
    """No projection means every column of the resource."""
    resource = engine.catalogue["things"]
    assert chosen(Query("things"), resource) == resource.fields


@pytest.mark.parametrize("offset", [0, 1, 4, 5, 6, 7, 10**30])
@pytest.mark.parametrize("limit", [0, 1, 2, 6, 10**30])
def test_a_page_by_row_number_is_a_slice_of_all_rows(engine, offset, limit):
    """The short cut to a page gives what ORDER BY and OFFSET over all rows give."""
    whole = engine.execute(Query("things"))
    page = engine.execute(Query("things"), offset=offset, limit=limit)
    assert page.table.to_pylist() == whole.table.to_pylist()[offset : offset + limit]
    assert page.total == whole.total == 6


def test_pages_under_plain_filters_come_in_order():
    """Rows that a filter leaves are in natural order on every page, unsorted by SQL."""
    count = 400_000
    numbers = np.arange(count)
    runs = pa.table({"run_number": numbers, "l1_rate": (numbers % 7).astype(float)})
    with Engine({"runs": runs}) as engine:
        query = Query("runs").where(field("l1_rate") > 2).select("run_number")
        wanted = numbers[numbers % 7 > 2]
        for offset in (0, 100_000, 200_000):
            found = engine.execute(query, offset=offset, limit=20_000)
            page = found.table["run_number"].to_numpy()
            assert np.array_equal(page, wanted[offset : offset + 20_000])
            assert found.total == wanted.size
