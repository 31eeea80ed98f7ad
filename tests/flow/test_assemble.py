from __future__ import annotations

import pyarrow as pa
import pytest

from omskit.errors import DecodeError, ServiceError, UnitError
from omskit.flow.assemble import assemble, empty_rows, joined, notes_of
from omskit.jsonapi import Rows
from omskit.lumi import LumiMask
from omskit.query import Condition, Query
from omskit.query.plan import Plan
from omskit.schema import Field, Resource, bundled

LUMIS = bundled()["lumisections"]
THING = Resource(
    "thing",
    (
        Field("n", ("n",), "int", title="a number"),
        Field("rate", ("rate",), "float", unit="Hz"),
        Field("part_a", ("part", "a"), "int"),
        Field("lumi", ("lumi",), "float", unit="/pb", scaled=True),
        Field("each", ("each",), "float", unit="/pb", scaled=True, unit_from="lumi"),
    ),
)
ASKED = Query("thing")


def thing(**columns):
    first = len(next(iter(columns.values())))
    full = {"@id": pa.array([str(i) for i in range(first)]), **columns}
    return pa.table(full)


def put(page, plan=None, **options):
    made = plan or Plan((ASKED,))
    return assemble([page], made, THING, raw=False, **options)


def test_no_page_is_an_empty_table_of_the_resource():
    """Without pages every column is there, of its type, helpers for units included."""
    table = joined([], LUMIS)
    assert table.num_rows == 0
    assert set(LUMIS.names) <= set(table.column_names)
    assert "init_lumi@unit" in table.column_names
    assert empty_rows(LUMIS).schema == table.schema


def test_pages_that_differ_in_columns_are_joined():
    """A column that one page lacks is null there; whole numbers become floats."""
    table = joined([thing(n=[1]), thing(n=[2.5], extra=["x"])], THING)
    assert table["n"].to_pylist() == [1.0, 2.5]
    assert table["extra"].to_pylist() == [None, "x"]


def test_pages_that_clash_are_refused_by_name():
    """Text here and numbers there is an error that names the column."""
    with pytest.raises(DecodeError, match="one type here, another there") as caught:
        joined([thing(n=[1], rate=[1.0]), thing(n=["x"], rate=[1.0])], THING)
    assert caught.value.path == "$.data[*].attributes.n"


def test_rows_that_a_filter_forbids_are_refused():
    """A row that breaks a filter the service was given makes the answer worthless."""
    plan = Plan((ASKED,), checks=(Condition("n", "GT", 3),))
    with pytest.raises(ServiceError, match=r"n > 3.*first with n = 2"):
        put(thing(n=[4, 2]), plan)
    assert put(thing(n=[4, 5]), plan).table.num_rows == 2


def test_filters_whose_column_did_not_come_are_not_checked():
    """What a projection left out, or nobody sent, cannot be held against a filter."""
    checks = (Condition("n", "GT", 3),)
    narrow = Query("thing", fields=("rate",))
    plan = Plan((narrow,), checks=checks)
    assert put(thing(n=[None, 1]), plan).table.num_rows == 2
    other = Plan((ASKED,), checks=(Condition("absent", "GT", 3),))
    assert put(thing(n=[1]), other).table.num_rows == 1
    named = Plan((Query("thing", fields=("absent",)),), checks=other.checks)
    assert put(thing(n=[1]), named).table.num_rows == 1


def test_nulls_are_last_in_both_directions():
    """Sorted here, missing values come last, ascending and descending."""
    page = thing(n=[2, None, 1, 3])
    up = put(page, Plan((ASKED,), order=("n",))).table["n"].to_pylist()
    down = put(page, Plan((ASKED,), order=("-n",))).table["n"].to_pylist()
    assert (up, down) == ([1, 2, 3, None], [3, 2, 1, None])


def test_the_first_sort_key_counts_most():
    """Several keys sort one after the other, a repeated one once."""
    page = thing(n=[1, 2, 1, 2], rate=[1.0, 2.0, 3.0, None])
    table = put(page, Plan((ASKED,), order=("-n", "rate", "n"))).table
    assert table["rate"].to_pylist() == [2.0, None, 1.0, 3.0]
    assert all("@" not in name for name in table.column_names)


def test_local_filters_come_before_the_limit():
    """The first rows are taken of those that a local filter leaves."""
    plan = Plan((ASKED,), local=(Condition("n", "GT", 1),), maximum=2)
    assert put(thing(n=[1, None, 2, 3, 4]), plan).table["n"].to_pylist() == [2, 3]


def test_filters_on_numbers_of_unknown_unit_are_refused():
    """A luminosity in nobody knows what unit is not compared with one in /pb."""
    plan = Plan((ASKED,), local=(Condition("lumi", "GT", 3.0),))
    units = pa.array(["nb^{-1}", "pb^{-1}"])
    known = put(thing(lumi=[4000.0, 2.0], **{"lumi@unit": units}), plan)
    assert known.table["lumi"].to_pylist() == [4.0]
    with pytest.raises(UnitError, match="cannot be applied: it is in /pb"):
        put(thing(lumi=[4.0, 2.0]), plan)


