"""The jobs of the official client's examples, by either client, over a socket.

Each is told in our own words; the numbers are those of the examples (01 to 15).
"""

from __future__ import annotations

import re

import pytest


def rows(query):
    return [row["attributes"] for row in query.data().json()["data"]]


def test_eras(api, quiet):
    """01, 07, 08, 11, 12, 15: the first ten eras."""
    names = [row["name"] for row in rows(api.query("eras"))]
    assert names[:3] == ["2011A", "2011B", "2011HI"]
    assert len(names) == 10


def test_last_lumisections_of_a_run(api):
    """02: the last hundred lumisections of run 320149, backwards."""
    query = api.query("lumisections").filter("run_number", 320149)
    query.sort("lumisection_number", asc=False).paginate(page=1, per_page=100)
    numbers = [row["lumisection_number"] for row in rows(query)]
    assert numbers == list(range(120, 20, -1))


def test_pages_of_runs(api, quiet):
    """03: two attributes of runs in a range, downwards, page after page, with meta."""
    query = api.query("runs").attrs(["run_number", "start_time"])
    query.filter("run_number", 300000, operator="GT")
    query.filter("run_number", 310000, operator="LT")
    query.sort("run_number", asc=False).include("meta")
    first = query.data().json()
    assert first["meta"]["fields"]["l1_rate"]["units"] == "Hz"
    pages = [first["data"], query.paginate(page=2).data().json()["data"]]
    found = [[row["attributes"]["run_number"] for row in page] for page in pages]
    assert found[0] == [306458, *range(306415, 306406, -1)]
    assert found[1] == [306406, 306405, 306404]
    assert set(pages[0][0]["attributes"]) == {"run_number", "start_time"}


@pytest.mark.parametrize(
    ("fill", "said", "made"),
    [
        (5839, "25ns_1225b_1213_1060_1108_144bpi_12inj", None),
        (8489, "25ns_2390b_2378_1967_2106_180bpi_18inj_2INDIV", None),
        (None, None, "25ns_2352b_2340_2004_2133_108bpi_24inj"),
    ],
)
def test_filling_scheme(api, quiet, fill, said, made):
    """05: the scheme of a fill, or of the newest, where the LHC is the one to know."""
    fills = api.query("fills").attrs(["fill_number", "injection_scheme", "end_time"])
    fills.sort("start_time", asc=False).per_page = 1
    if fill:
        fills.filter("fill_number", fill)
    (newest,) = rows(fills)
    lhc = api.query("lhcrunconfigurations").sort("dip_time", asc=False)
    lhc.clear_filter().filter("fill_number", newest["fill_number"])
    named = [row["active_injection_scheme"] for row in rows(lhc)]
    assert newest["injection_scheme"] == said
    assert named[0] == (said or made)


def test_filling_schemes_of_the_last_fills(api, quiet):
    """05 -n: the schemes of the newest eight fills; those that lack one, of the LHC."""
    fills = api.query("fills").attrs(["fill_number", "injection_scheme", "end_time"])
    fills.per_page = 8
    fills.sort("start_time", asc=False)
    schemes = {r["fill_number"]: r["injection_scheme"] for r in rows(fills)}
    lacking = [fill for fill, scheme in schemes.items() if not scheme]
    for fill in lacking:
        lhc = api.query("lhcrunconfigurations").filter("fill_number", fill)
        named = (row["active_injection_scheme"] for row in rows(lhc.sort("dip_time")))
        schemes[fill] = next(filter(None, named))
    assert sorted(schemes) == [8474, 8489, 9165, 9168, 9232, 10209, 10210, 10211]
    assert 10211 in lacking
    assert schemes[10211] == "25ns_2352b_2340_2004_2133_108bpi_24inj"


