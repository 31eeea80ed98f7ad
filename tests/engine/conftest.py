"""A small resource with a column of every kind, and rows with every kind of gap."""

import datetime as dt

import pyarrow as pa
import pytest

from omskit.engine import Engine
from omskit.schema import TIME, Catalogue, Field, Resource


def column(name, kind, **more):
    """A field of the hand-made resource."""
    return Field(name, (name,), kind, **more)


THINGS = Resource(
    "things",
    (
        column("run_number", "int", nullable=False),
        column("part", "int", nullable=False),
        column("name", "str"),
        column("count", "int"),
        column("rate", "float"),
        column("good", "bool"),
        column("start", "time"),
        column("tags", "list", items="str"),
        column("lumi", "float", scaled=True, unit="/pb"),
        column("next_lumi", "float", scaled=True, after_filter="lead(lumi)"),
    ),
    identity=("run_number", "part"),
    row_id="{run_number}_{part}",
)
RATES = Resource(
    "rates",
    (
        column("run_number", "int", nullable=False),
        column("first_lumisection_number", "int", nullable=False),
        column("last_lumisection_number", "int"),
        Field("l1a_counter", ("l1a", "counter"), "int"),
        Field("l1a_rate", ("l1a", "rate"), "float"),
    ),
    identity=("run_number", "first_lumisection_number"),
    row_id="{run_number}_{first_lumisection_number}",
    lumisection="first_lumisection_number",
    granularities=("lumisection", "run"),
)
CATALOGUE = Catalogue({"things": THINGS, "rates": RATES})


def moment(second, microsecond=0):
    """A time in the same minute."""
    return dt.datetime(2017, 6, 16, 20, 50, second, microsecond, tzinfo=dt.UTC)


ROWS = {
    "run_number": [1, 1, 1, 2, 2, 3],
    "part": [1, 2, 3, 1, 2, 1],
    "name": ["HLT_A_v1", "hlt_a_v1", None, "HLT_B%", "it's; --", "null-ish"],
    "count": [5, None, 7, 2**62, -7, 0],
    "rate": [1.5, float("nan"), None, float("inf"), -0.25, 49130.85],
    "good": [True, False, None, True, None, False],
    "start": [moment(1), moment(1, 5), None, moment(2), moment(0), moment(59)],
    "tags": [["PIXEL", "ECAL"], [], None, ["pixel"], ["PIX"], ["ECAL", None]],
    "lumi": [10.0, 20.0, None, 40.0, 50.0, 60.0],
    "lumi@unit": ["pb^{-1}", "pb^{-1}", None, "nb^{-1}", "nb^{-1}", "nb^{-1}"],
    "next_lumi": [999.0] * 6,
    "next_lumi@unit": ["pb^{-1}"] * 6,
}


def things_table():
    """The rows, typed."""
    types = {f.name: f.arrow_type for f in THINGS.fields}
    arrays = {
        name: pa.array(values, types.get(name, pa.string()), from_pandas=False)
        for name, values in ROWS.items()
    }
    return pa.table(arrays)


def rates_table(shift=0):
    """Three lumisections of run 1, two of run 2."""
    lumisections = [1, 2, 3, 1, 2]
    return pa.table(
        {
            "run_number": [1, 1, 1, 2, 2],
            "first_lumisection_number": lumisections,
            "last_lumisection_number": lumisections,
            "l1a_counter": [10, 20, None, 40, 50],
            "l1a_rate": [x + shift for x in (1.0, 2.0, 3.0, 4.0, 5.0)],
        }
    )


@pytest.fixture
def tables():
    """Tables of an engine."""
    run_level = rates_table(100).filter(pa.array([True, False, False, True, False]))
    return {"things": things_table(), "rates": rates_table(), "rates@run": run_level}


@pytest.fixture
def engine(tables):
    """An engine over the hand-made tables."""
    with Engine(tables, CATALOGUE) as made:
        yield made


@pytest.fixture
def time_type():
    """The type of every time column."""
    return TIME
