"""The notebooks' ``get_oms_data``: same signatures, same shapes, no silent loss."""

from __future__ import annotations

import inspect
import json

import numpy as np
import pytest

from omskit import Client
from omskit.compat import get_oms_data as module
from omskit.compat.get_oms_data import (
    filter_oms_response,
    get_oms_api,
    get_oms_data,
    get_oms_response_attribute,
    get_oms_response_attributes,
)
from omskit.errors import (
    OMSWarning,
    OperatorError,
    SelectorError,
    UnknownFieldError,
    UsageError,
)


@pytest.fixture(scope="module")
def api():
    """A client of the demo."""
    with Client("demo") as client:
        yield client


def test_signatures():
    """Names, order and defaults are those of the notebooks' module."""
    assert str(inspect.signature(get_oms_api)).startswith("()")
    found = inspect.signature(get_oms_data).parameters.values()
    assert [(p.name, p.default) for p in found] == [
        ("omsapi", inspect.Parameter.empty),
        ("api_endpoint", inspect.Parameter.empty),
        ("runnb", None),
        ("fillnb", None),
        ("extrafilters", []),
        ("extraargs", {}),
        ("sort", None),
        ("attributes", []),
        ("limit_entries", 1000),
    ]


def test_api_obeys_the_environment(monkeypatch):
    """``get_oms_api()`` asks the service that OMSKIT_INSTANCE names."""
    monkeypatch.setenv("OMSKIT_INSTANCE", "demo")
    assert get_oms_api().instance.name == "demo"


def test_one_run_has_the_shape_of_json_api(api):
    """A response has data, links and meta; a row id, type, attributes and its units."""
    response = get_oms_data(api, "runs", 297050)
    (row,) = response["data"]
    assert set(response) == {"data", "links", "meta"}
    assert response["meta"] == {"totalResourceCount": 1}
    assert (row["id"], row["type"]) == ("297050", "runs")
    assert len(row["attributes"]) == 43
    assert row["meta"]["row"]["delivered_lumi"] == {"units": "pb^{-1}"}
    json.dumps(response)


def test_run_as_the_notebook_had_it(api, recorded):
    """Run 297050 is, value for value, what the notebook printed."""
    path = recorded / "recorded" / "runs_cell3_af49037.json"
    answer = json.loads(path.read_text())
    found = get_oms_data(api, "runs", 297050)
    assert found["data"][0]["attributes"] == answer["data"][0]["attributes"]
    assert found["data"][0]["meta"] == answer["data"][0]["meta"]
    assert found["meta"] == answer["meta"]


def test_lumisection_as_the_notebook_had_it(api, recorded):
    """One lumisection alone has the notebook's values, end_lumi 0.0 among them."""
    path = recorded / "recorded" / "lumisection_297050_1_attributes_af49037.json"
    only = {"attribute_name": "lumisection_number", "value": 1, "operator": "EQ"}
    found = get_oms_data(api, "lumisections", 297050, extrafilters=[only])
    answer = json.loads(path.read_text())
    assert found["data"][0]["attributes"] == answer["attributes"]


def test_chosen_attributes(api):
    """Only the attributes asked for come, for each run of a range."""
    response = get_oms_data(
        api, "runs", (297050, 297056), attributes=["l1_rate", "l1_menu"]
    )
    assert get_oms_response_attributes(response) == ["l1_rate", "l1_menu"]
    assert None in get_oms_response_attribute(response, "l1_rate")


@pytest.mark.parametrize("pair", [(297050, 297052), [297050, 297052]])
def test_a_pair_is_a_range(api, pair):
    """A tuple or a list of two is first and last, not two runs."""
    found = get_oms_data(api, "runs", pair)
    assert get_oms_response_attribute(found, "run_number") == [297050, 297051, 297052]


def test_numpy_numbers_are_numbers(api):
    """A run number out of an array is a run number."""
    assert len(get_oms_data(api, "runs", np.int64(297050))["data"]) == 1


