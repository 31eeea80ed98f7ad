"""What scripts of the field ask, and what they do with the answer.

The requests are those of RateMon's DBParser (RM), omstools (OT), OMSRatesNtuple (NTU),
DCSonly (DCSO) and the official client's examples (CLI), as SCHEMA describes them.
"""

from __future__ import annotations

import collections
import json
from urllib.parse import quote

import pytest

from omskit.demo import tables
from omskit.effects import Request
from omskit.engine import Engine
from omskit.server import Service, respond

BASE = "https://demo.test/agg/api/v1"


@pytest.fixture(scope="module")
def service():
    """The demo, as it is served."""
    with Engine(tables()) as engine:
        yield Service(engine, BASE)


@pytest.fixture
def get(service):
    """The document at a path below the base URL."""

    def ask(path):
        answer = respond(
            Request("GET", f"{BASE}/{quote(path, safe='/?&=[],%:')}"), service
        )
        assert answer.status == 200, answer.body[:300]
        return json.loads(answer.body)

    return ask


def attributes(document):
    return [row["attributes"] for row in document["data"]]


def test_every_id_is_of_one_row(get, service):
    """No two rows of a resource have the same id, whatever the granularity."""
    for name in service.engine.catalogue:
        if not service.engine.holds(name) or name == "l1algorithmtriggers/ratemon":
            continue
        for granularity in service.engine.resource(name).granularities or ("",):
            group = f"&group[granularity]={granularity}" if granularity else ""
            data = get(f"{name}?page[limit]=5000{group}")["data"]
            rows = data if isinstance(data, list) else [data]
            counted = collections.Counter(row["id"] for row in rows)
            assert None not in counted, name
            assert not [i for i, n in counted.items() if n > 1], name


def test_the_columns_of_a_run_are_read_from_bit_0(get):
    """RM and NTU take prescale columns and lumisections from the rows of bit 0."""
    asked = (
        "l1algorithmtriggers?filter[run_number]=297050&filter[bit]=0&page[limit]=5000"
    )
    rows = attributes(get(asked))
    assert len(rows) == 793
    indices = {row["initial_prescale"]["prescale_index"] for row in rows}
    assert {6} < indices
    assert [row["first_lumisection_number"] for row in rows] == sorted(
        row["first_lumisection_number"] for row in rows
    )


def test_the_first_rows_hold_every_bit(get):
    """Rows come lumisection by lumisection: CLI 06 takes all names from 1000 rows."""
    first = get("l1algorithmtriggers?filter[run_number]=297050&page[limit]=1000")
    rows = attributes(first)
    every = get(
        "l1algorithmtriggers?filter[run_number]=297050&group[granularity]=run"
        "&page[limit]=1000"
    )
    assert {row["bit"] for row in rows} == {row["bit"] for row in attributes(every)}
    assert {row["name"] for row in rows} >= {"L1_SingleEG36er2p5", "L1_ZeroBias"}


def test_prescale_sets_of_one_run(get):
    """RM filters l1prescalesets through the client, which drops what meta lacks."""
    fields = get("l1prescalesets/meta")["meta"]["fields"]
    assert fields["run_number"]["searchable"]
    for name in ("hltprescalesets", "hltconfig", "hltconfigdata", "hltpathinfo"):
        listed = "run_number" in get(f"{name}/meta")["meta"]["fields"]
        assert listed == (name == "hltpathinfo")
    rows = attributes(get("l1prescalesets?filter[run_number]=297050&page[limit]=1000"))
    assert 30 < len(rows) < 60
    entry = rows[0]["prescales"][0]
    assert set(entry) == {"prescale_index", "prescale", "prescale_name"}


@pytest.mark.parametrize(
    ("bounds", "rows"),
    [
        ("[GE]=297050&filter[run_number][GE]=297056&filter[run_number][LE]=297057", 8),
        ("[LE]=297050&filter[run_number][LE]=297051&filter[run_number][GE]=297050", 2),
        ("[EQ]=297050&filter[run_number][EQ]=297056", 2),
        ("[EQ]=297050&filter[run_number][EQ]=297050", 1),
        ("[GT]=297049&filter[run_number][GT]=297055&filter[run_number][LT]=297057", 7),
        ("[NEQ]=297050&filter[run_number][NEQ]=297051&filter[fill_number]=5839", 4),
    ],
)
def test_the_same_key_twice_is_answered(get, bounds, rows):
    """OT's hltcount adds the bounds of each range to those before."""
    found = get(f"runs?filter[run_number]{bounds}")
    assert found["meta"]["totalResourceCount"] == rows


def test_all_algorithms_of_a_run_at_once(get):
    """RM reads names, prescales and rates of all bits from one object."""
    data = get("l1algorithmtriggers/ratemon?filter[run_number]=297050")["data"]
    assert data["id"] == "297050"
    lists = data["attributes"]
    assert lists["lumisections"][0] == {}
    zero_bias = lists["names"].index("L1_ZeroBias")
    rates = lists["lumisections"][100]["pre_dt_before_prescale_rate"]
    assert len(rates) == len(lists["names"]) == len(lists["prescales"])
    # Colliding bunches of the fill times 11 245.5 Hz.
    assert rates[zero_bias] == pytest.approx(1213 * 11245.5, rel=1e-2)
    assert lists["prescales"][zero_bias]["value"] > 1
    assert None in lists["names"]
    nobody = get("l1algorithmtriggers/ratemon?filter[run_number]=1")
    assert nobody["data"] is None


