"""Arrow -> JSON:API: cells, rows, pages, documents, page links."""

import datetime as dt
import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omskit.jsonapi.cells import cells
from omskit.jsonapi.decoding import decode
from omskit.jsonapi.encode import document, encode_page, rows
from omskit.jsonapi.links import page_links
from omskit.jsonapi.written import Style, row_ids
from omskit.query import Condition, Query, field
from omskit.schema import TIME, Field, Relationship, Resource, bundled
from omskit.table import Table
from omskit.table.receipt import Receipt

BASE = "https://oms.example/agg/api/v1"


def utc(*parts):
    """A time in UTC."""
    return dt.datetime(*parts, tzinfo=dt.UTC)


class TestCells:
    """One column at a time."""

    @pytest.mark.parametrize(
        ("kind", "values"),
        [
            (pa.int64(), [1, None, -(2**63), 2**63 - 1]),
            (pa.int32(), [1, 2]),
            (pa.int64(), [None, None]),
            (pa.float64(), [1.5, None, -0.0]),
            (pa.string(), ["a", None, "", "\N{GREEK SMALL LETTER MU}"]),
            (pa.bool_(), [True, None, False]),
            (pa.bool_(), [True, False]),
            (pa.list_(pa.string()), [["a", None], None, []]),
            (pa.list_(pa.int64()), [[1, 2], [3]]),
            (pa.null(), [None, None]),
            (pa.int64(), []),
        ],
    )
    def test_values_stay_what_they_are(self, kind, values):
        """Numbers, texts, flags and lists come back as Python's own, nulls as None."""
        whole = pa.chunked_array([values, values], kind)
        assert cells(whole) == values * 2
        found = cells(whole.slice(1))
        assert found == (values * 2)[1:]
        assert [type(v) for v in found] == [type(v) for v in (values * 2)[1:]]

    def test_numbers_that_json_does_not_know_are_null(self):
        """NaN and infinities have no word in JSON."""
        column = pa.array([float("nan"), float("inf"), None, 2.0])
        assert cells(column) == [None, None, None, 2.0]

    def test_times_as_oms_writes_them(self):
        """Microseconds are shown where there are any; years before 1970 as well."""
        times = [utc(2017, 6, 16, 20, 50, 33), None, utc(1969, 12, 31, 23, 59, 59, 5)]
        column = pa.chunked_array([times], TIME)
        assert cells(column) == [
            "2017-06-16T20:50:33Z",
            None,
            "1969-12-31T23:59:59.000005Z",
        ]
        assert cells(column, presentation=True) == [
            "2017-06-16 20:50:33",
            None,
            "1969-12-31 23:59:59.000005",
        ]

    @pytest.mark.parametrize("kind", [pa.timestamp("s"), pa.timestamp("ms", "CET")])
    def test_times_of_other_kinds_are_utc(self, kind):
        """The instant counts, not the zone in which a column shows it."""
        column = pa.array([1497646233], pa.int64()).cast(pa.timestamp("s")).cast(kind)
        instant = column.cast(pa.timestamp("s", "UTC"))
        assert cells(column) == cells(instant)

    @given(st.lists(st.datetimes(dt.datetime(1, 1, 1)) | st.none()))  # noqa: DTZ001
    def test_every_time_reads_back(self, naive):
        """What is written is the same instant, to the microsecond."""
        times = [None if t is None else t.replace(tzinfo=dt.UTC) for t in naive]
        for text, time in zip(cells(pa.array(times, TIME)), times, strict=True):
            assert text is None if time is None else text.endswith("Z")
            if time is not None:
                assert dt.datetime.fromisoformat(text) == time

    def test_lists_of_times_and_sliced_lists(self):
        """Elements are written as values of their kind are."""
        column = pa.array([[utc(2017, 1, 1)], None, [None]], pa.list_(TIME))
        assert cells(column.slice(0, 2)) == [["2017-01-01T00:00:00Z"], None]

    def test_json_texts_become_what_they_say(self):
        """Columns that keep JSON text are written as JSON, not as text of JSON."""
        column = pa.array(['{"a": [1]}', None, "3", '{"a": [1]}'])
        assert cells(column, is_json=True) == [{"a": [1]}, None, 3, {"a": [1]}]


