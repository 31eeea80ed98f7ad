"""Pages that are cut from text written ahead are those that are made alone."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omskit.effects import Request
from omskit.engine import Engine
from omskit.server import Service, respond
from omskit.server.service import Switches

ROWS = 900


class Stated(Engine):
    """An engine over tables that says in which state they are."""

    state = "1"

    def __init__(self, tables):
        super().__init__(tables)
        self.asked = []

    def execute(self, query, **how):
        self.asked.append((how["offset"], how["limit"]))
        return super().execute(query, **how)


@pytest.fixture(scope="module")
def tables():
    numbers = range(ROWS)
    flags = [None if n % 5 == 0 else n % 3 == 0 for n in numbers]
    rows = {
        "run_number": [297050 + n // 400 for n in numbers],
        "lumisection_number": [1 + n % 400 for n in numbers],
        "recorded_lumi": [None if n % 7 == 0 else n / 3 for n in numbers],
        "recorded_lumi@unit": ["pb^{-1}"] * ROWS,
        "beams_stable": flags,
    }
    return {"lumisections": pa.table(rows)}


@pytest.fixture(scope="module")
def alone(tables):
    """A service that knows no state: it keeps nothing."""
    with Engine(tables) as engine:
        yield Service(engine, switches=Switches(any_offset=True))


@pytest.fixture(scope="module")
def ahead(tables):
    with Stated(tables) as engine:
        yield Service(engine, switches=Switches(any_offset=True))


def get(service, tail):
    return respond(Request("GET", service.base_url + "/lumisections?" + tail), service)


asks = st.tuples(
    st.sampled_from([0, 1, 2, 7]),
    st.sampled_from([0, 37]),
    st.sampled_from([99, 100, 130, 500]),
    st.sampled_from(
        [
            "",
            "&fields=recorded_lumi,run_number",
            "&include=presentation_timestamp",
            "&include=data_only",
            "&include=meta,data_only",
            "&include=meta",
            "&sort=-recorded_lumi",
            "&filter[beams_stable][EQ]=true",
            "&filter[run_number][GT]=297050&sort=recorded_lumi",
        ]
    ),
    st.integers(2, 4),
)


@settings(max_examples=15)
@given(st.lists(asks, min_size=1, max_size=2))
def test_pages_cut_from_a_piece_are_those_written_alone(alone, ahead, given):
    """Whatever is read from wherever, in whatever form, the bytes are the same."""
    for number, rest, limit, form, pages in given:
        for page in range(number, number + pages):
            where = f"page[limit]={limit}&page[offset]={rest + page * limit}"
            tail = where + form
            first, second = get(alone, tail), get(ahead, tail)
            assert (first.status, first.body) == (second.status, second.body)


def test_who_reads_on_asks_the_engine_once(tables):
    """Five pages in a form cost two questions, filtered and sorted ones too."""
    for form in ("", "&sort=-recorded_lumi", "&filter[run_number][GT]=1"):
        engine = Stated(tables)
        service = Service(engine)
        for offset in range(0, 500, 100):
            found = get(service, f"page[limit]=100&page[offset]={offset}{form}")
            assert found.status == 200
        assert engine.asked == [(0, 100), (100, 400)]


def test_another_state_is_read_anew(tables):
    """What was read of one state answers nothing in another one."""
    engine = Stated(tables)
    service = Service(engine)
    for offset in (0, 100, 200):
        get(service, f"page[limit]=100&page[offset]={offset}")
    engine.state = "2"
    get(service, "page[limit]=100&page[offset]=300")
    assert engine.asked == [(0, 100), (100, 400), (300, 100)]