def test_ratemon_wants_one_run(service):
    """Without a run there is no one object."""
    answer = respond(Request("GET", f"{BASE}/l1algorithmtriggers/ratemon"), service)
    assert answer.status == 400


def test_beam_mode_and_topics(get):
    """RM asks for the newest beam mode, SW for topics as paths with times."""
    topic = "dip/acc/LHC/RunControl/BeamMode"
    asked = f"diplogger?filter[source_dir]={topic}&filter[dip_time]=last"
    (row,) = attributes(get(asked))
    modes = attributes(get(f"diplogger?filter[source_dir]={topic}&sort=-dip_time"))
    assert row == modes[0]
    assert "STABLE BEAMS" in [mode["value"] for mode in modes]
    beam = "diplogger/dip/acc/LHC/RunControl/CirculatingBunchConfig/Beam1"
    bounds = "filter[dip_time][GT]=2017-06-16T16:00:00Z&filter[dip_time][LT]=2017-06-17"
    (slots,) = attributes(get(f"{beam}?{bounds}"))
    assert len(slots["value"]) == 1225
    assert all(slot % 10 == 1 for slot in slots["value"])
    assert attributes(get("diplogger?filter[source_dir]=dip/none")) == []


@pytest.mark.parametrize("path", ["lumisections", "runs", "fills"])
def test_units_are_whole_or_not_there(get, path):
    """A row without luminosity has no meta.row, never half of one (OT, HDQM)."""
    whole = set()
    for row in get(f"{path}?page[limit]=10000")["data"]:
        units = row.get("meta", {}).get("row")
        if units is None:
            continue
        whole.add(frozenset(units))
        assert all(entry["units"] for entry in units.values())
    assert len(whole) == 1


def test_ids_of_paths_are_three_numbers(get):
    """NTU splits the id of a rate at ``__`` and converts the parts."""
    asked = "hltpathrates?filter[run_number]=297050&page[limit]=300"
    for row in get(asked)["data"]:
        run, _, number = map(int, row["id"].split("__"))
        assert run == 297050
        assert number == row["attributes"]["first_lumisection_number"]
    one = get("hltpathrates?filter[run_number]=297050&page[limit]=1")["data"][0]
    assert get(f"hltpathrates/{one['id']}")["data"]["attributes"] == one["attributes"]


def test_partitions_of_the_pixels(get):
    """DCSO asks for both ends of the forward pixels."""
    rows = attributes(get("daqreadouts?filter[run_number][eq]=297050&page[limit]=100"))
    assert {"bpix-", "bpix+", "fpix-", "fpix+"} <= {row["partition"] for row in rows}


def test_all_detectors_are_ready_somewhere(get):
    """A script that wants every flag finds lumisections, HCAL's included."""
    rows = attributes(get("lumisections?filter[run_number]=297057&page[limit]=1000"))
    assert any(row["hbhec_ready"] for row in rows)
    first = attributes(get("lumisections?filter[run_number]=297050&page[limit]=1"))
    assert first[0]["hbhec_ready"] is False  # as recorded


def test_bunches_are_those_of_the_fill(get):
    """The slots that are filled in both beams collide, and are as many as fills say."""
    rows = attributes(get("bunches?filter[fill_number]=5839&page[limit]=4000"))
    both = [r for r in rows if r["beam_1_configured"] and r["beam_2_configured"]]
    fill = attributes(get("fills?filter[fill_number]=5839"))[0]
    assert len(both) == fill["bunches_colliding"] == 1213
    assert sum(row["beam_1_configured"] for row in rows) == fill["bunches_beam1"]
    assert sum(row["beam_2_configured"] for row in rows) == fill["bunches_beam2"]
    assert [r["initial_lumi"] > 0 for r in rows] == [r in both for r in rows]


def test_every_fill_with_beam_has_a_scheme(get):
    """CLI 05 looks for the filling scheme of the newest fill."""
    fills = attributes(get("fills?page[limit]=1000"))
    known = {
        row["fill_number"]
        for row in attributes(get("lhcrunconfigurations?page[limit]=1000"))
    }
    with_beam = {row["fill_number"] for row in fills if row["bunches_beam1"]}
    assert with_beam <= known
    assert max(row["fill_number"] for row in fills) in known


def test_seeds_of_every_form(get):
    """Paths have seeds of one bit, OR and AND, of algorithms that the menu has."""
    rows = attributes(get("hltconfigdata?filter[run_number]=297050&page[limit]=1000"))
    seeds = {row["l1_prerequisite"] for row in rows} - {None}
    assert any(" " not in seed for seed in seeds)
    assert any(" OR " in seed for seed in seeds)
    assert any(" AND " in seed for seed in seeds)
    sets = attributes(get("l1prescalesets?filter[run_number]=297050&page[limit]=1000"))
    names = {row["algo_name"] for row in sets}
    words = {w.strip("()") for seed in seeds for w in seed.split()} - {"OR", "AND"}
    assert words <= names
