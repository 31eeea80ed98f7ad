"""What a run or a fill that goes on says so far."""

import datetime as dt

import pyarrow as pa
import pytest

from omskit.demo import tables
from omskit.engine import AsOfRelations, Clock, Engine
from omskit.engine.growing import GROWING, sources
from omskit.query import Query, field
from omskit.schema import TIME, bundled

START = dt.datetime(2017, 6, 16, 20, 0, tzinfo=dt.UTC)
PB, NB = "pb^{-1}", "nb^{-1}"
COUNTING = [
    "delivered_lumi",
    "recorded_lumi",
    "l1_triggers_counter",
    "hlt_physics_counter",
    "hlt_physics_size",
    "last_lumisection_number",
    "duration",
]
RUNS = [(297050, 5839), (386694, 10210), (297052, 5840)]
"""Runs and their fills: recorded, of Run 3, without a scale for its luminosity."""


def at(seconds):
    """A moment after the start."""
    return START + dt.timedelta(seconds=seconds)


def times(*seconds):
    """A column of moments."""
    return pa.array([at(s) for s in seconds], TIME)


def made(units=(PB, PB, PB), lumis=(1.0, 2.0, 4.0), last=6.5):
    """A run of three lumisections of 20 s in a fill, with rates and streams."""
    numbers = [1, 2, 3]
    rates = {"run_number": [10] * 3, "first_lumisection_number": numbers}
    rates["last_lumisection_number"] = numbers
    sums = [1.0, 3.0, 7.0]
    return {
        "runs": pa.table(
            {
                "run_number": [10],
                "start_time": times(0),
                "end_time": times(65),
                "delivered_lumi": [last],
                "delivered_lumi@unit": [PB],
                "recorded_lumi": pa.array([None], pa.float64()),
                "l1_rate": [77.0],
                "l1_triggers_counter": [1000],
                "hlt_physics_rate": [5.0],
                "hlt_physics_counter": [60],
                "hlt_physics_size": [9.0],
                "hlt_physics_throughput": [0.5],
            }
        ),
        "fills": pa.table(
            {
                "fill_number": [5],
                "start_time": times(-100),
                "end_time": times(900),
                "start_stable_beam": times(30),
                "end_stable_beam": times(800),
                "stable_beams": [True],
                "duration": [770],
                "peak_pileup": [50.0],
                "delivered_lumi": [80.0],
                "delivered_lumi@unit": [PB],
            }
        ),
        "lumisections": pa.table(
            {
                "run_number": [10] * 3,
                "fill_number": [5] * 3,
                "lumisection_number": numbers,
                "start_time": times(0, 20, 40),
                "end_time": times(20, 40, 60),
                "cms_active": [False, True, True],
                "delivered_lumi": sums,
                "delivered_lumi@unit": list(units),
                "delivered_lumi_per_lumisection": list(lumis),
                "delivered_lumi_per_lumisection@unit": list(units),
                "recorded_lumi_per_lumisection": [1.0] * 3,
            }
        ),
        "l1triggerrates": pa.table(
            {
                **rates,
                "l1a_total_counter": [0, 400, 600],
                "l1a_total_rate": [0.0, 20.0, 30.0],
            }
        ),
        "streams": pa.table(
            {
                "run_number": [10] * 6,
                "first_lumisection_number": numbers * 2,
                "last_lumisection_number": numbers * 2,
                "stream_name": ["Physics"] * 3 + ["DQM"] * 3,
                "n_events": [0, 20, 40, 7, 7, 7],
                "rate": [0.0, 1.0, 2.0, 9.0, 9.0, 9.0],
                "file_size": [0.0, 0.25, 0.5, 9.0, 9.0, 9.0],
                "bandwidth": [0.0, 10.0, 20.0, 9.0, 9.0, 9.0],
            }
        ),
    }


def row(held, seconds, resource="runs"):
    """The only row of a resource at a moment; rates come 30 s late."""
    seen = AsOfRelations(held, Clock(at(seconds), 0), late_s=30.0)
    with Engine(seen) as engine:
        (found,) = engine.execute(Query(resource)).table.to_pylist()
    return found


def told(held, seconds, names, resource="runs"):
    """Several values of that row."""
    found = row(held, seconds, resource)
    return [found[name] for name in names]


def test_luminosity_is_the_sum_so_far():
    """Lumisections that are over count, up to what the run has in the end."""
    found = [row(made(), s)["delivered_lumi"] for s in (0, 19, 20, 40, 60, 65)]
    assert found == [None, None, 1.0, 3.0, 6.5, 6.5]