def test_columns_that_did_not_come_are_null():
    """A column that was asked for and not sent is null, of its type where known."""
    plan = Plan((ASKED,), columns=("rate", "n", "mystery"))
    table = put(thing(n=[1]), plan).table
    assert table.column_names == ["rate", "n", "mystery"]
    assert table.schema.field("rate").type == pa.float64()
    assert table.schema.field("mystery").type == pa.null()


def test_columns_know_unit_path_and_meaning():
    """Unit, wire path, title and inferred units are in the metadata of each column."""
    page = thing(n=[1], rate=[1.0], part_a=[1], lumi=[1.0], each=[1.0])
    page = page.append_column("lumi@unit", [["nb^{-1}"]])
    done = put(page.append_column("each@unit", pa.array([None], pa.string())))
    meta = {f.name: f.metadata for f in done.table.schema}
    assert meta["n"] == {b"path": b"n", b"title": b"a number"}
    assert meta["rate"][b"unit"] == b"Hz"
    assert meta["part_a"][b"path"] == b"part.a"
    assert meta["each"][b"unit_from"] == b"lumi (inferred)"
    assert done.table["each"].to_pylist() == [0.001]
    assert done.notes == ()


def test_only_what_is_wanted_is_converted():
    """Units of columns that nobody asked for are not missed."""
    page = thing(n=[1], lumi=[1.0])
    assert put(page, Plan((ASKED,), columns=("n",))).notes == ()
    assert len(put(page).notes) == 1
    sorted_by = Plan((ASKED,), columns=("n",), order=("lumi",))
    assert len(put(page, sorted_by).notes) == 1


def test_raw_units_stand_beside_their_columns():
    """Raw, the unit column follows its column, null where no row names a unit."""
    page = thing(n=[1], lumi=[1.0], each=[2.0])
    page = page.append_column("lumi@unit", [["nb^{-1}"]])
    plan = Plan((ASKED,), columns=("lumi", "n", "each"))
    table = assemble([page], plan, THING, raw=True).table
    assert table.column_names == ["lumi", "lumi_unit", "n", "each", "each_unit"]
    assert table["lumi"].to_pylist() == [1.0]


def lumi_page(numbers, **columns):
    count = len(numbers)
    return pa.table(
        {
            "run_number": [1] * count,
            "lumisection_number": pa.array(numbers, pa.int64()),
            "init_lumi": [float(n or 0) for n in numbers],
            "end_lumi": [0.0] * count,
            "init_lumi@unit": ["10^{30}cm^{-2}s^{-1}"] * count,
            **columns,
        }
    )


def lead(page, **options):
    return assemble([page], Plan((Query("lumisections"),)), LUMIS, raw=False, **options)


def test_the_next_row_may_come_from_the_next_page():
    """end_lumi of a page's last row is the first init_lumi of the page that follows."""
    done = lead(lumi_page([1, 2]), around=[lumi_page([3])])
    assert done.table["end_lumi"].to_pylist() == [2.0, 3.0]
    done = lead(lumi_page([1, 2]), around=[lumi_page([4])])
    assert done.table["end_lumi"].to_pylist() == [2.0, None]
    assert "end_lumi is null in 1 row:" in done.notes[-1].text


def test_rows_without_number_keep_what_the_service_said():
    """Where lumisections are not numbered nothing can follow."""
    assert lead(lumi_page([1, None])).table["end_lumi"].to_pylist() == [0.0, 0.0]
    bare = lumi_page([1]).drop_columns(["init_lumi", "init_lumi@unit"])
    assert lead(bare).table["end_lumi"].to_pylist() == [0.0]
    unnumbered = lumi_page([1]).drop_columns(["run_number"])
    assert lead(unnumbered).table["end_lumi"].to_pylist() == [0.0]


def test_a_mask_keeps_its_lumisections():
    """A mask is applied here; rows without number are in no mask."""
    mask = LumiMask.from_json({"1": [[2, 3]]})
    plan = Plan((Query("lumisections"),), mask=mask)
    done = assemble([lumi_page([1, 2, None, 3, 4])], plan, LUMIS, raw=False)
    assert done.table["lumisection_number"].to_pylist() == [2, 3]


def test_each_thing_is_said_once():
    """What the decoder noted on several pages is said once, new columns together."""
    table = pa.table({"n": [1]})
    pages = [
        Rows(table, 1, unknown=("a",), notes=("mended",)),
        Rows(table, 1, unknown=("b", "a"), notes=("mended",)),
    ]
    mended, new = (note.text for note in notes_of(pages))
    assert mended == "mended"
    assert "does not know: a, b." in new
    assert notes_of([]) == []


def test_ids_are_kept_where_asked():
    """The id of each row is the last column, whatever columns were asked for."""
    plan = Plan((ASKED,), columns=("rate",))
    table = put(thing(n=[1, 2], rate=[1.0, 2.0]), plan, ids=True).table
    assert table.column_names == ["rate", "@id"]
    assert table["@id"].to_pylist() == ["0", "1"]
    assert put(thing(n=[1], rate=[1.0]), plan).table.column_names == ["rate"]
