"""Names of columns that the catalogue does not know."""

from __future__ import annotations

from omskit.schema.naming import free_name, new_name, part_name


def test_names_of_new_columns_are_free():
    """A new column gets its usual name unless the catalogue has it."""
    assert new_name("era", {"run"}) == "era"
    assert new_name("era", {"era"}) == "attributes.era"
    assert free_name("x", {"x", "attributes.x"}) == "attributes.attributes.x"


def test_parts_and_attributes_share_no_name():
    """An attribute with a dot or an @ in its name is no part, and no unit."""
    assert part_name("l1", "rate") == "l1.rate"
    assert new_name("l1.rate", ()) == "l1\u2024rate"
    assert part_name("a", "b.c") != part_name("a.b", "c") == "a.b.c"
    assert new_name("x@unit", ()) == "x\uff20unit"
