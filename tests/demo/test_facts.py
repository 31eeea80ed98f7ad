"""The demo reproduces what was recorded, to the last digit."""

from __future__ import annotations

import runpy
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from omskit.demo import facts
from omskit.demo.facts import certification

_FILE = Path(__file__).with_name("literals.py")
literals = SimpleNamespace(**runpy.run_path(str(_FILE)))


def as_oms_writes(value: Any) -> Any:
    """A value of a table as it stands in an answer of OMS."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return value


def assert_row(row: dict[str, Any], expected: dict[str, Any]) -> None:
    """Every expected attribute is in the row with exactly its value."""
    found = {name: as_oms_writes(row[name]) for name in expected}
    assert found == expected


def test_run_297050_has_its_43_attributes(rows: Any) -> None:
    """Every attribute of run 297050 is the recorded one."""
    (row,) = rows("runs", run_number=297050).to_pylist()
    assert len(literals.RUN_297050) == 43
    assert_row(row, literals.RUN_297050)


def test_run_297050_names_its_units(rows: Any) -> None:
    """The eight scaled attributes of run 297050 carry the recorded unit texts."""
    (row,) = rows("runs", run_number=297050).to_pylist()
    units = {name: text for name, text in row.items() if name.endswith("@unit")}
    assert units == {
        "init_lumi@unit": "10^{30}cm^{-2}s^{-1}",
        "end_lumi@unit": "10^{30}cm^{-2}s^{-1}",
        "delivered_lumi@unit": "pb^{-1}",
        "recorded_lumi@unit": "pb^{-1}",
        "beta_star_start@unit": "cm",
        "beta_star_stop@unit": "cm",
        "crossing_angle_start@unit": r"{\mu}rad",
        "crossing_angle_stop@unit": r"{\mu}rad",
    }


def test_lumisection_297050_1_is_the_recorded_one(rows: Any) -> None:
    """Lumisection 297050_1 has all its recorded attributes, nulls included."""
    found = rows("lumisections", run_number=297050, lumisection_number=1)
    assert len(literals.LUMISECTION_297050_1) == 52
    assert_row(found.to_pylist()[0], literals.LUMISECTION_297050_1)


def test_l1_rates_of_297050_1_are_the_recorded_ones(rows: Any) -> None:
    """The L1 rates row of lumisection 297050_1 has all 19 recorded attributes."""
    found = rows("l1triggerrates", run_number=297050, first_lumisection_number=1)
    assert_row(found.to_pylist()[0], literals.L1_RATES_297050_1)


def test_hlt_paths_of_297050_are_the_278_recorded_ones(rows: Any) -> None:
    """Run 297050 has 278 HLT paths in both path resources, HLT_ZeroBias_v5 included."""
    names = rows("hltpathinfo", run_number=297050)["path_name"].to_pylist()
    assert len(names) == len(set(names)) == 278
    assert names == list(facts.hlt_paths())
    assert "HLT_ZeroBias_v5" in names
    rates = rows("hltpathrates", run_number=297050)["path_name"].unique().to_pylist()
    assert sorted(rates) == names


def test_l1_rate_and_menu_of_seven_runs_are_recorded(demo: Any) -> None:
    """l1_rate of 297050-297056 is the recorded one, null for 297055, with one menu."""
    runs = demo["runs"].select(["run_number", "l1_rate", "l1_menu"]).to_pylist()
    found = [r for r in runs if 297050 <= r["run_number"] <= 297056]
    assert {r["run_number"]: r["l1_rate"] for r in found} == literals.L1_RATE
    assert {r["l1_menu"] for r in found} == {"L1Menu_Collisions2017_dev_r5"}


def test_lumisections_of_315190_to_315290_are_4655(demo: Any) -> None:
    """Runs 315190-315290 hold 4655 lumisections; the first 1000 are those recorded."""
    table = demo["lumisections"].select(
        ["run_number", "fill_number", "lumisection_number"]
    )
    found = [row for row in table.to_pylist() if 315190 <= row["run_number"] <= 315290]
    assert len(found) == 4655
    expected = [
        {"run_number": run, "fill_number": fill, "lumisection_number": number}
        for run, fill, first, last in literals.FIRST_THOUSAND
        for number in range(first, last + 1)
    ]
    assert len(expected) == 1000
    assert found[:1000] == expected


def test_run_306458_differs_between_active_and_certified(rows: Any) -> None:
    """Run 306458 is inactive only at 269; its pixels are off where DCS-only is off."""
    table = rows("lumisections", run_number=306458).to_pylist()
    assert [row["lumisection_number"] for row in table] == list(range(1, 270))
    inactive = [r["lumisection_number"] for r in table if not r["cms_active"]]
    assert inactive == [269]
    for flag in ("bpix_ready", "fpix_ready"):
        off = [row["lumisection_number"] for row in table if not row[flag]]
        assert off == literals.DCS_OFF_306458


@pytest.mark.parametrize("name", ["DCSONLY_2017", "DCSONLY_2018"])
def test_pixel_flags_agree_with_the_dcs_only_certification(
    rows: Any, name: str
) -> None:
    """Pixels have voltage exactly where the DCS-only file has the lumisection."""
    for run, ranges in certification(name).items():
        certified = {n for a, b in ranges for n in range(a, b + 1)}
        table = rows("lumisections", run_number=run).to_pylist()
        on = {row["lumisection_number"] for row in table if row["bpix_ready"]}
        assert on == certified, run


def test_golden_lumisections_are_active_stable_and_certified(rows: Any) -> None:
    """No golden lumisection lacks beam, data taking or pixel voltage."""
    golden = certification("GOLDEN_2017") | certification("GOLDEN_2018")
    for run, ranges in {**golden, 386694: [[13, 1331]]}.items():
        table = rows("lumisections", run_number=run).to_pylist()
        good = {
            row["lumisection_number"]
            for row in table
            if row["cms_active"] and row["beams_stable"] and row["bpix_ready"]
        }
        assert {n for a, b in ranges for n in range(a, b + 1)} <= good, run


@pytest.mark.parametrize(
    ("fill", "peak", "delivered", "recorded", "colliding", "first", "last"),
    [
        (5838, 7200.809, 70.209, 35.188, 1213, 297001, 297020),
        (5839, 7718.513, 140.880, 128.814, 1213, 297046, 297050),
        (5840, 7681.412, 153.207, 145.001, 1213, 297056, 297057),
        (5842, 9688.896, 254.129, 240.661, 1549, 297099, 297101),
        (6371, 15396.128, 680.818, 649.003, 1866, 306454, 306462),
        (6614, 5469.761, 81.994, 75.352, 590, 315187, 315190),
        (6615, 5307.411, 78.084, 57.997, 590, 315242, 315259),
        (6616, 8439.722, 181.211, 160.616, 974, 315264, 315273),
        (7118, 2.067, 361.299, 331.134, 2544, 322079, 322088),
        (7492, 2.263052, 8.107441, 7.753413, 271, 327564, 327564),
        (8474, 21.230414, 566.31955, 496.501874, 2450, 362614, 362618),
    ],
)
def test_fills_have_the_published_figures(
    rows: Any,
    fill: int,
    peak: float,
    delivered: float,
    recorded: float,
    colliding: int,
    first: int,
    last: int,
) -> None:
    """Each published fill has the figures of its source (fills.txt, WBM)."""
    (row,) = rows("fills", fill_number=fill).to_pylist()
    assert row["peak_lumi"] == peak
    assert row["delivered_lumi"] == delivered
    assert row["recorded_lumi"] == recorded
    assert row["bunches_colliding"] == colliding
    assert (row["first_run_number"], row["last_run_number"]) == (first, last)


def test_run_386694_has_the_exported_shape(rows: Any) -> None:
    """Run 386694: 1354 lumisections, columns and flags as exported, 1337 HLT rows."""
    table = rows("lumisections", run_number=386694).to_pylist()
    assert [row["lumisection_number"] for row in table] == list(range(1, 1355))
    names = {
        "2p0E34": (1, 1147),
        "1p8E34": (1148, 1229),
        "1p6E34": (1230, 1331),
        "1p4E34": (1332, 1337),
    }
    for name, (first, last) in names.items():
        found = [r["lumisection_number"] for r in table if r["prescale_name"] == name]
        assert found == list(range(first, last + 1))
    assert all(row["prescale_index"] is None for row in table[1337:])
    assert [r["lumisection_number"] for r in table if r["fill_number"] == 10211] == (
        list(range(1339, 1355))
    )
    assert sum(row["cms_active"] for row in table) == 1338
    assert sum(row["beams_stable"] for row in table) == 1331
    for path in ("HLT_Physics_v13", "HLT_ZeroBias_v12", "DQM_PixelReconstruction_v11"):
        rates = rows("hltpathrates", run_number=386694, path_name=path)
        assert len(rates) == 1337


def test_l1_and_hlt_sums_of_297050_meet_its_runs_row(rows: Any) -> None:
    """The lumisections of run 297050 add up to the counters that its runs row has."""
    (run,) = rows("runs", run_number=297050).to_pylist()
    counters = rows("l1triggerrates", run_number=297050)["l1a_total_counter"]
    assert sum(counters.to_pylist()) == run["l1_triggers_counter"]
    seen = [value for value in counters.to_pylist() if value]
    assert sum(seen) / len(seen) / 23.30998 == pytest.approx(run["l1_rate"], rel=1e-4)
    (stream,) = rows(
        "streams@run", run_number=297050, stream_name="Physics"
    ).to_pylist()
    assert stream["n_events"] == run["hlt_physics_counter"]
    assert stream["file_size"] == pytest.approx(run["hlt_physics_size"], rel=1e-9)
    assert stream["rate"] == pytest.approx(run["hlt_physics_rate"], abs=1e-3)