class TestIds:
    """The id of a row."""

    def test_templates(self):
        """An id is made of columns; a null in it is written as null."""
        table = pa.table({"a": [1, None], "b": ["x", "y"]})
        assert row_ids(table, "{a}__{b}").to_pylist() == ["1__x", "null__y"]
        assert row_ids(table, "p-{a}-s").to_pylist() == ["p-1-s", "p-null-s"]

    def test_times_in_ids(self):
        """A time in an id is written as OMS writes times."""
        table = pa.table({"t": pa.array([utc(2017, 6, 16)], TIME)})
        assert row_ids(table, "{t}").to_pylist() == ["2017-06-16T00:00:00Z"]

    @pytest.mark.parametrize("template", ["", "{missing}"])
    def test_unknown_ids(self, template):
        """Without its columns an id cannot be known."""
        assert row_ids(pa.table({"a": [1]}), template).to_pylist() == [None]

    def test_ids_that_came_with_the_rows(self):
        """A column of ids is taken as it is."""
        table = pa.table({"@id": ["7"], "run_number": [5]})
        assert row_ids(table, "{run_number}").to_pylist() == ["7"]


RESOURCE = Resource(
    "rates",
    (
        Field("run_number", ("run_number",), "int"),
        Field("l1a_counter", ("l1a", "counter"), "int"),
        Field("l1a_rate", ("l1a", "rate"), "float"),
        Field("start_time", ("start_time",), "time"),
        Field("init_lumi", ("init_lumi",), "float", scaled=True),
        Field("end_lumi", ("end_lumi",), "float", scaled=True),
        Field("value", ("value",), "json"),
    ),
    row_id="{run_number}",
    relationships=(Relationship("fill", "fills", (("fill_number", "fill_number"),)),),
)


def rates():
    """Two rows, the second without scaling."""
    return pa.table(
        {
            "run_number": [5, 6],
            "l1a_counter": [10, None],
            "l1a_rate": [1.5, None],
            "start_time": pa.array([utc(2017, 6, 16, 20, 50, 33), None], TIME),
            "init_lumi": [6885.2021484375, None],
            "init_lumi@unit": ["10^{30}cm^{-2}s^{-1}", None],
            "end_lumi": [0.0, None],
            "end_lumi@unit": ["10^{30}cm^{-2}s^{-1}", None],
            "value": ["[1]", None],
        }
    )


STYLE = Style(BASE, "{run_number}")


class TestRows:
    """Rows as JSON:API objects."""

    def test_a_whole_row(self):
        """Everything that OMS sends with an unprojected row is there."""
        lumi = {"units": "10^{30}cm^{-2}s^{-1}"}
        itself = f"{BASE}/rates/5"
        assert rows(rates(), RESOURCE, STYLE)[0] == {
            "id": "5",
            "type": "rates",
            "attributes": {
                "run_number": 5,
                "l1a": {"counter": 10, "rate": 1.5},
                "start_time": "2017-06-16T20:50:33Z",
                "init_lumi": 6885.2021484375,
                "end_lumi": 0.0,
                "value": [1],
            },
            "relationships": {
                "fill": {
                    "links": {
                        "self": f"{itself}/relationships/fill",
                        "related": f"{itself}/fill",
                    }
                }
            },
            "links": {"self": itself},
            "meta": {"row": {"init_lumi": lumi, "end_lumi": lumi}},
        }

    def test_a_row_without_scaling(self):
        """A nested value of nulls stays an object, and the row's meta is empty."""
        row = rows(rates(), RESOURCE, STYLE)[1]
        assert row["attributes"]["l1a"] == {"counter": None, "rate": None}
        assert row["meta"] == {}

    def test_projected_rows(self):
        """With fields= there are neither relationships nor units."""
        fields = (RESOURCE.field("init_lumi"),)
        row = rows(rates(), RESOURCE, Style(BASE, "{run_number}", fields))[0]
        assert row == {
            "id": "5",
            "type": "rates",
            "attributes": {"init_lumi": 6885.2021484375},
            "links": {"self": f"{BASE}/rates/5"},
        }

    def test_data_only_rows(self):
        """Links and relationships go, units stay."""
        style = Style(BASE, "{run_number}", data_only=True)
        row = rows(rates(), RESOURCE, style)[0]
        assert row.keys() == {"id", "type", "attributes", "meta"}

    def test_ids_in_links_are_encoded(self):
        """An id with a slash or a blank does not break its link."""
        table = pa.table({"name": ["a/b c:d"]})
        row = rows(table, bundled()["eras"], Style(BASE, "{name}"))[0]
        assert row["id"] == "a/b c:d"
        assert row["links"]["self"] == f"{BASE}/eras/a%2Fb%20c:d"

    def test_rows_without_an_id_have_no_links(self):
        """A link that leads nowhere is not written."""
        table = pa.table({"l1a_rate": [1.0]})
        row = rows(table, RESOURCE, STYLE)[0]
        assert row.keys() == {"id", "type", "attributes"}
        assert row["id"] is None

    def test_no_columns(self):
        """Rows of nothing but an id have no attributes."""
        table = pa.table({"@id": ["5"]})
        style = Style(BASE, "", data_only=True)
        assert rows(table, RESOURCE, style)[0]["attributes"] == {}