def test_largest_rates_of_l1_algorithms(api):
    """06: the largest and the mean rate of all algorithms whose name fits."""
    query = api.query("l1algorithmtriggers")
    query.per_page = 1000
    query.attrs(["name", "bit"]).filter("run_number", 297050)
    bits = {r["bit"]: r["name"] for r in rows(query) if re.match(".*EG.*", r["name"])}
    assert bits[168] == "L1_SingleEG36er2p5"
    assert len(bits) == 9
    query = api.query("l1algorithmtriggers")
    query.per_page = 10000
    query.attrs(["name", "bit", "pre_dt_rate"])
    for bit, name in bits.items():
        query.clear_filter().filter("run_number", 297050).filter("bit", bit)
        found = rows(query)
        assert {row["name"] for row in found} == {name}
        assert len(found) == 793
    largest = max(row["pre_dt_rate"] for row in found)
    query.clear_filter().filter("run_number", 297050).filter("bit", bit)
    (mean,) = rows(query.custom("group[granularity]", "run"))
    assert 0 < mean["pre_dt_rate"] < largest


def test_fills_between_two(api):
    """09: several filters at once give the six fills of lead ions."""
    query = api.query("fills")
    bounds = {"GE": 7485, "LE": 7490}
    query.filters(
        [
            {"attribute_name": "fill_number", "value": value, "operator": operator}
            for operator, value in bounds.items()
        ]
    )
    found = rows(query)
    assert [row["fill_number"] for row in found] == list(range(7485, 7491))
    assert {row["fill_type_party1"] for row in found} == {"PB82"}


@pytest.mark.parametrize(
    ("fill", "alone", "meeting", "lumi"),
    [(5839, 12, 1213, 7718.513), (8489, 12, 2378, 18720.486), (10209, 8, 4, 3.18)],
)
def test_bunches_of_a_fill(api, fill, alone, meeting, lumi):
    """10: pilot and colliding bunches, their luminosity and its unit."""
    query = api.query("bunches").filter("fill_number", fill).include("meta")
    query.per_page = 4000
    document = query.data().json()
    found = [row["attributes"] for row in document["data"]]
    both = [r for r in found if r["beam_1_configured"] and r["beam_2_configured"]]
    for beam in (1, 2):
        single = [r for r in found if r[f"beam_{beam}_configured"] and r not in both]
        assert len(single) == alone
    assert len(both) == meeting
    assert sum(row["initial_lumi"] for row in both) == pytest.approx(lumi)
    said = document["meta"]["fields"]
    assert said["initial_lumi"]["units"] == "10^{30}cm^{-2}s^{-1}"
    assert said["intensity_beam_1"]["units"] == "10^11"


def test_newest_lumisection_of_the_newest_run(api):
    """13: the newest global run, and its newest lumisection with CMS active."""
    query = api.query("runs").filter("sequence", "GLOBAL-RUN")
    query.attrs(["run_number", "fill_number", "end_time", "last_lumisection_number"])
    (run,) = rows(query.sort("run_number", asc=False).paginate(per_page=1))
    assert (run["run_number"], run["last_lumisection_number"]) == (386694, 1354)
    query = api.query("lumisections").attrs(["lumisection_number", "start_time"])
    query.filter("run_number", run["run_number"]).filter("cms_active", True)
    query.sort("lumisection_number", asc=False).paginate(per_page=1)
    assert rows(query)[0]["lumisection_number"] == 1338


def test_colliding_bunches_where_fills_lack_them(api):
    """14: fills with stable beams and without a number of colliding bunches."""
    query = api.query("fills").attrs(["fill_number", "bunches_colliding"])
    query.filter("bunches_colliding", "null").filter("stable_beams", True)
    query.sort("fill_number", asc=False).paginate(per_page=200)
    (fill,) = [row["fill_number"] for row in rows(query)]
    bunches = api.query("bunches").filter("fill_number", fill)
    found = rows(bunches.paginate(per_page=10000))
    both = [r for r in found if r["beam_1_configured"] and r["beam_2_configured"]]
    assert (fill, len(both)) == (10209, 4)


def test_names_that_do_not_exist(official, served, capsys):
    """04: the official client says so and leaves them out, ours sends nothing."""
    from omskit.compat.omsapi import OMSAPI
    from omskit.errors import UnknownFieldError

    query = official.query("eras")
    query.filter("names", "2018")
    assert query.data().json()["meta"]["totalResourceCount"] == 82
    query = OMSAPI(served).query("eras").filter("names", "2018")
    assert "Warning: eras has no attribute 'names'" in capsys.readouterr().out
    query.set_verbose(False)
    query.sort("nono")
    assert capsys.readouterr().out == ""
    with pytest.raises(UnknownFieldError, match="Did you mean 'name'"):
        query.data()
