"""Row units -> one unit per column, checked against exact fractions."""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.amount import examples

from omskit.jsonapi import ID, decode
from omskit.jsonapi.units import canonical, next_values, with_raw_units
from omskit.schema import UNIT_SUFFIX, Field, Resource, bundled

LUMIS = Resource(
    "lumis",
    (
        Field("run", ("run",), "int"),
        Field("now", ("now",), "float", unit="10^30 cm^-2 s^-1", scaled=True),
        Field("sum", ("sum",), "float", unit="/pb", scaled=True),
        Field("step", ("step",), "float", unit="/pb", scaled=True, unit_from="sum"),
        Field("rate", ("rate",), "float", unit="Hz"),
        Field("bare", ("bare",), "float"),
        Field("name", ("name",), "str"),
    ),
)
EXACT = {
    "sum": {
        "pb^{-1}": Fraction(1),
        "nb^{-1}": Fraction(1, 10**3),
        r"{\mu}b^{-1}": Fraction(1, 10**6),
        "fb^{-1}": Fraction(10**3),
        "/pb": Fraction(1),
    },
    "now": {
        f"10^{{{power}}}cm^{{-2}}s^{{-1}}": Fraction(10) ** (power - 30)
        for power in (27, 30, 31, 34)
    },
}
"""Spelling -> exact factor into the canonical unit."""


def table(**columns):
    """A decoded page with these columns."""
    types = {"run": pa.int64(), "name": pa.string()}
    made = {
        name.replace("__", "@"): pa.array(
            values,
            pa.string() if name.endswith("unit") else types.get(name, pa.float64()),
        )
        for name, values in columns.items()
    }
    return pa.table(made)


def rows_of(name):
    """Rows of a column: a value or null, and the spelling of its unit."""
    value = st.none() | st.floats(-1e9, 1e9)
    return st.lists(st.tuples(value, st.sampled_from(list(EXACT[name]))), min_size=1)


@pytest.mark.parametrize("name", list(EXACT))
def test_conversion_is_exact_to_the_last_digit(name):
    """Each row is multiplied by its own factor, mixed units in one column included."""

    @given(rows_of(name))
    @settings(max_examples=examples(100))
    def check(rows):
        values, units = zip(*rows, strict=True)
        raw = table(**{name: values, f"{name}__unit": units})
        converted, found, notes = canonical(raw, LUMIS)
        assert notes == []
        assert found[name] == LUMIS.field(name).unit
        for (value, unit), got in zip(rows, converted[name].to_pylist(), strict=True):
            if value is None:
                assert got is None
            else:
                exact = Fraction(value) * EXACT[name][unit]
                assert got == pytest.approx(float(exact), rel=1e-15, abs=0)

    check()


@given(rows_of("sum"))
@settings(max_examples=examples(60))
def test_conversion_happens_once(rows):
    """What is canonical stays as it is, to the last bit."""
    values = [v for v, _ in rows]
    raw = table(sum=values, sum__unit=["pb^{-1}"] * len(rows))
    converted, _, _ = canonical(raw, LUMIS)
    assert converted["sum"].to_pylist() == values


@pytest.mark.parametrize(
    ("units", "said"),
    [
        ([None, None], "2 of 2 rows with a value do not name it"),
        (["pb^{-1}", None], "1 of 2 rows with a value do not name it"),
        (["furlong", "pb^{-1}"], r"'furlong' is no unit of this quantity \(/pb\)"),
        (["cm", "cm"], "'cm' is no unit of this quantity"),
    ],
)
def test_a_unit_that_is_not_known_is_no_unit(units, said):
    """The service's numbers stay, the unit is None, and one sentence says why."""
    raw = table(sum=[1.0, 2.0], sum__unit=units)
    kept, found, notes = canonical(raw, LUMIS)
    assert kept["sum"].to_pylist() == [1.0, 2.0]
    assert found["sum"] is None
    assert len(notes) == 1
    assert re.search(said, notes[0])
    assert notes[0].startswith("The unit of sum is not known: ")


def test_no_unit_column_at_all_is_no_unit():
    """A projected answer, which carries no units, gives None and says so."""
    _, found, notes = canonical(table(sum=[1.0]), LUMIS)
    assert found["sum"] is None
    assert notes == ["The unit of sum is not known: no row names it."]


def test_a_column_without_values_has_its_unit():
    """Where all values are missing the unit is the catalogue's, without a word."""
    for columns in ({"sum": [None], "sum__unit": [None]}, {"sum": [], "sum__unit": []}):
        _, found, notes = canonical(table(**columns), LUMIS)
        assert (found["sum"], notes) == ("/pb", [])


def test_rows_without_a_value_need_no_unit():
    """A row with neither value nor unit does no harm to the others."""
    raw = table(sum=[1000.0, None], sum__unit=["nb^{-1}", None])
    converted, found, notes = canonical(raw, LUMIS)
    assert converted["sum"].to_pylist() == [1.0, None]
    assert (found["sum"], notes) == ("/pb", [])


def test_a_column_takes_the_unit_of_another():
    """unit_from lends its unit, row by row, to a column without one of its own."""
    raw = table(
        sum=[1.0, 1.0, 1.0],
        sum__unit=["nb^{-1}", "pb^{-1}", "nb^{-1}"],
        step=[5.0, 5.0, 5.0],
        step__unit=[None, None, "pb^{-1}"],
    )
    converted, found, notes = canonical(raw, LUMIS)
    assert converted["step"].to_pylist() == [0.005, 5.0, 5.0]
    assert (found["step"], notes) == ("/pb", [])
    without = raw.drop_columns(["step@unit"])
    assert canonical(without, LUMIS)[0]["step"].to_pylist() == [0.005, 5.0, 0.005]
    alone = raw.drop_columns(["sum@unit"])
    assert canonical(alone, LUMIS)[1]["step"] is None