@pytest.mark.parametrize(
    "given", ["297050", 297050.0, True, (297050,), [1, 2, 3], (5, 3), -1, {}]
)
def test_any_other_run_is_an_error(api, given):
    """What is neither a number nor a pair raises, instead of asking for every run."""
    with pytest.raises(SelectorError, match="run_number"):
        get_oms_data(api, "runs", given)


def test_fills(api):
    """Fills are selected as runs are."""
    found = get_oms_data(api, "fills", fillnb=(5839, 5840), attributes=["fill_number"])
    assert get_oms_response_attribute(found, "fill_number") == [5839, 5840]


def test_more_rows_than_the_limit(api):
    """When more rows match than are kept, a warning says both numbers."""
    with pytest.warns(OMSWarning, match="4655 rows of 'lumisections'") as said:
        found = get_oms_data(
            api, "lumisections", (315190, 315290), attributes=["run_number"]
        )
    assert "limit_entries is 1000" in str(said[0].message)
    assert len(found["data"]) == 1000
    assert found["meta"]["totalResourceCount"] == 4655


def test_limit_can_be_raised(api):
    """With a limit that is high enough all rows come, and nothing warns."""
    found = get_oms_data(
        api,
        "lumisections",
        (315190, 315290),
        attributes=["run_number"],
        limit_entries=10000,
    )
    assert len(found["data"]) == 4655


def test_no_row(api):
    """A run that does not exist is an empty list of rows, without a warning."""
    found = get_oms_data(api, "runs", 1)
    assert found["data"] == []
    assert get_oms_response_attributes(found) == []
    assert get_oms_response_attribute(found, "l1_rate") == []


def test_extrafilters(api):
    """Filters take the notebook's three keys; ``null`` is a missing value."""
    only = {"attribute_name": "l1_rate", "value": "null", "operator": "eq"}
    found = get_oms_data(api, "runs", (297050, 297056), extrafilters=[only])
    assert get_oms_response_attribute(found, "run_number") == [297055]


def test_sort_keeps_its_order(api):
    """Rows come in the order of the sort keys, first the most important."""
    found = get_oms_data(
        api, "runs", (297050, 297056), sort=["fill_number", "-run_number"]
    )
    pairs = [(r["attributes"]["fill_number"], -int(r["id"])) for r in found["data"]]
    assert pairs == sorted(pairs)
    one = get_oms_data(api, "runs", (297050, 297056), sort="-run_number")
    assert one["data"][0]["id"] == "297056"


def test_extraargs(api):
    """Other parameters reach the service, those known to omskit in its own way."""
    found = get_oms_data(
        api,
        "l1triggerrates",
        297050,
        extraargs={
            "group[granularity]": "run",
            "include": "meta",
            "fields": "l1a_physics,run_number",
            "sort": "run_number",
        },
    )
    assert set(found["data"][0]["attributes"]) == {"l1a_physics", "run_number"}
    assert set(found["data"][0]["attributes"]["l1a_physics"]) == {"counter", "rate"}


def test_any_other_argument_is_sent(api, monkeypatch):
    """A parameter that omskit does not know goes out as it is."""
    seen = []

    class Query:
        def custom(self, key, value):
            seen.append((key, value))
            return self

    module._with_argument(Query(), "group[size]", 5)
    assert seen == [("group[size]", 5)]


def test_misspelt_names_raise(api):
    """Misspelt filters and attributes raise and name the right one."""
    wrong = {"attribute_name": "lumiseciton_number", "value": 1, "operator": "EQ"}
    with pytest.raises(UnknownFieldError, match="lumisection_number"):
        get_oms_data(api, "lumisections", 297050, extrafilters=[wrong])
    with pytest.raises(UnknownFieldError, match="l1_rate"):
        get_oms_data(api, "runs", 297050, attributes=["l1_rat"])


