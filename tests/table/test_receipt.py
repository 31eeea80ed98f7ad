"""Receipts: what they keep, what they leave out, and asking again."""

from __future__ import annotations

import datetime as dt
import json
import pickle

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.bothways import both, refused
from tests.support.smallservice import SmallService, lumis

from omskit import Client, LumiMask, UsageError, field
from omskit.query import Query
from omskit.query.selectors import selection
from omskit.query.stored import read_query, write_query
from omskit.table.fingerprint import difference, digests, sealed
from omskit.table.receipt import Receipt

NOON = dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)
BARE = Receipt("demo", (), 2, 2, NOON, NOON, "0", identity=("a",))
CELLS = {
    "a": st.lists(st.integers(-(2**62), 2**62), unique=True, max_size=9),
}
COLUMNS = {
    "b": pa.array([1.5, None, -0.0, float("nan")]),
    "c": pa.array(["x", None, "", "y"]),
    "d": pa.array([NOON, None, NOON, NOON], pa.timestamp("us", tz="UTC")),
    "e": pa.array([[1, 2], None, [], [3]]),
    "f": pa.array([True, None, False, True]),
    "a": pa.array([1, 2, 3, None]),
}
TABLE = pa.table(COLUMNS)


def test_digests_do_not_depend_on_pages_or_order():
    """Chunks, the order of rows and that of columns change no digest of a row."""
    whole = digests(TABLE)
    pages = pa.concat_tables([TABLE.slice(0, 1), TABLE.slice(1, 0), TABLE.slice(1)])
    assert (digests(pages) == whole).all()
    turned = TABLE.take([3, 1, 0, 2]).select(list("fedcba"))
    assert digests(turned).tolist() == whole[[3, 1, 0, 2]].tolist()
    assert sealed(BARE, pages).sha256 == sealed(BARE, turned).sha256
    assert len(set(whole.tolist())) == 4


def test_a_slice_is_sealed_as_its_rows():
    """What lies behind a slice is not in the receipt."""
    ids = pa.table({"a": pa.array(range(60), pa.int64()), "b": ["x"] * 60})
    rows = pa.table(ids.slice(0, 50).to_pydict(), ids.schema)
    for piece in (
        ids.slice(0, 50),
        pa.concat_tables([ids.slice(0, 9), ids.slice(9, 41)]),
    ):
        assert sealed(BARE, piece) == sealed(BARE, rows)


@pytest.mark.parametrize("name", TABLE.column_names)
def test_every_value_counts(name):
    """A value that becomes null changes the digest of its row and of no other."""
    values = TABLE.column(name).to_pylist()
    values[0] = None
    index = TABLE.schema.get_field_index(name)
    changed = TABLE.set_column(index, name, pa.array(values, TABLE.schema.types[index]))
    same = digests(changed) == digests(TABLE)
    assert same.tolist() == [False, True, True, True]


def test_zeros_and_nans_have_one_form():
    """Minus zero is zero, and one NaN is as good as another."""
    one = digests(pa.table({"x": [0.0, float("nan")]}))
    two = digests(pa.table({"x": [-0.0, -float("nan")]}))
    assert one.tolist() == two.tolist()


def test_columns_count_by_name():
    """The same values under another name are another row."""
    assert digests(pa.table({"x": [1]})) != digests(pa.table({"y": [1]}))


@given(CELLS["a"], CELLS["a"])
def test_difference_is_set_difference(before, after):
    """Rows new and gone are the differences of the two sets of identities."""
    then = sealed(BARE, pa.table({"a": pa.array(before, pa.int64())}))
    found = difference(then, pa.table({"a": pa.array(after, pa.int64())}))
    assert {a for (a,) in found.added} == set(after) - set(before)
    assert {a for (a,) in found.removed} == set(before) - set(after)
    assert not found.changed


def test_difference_names_nulls_last():
    """An identity without a value is named too, after the others."""
    found = difference(sealed(BARE, TABLE.slice(0, 0)), TABLE)
    assert found.added == ((1,), (2,), (3,), (None,))


def test_difference_without_identity():
    """Without its identity, a row that changed is one gone and one new."""
    then = sealed(BARE, pa.table({"x": [1, 1, 2]}))
    found = difference(then, pa.table({"x": [1, 2, 3]}))
    assert (len(found.added), len(found.removed), found.changed) == (1, 1, ())


def test_receipt_without_rows_cannot_be_compared():
    """A receipt that does not say what its rows were is refused."""
    with pytest.raises(UsageError, match="what its rows were"):
        difference(BARE, TABLE)


@pytest.mark.parametrize(
    "query",
    [
        Query("runs"),
        Query("runs").where(field("l1_rate") > 1.5, field.era.is_in(["a", "b"])),
        Query("runs").where(field.start_time >= NOON, field.era.is_null()),
        Query("lumisections").select("run_number").sort("-run_number").limit(5),
        Query("deadtimes").group("run", depth=2).custom("a", "b").include("meta"),
        Query("runs", selection=selection(fill=5839, since="2017-06-16", last=3)),
        Query("runs", selection=selection(era="2017B")),
    ],
    ids=str,
)
def test_queries_come_back_from_json(query):
    """A query that was written as JSON and read again is the same query."""
    text = json.dumps(write_query(query))
    assert read_query(json.loads(text), LumiMask.from_json) == query


