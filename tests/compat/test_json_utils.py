"""The json_utils module of the ML4DQM notebooks."""

from __future__ import annotations

import inspect
import itertools
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omskit.compat import json_utils
from omskit.compat.json_utils import (
    get_lcs,
    injson,
    isdcson,
    isgolden,
    jsondict_to_tuplelist,
    loadjson,
    plainlist_to_rangelist,
    rangelist_to_plainlist,
    tuplelist_to_jsondict,
    writejson,
)
from omskit.errors import ConfigError, MaskError

GOLDEN = {"297050": [[12, 137], [193, 776]], "297056": [[-1]]}
OFF_306458 = (
    "18 19 36 42 48 54 55 61 67 73 78 84 90 91 92 103 109 115 121 127 128 140 146 152 "
    "167 168 174 180 186 192 198 199 211 217 223 224 230 236 242 248 250 251 257 269"
)
"""Lumisections of run 306458 that the notebook found outside of the DCS-only file."""


@pytest.fixture(autouse=True)
def _no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """No certification folder is named, unless a test does."""
    monkeypatch.delenv("OMSKIT_CERT_DIR", raising=False)


@pytest.mark.parametrize(
    ("name", "signature"),
    [
        ("loadjson", ["jsonfile"]),
        ("writejson", ["jsondict", "outputfile", "overwrite=False"]),
        ("injson", ["run", "lumi", "jsonfile=None", "jsondict=None"]),
        ("isgolden", ["run", "lumi", "year=None"]),
        ("isdcson", ["run", "lumi", "year=None"]),
        ("plainlist_to_rangelist", ["plainlist"]),
        ("rangelist_to_plainlist", ["rangelist"]),
        ("tuplelist_to_jsondict", ["tuplelist"]),
        ("jsondict_to_tuplelist", ["jsondict"]),
        ("get_lcs", ["jsonlist"]),
    ],
)
def test_signatures_are_those_of_the_notebooks(name: str, signature: list[str]) -> None:
    """Names, order and defaults of all arguments are those of the old module."""
    parameters = inspect.signature(getattr(json_utils, name)).parameters.values()
    found = [
        p.name if p.default is p.empty else f"{p.name}={p.default}" for p in parameters
    ]
    assert found == signature


def test_json_is_written_and_loaded(tmp_path: Path) -> None:
    """A dict comes back from its file; a file that is there is kept."""
    path = tmp_path / "mask.json"
    writejson(GOLDEN, path)
    assert loadjson(path) == loadjson(str(path)) == GOLDEN
    with pytest.raises(MaskError, match="overwrite=True"):
        writejson({}, path)
    writejson({}, path, overwrite=True)
    assert loadjson(path) == {}


def test_loading_adds_up_repeated_runs(tmp_path: Path) -> None:
    """A run given twice keeps all its ranges, and a byte-order mark does no harm."""
    path = tmp_path / "twice.json"
    path.write_text('\ufeff{"5": [[1, 2]], "5": [[4, 5]]}', encoding="utf-8")
    assert loadjson(path) == {"5": [[1, 2], [4, 5]]}


@pytest.mark.parametrize("text", [None, "{", "[1]"])
def test_loading_names_the_file_that_is_wrong(tmp_path: Path, text: str | None) -> None:
    """A file that is missing or holds something else is named."""
    path = tmp_path / "wrong.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(MaskError, match=r"wrong\.json"):
        loadjson(path)


def test_injson_answers_one_pair_with_a_bool() -> None:
    """One pair, as numbers or as lists of one, gives a plain bool."""
    assert injson(297050, 12, jsondict=GOLDEN) is True
    assert injson(297050, 138, jsondict=GOLDEN) is False
    assert injson([297050], [12], jsondict=GOLDEN) is True
    assert injson("297050", 12, jsondict=GOLDEN) is True
    assert injson(297056, 99999, jsondict=GOLDEN) is True
    assert injson(297057, 1, jsondict=GOLDEN) is False


def test_injson_answers_many_with_an_array(tmp_path: Path) -> None:
    """Arrays of equal length give a bool array, from a dict or from a file."""
    path = tmp_path / "mask.json"
    writejson(GOLDEN, path)
    runs, lumis = np.array([297050, 297050, 1]), np.array([137, 138, 1])
    for answer in (
        injson(runs, lumis, jsondict=GOLDEN),
        injson(runs, lumis, jsonfile=path),
        injson(list(runs), list(lumis), str(path)),
    ):
        assert isinstance(answer, np.ndarray)
        assert answer.tolist() == [True, False, False]
    assert injson([], [], jsondict=GOLDEN).tolist() == []  # type: ignore[union-attr]