def test_what_is_null_in_the_end_is_null_before():
    """A run whose luminosity OMS does not know has none while it goes on either."""
    assert [row(made(), s)["recorded_lumi"] for s in (20, 60, 65)] == [None] * 3


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"units": (PB, NB, PB)}, [1.0, None, None]),
        ({"units": (NB, NB, NB)}, [None, None, None]),
        ({"units": (None, None, None)}, [None, None, None]),
        ({"lumis": (1.0, None, 4.0)}, [1.0, None, None]),
    ],
)
def test_only_what_can_be_added_is_added(changed, expected):
    """Another unit than the run's, or a missing value: the sum is not known."""
    held = made(**changed)
    assert [row(held, s)["delivered_lumi"] for s in (20, 40, 60)] == expected
    assert row(held, 65)["delivered_lumi"] == 6.5


def test_rates_are_means_so_far():
    """L1 over samples above zero, HLT over the active time, both as late as rates."""
    names = ("l1_triggers_counter", "l1_rate", "hlt_physics_counter")
    names += ("hlt_physics_rate", "hlt_physics_size", "hlt_physics_throughput")
    found = [told(made(), s, names) for s in (49, 50, 64, 65)]
    assert found[0] == [None] * 6
    assert found[1] == found[2] == [0, None, 0, None, 0.0, None]
    assert found[3] == [1000, 77.0, 60, 5.0, 9.0, 0.5]
    held = made()
    held["runs"] = held["runs"].set_column(2, "end_time", times(500))
    assert told(held, 90, names) == [1000, 25.0, 60, 1.5, 0.75, 0.015]
    assert told(held, 70, names) == [400, 20.0, 20, 1.0, 0.25, 0.01]


def test_a_fill_that_goes_on():
    """Its newest lumisection tells its luminosity, stable beams its duration."""
    names = ("stable_beams", "duration", "delivered_lumi", "peak_pileup")
    found = {s: told(made(), s, names, "fills") for s in (0, 50, 850, 900)}
    assert found == {
        0: [False, None, None, None],
        50: [True, 20, 3.0, None],
        850: [True, 770, 7.0, None],
        900: [True, 770, 80.0, 50.0],
    }


def test_a_fill_with_a_run_without_scale():
    """What OMS added up itself needs no value in every lumisection."""
    held = made()
    sums = pa.array([1.0, None, 7.0])
    lumisections = held["lumisections"]
    place = lumisections.column_names.index("delivered_lumi")
    changed = lumisections.set_column(place, "delivered_lumi", sums)
    held["lumisections"] = changed
    found = [row(held, s, "fills")["delivered_lumi"] for s in (20, 40, 60)]
    assert found == [1.0, 1.0, 7.0]


def test_without_the_finer_rows_it_stays_null():
    """Where rates or streams are not held, nothing is known before the end."""
    held = {name: made()[name] for name in ("runs", "lumisections")}
    found = row(held, 64)
    assert (found["delivered_lumi"], found["l1_rate"]) == (6.5, None)
    assert row({"runs": held["runs"]}, 64)["delivered_lumi"] is None


@pytest.mark.parametrize("resource", GROWING)
def test_growing_columns_are_in_the_catalogue(resource):
    """Each rule is about columns that there are."""
    catalogue = bundled()
    assert sources(resource)
    for name, rule in GROWING[resource].items():
        assert name in catalogue[resource]
        assert all(needed in catalogue[rule.table] for needed in rule.needs)


@pytest.fixture(scope="module")
def demo():
    """The demo under a clock that is set by hand, and without one."""
    now = [0.0]
    clock = Clock(dt.datetime(1970, 1, 1, tzinfo=dt.UTC), 1.0, now=lambda: now[0])
    with Engine(AsOfRelations(tables(), clock)) as moving, Engine(tables()) as plain:
        yield now, moving, plain


@pytest.mark.parametrize(("run", "fill"), RUNS)
def test_the_demo_grows(demo, run, fill):
    """A counter is null or no less than before, and in the end what the table has."""
    now, moving, plain = demo
    for name, number in (("runs", run), ("fills", fill)):
        key = "run_number" if name == "runs" else "fill_number"
        query = Query(name).where(field(key) == number)
        (last,) = plain.execute(query).table.to_pylist()
        begin, end = (last[n].timestamp() for n in ("start_time", "end_time"))
        before, seen = {}, set()
        for step in range(13):
            now[0] = begin + (end - begin) * step / 12
            (found,) = moving.execute(query).table.to_pylist()
            for column in set(COUNTING) & found.keys():
                value = found[column]
                if value is not None:
                    assert before.get(column, value) <= value <= last[column]
                    before[column] = value
            if step < 12:
                seen = set(before)
        found.pop("last_update", None)
        last.pop("last_update", None)
        assert found == last
        known = {c for c in COUNTING if last.get(c) is not None}
        assert seen == known