def test_masks_are_kept_unless_they_are_open():
    """A mask is part of the question; neither an open nor a foreign one has JSON."""
    mask = LumiMask.from_json('{"297050": [[1, 4]]}')
    query = Query("lumisections", selection=selection(mask=mask))
    again = read_query(json.loads(json.dumps(write_query(query))), LumiMask.from_json)
    assert again.selection.mask == mask
    opened = LumiMask.from_json('{"297050": [[1, 0]]}')
    for unsayable in (opened, object()):
        open_ended = Query(
            "lumisections", selection=type(query.selection)(mask=unsayable)
        )
        assert write_query(open_ended) is None


@pytest.mark.parametrize(
    "found", [{}, {"resource": "runs", "conditions": [["a"]]}, {"fields": ["a"]}]
)
def test_strange_queries_are_refused(found):
    """What is no query of omskit is refused in one sentence."""
    with pytest.raises(UsageError, match="no query that omskit wrote"):
        read_query(found, str)


def test_receipts_come_back_from_json():
    """A receipt with rows survives JSON, pickle and comparison."""
    receipt = sealed(BARE, TABLE)
    assert Receipt.from_json(receipt.to_json()) == receipt
    assert pickle.loads(pickle.dumps(receipt)) == receipt


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format": "omskit receipt 1"}',
        BARE.to_json().replace("receipt 1", "receipt 9"),
        BARE.to_json().replace("+00:00", ""),
        BARE.to_json().replace('"total"', '"totals"'),
    ],
)
def test_strange_receipts_are_refused(text):
    """What is no receipt is refused in one sentence."""
    with pytest.raises(UsageError, match="receipt"):
        Receipt.from_json(text)


def service(rows):
    """One run with these lumisections."""
    return SmallService({"lumisections": rows, "runs": []})


def test_replay_of_the_same():
    """Asking the same service again gives no difference, on both faces."""

    def scenario(oms):
        table = oms.query("lumisections", 1).fetch()
        found = oms.replay(table.receipt)
        return found.same, str(found), found.table == table

    assert both(lambda: service(lumis(1, 30)), scenario, audit=False).value == (
        True,
        "30 rows, as before",
        True,
    )


def test_replay_tells_what_changed():
    """Rows new, gone and changed are named by run and lumisection, with the totals."""
    rows = lumis(1, 5)

    def scenario(oms):
        rows[:] = lumis(1, 5)
        text = oms.query("lumisections", 1).fetch().receipt.to_json()
        rows.pop(0)
        rows.append({**rows[0], "lumisection_number": 9})
        rows[1] = {**rows[1], "cms_active": None}
        found = oms.replay(text)
        assert found.identity == ("run_number", "lumisection_number")
        assert (found.total_before, found.total_after) == (5, 5)
        return found.added, found.removed, found.changed, str(found), found.same

    outcome = both(lambda: service(rows), scenario, audit=False)
    assert outcome.value == (
        ((1, 9),),
        ((1, 1),),
        ((1, 3),),
        "1 added, 1 removed, 1 changed; total 5 before, 5 now",
        False,
    )


def test_replay_under_drift():
    """A column that came later is named and compared with nothing."""
    rows = lumis(1, 3)

    def scenario(oms):
        rows[:] = lumis(1, 3)
        receipt = oms.query("lumisections", 1).fetch().receipt
        rows[:] = [{**row, "moon": 1} for row in rows]
        found = oms.replay(receipt)
        return found.columns_added, found.columns_removed, found.changed

    outcome = both(lambda: service(rows), scenario, audit=False)
    assert outcome.value == (("moon",), (), ())


def test_replay_under_a_limit():
    """A total that grew is a difference even where the rows read are equal."""
    rows = lumis(1, 3)

    def scenario(oms):
        rows[:] = lumis(1, 3)
        receipt = oms.query("lumisections", 1, limit=2).fetch().receipt
        rows.append({**rows[0], "lumisection_number": 4})
        return str(oms.replay(receipt))

    outcome = both(lambda: service(rows), scenario, audit=False)
    assert outcome.value == ("no row of those read is different; total 3 before, 4 now")


def test_receipt_without_a_question():
    """A receipt that does not say what was asked cannot be replayed."""
    outcome = refused(lambda: service([]), lambda oms: oms.replay(BARE))
    assert "does not say what was asked" in str(outcome.error)


def test_receipts_keep_how_values_were_wanted():
    """Raw values are asked for raw again."""
    with Client("demo") as oms:
        receipt = oms.fills(5839, units="raw").receipt
        assert "delivered_lumi@unit" in receipt.columns or receipt.columns
        assert oms.replay(receipt).same
