"""Masks from tables and tables through masks."""

from __future__ import annotations

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from omskit.errors import MaskError
from omskit.lumi import LumiMask
from omskit.table import Table

COLUMNS = {
    "run_number": [5, 5, 5, 5, 6],
    "lumisection_number": [1, 2, 3, 4, 1],
    "cms_active": [True, True, False, None, True],
}
ARROW = pa.table(COLUMNS)


@pytest.mark.parametrize(
    "table",
    [
        ARROW,
        Table(ARROW),
        pl.DataFrame(COLUMNS),
        pd.DataFrame(COLUMNS).astype({"cms_active": "boolean"}),
    ],
    ids=["arrow", "omskit", "polars", "pandas"],
)
def test_a_flag_becomes_good_bad_and_unknown(table: object) -> None:
    """True is good, False is known not to be, null is neither."""
    mask = LumiMask.from_table(table, "cms_active")
    assert list(mask) == [(5, 1), (5, 2), (6, 1)]
    assert list(~mask) == [(5, 3)]
    assert (5, 4) not in mask.known


def test_an_all_good_table_has_nothing_bad() -> None:
    """Where every flag is true the complement is empty, not unknown."""
    table = pa.table({"run_number": [5], "lumisection_number": [1], "on": [True]})
    mask = LumiMask.from_table(table, "on")
    assert mask.has_known
    assert not ~mask


@pytest.mark.parametrize("kind", [pa.bool_(), pa.null()])
def test_a_column_of_nulls_says_nothing(kind: pa.DataType) -> None:
    """Where every flag is null nothing is known."""
    flags = pa.array([None, None], type=kind)
    table = pa.table({"run_number": [5, 5], "lumisection_number": [1, 2], "on": flags})
    mask = LumiMask.from_table(table, "on")
    assert not mask.known
    assert not ~mask


def test_rows_may_be_ranges() -> None:
    """Rate rows cover first to last; without a last they cover one lumisection."""
    columns = {"run_number": [5], "first_lumisection_number": [3], "on": [True]}
    assert list(LumiMask.from_table(pa.table(columns), "on")) == [(5, 3)]
    columns["last_lumisection_number"] = [5]
    mask = LumiMask.from_table(pa.table(columns), "on")
    assert list(mask.ranges()) == [(5, 3, 5)]


def test_rows_that_contradict_each_other_are_refused() -> None:
    """One lumisection cannot be both good and bad."""
    table = pa.table(
        {"run_number": [5, 5], "lumisection_number": [7, 7], "on": [True, False]}
    )
    with pytest.raises(MaskError, match="Run 5, lumisection 7"):
        LumiMask.from_table(table, "on")
    same = table.slice(0, 1)
    twice = LumiMask.from_table(pa.concat_tables([same, same]), "on")
    assert list(twice) == [(5, 7)]


@pytest.mark.parametrize(
    ("table", "flag", "message"),
    [
        (ARROW, "cms_activ", "Did you mean 'cms_active'"),
        (ARROW, "run_number", "not boolean"),
        (ARROW.drop_columns(["run_number"]), "cms_active", "no column 'run_number'"),
        (ARROW.drop_columns(["lumisection_number"]), "cms_active", "no column 'lumis"),
        (
            ARROW.set_column(0, "run_number", pa.array([5, None, 5, 5, 5])),
            "cms_active",
            "1 nulls",
        ),
        ([1, 2], "cms_active", "list is no table"),
        (3, "cms_active", "int is no table"),
    ],
)
def test_tables_that_do_not_fit_are_refused(
    table: object, flag: str, message: str
) -> None:
    """What is missing or of the wrong type in a table is named."""
    with pytest.raises(MaskError, match=message):
        LumiMask.from_table(table, flag)


def test_filter_keeps_the_good_rows() -> None:
    """Filtering a table keeps its kind, and all that is known of a Table."""
    mask = LumiMask.from_ranges([(5, 2, 3)])
    assert mask.filter(ARROW)["lumisection_number"].to_pylist() == [2, 3]
    table = Table(ARROW, resource="lumisections", complete=False, warnings=("w",))
    kept = mask.filter(table)
    assert isinstance(kept, Table)
    assert (len(kept), kept.resource, kept.complete) == (2, "lumisections", False)
    assert kept.warnings == ("w",)


def test_ranges_as_a_table_have_null_for_an_open_end() -> None:
    """The Arrow form names run, first and last."""
    mask = LumiMask.from_ranges([(5, 2, 3), (6, 1, None)])
    assert mask.to_arrow().to_pylist() == [
        {
            "run_number": 5,
            "first_lumisection_number": 2,
            "last_lumisection_number": 3,
        },
        {
            "run_number": 6,
            "first_lumisection_number": 1,
            "last_lumisection_number": None,
        },
    ]
