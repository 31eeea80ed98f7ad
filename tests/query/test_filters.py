"""Filters that rows do not show, from the question to the table."""

from __future__ import annotations

import json

import pytest

from omskit import Client, field
from omskit.errors import (
    OMSWarning,
    OperatorError,
    SelectorError,
    UnknownFieldError,
    UsageError,
)
from omskit.query import Condition, Query, bind
from omskit.query.plan import plan
from omskit.query.text import parse_condition
from omskit.query.url import Page, encode, parse
from omskit.schema import bundled

HELD = ("hltprescalesets",)
NAMES = tuple(name for name in bundled() if bundled()[name].filters)
RUN = field("run_number")


@pytest.fixture(scope="module")
def oms():
    """A client of the demo."""
    with Client("demo") as client:
        yield client


@pytest.mark.parametrize("name", NAMES)
def test_one_value_binds_in_its_type(name):
    """A single run binds as a whole number, from text as well."""
    bound = bind(Query(name).where(RUN == "297050"), bundled()[name])
    assert bound.conditions == (Condition("run_number", "EQ", 297050),)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "conditions",
    [RUN >= 297050, RUN.is_in([297050, 297051]), RUN != 297050, RUN.is_null()],
)
@pytest.mark.parametrize("unchecked", [False, True])
def test_several_values_are_refused(name, conditions, unchecked):
    """Rows of several runs look alike, so only one run can be asked for."""
    query = Query(name).where(conditions)
    with pytest.raises(OperatorError, match="one of them at a time"):
        bind(query, bundled()[name], unchecked=unchecked)


def test_a_value_of_another_type_is_refused():
    """What is filtered by and not shown has a type as columns have."""
    with pytest.raises(OperatorError, match="whole number"):
        bind(Query("hltconfig").where(RUN == "x"), bundled()["hltconfig"])


@pytest.mark.parametrize("name", NAMES)
def test_it_is_no_column_to_ask_for_or_sort_by(name):
    """fields= and sort= say that rows can be filtered by it and do not show it."""
    query = Query(name).where(RUN == 297050)
    for asked in (query.select("run_number"), query.sort("-run_number")):
        with pytest.raises(UnknownFieldError, match="but does not show it"):
            bind(asked, bundled()[name])


@pytest.mark.parametrize("name", HELD)
def test_prescales_without_a_run_are_refused(name):
    """Without a run the sets of all runs would mix; unchecked=True asks even so."""
    query = Query(name).where(field(bundled()[name].identity[0]).is_in(["5", "6"]))
    with pytest.raises(UsageError, match="Name one run_number"):
        bind(query, bundled()[name])
    assert bind(query, bundled()[name], unchecked=True).resource == name
    assert bind(query, bundled()[name], whole=False).resource == name


def test_configurations_need_no_run():
    """Configurations have names of their own, which tell them apart."""
    query = Query("hltconfigdata").where(field("config_name") == "/cdaq/x")
    assert bind(query, bundled()["hltconfigdata"]) == query


@pytest.mark.parametrize("name", NAMES)
def test_the_url_holds_it_both_ways(name):
    """The filter goes out as any other does, and is read back in its type."""
    query = Query(name).where(RUN == 297050)
    assert encode(query) == f"{name}?filter[run_number][EQ]=297050"
    for text in ("[run_number][EQ]", f"[{name}][run_number]", "[run_number][eq]"):
        assert parse(f"{name}?filter{text}=297050", bundled()) == (query, Page())


@pytest.mark.parametrize(
    "tail",
    ["[GE]=5", "=5&filter[run_number]=6", "=null", "=x"],
)
def test_urls_that_ask_for_several_are_refused(tail):
    """The codec holds a URL to the same rules as a query."""
    with pytest.raises(OperatorError):
        parse(f"hltconfig?filter[run_number]{tail}", bundled())


def test_as_text():
    """The command line takes it as it takes columns, one condition at a time."""
    sets = bundled()["hltprescalesets"]
    assert parse_condition("run_number = 5", sets) == Condition("run_number", "EQ", 5)
    assert parse_condition("path_name ~ 'HLT_%'", sets).op == "LIKE"
    with pytest.raises(OperatorError, match="one of them at a time"):
        parse_condition("run_number in 5,6", sets)


def test_the_service_applies_it():
    """It goes to the service, and fields= does not name it."""
    sets = bundled()["hltprescalesets"]
    asked = Query("hltprescalesets").where(RUN == 297050)
    made = plan(bind(asked.select("prescales"), sets), sets)
    (request,) = made.requests
    assert Condition("run_number", "EQ", 297050) in request.conditions
    assert request.fields == ("prescales", "path_name")
    assert made.local == ()


@pytest.mark.parametrize("name", HELD)
def test_the_demo_answers(oms, name):
    """The table holds the sets of the run, and the run is not among its columns."""
    table = oms.query(name).where(RUN == 297050).fetch()
    other = oms.query(name).where(RUN == 306458).fetch()
    assert tuple(table.columns) == bundled()[name].names
    assert len(table) > 0
    assert table.complete
    assert table.warnings == ()
    columns = {len(json.loads(text)) for text in table["prescales"].to_pylist()}
    assert columns == {10}
    assert {len(json.loads(text)) for text in other["prescales"].to_pylist()} == {8}


def test_the_demo_has_the_paths_of_the_run(oms):
    """The paths with prescales in run 297050 are its 278 recorded ones."""
    table = (
        oms.query("hltprescalesets").where(RUN == 297050).select("path_name").fetch()
    )
    paths = oms.hlt_paths(297050, fields="path_name")
    assert sorted(table["path_name"].to_pylist()) == sorted(
        paths["path_name"].to_pylist()
    )
    assert oms.query("hltprescalesets").where(RUN == 297050).count() == 278


def test_selectors_of_runs(oms):
    """One run selects, and what would take several is refused with the reason."""
    table = oms.query("hltprescalesets", 297050, limit=3).fetch()
    assert len(table) == 3
    for runs in ((297050, 297056), [297050, 297056], "297050-297056"):
        with pytest.raises(OperatorError, match="one of them at a time"):
            oms.query("hltprescalesets", runs).fetch()
    for selector in ({"fill": 5839}, {"era": "2017B"}, {"last": 2}):
        with pytest.raises(SelectorError, match="cannot be selected by"):
            oms.query("hltconfig", **selector).fetch()


def test_the_demo_finds_a_configuration_by_each_of_its_runs(oms):
    """Every run of a period has the configuration of the period, which comes once."""
    key = oms.runs(315190, fields="hlt_key")["hlt_key"].to_pylist()
    for number in (315190, 315282):
        found = oms.query("hltconfig", number).fetch()
        assert found["config_name"].to_pylist() == key
    by_run = oms.query("hltconfigdata").where(RUN == 315282).fetch()
    by_key = oms.query("hltconfigdata").where(field("config_name") == key[0]).fetch()
    assert by_run.arrow.equals(by_key.arrow)
    assert len(by_run) == 25
    with pytest.warns(OMSWarning, match="No row"):
        assert len(oms.query("hltconfig").where(RUN == 5).fetch()) == 0
