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


def test_resources_are_values() -> None:
    """A resource equals its pickled copy, and other fields make another resource."""
    runs = bundled()["runs"]
    assert pickle.loads(pickle.dumps(runs)) == runs
    fewer = with_fields(runs, runs.fields[:2])
    assert fewer.names == ("run_number", "fill_number")
    assert "era" not in fewer
