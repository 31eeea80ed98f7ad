"""The Arrow schema of a page."""

from __future__ import annotations

import pyarrow as pa

from omskit.jsonapi.shape import shape_of
from omskit.schema import Field, Resource, bundled


def test_nested_attributes_are_structs_of_their_parts():
    """The columns of one nested attribute are the parts of one struct."""
    shape = shape_of(bundled()["l1triggerrates"])
    row = shape.document.field("data").type.value_type
    attributes = row.field("attributes").type
    assert attributes.field("l1a_total").type == pa.struct(
        [("counter", pa.int64()), ("rate", pa.float64())]
    )
    assert shape.attributes["l1a_total"]
    assert not shape.attributes["run_number"]
    assert ("l1a_total", "rate") in shape.paths
    assert "l1a_total_rate" in shape.names


def test_only_scaled_columns_have_units():
    """meta.row is expected for just those attributes that the service scales."""
    row = shape_of(bundled()["runs"]).document.field("data").type.value_type
    units = row.field("meta").type.field("row").type
    assert {f.name for f in units} == {
        f.attribute for f in bundled()["runs"].fields if f.scaled
    }
    plain = shape_of(Resource("x", (Field("n", ("n",), "int"),)))
    assert plain.document.field("data").type.value_type.get_field_index("meta") < 0


def test_a_shape_is_built_once():
    """Equal resources share one shape, whatever their names."""
    fields = (Field("n", ("n",), "int"),)
    assert shape_of(Resource("a", fields)) is shape_of(Resource("b", fields))


def test_json_columns_are_not_read_fast():
    """A resource with a column of JSON text goes the careful way."""
    assert not shape_of(Resource("x", (Field("d", ("d",), "json"),))).fast
