"""``oms mask make``, ``filter``, ``overlaps`` and ``pileup``."""

from __future__ import annotations

import json

import pytest

from omskit import Client, LumiMask, read_mask


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A folder with two masks."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.json").write_text('{"297050": [[1, 50]], "297056": [[3, 8]]}')
    (tmp_path / "b.json").write_text('{"297050": [[40, 60]]}')
    return tmp_path


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        (("--fill", "5840"), {"297056": [[3, 8]]}),
        (("--fill", "5839", "--not"), {"297056": [[3, 8]]}),
        (("--era", "2017B"), {"297050": [[1, 50]], "297056": [[3, 8]]}),
        (("--era", "2018A"), {}),
        (("--since", "2017-06-17"), {"297056": [[3, 8]]}),
        (("--until", "2017-06-16"), {"297050": [[1, 50]]}),
        (("297050", "--fill", "5840"), {}),
        (
            ("297050-297056", "--era", "2017B"),
            {"297050": [[1, 50]], "297056": [[3, 8]]},
        ),
    ],
    ids=" ".join,
)
def test_a_mask_is_filtered(oms, files, options, kept):
    """The part within runs, a fill, an era or a time is kept, or left out."""
    ended = oms("mask", "filter", "a.json", *options)
    assert ended.code == 0
    assert json.loads(ended.out) == kept


def test_a_filter_wants_something_to_filter_by(oms, files):
    """Without runs or selectors the ways are named."""
    ended = oms("mask", "filter", "a.json")
    assert ended.code == 2
    assert "--fill, --era, --since or --until" in ended.err


def test_a_mask_is_made_of_conditions(oms, files):
    """Conditions and the first of each run choose lumisections."""
    asked = ("297050", "--where", "pileup > 39", "--skip-first", "3", "-o", "m.json")
    assert oms("mask", "make", *asked, "--provenance").code == 0
    with Client("demo") as client:
        table = client.lumisections(
            297050, where="pileup > 39", fields="lumisection_number"
        )
    numbers = [n for n in table["lumisection_number"] if n > 3]
    assert read_mask("m.json") == LumiMask.from_pairs([(297050, n) for n in numbers])
    facts = json.loads((files / "m.json.provenance.json").read_text())
    assert "first 3 of each run_number" in str(facts)


def test_a_mask_is_made_of_stretches(oms, files):
    """--of prescale_index leaves out the first of each prescale column."""
    asked = ("297057", "--skip-first", "2", "--of", "prescale_index")
    made = json.loads(oms("mask", "make", *asked).out)
    assert made == {"297057": [[3, 25], [28, 473], [476, 906]]}
    only = oms("mask", "make", "--fill", "5840", "--where", "prescale_index = 7", "-q")
    assert set(json.loads(only.out)) <= {"297056", "297057"}
    assert json.loads(oms("mask", "make", "5", "--where", "pileup > 1", "-q").out) == {}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Which runs?"),
        (("297050",), "Name a condition"),
        (("297050", "--where", "moon = 1"), "no field 'moon'"),
        (("297050", "--skip-first", "1", "--of", "moon"), "no field 'moon'"),
        (("--since", "yesteday", "--where", "pileup > 1"), "is no time"),
    ],
)
def test_what_makes_no_mask_is_refused(oms, arguments, said):
    """What is missing or unknown is named, with code 2."""
    ended = oms("mask", "make", *arguments)
    assert ended.code == 2
    assert said in ended.err


def test_what_several_masks_share(oms, files):
    """Ranges with the masks that hold them, and their number; 1 where there is none."""
    ended = oms("mask", "overlaps", "a.json", "b.json", "--json")
    assert json.loads(ended.out) == [
        {
            "run_number": 297050,
            "first_lumisection_number": 40,
            "last_lumisection_number": 50,
            "count": 2,
            "masks": ["a.json", "b.json"],
        }
    ]
    assert ended.err == "11 lumisections are in 2 or more masks.\n"
    (files / "c.json").write_text('{"5": [[1, 2]]}')
    assert oms("mask", "overlaps", "a.json", "c.json").code == 1
    assert oms("mask", "overlaps", "a.json", "a.json").code == 2
    assert oms("mask", "overlaps", "a.json", "b.json", "--at-least", "3").code == 2
    (files / "sub").mkdir()
    (files / "sub" / "a.json").write_text('{"297056": [[8, 9]]}')
    assert "1 lumisections" in oms("mask", "overlaps", "a.json", "sub/a.json").err
    (files / "d.json").write_text('{"5": [[1, 0]]}')
    (files / "e.json").write_text('{"5": [[2, 0]]}')
    assert "an open number" in oms("mask", "overlaps", "d.json", "e.json").err


def test_the_pileup_of_a_mask(oms, files):
    """A row a bin, the sum on stderr, a figure, a pileup JSON that does the same."""
    asked = ("mask", "pileup", "b.json", "--bins", "20", "--json")
    ended = oms(*asked, "--plot", "p.png", "--write-json", "p.json")
    assert ended.code == 0
    bins = json.loads(ended.out)
    assert len(bins) == 20
    assert "/pb recorded, mean pileup" in ended.err
    assert (files / "p.png").stat().st_size > 5000
    again = oms(*asked, "--pileup-json", "p.json")
    assert [row["recorded_lumi"] for row in json.loads(again.out)] == pytest.approx(
        [row["recorded_lumi"] for row in bins]
    )
    wider = oms(*asked, "--scale", "0.5")
    assert json.loads(wider.out) != bins


def test_lumisections_without_pileup_are_incomplete(oms, files):
    """The code is 5 where lumisections have none."""
    (files / "late.json").write_text('{"297050": [[1, 2000]]}')
    ended = oms("mask", "pileup", "late.json")
    assert ended.code == 5
    assert "have no pileup or luminosity" in ended.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--plot", "nodir/p.png"), "there is no folder nodir"),
        (("--brilcalc", "x.csv", "--pileup-json", "y.json"), "name one"),
        (("--pileup-json", "none.json"), "none.json"),
        (("--bins", "0"), "--bins"),
    ],
)
def test_wrong_use_of_pileup_is_one_line(oms, files, options, said):
    """What cannot be done is said at once."""
    ended = oms("mask", "pileup", "b.json", *options)
    assert ended.code == 2
    assert said in ended.err


def test_open_masks_have_no_profile(oms, files):
    """A range without an end is refused."""
    (files / "o.json").write_text('{"297050": [[1, 0]]}')
    ended = oms("mask", "pileup", "o.json")
    assert ended.code == 2
    assert "without an end" in ended.err


def test_brilcalc_has_pileup_too(oms, files):
    """The rows of a CSV of brilcalc give a profile."""
    (files / "b.csv").write_text(
        "#Data tag : v1\n"
        "#run:fill,ls,time,beamstatus,E(GeV),delivered(/ub),recorded(/ub),avgpu,source\n"
        "297050:5839,40:40,06/16/17 21:00:00,STABLE BEAMS,6500,150000.0,140000.0,"
        "38.5,PXL\n"
        "#Summary:\n"
    )
    (files / "one.json").write_text('{"297050": [[40, 40]]}')
    ended = oms(
        "mask", "pileup", "one.json", "--brilcalc", "b.csv", "--json", "--bins", 2
    )
    assert ended.code == 0
    assert json.loads(ended.out)[0]["recorded_lumi"] == pytest.approx(0.14)
