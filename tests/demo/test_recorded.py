"""The demo against the recorded answers themselves, attribute by attribute."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from omskit.demo.facts import certification
from omskit.schema import bundled


def flat(attributes: dict[str, Any]) -> dict[str, Any]:
    """Attributes as columns."""
    columns: dict[str, Any] = {}
    for name, value in attributes.items():
        if isinstance(value, dict):
            columns.update({f"{name}_{part}": v for part, v in value.items()})
        else:
            columns[name] = value
    return columns


def differences(row: dict[str, Any], attributes: dict[str, Any]) -> dict[str, Any]:
    """Columns whose value is not the recorded one: (ours, recorded)."""
    found = {}
    for name, expected in flat(attributes).items():
        value = row[name]
        if isinstance(value, datetime):
            value = value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if value != expected:
            found[name] = (value, expected)
    return found


def test_run_297050_is_the_recorded_answer(rows: Any, recorded: Any) -> None:
    """Not one attribute of run 297050 differs from the answer of 2024."""
    (expected,) = recorded("recorded/runs_cell3_af49037.json")["data"]
    (row,) = rows("runs", run_number=297050).to_pylist()
    assert differences(row, expected["attributes"]) == {}
    assert set(expected["attributes"]) == set(bundled()["runs"].names)
    units = {name: unit["units"] for name, unit in expected["meta"]["row"].items()}
    ours = {k.removesuffix("@unit"): v for k, v in row.items() if k.endswith("@unit")}
    assert ours == units


def test_lumisection_is_the_recorded_answer(rows: Any, recorded: Any) -> None:
    """Of lumisection 297050_1 only end_lumi differs: it depends on the filter."""
    name = "recorded/lumisection_297050_1_attributes_af49037.json"
    expected = recorded(name)["attributes"]
    found = rows("lumisections", run_number=297050, lumisection_number=1)
    assert set(differences(found.to_pylist()[0], expected)) <= {"end_lumi"}


def test_lumisection_is_near_the_older_answer(rows: Any, recorded: Any) -> None:
    """The answer of 2021, with fewer digits, agrees to eight of them."""
    name = "recorded/lumisection_297050_1_attributes_97db7d4.json"
    row = rows("lumisections", run_number=297050, lumisection_number=1).to_pylist()[0]
    for attribute, (ours, theirs) in differences(
        row, recorded(name)["attributes"]
    ).items():
        if attribute != "end_lumi":
            assert ours == pytest.approx(theirs, abs=1e-8)


def test_l1_rates_are_the_recorded_answer(rows: Any, recorded: Any) -> None:
    """Not one of the 19 attributes of the L1 rates row differs."""
    name = "recorded/l1triggerrates_297050_ls1_attributes_af49037.json"
    found = rows("l1triggerrates", run_number=297050, first_lumisection_number=1)
    assert differences(found.to_pylist()[0], recorded(name)["attributes"]) == {}


def test_rates_of_seven_runs_are_the_recorded_answer(demo: Any, recorded: Any) -> None:
    """The l1_rate and l1_menu of the run range are those of the answer."""
    runs = {row["run_number"]: row for row in demo["runs"].to_pylist()}
    answer = recorded("recorded/runs_cell5_af49037.json")["data"]
    assert [differences(runs[int(r["id"])], r["attributes"]) for r in answer] == [
        {}
    ] * 7


def test_first_thousand_lumisections_are_recorded(demo: Any, recorded: Any) -> None:
    """Ids and fills of the first 1000 rows and the total are those of the answer."""
    answer = recorded("recorded/lumisections_cell7_af49037.json")
    names = ["fill_number", "run_number", "lumisection_number"]
    ours = [
        row
        for row in demo["lumisections"].select(names).to_pylist()
        if 315190 <= row["run_number"] <= 315290
    ]
    assert len(ours) == answer["meta"]["totalResourceCount"]
    assert ours[:1000] == [row["attributes"] for row in answer["data"]]


def test_path_names_are_recorded(rows: Any, recorded: Any) -> None:
    """The path names of run 297050 are those of the answer, in its order."""
    answer = recorded("recorded/hltpathinfo_297050_path_names_af49037.json")
    ours = rows("hltpathinfo", run_number=297050)["path_name"].to_pylist()
    assert ours == answer["path_names"]


def test_flags_of_306458_are_recorded(rows: Any, recorded: Any) -> None:
    """cms_active and the DCS membership of run 306458 are those recorded."""
    answer = recorded("recorded/cms_active_306458_af49037.json")
    table = rows("lumisections", run_number=306458)
    assert table["cms_active"].to_pylist() == answer["cms_active"]
    assert table["bpix_ready"].to_pylist() == answer["in_dcs_json"]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("DCSONLY_2017", "json_DCSONLY_2017.txt"),
        ("DCSONLY_2018", "json_DCSONLY_2018.txt"),
        (
            "GOLDEN_2017",
            "Cert_294927-306462_13TeV_UL2017_Collisions17_GoldenJSON.txt",
        ),
        ("GOLDEN_2018", "Cert_314472-325175_13TeV_Legacy2018_Collisions18_JSON.txt"),
    ],
)
def test_certification_agrees_with_its_file(
    demo: Any, recorded: Any, name: str, file: str
) -> None:
    """Each demo run has exactly the lumisections of the certification file."""
    source = recorded(f"certification/{file}")
    ours = certification(name)
    for run in demo["runs"]["run_number"].to_pylist():
        pairs = source.get(str(run), [])
        theirs = {n for a, b in pairs for n in range(a, b + 1)}
        assert {n for a, b in ours.get(run, []) for n in range(a, b + 1)} == theirs