def test_fixed_units_are_the_catalogues():
    """A column that is not scaled has its catalogue unit, also where no row has one."""
    raw = table(rate=[1.0], name=["x"], bare=[1.0])
    same, found, notes = canonical(raw, LUMIS)
    assert same.equals(raw)
    assert found == {"rate": "Hz", "name": None, "bare": None}
    assert notes == []


def test_a_fixed_unit_that_a_row_names_is_held_to():
    """Where a row names another unit of a fixed column, its value is converted."""
    raw = table(rate=[1.0, 1.0], rate__unit=["kHz", None])
    converted, found, notes = canonical(raw, LUMIS)
    assert converted["rate"].to_pylist() == [1000.0, 1.0]
    assert (found["rate"], notes) == ("Hz", [])


def test_a_unit_of_a_column_without_one_is_told():
    """A unit that the catalogue does not expect is not taken for nothing."""
    raw = table(bare=[1.0], bare__unit=["Hz"])
    _, found, notes = canonical(raw, LUMIS)
    assert found["bare"] is None
    assert "'Hz'" in notes[0]


def test_text_in_a_scaled_column_has_no_unit():
    """A scaled column that came as text keeps its text and has no unit."""
    raw = pa.table({"sum": ["1"], "sum@unit": ["nb^{-1}"]})
    kept, found, notes = canonical(raw, LUMIS)
    assert kept["sum"].to_pylist() == ["1"]
    assert found["sum"] is None
    assert "no numbers" in notes[0]


def test_whole_numbers_are_converted_as_numbers():
    """A scaled column that came as whole numbers is scaled like any other."""
    raw = pa.table({"sum": [1, None], "sum@unit": ["nb^{-1}", None]})
    assert canonical(raw, LUMIS)[0]["sum"].to_pylist() == [0.001, None]


def test_pages_in_chunks_are_one_column():
    """Units of rows in several chunks are looked up row by row."""
    raw = pa.concat_tables(
        table(sum=[1.0, 2.0], sum__unit=[unit, unit])
        for unit in ("nb^{-1}", "pb^{-1}", "nb^{-1}")
    )
    found = canonical(raw, LUMIS)[0]["sum"].to_pylist()
    assert found == [0.001, 0.002, 1.0, 2.0, 0.001, 0.002]


def test_the_recorded_run_has_every_unit(recorded):
    """The units of run 297050, as recorded, are all known."""
    body = (recorded / "recorded" / "runs_cell3_af49037.json").read_bytes()
    runs = bundled()["runs"]
    converted, found, notes = canonical(decode(body, runs).table, runs)
    assert notes == []
    assert found == {f.name: f.unit for f in runs.fields}
    assert converted["init_lumi"].to_pylist() == [6885.2021484375]


def test_raw_units_stand_beside_the_numbers():
    """With raw units each scaled column has a text column, and helpers are gone."""
    raw = table(
        run=[1],
        sum=[5.0],
        sum__unit=["nb^{-1}"],
        now=[2.0],
        rate=[1.0],
        rate__unit=["kHz"],
    ).append_column(ID, pa.array(["1"]))
    made = with_raw_units(raw.append_column("new", pa.array([1])), LUMIS)
    assert made.to_pylist() == [
        {
            "run": 1,
            "sum": 5.0,
            "sum_unit": "nb^{-1}",
            "now": 2.0,
            "now_unit": None,
            "rate": 1.0,
            "rate_unit": "kHz",
            ID: "1",
            "new": 1,
        }
    ]
    assert not [n for n in made.column_names if n.endswith(UNIT_SUFFIX)]


PLACES = st.lists(
    st.tuples(st.integers(1, 3), st.integers(1, 6)), unique=True, max_size=18
)


@given(PLACES)
@settings(max_examples=examples(150))
def test_the_next_value_is_that_of_the_next_lumisection(places):
    """Each row gets the value of lumisection n + 1 of its own run, null without one."""
    values = {place: float(10 * place[0] + place[1]) for place in places}
    columns = pa.table(
        {
            "run": pa.array([run for run, _ in places], pa.int64()),
            "ls": pa.array([ls for _, ls in places], pa.int64()),
            "v": pa.array(list(values.values()), pa.float64()),
        }
    )
    found, there = next_values(columns, "v", "run", "ls")
    expected = [values.get((run, ls + 1)) for run, ls in places]
    assert found.to_pylist() == expected
    assert there.tolist() == [value is not None for value in expected]


def test_a_next_value_that_is_null_was_found():
    """Null in the next lumisection and no next lumisection are told apart."""
    columns = pa.table({"run": [1, 1], "ls": [1, 2], "v": pa.array([1.0, None])})
    found, there = next_values(columns, "v", "run", "ls")
    assert found.to_pylist() == [None, None]
    assert np.array_equal(there, [True, False])


def test_an_attribute_called_like_a_raw_unit_column_stays():
    """``x_unit`` of the service moves aside, and is not taken for the unit of x."""
    resource = Resource("t", (Field("x", ("x",), "float", scaled=True, unit="/pb"),))
    table = pa.table({"x": [1.0], "x_unit": ["mine"], "x@unit": ["nb^{-1}"]})
    made = with_raw_units(table, resource)
    assert made.to_pylist() == [
        {"x": 1.0, "x_unit": "nb^{-1}", "attributes.x_unit": "mine"}
    ]
