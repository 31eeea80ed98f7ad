"""What an answer shows of what was asked for."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.amount import examples

from omskit.flow.witness import ends_early, strangers
from omskit.schema import Field, Resource, bundled

THINGS = Resource(
    "things",
    (
        Field("n", ("n",), "int"),
        Field("x", ("x",), "float"),
        Field("t", ("t",), "time"),
        Field("b", ("b",), "bool"),
        Field("s", ("s",), "str"),
        Field("l", ("l",), "list", items="int"),
        Field("lumi", ("lumi",), "float", scaled=True, unit="/pb"),
    ),
    identity=("n",),
)


def test_ids_and_columns_agree():
    """An id is made of the identity, or the row is a stranger."""
    lumis = bundled()["lumisections"]
    rows = pa.table(
        {"run_number": [1] * 3, "lumisection_number": [1, 2, 3],
         "@id": ["1_1", "1_2", None]}
    )  # fmt: skip
    assert strangers([rows], lumis) is None
    shifted = rows.set_column(1, "lumisection_number", [[2, 3, 4]])
    assert strangers([rows, shifted], lumis) == (
        "2 rows have another id than their columns say: '1_1' for run_number 1, "
        "lumisection_number 2"
    )
    assert strangers([shifted.drop_columns(["run_number"])], lumis) is None
    assert strangers([shifted], bundled()["hltpathrates"]) is None


@settings(max_examples=examples(100))
@given(st.integers(0, 10**9), st.integers(1, 1000), st.integers(0, 20))
def test_a_page_that_ends_early(total, limit, number):
    """Full pages and the last one do not end early, any shorter page does."""
    offset = number * limit
    due = max(min(limit, total - offset), 0)
    assert not ends_early(due, offset, limit, total)
    if due:
        assert ends_early(due - 1, offset, limit, total)