def test_injson_sees_a_file_that_has_changed(tmp_path: Path) -> None:
    """A file that is written anew is read anew."""
    path = tmp_path / "mask.json"
    writejson({"5": [[1, 2]]}, path)
    assert injson(5, 1, path) is True
    writejson({"5": [[3, 40]]}, path, overwrite=True)
    assert injson(5, 1, path) is False


def test_injson_is_right_for_unsorted_ranges() -> None:
    """Ranges in any order are all looked at."""
    document = {"5": [[20, 30], [1, 9]]}
    assert injson([5, 5, 5], [25, 10, 5], jsondict=document).tolist() == [  # type: ignore[union-attr]
        True,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("run", "lumi", "sources", "message"),
    [
        (5, 1, {}, "either jsonfile or jsondict"),
        (5, 1, {"jsonfile": "x", "jsondict": {}}, "either jsonfile or jsondict"),
        ([5, 5], [1], {"jsondict": {}}, "2 runs and 1 lumisections"),
        ("abc", 1, {"jsondict": {}}, "is no run number"),
        (5, 1.5, {"jsondict": {}}, "whole numbers"),
        (5, 1, {"jsondict": {"5": [[9, 1]]}}, r"Run 5 has the range \[9, 1\]"),
        (5, 1, {"jsonfile": "no-such-file.json"}, r"no-such-file\.json"),
    ],
)
def test_injson_refuses_what_has_no_answer(
    run: object, lumi: object, sources: dict[str, object], message: str
) -> None:
    """Ambiguous sources, unequal lengths and broken ranges raise."""
    with pytest.raises(MaskError, match=message):
        injson(run, lumi, **sources)  # type: ignore[arg-type]


def test_the_demo_runs_are_certified_without_a_folder() -> None:
    """The certification of the demo's runs comes with the package."""
    assert isgolden(297050, 12) is True
    assert isgolden(297050, 138) is False
    assert isdcson(297050, 138) is True
    assert isgolden([297050, 315190, 315264], [193, 1, 31]).tolist() == [  # type: ignore[union-attr]
        True,
        False,
        False,
    ]
    assert isdcson([315190, 315190], [96, 97], year="2018").tolist() == [True, False]  # type: ignore[union-attr]
    assert isgolden(315257, 88, year=2018) is True
    assert isgolden(315257, 88, year=2017) is False


def test_run_306458_is_off_where_it_was_recorded() -> None:
    """The DCS-only flags of run 306458 are those of the notebook's last figure."""
    lumis = np.arange(1, 270)
    on = isdcson(np.full(lumis.size, 306458), lumis)
    assert isinstance(on, np.ndarray)
    assert lumis[~on].tolist() == [int(word) for word in OFF_306458.split()]
    golden = isgolden(np.full(lumis.size, 306458), lumis, year="2017")
    assert np.array_equal(golden, on)


@pytest.mark.parametrize("run", [386694, 300000])
def test_the_demo_does_not_speak_for_other_runs(run: int) -> None:
    """A run that the demo's files do not cover raises instead of being False."""
    with pytest.raises(ConfigError, match=f"run {run}.*OMSKIT_CERT_DIR"):
        isgolden([297050, run], [1, 1])


@pytest.mark.parametrize("year", ["2022", 2024])
def test_a_year_without_a_file_raises(year: int | str) -> None:
    """Where no file of the year is there, the message names it and the folder."""
    with pytest.raises(ConfigError, match=f"json_GOLDEN_{year}.*OMSKIT_CERT_DIR"):
        isgolden(297050, 1, year=year)


def test_years_without_certification_are_refused() -> None:
    """Only the years of the old module are known."""
    with pytest.raises(ConfigError, match="2017, 2018, 2022, 2024"):
        isdcson(297050, 1, year="2016")


