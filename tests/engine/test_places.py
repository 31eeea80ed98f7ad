"""Pages deep in an answer are read from the runs that have them."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omskit.engine import Engine, places
from omskit.query import Query, field

ROWS = 400
FIELDS = ("run_number", "lumisection_number", "recorded_lumi", "end_lumi")


class Stated(Engine):
    """An engine over tables that says in which state they are."""

    state = "1"


def table_of(keys):
    return pa.table(
        {
            "run_number": pa.array(keys, pa.int64()),
            "lumisection_number": range(len(keys)),
            "init_lumi": [float(n) for n in range(len(keys))],
            "recorded_lumi": [None if n % 7 == 0 else n % 50 for n in range(len(keys))],
            "beams_stable": [n % 3 == 0 for n in range(len(keys))],
        }
    )


@pytest.fixture(scope="module")
def engines():
    """One that counts rows by run, and one that knows no state."""
    tables = {"lumisections": table_of([297050 + n**2 // 5000 for n in range(ROWS)])}
    with Stated(tables) as counting, Engine(tables) as plain:
        yield counting, plain


@pytest.fixture
def counted(monkeypatch):
    """How often rows are counted by run."""
    made = []
    make = places.by_key_statement
    monkeypatch.setattr(places, "MANY", 100)
    monkeypatch.setattr(
        places, "by_key_statement", lambda *a: made.append(a) or make(*a)
    )
    return made


CONDITIONS = st.sampled_from(
    [
        (),
        (field.recorded_lumi > 20,),
        (field.beams_stable == True, field.recorded_lumi < 40),  # noqa: E712  # a condition
        (field.run_number >= 297060, field.recorded_lumi > 3),
        (field.lumisection_number == -1,),
        (field.recorded_lumi > 1000,),
        (field.end_lumi > 100,),
    ]
)
ORDERS = st.sampled_from([(), ("run_number",), ("-run_number",), ("recorded_lumi",)])


@settings(max_examples=50)
@given(
    CONDITIONS,
    ORDERS,
    st.none() | st.permutations(FIELDS).map(lambda f: tuple(f[:3])),
    st.integers(0, 420),
    st.integers(0, 60),
)
def test_pages_are_those_that_are_searched_for(
    engines, conditions, order, fields, offset, limit
):
    """Rows and total are the same whether rows were counted by run or not."""
    query = Query("lumisections", conditions, fields, order)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(places, "MANY", 100)
        found, wanted = (e.execute(query, offset=offset, limit=limit) for e in engines)
    assert found.total == wanted.total
    assert found.table.equals(wanted.table)


def test_what_matches_is_counted_once(engines, counted):
    """Whatever the page, its order and its columns; another filter is counted too."""
    engine = engines[0]
    engine._places._counted.clear()
    query = Query("lumisections").where(field.recorded_lumi > 21)
    for one in (query, query.select("run_number"), query.sort("-recorded_lumi")):
        for offset in (0, 100, 150):
            engine.execute(one, offset=offset, limit=5)
    assert len(counted) == 1
    engine.execute(query.where(field.run_number > 297051), limit=5)
    assert len(counted) == 2
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(engine), "state", "2")
        patch.setattr(places, "KEPT", 1)
        engine.execute(query, limit=5)
    assert len(counted) == 3
    assert len(engine._places._counted) == 1


def test_rows_without_a_run_are_searched_for(counted):
    """Where a row has no run, and where there are very many, nothing is kept."""
    query = Query("lumisections").where(field.recorded_lumi > 20)
    keys = [297050 + n // 100 for n in range(ROWS - 1)]
    with Stated({"lumisections": table_of([*keys[:-1], None, 297053])}) as engine:
        found = engine.execute(query, offset=150, limit=100)
        assert (found.total, found.table.num_rows) == (198, 48)
        engine.execute(query, offset=10, limit=10)
    assert len(counted) == 1
    assert list(engine._places._counted.values()) == [None]
