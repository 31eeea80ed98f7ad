"""Which certification file is this?"""

from __future__ import annotations

import hashlib
import json

import pyarrow as pa
import pytest

from omskit.lumi import LumiMask, canonical_hash, identify
from omskit.lumi.files import read_mask
from omskit.lumi.identity import Known, registry

MASK = LumiMask.from_ranges([(297050, 12, 137), (315190, 1, 4), (5, 1, 1)])


def test_the_canonical_hash_is_that_of_cmssw_text() -> None:
    """Anyone can make it: sorted keys, one run a line, SHA-256, however written."""
    document = MASK.to_dict()
    text = json.dumps(document, sort_keys=True).replace("]],", "]],\n")
    assert canonical_hash(MASK) == hashlib.sha256(text.encode()).hexdigest()
    other = LumiMask.from_json(
        '{ "5":[[1,1]],"315190":[[3,4],[1,2]],"297050":[[12,137]]}'
    )
    assert canonical_hash(other) == canonical_hash(MASK)
    assert canonical_hash(MASK.within(MASK)) == canonical_hash(MASK)


def test_counts_years_and_eras_are_told() -> None:
    """Counts, first and last, years of the runs, and eras where OMS was asked."""
    runs = pa.table({"run_number": [297050, 315190], "era": ["2017B", None]})
    found = identify(MASK, name="a.json", content=b"abc", runs=runs)
    assert (found.runs, found.ranges, found.lumisections) == (3, 3, 131)
    assert (found.first, found.last) == ((5, 1), (315190, 4))
    assert found.periods == (("2017", 1), ("2018", 1), ("other", 1))
    assert found.eras == ((None, 5), ("2017B", 126))
    assert found.sha256 == hashlib.sha256(b"abc").hexdigest()
    assert found.known is None
    text = str(found)
    assert "years: 2017 (1 runs), 2018 (1 runs), other (1 runs)" in text
    assert "eras: no era (5 lumisections), 2017B (126 lumisections)" in text
    assert json.loads(json.dumps(found.to_dict()))["known"] is None


def test_empty_and_open_masks_have_an_identity_too() -> None:
    """Nothing is counted where there is no end, or nothing."""
    whole = identify(LumiMask.from_json({"297050": [[5, 0]]}), runs=pa.table(
        {"run_number": [297050], "era": ["2017B"]}))  # fmt: skip
    assert whole.lumisections is None
    assert whole.eras == (("2017B", None),)
    assert "to 297050:open" in str(whole)
    empty = identify(LumiMask())
    assert empty.first is empty.last is None
    assert str(empty).startswith("This mask: 0 lumisections")


def test_an_official_name_on_other_content_is_said_plainly() -> None:
    """A known name with unknown content is no such file."""
    name = "Cert_314472-325175_13TeV_Legacy2018_Collisions18_JSON.txt"
    text = identify(MASK, name=name).statement
    assert f"It has the name {name}, and a content that omskit does not know" in text
    assert "omskit does not know: 131 lumisections in 3 runs, and 234529 in 478" in text
    whole = LumiMask.from_json({"297050": [[5, 0]]})
    assert (
        "open ends, which no official file has" in identify(whole, name=name).statement
    )
    assert identify(MASK).statement == "The content is of no file that omskit knows."


def test_two_files_of_2022_bear_one_name() -> None:
    """The registry holds two contents under one official name."""
    name = "Cert_Collisions2022_355100_362760_Golden.json"
    bearers = [known for known in registry() if known.name == name]
    assert [known.lumisections for known in bearers] == [123097, 123182]
    text = identify(MASK, name=name).statement
    assert f"3 different files bear the name {name}" in text
    assert "Say which by its hash" in text


@pytest.mark.parametrize("known", registry(), ids=lambda k: f"{k.name}-{k.runs}")
def test_every_recorded_file_is_recognised(recorded, known: Known) -> None:
    """Counts and both hashes of the registry are those of the recorded files."""
    folder = recorded / "certification"
    path = next(
        path for path in folder.iterdir()
        if hashlib.sha256(path.read_bytes()).hexdigest() == known.sha256
    )  # fmt: skip
    mask = read_mask(path)
    found = identify(mask, name=path.name, content=path.read_bytes())
    assert found.known == known
    assert (found.runs, found.lumisections) == (known.runs, known.lumisections)
    assert found.statement.startswith(f"It is {known.name} as seen in")
    assert found.to_dict()["known"] == known.name
    renamed = identify(mask, name="mine.json").statement
    assert renamed.startswith(f"It has the content of {known.name}")
    years = {name for name, _ in found.periods}
    assert len(years) == 1


def test_one_known_file_under_the_name_of_another(recorded) -> None:
    """A known content under another official name is called by both names."""
    mask = read_mask(recorded / "certification" / "json_DCSONLY_2022.txt")
    name = "Cert_Collisions2022_355100_362760_Golden.json"
    text = identify(mask, name=name).statement
    assert text.startswith(
        f"Its name is that of {name}, its content that of json_DCSONLY_2022.txt"
    )


@pytest.mark.parametrize(
    ("run", "year"),
    [(140_000, "2010"), (165_000, "2011"), (200_000, "2012"), (250_000, "2015"),
     (275_000, "2016"), (297_050, "2017"), (320_000, "2018"), (357_000, "2022"),
     (368_000, "2023"), (380_000, "2024"), (392_000, "2025")],
)  # fmt: skip
def test_years_since_2010(run, year) -> None:
    """A run of any year of running has its year."""
    found = identify(LumiMask.from_ranges([(run, 1, 9)]))
    assert found.periods == ((year, 1),)


def test_a_content_of_which_only_counts_are_known() -> None:
    """A file that counts as a third edition does is called one, and not accused."""
    name = "Cert_Collisions2022_355100_362760_Golden.json"
    ranges = [(355_100 + n, 1, 336) for n in range(357)]
    mask = LumiMask.from_ranges([*ranges, (356_000, 1, 120_342 - 357 * 336)])
    text = identify(mask, name=name).statement
    assert "as many lumisections as the copy seen in" in text
    assert "120342 lumisections in 358 runs (as many as here)" in text
    year = "Cert_Collisions2023_366442_370790_Golden.json"
    assert "90754 lumisections; 90364" in identify(mask, name=year).statement
