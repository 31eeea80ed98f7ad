"""Rows for who asks in this process say whether their ids were made here."""

from __future__ import annotations

import pytest

from omskit import Client
from omskit.drivers.engine_source import demo_service
from omskit.flow.witness import strangers
from omskit.server.rows import read_rows

BASE = "http://demo/api/v1"


@pytest.mark.parametrize(
    ("name", "made"),
    [("runs", True), ("lumisections", True), ("l1algorithmtriggers", False)],
)
def test_ids_are_made_here_of_the_columns_that_they_name(name, made):
    """Then they are what those columns say; ids of another form are not vouched for."""
    resource = Client("demo").catalogue[name]
    url = f"{BASE}/{name}?filter[run_number][EQ]=297050&page[limit]=1000"
    rows, _ = read_rows(url, resource, demo_service(BASE))
    assert rows.table.num_rows
    assert rows.ids_made == made
    assert strangers([rows.table], resource) is None