def test_a_folder_replaces_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With OMSKIT_CERT_DIR only its files are asked, for any run."""
    monkeypatch.setenv("OMSKIT_CERT_DIR", str(tmp_path))
    with pytest.raises(ConfigError, match="None of json_GOLDEN_2017"):
        isgolden(297050, 12)
    writejson({"5": [[1, 2]]}, tmp_path / "json_GOLDEN_2022.txt")
    writejson({"5": [[2, 3]]}, tmp_path / "json_GOLDEN_2024.txt")
    assert isgolden(297050, 12) is False
    answer = isgolden([5, 5, 5, 5], [1, 2, 3, 4])
    assert answer.tolist() == [True, True, True, False]  # type: ignore[union-attr]
    assert isgolden(5, 1, year=2024) is False
    with pytest.raises(ConfigError, match="json_GOLDEN_2017"):
        isgolden(5, 1, year=2017)


def test_the_demo_files_are_the_real_ones_cut_to_its_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For every demo run the packaged files answer as the real ones do."""
    folder = os.environ.get("OMSKIT_RECORDED")
    if not folder:
        pytest.skip("OMSKIT_RECORDED does not name the folder of recorded answers")
    spans = [np.array(span) for span in json_utils.DEMO_RUNS]
    runs, lumis = np.meshgrid(np.concatenate(spans), np.arange(1, 1000))
    runs, lumis = runs.ravel(), lumis.ravel()
    packaged = [ask(runs, lumis) for ask in (isgolden, isdcson)]
    real = {
        "json_GOLDEN_2017": "Cert_294927-306462_13TeV_UL2017_Collisions17_GoldenJSON",
        "json_GOLDEN_2018": "Cert_314472-325175_13TeV_Legacy2018_Collisions18_JSON",
        "json_DCSONLY_2017": "json_DCSONLY_2017",
        "json_DCSONLY_2018": "json_DCSONLY_2018",
    }
    for ours, theirs in real.items():
        source = Path(folder) / "certification" / f"{theirs}.txt"
        shutil.copyfile(source, tmp_path / f"{ours}.txt")
    monkeypatch.setenv("OMSKIT_CERT_DIR", str(tmp_path))
    for mine, ask in zip(packaged, (isgolden, isdcson), strict=True):
        assert np.array_equal(mine, ask(runs, lumis))


@given(st.sets(st.integers(-20, 60)))
def test_lists_and_ranges_are_inverse(numbers: set[int]) -> None:
    """A list of numbers comes back from its ranges, which do not touch."""
    ranges = plainlist_to_rangelist(sorted(numbers))
    assert rangelist_to_plainlist(ranges) == sorted(numbers)
    assert all(a[1] + 1 < b[0] for a, b in itertools.pairwise(ranges))
    assert plainlist_to_rangelist(list(numbers)) == ranges


def test_ranges_hold_plain_integers() -> None:
    """Ranges can be written as JSON, also when made of numpy numbers."""
    ranges = plainlist_to_rangelist(np.array([1, 2, 3, 5, 6]))  # type: ignore[arg-type]
    assert json.dumps(ranges) == "[[1, 3], [5, 6]]"
    assert plainlist_to_rangelist([]) == []
    assert plainlist_to_rangelist([4]) == [[4, 4]]


def test_a_range_must_be_a_pair() -> None:
    """A range of another length raises and is shown."""
    with pytest.raises(MaskError, match=r"\[-1\]"):
        rangelist_to_plainlist([[1, 2], [-1]])


@given(
    st.dictionaries(
        st.integers(1, 400000), st.sets(st.integers(1, 90), min_size=1), max_size=5
    )
)
def test_tuples_and_dicts_are_inverse(document: dict[int, set[int]]) -> None:
    """A list of (run, lumisections) comes back from its dict."""
    tuples = [(run, sorted(lumis)) for run, lumis in sorted(document.items())]
    assert jsondict_to_tuplelist(tuplelist_to_jsondict(tuples)) == tuples


def test_whole_runs_and_empty_ones_in_tuples() -> None:
    """[-1] is the whole run both ways; a run without lumisections is left out."""
    assert tuplelist_to_jsondict([("5", [-1]), (6, []), (7, [3])]) == {
        "5": [[-1]],
        "7": [[3, 3]],
    }
    assert jsondict_to_tuplelist({"5": [[-1]], "6": []}) == [(5, [-1]), (6, [])]


def test_a_run_given_twice_adds_up() -> None:
    """Two entries of one run are joined."""
    assert tuplelist_to_jsondict([(5, [1, 2]), (5, [3])]) == {"5": [[1, 3]]}


def test_other_negative_numbers_are_refused() -> None:
    """Only -1 stands for a whole run."""
    with pytest.raises(MaskError, match="no meaning"):
        tuplelist_to_jsondict([(5, [-2])])


def test_get_lcs_is_the_common_part() -> None:
    """The common part of several dicts is sorted and leaves out empty runs."""
    a = {"5": [[20, 30], [1, 9]], "6": [[1, 5]], "7": [[-1]], "8": [[1, 2]]}
    b = {"5": [[5, 22]], "6": [[7, 8]], "7": [[3, 4]], "9": [[1, 2]]}
    assert get_lcs([a, b]) == {"5": [[5, 9], [20, 22]], "7": [[3, 4]]}
    assert get_lcs([a]) is a
    assert get_lcs([{"7": [[-1]]}, {"7": [[-1]]}]) == {"7": [[-1]]}


def test_get_lcs_needs_something() -> None:
    """No dicts have no common part."""
    with pytest.raises(MaskError, match="at least one"):
        get_lcs([])
