"""Merging a live /meta document."""

from __future__ import annotations

import pytest

from omskit.schema import Field, Resource, bundled, merge_meta

BASE = Resource(
    "things",
    (
        Field("n", ("n",), "int", unit="s", title="Ours", evidence="USED"),
        Field("m", ("m",), "str"),
        Field("a_rate", ("a", "rate"), "float", filterable=False, sortable=False),
    ),
)


def test_the_service_decides_what_can_be_asked() -> None:
    """The flags of the document replace those of the catalogue."""
    merged = merge_meta(BASE, {"n": {"searchable": False, "sortable": False}})
    assert not merged.field("n").filterable
    assert not merged.field("n").sortable
    assert merged.field("m").filterable


def test_types_and_units_of_known_columns_stay() -> None:
    """A document does not change the type or unit of a column that we know."""
    merged = merge_meta(BASE, {"n": {"type": "STRING", "units": "h"}})
    assert (merged.field("n").kind, merged.field("n").unit) == ("int", "s")


def test_titles_fill_gaps_only() -> None:
    """A title of the service is taken where the catalogue has none."""
    merged = merge_meta(BASE, {"n": {"title": "Theirs"}, "m": {"title": "Theirs"}})
    assert [f.title for f in merged.fields[:2]] == ["Ours", "Theirs"]


def test_parts_of_a_nested_attribute_keep_their_flags() -> None:
    """Flags of a nested attribute do not make its parts filterable."""
    merged = merge_meta(BASE, {"a": {"searchable": True, "sortable": True}})
    assert not merged.field("a_rate").filterable


@pytest.mark.parametrize(
    ("word", "kind"),
    [("INTEGER", "int"), ("float", "float"), ("DateTime", "time"), ("BOOLEAN", "bool")],
)
def test_a_new_column_has_the_type_that_is_named(word: str, kind: str) -> None:
    """Type words are understood in any case."""
    added = merge_meta(BASE, {"x": {"type": word, "units": "Hz"}}).field("x")
    assert (added.kind, added.unit, added.evidence) == (kind, "Hz", "META")


@pytest.mark.parametrize(
    "entry", [{}, {"title": "X"}, {"type": "CLOB"}, {"type": 7}, 3]
)
def test_a_new_column_without_a_known_type_gets_no_false_one(entry: object) -> None:
    """Where no known type is named the values are kept as JSON text."""
    added = merge_meta(BASE, {"x": entry}).field("x")
    assert added.kind == "json"
    assert added.unit is None


@pytest.mark.parametrize("flag", [None, "yes", 1])
def test_flags_that_are_no_booleans_are_ignored(flag: object) -> None:
    """A flag that is not true or false leaves the catalogue's word."""
    assert merge_meta(BASE, {"n": {"searchable": flag}}).field("n").filterable


def test_columns_keep_their_order_and_new_ones_follow() -> None:
    """The catalogue's columns come first, all of them, then what is new."""
    merged = merge_meta(BASE, {"z": {}, "m": {}})
    assert merged.names == ("n", "m", "a_rate", "z")


def test_an_empty_document_changes_nothing() -> None:
    """Merging an empty document gives an equal resource."""
    runs = bundled()["runs"]
    assert merge_meta(runs, {}) == runs


def test_a_service_may_show_what_others_only_filter_by() -> None:
    """A filter of the catalogue that the document names becomes a typed column."""
    sets = bundled()["hltprescalesets"]
    merged = merge_meta(sets, {"run_number": {"title": "Theirs", "sortable": True}})
    assert merged.names == ("path_name", "prescales", "run_number")
    assert merged.filters == ()
    column = merged.field("run_number")
    assert (column.kind, column.sortable, column.evidence) == ("int", True, "USED")
    assert merge_meta(sets, {}).filters == sets.filters


def test_new_columns_take_no_name_of_known_ones() -> None:
    """Attributes called like a column of a nested part, or a unit, are others."""
    merged = merge_meta(BASE, {"a_rate": {}, "n@unit": {}, "a.rate": {}})
    names = [f.name for f in merged.fields]
    assert len(set(names)) == len(names) == 6
    assert merged.field("a_rate").path == ("a", "rate")
    assert merged.field("attributes.a_rate").path == ("a_rate",)
    assert not any("@" in name for name in names)