def test_filters_without_a_key(api):
    """A filter that lacks one of its keys is refused, and the key named."""
    with pytest.raises(UsageError, match="lacks operator"):
        get_oms_data(
            api, "runs", 1, extrafilters=[{"attribute_name": "era", "value": "x"}]
        )
    odd = {"attribute_name": "era", "value": "x", "operator": "IS"}
    with pytest.raises(OperatorError):
        get_oms_data(api, "runs", 1, extrafilters=[odd])


def test_attribute_that_is_not_there(api):
    """Asking a response for an attribute it lacks names the nearest."""
    found = get_oms_data(api, "runs", 297050, attributes=["l1_rate"])
    with pytest.raises(UsageError, match="'l1_rate'"):
        get_oms_response_attribute(found, "l1_rat")


def test_filter_response(api):
    """Filtering a response keeps the rows that match and leaves the original alone."""
    found = get_oms_data(api, "runs", (297050, 297056))
    kept = filter_oms_response(found, "fill_number", 5839)
    assert get_oms_response_attribute(kept, "run_number") == [297050, 297051]
    assert len(found["data"]) == 7
    assert kept["meta"] == found["meta"]


def test_single_row_documents():
    """A response about a single id, whose data is an object, is one row."""
    one = {"data": {"id": "5", "attributes": {"era": "2017B"}}}
    assert get_oms_response_attribute(one, "era") == ["2017B"]


@pytest.mark.parametrize("wrong", [None, {}, [], {"errors": []}])
def test_what_is_no_response(wrong):
    """An error document, or anything else without data, is refused."""
    with pytest.raises(UsageError, match="no response"):
        get_oms_response_attributes(wrong)


@pytest.mark.parametrize(
    ("file", "which", "attributes"),
    [
        ("runs_cell4", 297050, ["l1_rate", "l1_menu"]),
        ("runs_cell5", (297050, 297056), ["l1_rate", "l1_menu"]),
        (
            "lumisections_cell7",
            (315190, 315290),
            ["lumisection_number", "fill_number", "run_number"],
        ),
    ],
)
@pytest.mark.filterwarnings("ignore::omskit.errors.OMSWarning")
def test_rows_with_attributes_are_as_recorded(api, recorded, file, which, attributes):
    """Ids, links, page links and the number of rows are those that OMS sent."""
    text = (recorded / "recorded" / f"{file}_af49037.json").read_text("utf-8")
    base = "https://https://vocms0185.cern.ch/agg/api/v1"
    there = json.loads(text.replace(base, api.instance.base_url))
    endpoint = file.partition("_")[0]
    found = get_oms_data(api, endpoint, which, attributes=attributes)
    assert found["data"] == there["data"]
    assert found["meta"] == there["meta"]
    assert {name: parts(url) for name, url in found["links"].items()} == {
        name: parts(url) for name, url in there["links"].items()
    }


def parts(url):
    """A link without the order of its parameters, which is that of a hash map."""
    if url is None:
        return None
    path, _, tail = url.partition("?")
    fields = [p.partition("=") for p in tail.split("&")]
    return path, sorted((k, sorted(v.split("%2C"))) for k, _, v in fields)


def test_ids_are_those_of_the_service(api):
    """Ids that are made of what rows do not show are there as well."""
    with pytest.warns(OMSWarning, match="limit_entries"):
        found = get_oms_data(api, "hltpathrates", 297050, attributes=["rate"])
    row = found["data"][0]
    assert row["id"] == "297050__0__1"
    assert row["attributes"].keys() == {"rate"}
    assert row["links"]["self"].endswith("/hltpathrates/297050__0__1")
    assert row.keys() == {"id", "type", "attributes", "links"}


def test_no_rows_have_no_page_links(api):
    """Nothing that matches is an empty list, and no page leads anywhere."""
    found = get_oms_data(api, "runs", 5, attributes=["l1_rate"])
    assert found["data"] == []
    assert set(found["links"].values()) == {None}