class TestPages:
    """Pages as bytes."""

    def test_a_page_decodes_to_what_was_encoded(self):
        """The decoder reads what the encoder writes, units and ids included."""
        body = encode_page(rates(), RESOURCE, STYLE, total=9, links={"next": None})
        read = decode(body, RESOURCE)
        assert read.total == 9
        names = [n for n in rates().column_names if n != "value"]
        assert read.table.select(names).equals(rates().select(names))
        assert read.table["@id"].to_pylist() == ["5", "6"]
        assert json.loads(body)["links"] == {"next": None}

    def test_data_only_pages_have_no_links(self):
        """The total is always there: without it nobody knows what is missing."""
        style = Style(BASE, "{run_number}", data_only=True)
        page = json.loads(encode_page(rates(), RESOURCE, style, total=2, links={}))
        assert page.keys() == {"data", "meta"}
        assert page["meta"] == {"totalResourceCount": 2}

    def test_meta_of_the_fields(self):
        """include=meta puts the description of the attributes beside the total."""
        body = encode_page(
            rates(), RESOURCE, STYLE, total=2, links={}, meta_fields={"x": {}}
        )
        meta = json.loads(body)["meta"]
        assert meta == {"totalResourceCount": 2, "fields": {"x": {}}}


class TestDocuments:
    """The document of a table."""

    def test_a_table_of_the_catalogue(self):
        """Nested attributes are put together again, times are texts, ids are known."""
        table = Table(
            pa.table(
                {
                    "run_number": [297050],
                    "first_lumisection_number": [1],
                    "start_time": pa.array([utc(2017, 6, 16, 20, 51, 27)], TIME),
                    "l1a_total_counter": [569191],
                    "l1a_total_rate": [24418.342],
                }
            ),
            resource="l1triggerrates",
        )
        assert document(table) == {
            "data": [
                {
                    "id": "297050_1",
                    "type": "l1triggerrates",
                    "attributes": {
                        "run_number": 297050,
                        "first_lumisection_number": 1,
                        "start_time": "2017-06-16T20:51:27Z",
                        "l1a_total": {"counter": 569191, "rate": 24418.342},
                    },
                }
            ],
            "links": {"first": None, "last": None, "next": None, "prev": None},
            "meta": {"totalResourceCount": 1},
        }

    def test_raw_tables_keep_their_units(self):
        """A column of units becomes the units of the rows, not an attribute."""
        arrow = pa.table({"delivered_lumi": [1.5], "delivered_lumi@unit": ["pb^{-1}"]})
        row = document(Table(arrow, resource="runs"), base_url=BASE)["data"][0]
        assert row["attributes"] == {"delivered_lumi": 1.5}
        assert row["meta"] == {"row": {"delivered_lumi": {"units": "pb^{-1}"}}}
        assert row["id"] is None

    def test_what_the_catalogue_does_not_know(self):
        """Unknown columns and resources are written as they are."""
        table = Table(pa.table({"@id": ["7"], "new": ["x"]}), resource="novel")
        row = document(table, base_url=BASE)["data"][0]
        assert row == {
            "id": "7",
            "type": "novel",
            "attributes": {"new": "x"},
            "links": {"self": f"{BASE}/novel/7"},
        }

    def test_the_total_is_the_service_s(self):
        """A table of the first rows still says how many match."""
        now = utc(2024, 1, 1)
        receipt = Receipt(BASE, ("runs",), 7, 1, now, now, "0")
        arrow = pa.table({"run_number": [5]})
        made = document(Table(arrow, resource="runs", receipt=receipt))
        assert made["meta"] == {"totalResourceCount": 7}


