"""Units: spellings and factors."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.amount import examples

from omskit.errors import UnitError
from omskit.schema import bundled
from omskit.schema.units import (
    INSTANTANEOUS,
    INTEGRATED,
    SPECIFIC,
    convert,
    factor,
    normalised,
)


@pytest.mark.parametrize(
    ("spelling", "unit", "expected"),
    [
        ("pb^{-1}", INTEGRATED, Fraction(1)),
        ("/pb", INTEGRATED, Fraction(1)),
        ("/nb", INTEGRATED, Fraction(1, 1000)),
        (r"{\mu}b^{-1}", INTEGRATED, Fraction(1, 10**6)),
        ("\N{MICRO SIGN}b^{-1}", INTEGRATED, Fraction(1, 10**6)),
        ("\N{GREEK SMALL LETTER MU}b^{-1}", INTEGRATED, Fraction(1, 10**6)),
        ("nb\N{SUPERSCRIPT MINUS}\N{SUPERSCRIPT ONE}", INTEGRATED, Fraction(1, 1000)),
        ("fb^{-1}", INTEGRATED, Fraction(1000)),
        ("mb^{-1}", INTEGRATED, Fraction(1, 10**9)),
        ("b^{-1}", INTEGRATED, Fraction(1, 10**12)),
        ("10^{30}cm^{-2}s^{-1}", INSTANTANEOUS, Fraction(1)),
        ("10^{34} cm^{-2} s^{-1}", INSTANTANEOUS, Fraction(10**4)),
        ("10^{27}cm^{-2}s^{-1}", INSTANTANEOUS, Fraction(1, 1000)),
        ("10^{30}Hz/cm^{2}", INSTANTANEOUS, Fraction(1)),
        ("cm^{-2}s^{-1}", INSTANTANEOUS, Fraction(1, 10**30)),
        ("10^30 cm^-2 s^-1", INSTANTANEOUS, Fraction(1)),
        (SPECIFIC, SPECIFIC, Fraction(1)),
        (r"{\mu}rad", "urad", Fraction(1)),
        ("mrad", "urad", Fraction(1000)),
        ("cm", "cm", Fraction(1)),
        ("m", "cm", Fraction(100)),
        ("mm", "cm", Fraction(1, 10)),
        ("TeV", "GeV", Fraction(1000)),
        ("10^{11}", "10^11", Fraction(1)),
        ("kHz", "Hz", Fraction(1000)),
        ("min", "s", Fraction(60)),
        ("GB/s", "GB/s", Fraction(1)),
        ("% ", "%", Fraction(1)),
    ],
)
def test_known_spellings(spelling, unit, expected):
    """Each spelling of OMS has the factor that physics gives it."""
    assert factor(spelling, unit) == pytest.approx(float(expected), rel=1e-15)


@pytest.mark.parametrize(
    ("spelling", "unit"),
    [
        ("", INTEGRATED),
        ("pb", INTEGRATED),
        ("cm^{-2}s^{-1}", INTEGRATED),
        ("pb^{-1}", INSTANTANEOUS),
        ("10^{30}cm^{-2}", INSTANTANEOUS),
        ("10^{30}cm^{-2}s^{-1}", SPECIFIC),
        ("furlong", "cm"),
        ("10^{999}cm^{-2}s^{-1}", INSTANTANEOUS),  # no float holds it
        ("10^{-999}cm^{-2}s^{-1}", INSTANTANEOUS),  # it would make every value 0
        ("10^{999}cm^{-2}s^{-1}(10^{11}p)^{-2}", SPECIFIC),
        ("Pb^{-1}", INTEGRATED),
        ("cm", "nonsense"),
    ],
)
def test_what_is_not_known_has_no_factor(spelling, unit):
    """A spelling of another quantity has no factor and converts to an error."""
    assert factor(spelling, unit) is None
    with pytest.raises(UnitError, match="units='raw'"):
        convert(1.0, spelling, unit)


@given(
    st.floats(-1e12, 1e12),
    st.sampled_from(["pb^{-1}", "nb^{-1}", r"{\mu}b^{-1}", "mb^{-1}", "fb^{-1}"]),
)
@settings(max_examples=examples(100))
def test_conversion_is_the_exact_fraction(value, spelling):
    """A converted value is the exact product, to the last digit of a float."""
    powers = {"fb^{-1}": 3, "pb^{-1}": 0, "nb^{-1}": -3, r"{\mu}b^{-1}": -6}
    exact = Fraction(value) * Fraction(10) ** powers.get(spelling, -9)
    found = convert(value, spelling, INTEGRATED)
    assert found == pytest.approx(float(exact), rel=1e-15, abs=5e-324)


@given(st.integers(20, 40), st.integers(20, 40))
@settings(max_examples=examples(60))
def test_powers_of_ten_are_consistent(one, other):
    """The factor between two powers is their ratio."""
    ratio = factor(f"10^{{{one}}}cm^{{-2}}s^{{-1}}", INSTANTANEOUS) / factor(
        f"10^{{{other}}}cm^{{-2}}s^{{-1}}", INSTANTANEOUS
    )
    assert ratio == pytest.approx(10.0 ** (one - other), rel=1e-14)


@given(st.text(max_size=20))
@settings(max_examples=examples(100))
def test_any_text_has_a_factor_or_none(text):
    """No unit text makes the table fail, and normalising is idempotent."""
    once = normalised(text)
    assert normalised(once) == normalised(normalised(once))
    for unit in (INTEGRATED, INSTANTANEOUS, "cm"):
        found = factor(text, unit)
        assert found is None or found > 0


def test_every_unit_of_the_catalogue_is_its_own_spelling():
    """A column's canonical unit, sent by the service, changes nothing."""
    for name in bundled():
        for column in bundled()[name].fields:
            if column.unit:
                assert factor(column.unit, column.unit) == 1.0, (name, column.name)
