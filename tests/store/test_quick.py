"""Rows of runs that are read without SQL are those that SQL finds."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omskit import Client, Store, field
from omskit.errors import StoreError
from omskit.query import Condition, Query
from omskit.store import delta
from omskit.store.keys import exact_spans, in_order
from omskit.store.layout import layout_of
from omskit.store.log import StoredFile
from omskit.store.quick import Files, Window
from omskit.store.relation import StoreRelation

RUNS = (297050, 297056)


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    """Lumisections in row groups that end within runs, and runs in one more file."""
    with pytest.MonkeyPatch.context() as patch, Client("demo") as oms:
        patch.setattr(delta, "ROW_GROUP", 500)
        store = Store(tmp_path_factory.mktemp("quick") / "store", fsync=False)
        store.sync(oms, "lumisections", RUNS)
        store.sync(oms, "lumisections", 315257)
    return store


@pytest.fixture(scope="module")
def engine(held):
    with held.engine() as found:
        yield found


NUMBERS = st.sampled_from([297050, 297052, 297056, 297054])
LUMIS = st.integers(1, 400)
ROWS = st.one_of(
    st.none(),
    st.builds(Condition, st.just("lumisection_number"), st.just("EQ"), LUMIS),
    st.tuples(LUMIS, LUMIS).map(lambda n: field.lumisection_number.between(*sorted(n))),
    st.lists(LUMIS, min_size=1, unique=True).map(
        lambda n: Condition("lumisection_number", "IN", tuple(n))
    ),
)
CONDITIONS = st.one_of(
    st.builds(Condition, st.just("run_number"), st.just("EQ"), NUMBERS),
    st.tuples(NUMBERS, NUMBERS).map(lambda n: field.run_number.between(*sorted(n))),
    st.lists(NUMBERS, min_size=1, unique=True).map(
        lambda n: Condition("run_number", "IN", tuple(n))
    ),
)
FIELDS = st.sampled_from([
    None, ("end_lumi",), ("run_number",),
    ("end_lumi", "init_lumi", "lumisection_number"),
    ("prescale_name", "start_time", "beams_stable"),
])  # fmt: skip
ORDERS = st.sampled_from([(), ("run_number",), ("run_number", "lumisection_number")])
LIMITS = st.one_of(st.none(), st.integers(0, 400), st.just(5000))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CONDITIONS, ROWS, FIELDS, ORDERS, st.sampled_from([0, 0, 3, 150, 1800]), LIMITS)
def test_rows_are_those_of_sql(
    engine, monkeypatch, condition, rows, fields, order, at, most
):
    """Whatever runs, rows of them, columns, order and window are asked for."""
    query = Query("lumisections").where(condition).sort(*order)
    if rows is not None:
        query = query.where(rows)
    if fields is not None:
        query = query.select(*fields)
    found = engine.execute(query, offset=at, limit=most)
    with monkeypatch.context() as patch:
        patch.setattr(StoreRelation, "quick", lambda *_: None)
        wanted = engine.execute(query, offset=at, limit=most)
    assert found.total == wanted.total
    assert found.table.equals(wanted.table)


def test_deep_pages_of_a_filter_are_read_from_their_runs(engine, monkeypatch):
    """Pages make the whole, columns of the next row that matches included."""
    many = field.beams_stable == True  # noqa: E712  # a condition
    runs = field.run_number.between(*RUNS)
    query = Query("lumisections").where(runs, many, field.lumisection_number > 20)
    whole = engine.execute(query)
    monkeypatch.setattr("omskit.engine.places.MANY", 100)
    asked = []
    narrowed = StoreRelation.narrowed
    monkeypatch.setattr(
        StoreRelation,
        "narrowed",
        lambda self, given: asked.append(len(tuple(given))) or narrowed(self, given),
    )
    step = 150
    pages = [
        engine.execute(query, offset=offset, limit=step)
        for offset in range(0, whole.total + step, step)
    ]
    assert {page.total for page in pages} == {whole.total}
    assert pa.concat_tables(page.table for page in pages).equals(whole.table)
    # Without SQL, with it, and by the runs as well; there is none behind the last.
    given = min(asked)
    assert asked == [given, given, given + 2] * (len(pages) - 1) + [given, given]


@pytest.fixture
def without_sql(monkeypatch):
    """An engine that has no SQL."""

    def refused(*_):
        raise AssertionError

    monkeypatch.setattr("omskit.engine.execute._run", refused)


@pytest.mark.usefixtures("without_sql")
def test_a_run_needs_no_sql(engine):
    """Nor do a few runs, or those of two files."""
    run = field.run_number
    for condition in (run == 297050, run.between(297050, 297056), run == 315257):
        query = Query("lumisections").where(condition)
        assert engine.execute(query).total
        assert engine.execute(query.where(field.lumisection_number == 7)).total


def test_a_text_that_all_rows_share_is_not_read(tmp_path):
    """The file says so; one that differs, is long or lacks somewhere is read."""
    runs = [5, 5, 6, 6]
    texts = {
        "prescale_name": ["a", "a", "a", "b"],
        "init_lumi@unit": ["pb"] * 4,
        "end_lumi@unit": [None] * 4,
        "delivered_lumi@unit": ["pb", None, "pb", "pb"],
        "recorded_lumi@unit": ["x" * 40] * 4,
    }
    path = tmp_path / "rows.parquet"
    table = pa.table({"run_number": runs} | texts)
    table = table.set_column(3, "end_lumi@unit", pa.nulls(4, pa.string()))
    table = table.append_column("pileup", pa.nulls(4, pa.float64()))
    table = table.append_column("init_lumi", pa.nulls(4, pa.float64()))
    sent = pa.array([None, None, None, 7.5])
    table = table.append_column("init_lumi@sent", sent)
    pq.write_table(table, path, row_group_size=2)
    kept, lumis = Files(tmp_path), Client("demo").catalogue["lumisections"]
    file = StoredFile(str(path), 4, 5, 6)
    names = table.column_names[:-1]
    wanted = table.select(names).set_column(names.index("init_lumi"), "init_lumi", sent)
    rows = kept.rows([file], "run_number", [(5, 6)], lumis, names)
    assert rows.read(Window(0, None)).to_pydict() == wanted.to_pydict()
    assert rows.read(Window(1, 2)).to_pydict() == wanted.slice(1, 2).to_pydict()
    first, second = (dict(piece.alike) for piece in rows._pieces)
    nothing = {"end_lumi@unit": None, "pileup": None, "init_lumi": None}
    alone = {"prescale_name": "a", "init_lumi@unit": "pb", "init_lumi@sent": None}
    assert first == alone | nothing
    assert second == {"init_lumi@unit": "pb", "delivered_lumi@unit": "pb"} | nothing


@pytest.mark.parametrize(
    "condition",
    [field.run_number == -1, field.run_number != 5, field.pileup > 3.0],
    ids=str,
)
def test_what_asks_for_more_is_left_to_sql(condition):
    """The newest run, other operators, other columns."""
    assert exact_spans([condition], "run_number") is None


def test_conditions_become_spans():
    """All of them hold at once."""
    run = field.run_number
    assert exact_spans([run >= 5, run < 9], "run_number") == [(5, 8)]
    assert exact_spans([Condition("run_number", "IN", (9, 7))], "run_number") == [
        (7, 7),
        (9, 9),
    ]


RUNS_LAYOUT = layout_of("runs", {"runs": Client("demo").catalogue["runs"]})


def written(path, runs, **others):
    """A file of runs, two to a row group."""
    table = pa.table({"run_number": pa.array(runs, pa.int64()), **others})
    pq.write_table(table, path, row_group_size=2)
    keys = [n for n in runs if n is not None]
    return StoredFile(str(path), len(runs), min(keys), max(keys))


def rows_of(tmp_path, files, span, names=("run_number",)):
    return Files(tmp_path).rows(
        files, "run_number", [span], RUNS_LAYOUT.resource, list(names)
    )


def test_a_window_opens_only_what_it_needs(tmp_path):
    """It is cut from row groups, across files."""
    one = written(tmp_path / "1", [1, 2, 3, 3, 5])
    two = written(tmp_path / "2", [6, 8, 9])
    rows = rows_of(tmp_path, [one, two], (2, 8))
    assert rows.count == 6
    assert rows.read(Window(1, 4))["run_number"].to_pylist() == [3, 3, 5, 6]
    assert rows.read(Window(4, None))["run_number"].to_pylist() == [6, 8]
    assert rows.read(Window(9, 5)).num_rows == 0


@pytest.mark.parametrize(
    "runs",
    [[3, 1, 2], [1, 4, 2, 3], [1, None], [5, 1]],
    ids=["groups", "over", "null", "within"],
)
def test_keys_in_no_order_are_left_to_sql(tmp_path, runs):
    """In a row group, or from one to the next."""
    assert rows_of(tmp_path, [written(tmp_path / "1", runs)], (2, 3)) is None


def test_files_that_overlap_are_left_to_sql(tmp_path):
    """Their rows would have to be merged."""
    files = [written(tmp_path / "1", [1, 5]), written(tmp_path / "2", [5, 6])]
    assert rows_of(tmp_path, files, (5, 5)) is None


def test_a_file_without_statistics_is_left_to_sql(tmp_path):
    """It does not say where its runs are."""
    pq.write_table(
        pa.table({"run_number": [1]}), tmp_path / "1", write_statistics=False
    )
    file = StoredFile(str(tmp_path / "1"), 1, 1, 1)
    assert rows_of(tmp_path, [file], (1, 1)) is None


def test_columns_that_a_file_lacks_are_null(tmp_path):
    """In the type of the catalogue."""
    rows = rows_of(tmp_path, [written(tmp_path / "1", [1, 2])], (1, 1), ["l1_rate"])
    found = rows.read(Window(0, None))
    assert found.schema.field("l1_rate").type == pa.float64()
    assert found["l1_rate"].to_pylist() == [None]


def test_the_number_that_was_sent_is_given_back(tmp_path):
    """Where the one that is stored is another."""
    sent = {"recorded_lumi": [1.0, 2.0], "recorded_lumi@sent": [None, 2000.0]}
    file = written(tmp_path / "1", [1, 2], **sent)
    rows = rows_of(tmp_path, [file], (0, 9), ["recorded_lumi"])
    assert rows.read(Window(0, None))["recorded_lumi"].to_pylist() == [1.0, 2000.0]


def test_a_file_without_rows_has_none(tmp_path):
    """And is no reason for SQL."""
    pq.write_table(pa.table({"run_number": pa.array([], pa.int64())}), tmp_path / "1")
    file = StoredFile(str(tmp_path / "1"), 0, 1, 1)
    assert rows_of(tmp_path, [file], (1, 1)).count == 0


def test_a_file_that_is_damaged_is_an_error(tmp_path):
    """It names the place."""
    (tmp_path / "1").write_bytes(b"PAR1 and nothing else")
    file = StoredFile(str(tmp_path / "1"), 1, 1, 1)
    with pytest.raises(StoreError, match=str(tmp_path)):
        rows_of(tmp_path, [file], (1, 1))


@pytest.mark.parametrize(
    ("rows", "order"),
    [
        ({"a": [1, 1, 2], "b": ["x", "y", "a"]}, True),
        ({"a": [1, 1, 2], "b": ["y", "x", "z"]}, False),
        ({"a": [2, 1], "b": ["a", "b"]}, False),
        ({"a": [1, 2], "b": ["a", None]}, False),
        ({"a": [], "b": []}, True),
    ],
    ids=["texts", "ties", "first", "null", "none"],
)
def test_order_is_seen(rows, order):
    """By all columns of the identity."""
    assert in_order(pa.table(rows), ["a", "b"]) is order