def link(text):
    """A link below the base URL of these tests."""
    return None if text is None else f"{BASE}/runs?{text}"


class TestLinks:
    """Page links, with the known answers of katharsis (total 5)."""

    @pytest.mark.parametrize(
        ("offset", "limit", "expected"),
        [
            (
                2,
                2,
                {
                    "first": "page[limit]=2",
                    "prev": "page[limit]=2",
                    "next": "page[limit]=2&page[offset]=4",
                    "last": "page[limit]=2&page[offset]=4",
                },
            ),
            (
                0,
                3,
                {
                    "first": "page[limit]=3",
                    "last": "page[limit]=3&page[offset]=3",
                    "next": "page[limit]=3&page[offset]=3",
                    "prev": None,
                },
            ),
            (
                4,
                4,
                {
                    "first": "page[limit]=4",
                    "last": "page[limit]=4&page[offset]=4",
                    "next": None,
                    "prev": "page[limit]=4",
                },
            ),
            (
                0,
                5,
                {
                    "first": "page[limit]=5",
                    "last": "page[limit]=5",
                    "next": None,
                    "prev": None,
                },
            ),
        ],
    )
    def test_known_answers(self, offset, limit, expected):
        """First, last, next and previous are where katharsis has them."""
        links = page_links(
            f"{BASE}/runs", Query("runs"), offset=offset, limit=limit, total=5
        )
        assert links == {name: link(text) for name, text in expected.items()}

    def test_no_rows_no_links(self):
        """Without rows there are no pages."""
        links = page_links("runs", Query("runs"), offset=0, limit=2, total=0)
        assert set(links.values()) == {None}

    def test_the_recorded_page(self):
        """4655 lumisections in pages of 1000 end at offset 4000, as recorded."""
        links = page_links("x", Query("x"), offset=0, limit=1000, total=4655)
        assert links["last"] == "x?page[limit]=1000&page[offset]=4000"

    def test_the_recorded_form(self):
        """Names carry the resource, brackets stay, commas are encoded."""
        query = Query("runs", (field.run_number == 297050,))
        links = page_links("runs", query, offset=0, limit=1000, total=1)
        recorded = "runs?page[limit]=1000&filter[runs][run_number][EQ]=297050"
        assert links["first"] == recorded
        query = Query("runs").select("l1_rate", "l1_menu")
        links = page_links("runs", query, offset=0, limit=1000, total=7)
        assert links["last"] == "runs?page[limit]=1000&fields[runs]=l1_rate%2Cl1_menu"

    def test_every_part_of_a_query_is_in_its_links(self):
        """Sets of values, nulls, times, order, includes and groups are kept."""
        query = Query(
            "runs",
            (
                field.run_number.is_in([1, 2]),
                Condition("end_time", "EQ", None),
                field.start_time >= utc(2017, 1, 1),
                field.era.like("%a&b%"),
            ),
            order=("-run_number", "era"),
            includes=("meta", "data_only"),
            groups=(("granularity", "run"),),
        )
        links = page_links("u", query, offset=0, limit=1, total=1)
        assert links["first"] == (
            "u?page[limit]=1&filter[runs][run_number][EQ]=1"
            "&filter[runs][run_number][EQ]=2&filter[runs][end_time][EQ]=null"
            "&filter[runs][start_time][GE]=2017-01-01T00%3A00%3A00Z"
            "&filter[runs][era][LIKE]=%25a%26b%25&sort[runs]=-run_number%2Cera"
            "&include=meta%2Cdata_only&group[granularity]=run"
        )
