"""Fields, resources and the catalogue."""

from __future__ import annotations

import pickle

import pyarrow as pa
import pytest

from omskit.errors import UnknownFieldError, UnknownResourceError
from omskit.schema import TIME, Field, Resource, bundled, with_fields


@pytest.mark.parametrize(
    ("kind", "items", "arrow"),
    [
        ("int", None, pa.int64()),
        ("time", None, TIME),
        ("json", None, pa.string()),
        ("list", "float", pa.list_(pa.float64())),
        ("list", None, pa.list_(pa.string())),
    ],
)
def test_each_kind_has_an_arrow_type(kind, items, arrow) -> None:  # type: ignore[no-untyped-def]  # parameters of pytest
    """Type words of the catalogue map to Arrow types."""
    assert Field("x", ("x",), kind, items=items).arrow_type == arrow


def test_a_misspelt_field_names_the_nearest() -> None:
    """The error for an unknown field says which was meant and what to try."""
    with pytest.raises(UnknownFieldError) as caught:
        bundled()["lumisections"].field("lumiseciton_number")
    message = str(caught.value)
    assert "Did you mean 'lumisection_number'" in message
    assert "oms fields lumisections" in message
    assert "unchecked=True" in message


def test_an_attribute_stands_for_its_parts() -> None:
    """The name of a nested attribute selects all of its columns."""
    rates = bundled()["l1triggerrates"]
    names = [f.name for f in rates.columns_of("l1a_total")]
    assert names == ["l1a_total_counter", "l1a_total_rate"]
    assert rates.columns_of("run_number") == (rates.field("run_number"),)


def test_a_misspelt_attribute_is_no_attribute() -> None:
    """Unknown names have no columns; the message also knows nested attributes."""
    with pytest.raises(UnknownFieldError, match="l1a_physics"):
        bundled()["l1triggerrates"].columns_of("l1a_phyics")


def test_a_name_like_nothing_gets_no_suggestion() -> None:
    """No nearest name is invented where none is near."""
    with pytest.raises(UnknownFieldError) as caught:
        bundled()["eras"].field("qqqqqqq")
    assert "Did you mean" not in str(caught.value)


def test_a_misspelt_resource_names_the_nearest_and_all() -> None:
    """The error for an unknown resource lists what there is."""
    with pytest.raises(UnknownResourceError) as caught:
        bundled()["lumisection"]
    assert "Did you mean 'lumisections'" in str(caught.value)
    assert "hltpathrates" in str(caught.value)


def test_membership_and_get_do_not_raise() -> None:
    """Asking whether a field or resource exists needs no exception."""
    runs = bundled()["runs"]
    assert "era" in runs
    assert runs.get("nonsense") is None
    assert "runs" in bundled()
    assert "nonsense" not in bundled()
    assert len(bundled()) == len(list(bundled()))


def test_a_catalogue_can_be_extended_without_change() -> None:
    """with_resource gives another catalogue and leaves the first alone."""
    new = Resource("things", (Field("n", ("n",), "int"),))
    catalogue = bundled().with_resource(new)
    assert catalogue["things"] is new
    assert "things" not in bundled()


SETS = Resource(
    "sets",
    (Field("path_name", ("path_name",), "str"),),
    filters=(Field("run_number", ("run_number",), "int", sortable=False),),
)


def test_what_rows_do_not_show_is_no_column() -> None:
    """A filter is found for conditions, and is not among the columns."""
    found = SETS.filtered_by("run_number")
    assert found is not None
    assert found.kind == "int"
    assert SETS.filtered_by("path_name") is SETS.field("path_name")
    assert SETS.filtered_by("nonsense") is None
    assert "run_number" not in SETS
    assert SETS.get("run_number") is None
    assert SETS.names == ("path_name",)


@pytest.mark.parametrize("ask", ["field", "columns_of"])
def test_the_error_for_what_is_not_shown_says_so(ask: str) -> None:
    """Asking for a filter as a column says that rows can only be filtered by it."""
    with pytest.raises(UnknownFieldError, match="can be filtered by 'run_number', but"):
        getattr(SETS, ask)("run_number")


def test_a_misspelt_filter_is_named_too() -> None:
    """The nearest name may be that of a filter."""
    with pytest.raises(UnknownFieldError, match="Did you mean 'run_number'"):
        SETS.columns_of("run_numbr")


def test_a_column_takes_the_place_of_its_filter() -> None:
    """Where rows show what they were filtered by, it is a column like any other."""
    shown = with_fields(
        SETS, (*SETS.fields, Field("run_number", ("run_number",), "int"))
    )
    assert shown.filters == ()
    assert shown.filtered_by("run_number") is shown.field("run_number")
    assert pickle.loads(pickle.dumps(shown)) == shown
    assert pickle.loads(pickle.dumps(SETS)) == SETS


def test_resources_are_values() -> None:
    """A resource equals its pickled copy, and other fields make another resource."""
    runs = bundled()["runs"]
    assert pickle.loads(pickle.dumps(runs)) == runs
    fewer = with_fields(runs, runs.fields[:2])
    assert fewer.names == ("run_number", "fill_number")
    assert "era" not in fewer
