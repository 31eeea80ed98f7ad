"""CSV of brilcalc, read as luminosity or refused."""

from __future__ import annotations

import datetime as dt

import pytest

from omskit.errors import DecodeError, MaskError, UnitError
from omskit.lumi import LumiMask, compare_luminosity, luminosity, read_brilcalc
from omskit.lumi.files import read_luminosity

HEADER = "#run:fill,ls,time,beamstatus,E(GeV),delivered(/pb),recorded(/pb),avgpu,source"
ROWS = (
    "297050:5839,12:12,06/16/17 20:55:44,STABLE BEAMS,6500,0.16,0.15,40.3,HFET",
    "297050:5839,13:0,06/16/17 20:56:07,STABLE BEAMS,6500,0.14,0.0,40.2,HFET",
)
SUMMARY = (
    "#Summary:",
    "#nfill,nrun,nls,ncms,totdelivered(/pb),totrecorded(/pb)",
    "#1,1,2,1,0.30,0.15",
)
D, R = "delivered_lumi_per_lumisection", "recorded_lumi_per_lumisection"


def text(*lines, end="\n"):
    return end.join(lines) + end


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_rows_are_read_with_every_column(end, mark) -> None:
    """LF or CRLF, with or without a byte-order mark, header and summary."""
    content = mark + text("#Data tag : 19v2 , Norm tag: None", HEADER, *ROWS, *SUMMARY,
                          end=end).encode()  # fmt: skip
    table = read_brilcalc(content)
    assert table.to_records()[0] == {
        "run_number": 297050,
        "lumisection_number": 12,
        "fill_number": 5839,
        "start_time": dt.datetime(2017, 6, 16, 20, 55, 44, tzinfo=dt.UTC),
        "beam_status": "STABLE BEAMS",
        "energy": 6500.0,
        "cms_active": True,
        D: 0.16,
        R: 0.15,
        "pileup": 40.3,
        "source": "HFET",
    }
    assert len(table) == 2
    assert table.units[D] == table.units[R] == "/pb"


@pytest.mark.parametrize(
    ("unit", "factor"), [("/fb", 1e3), ("/nb", 1e-3), ("/ub", 1e-6), ("/b", 1e-12)]
)
def test_units_are_converted(unit, factor) -> None:
    """Whatever unit the header names, the table is in /pb."""
    made = read_brilcalc(text(HEADER.replace("/pb", unit), *ROWS))
    assert made[D].to_pylist() == pytest.approx([0.16 * factor, 0.14 * factor])


def test_times_may_be_seconds_and_columns_may_lack() -> None:
    """What brilcalc writes with --tssec, and only what is needed."""
    head = "#run:fill,ls,time,delivered(/pb),recorded(/pb)"
    table = read_brilcalc(text(head, "297050:5839,12:12,1497646544,0.16,0.15"))
    row = table.to_records()[0]
    assert row["start_time"] == dt.datetime(2017, 6, 16, 20, 55, 44, tzinfo=dt.UTC)
    assert row["pileup"] is row["source"] is row["energy"] is None
    empty = read_brilcalc(text("#run:fill,ls,delivered(/pb),recorded(/pb)"))
    assert len(empty) == 0
    assert empty.units[D] == "/pb"


@pytest.mark.parametrize(
    ("lines", "error", "words"),
    [
        ((), DecodeError, "empty"),
        (("9518,379420,36,36.4",), DecodeError, "no header.*of 4 columns"),
        (("#run:fill,ls,avgpu",), DecodeError, "pileup alone"),
        (
            ("#run:fill,time,nls,ncms,delivered(/pb),recorded(/pb)",),
            DecodeError,
            "sums over runs",
        ),
        (("#run:fill,ls,recorded(/pb)",), DecodeError, "no column delivered"),
        ((HEADER.replace("/pb", "1e30/cm2s"), *ROWS), UnitError, "rates"),
        ((HEADER.replace("/pb", "hz/ub"), *ROWS), UnitError, "rates"),
        ((HEADER.replace("(/pb)", ""), *ROWS), UnitError, "no unit"),
        ((HEADER.replace("/pb", "m"), *ROWS), UnitError, "no unit of luminosity"),
        ((HEADER, ROWS[0][:40]), DecodeError, "break off.*line 2"),
        ((HEADER, ROWS[0].replace("0.16", "x")), DecodeError, "line 2"),
        ((HEADER, ROWS[0].replace("20:55", "20;55")), DecodeError, "line 2"),
        ((HEADER, ROWS[0], *SUMMARY), DecodeError, "counts 2 lumisections.* 1 row"),
        (
            (HEADER, ROWS[0], ROWS[1].replace("0.14", "0.15"), *SUMMARY),
            DecodeError,
            "add up to",
        ),
    ],
)
def test_what_is_no_luminosity_is_called_what_it_is(lines, error, words) -> None:
    """Rates, pileup, sums, and files without header or end are refused by name."""
    with pytest.raises(error, match=rf"(?s){words}"):
        read_brilcalc(text(*lines))


def test_a_summary_that_breaks_off_is_no_summary() -> None:
    """Titles without totals say nothing."""
    assert len(read_brilcalc(text(HEADER, *ROWS, *SUMMARY[:2]))) == 2
    assert len(read_brilcalc(text(HEADER, *ROWS, SUMMARY[1], "#1,1"))) == 2


def test_files_are_named_in_errors(tmp_path) -> None:
    """A file that is missing or wrong is named."""
    with pytest.raises(MaskError, match=r"none\.csv"):
        read_luminosity(tmp_path / "none.csv")
    path = tmp_path / "pu.csv"
    path.write_text("9518,379420,36,36.4\n")
    with pytest.raises(DecodeError, match=r"pu\.csv: .*, at line 1$"):
        read_luminosity(path)


def test_the_recorded_file_has_its_sums(recorded) -> None:
    """Rows and sums of three runs of 2017 are as counted independently."""
    table = read_luminosity(recorded / "brilcalc" / "lumi_small.csv")
    assert len(table) == 998
    assert sum(table[D].to_pylist()) == pytest.approx(145.083609555, abs=1e-9)
    assert sum(table[R].to_pylist()) == pytest.approx(138.789557764, abs=1e-9)
    golden = LumiMask.from_ranges([(297050, 12, 137), (297050, 193, 776)])
    found = luminosity(golden, table)
    assert found.counted == 710
    assert found.complete
    assert found.delivered == pytest.approx(97.230964579, abs=1e-9)
    assert found.recorded == pytest.approx(94.724927043, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("bril_pu_run379420.csv", UnitError, "rates"),
        ("run_lumi_run379420.csv", DecodeError, "no header"),
    ],
)
def test_recorded_files_that_are_no_luminosity(recorded, name, error, words) -> None:
    """Instantaneous values and pileup without a header are refused by name."""
    with pytest.raises(error, match=words):
        read_luminosity(recorded / "brilcalc" / name)


def test_two_sources_are_compared_lumisection_by_lumisection() -> None:
    """Sums are over what both know; what one lacks is named; 0 has no ratio."""
    a = read_brilcalc(text(HEADER, *ROWS))
    b = read_brilcalc(text(HEADER, ROWS[1].replace("0.14", "0.07"),
                           ROWS[1].replace("13:0", "14:14")))  # fmt: skip
    found = compare_luminosity(None, a, b, names=("mine", "theirs"))
    assert found.table["delivered_lumi_ratio"].to_pylist() == pytest.approx([2.0])
    assert found.table["recorded_lumi_ratio"].to_pylist() == [None]
    assert found.delivered_ratio == pytest.approx(2.0)
    assert found.recorded_ratio is None
    assert list(found.only_a) == [(297050, 12)]
    assert list(found.only_b) == [(297050, 14)]
    assert found.table.units["delivered_lumi_a"] == "/pb"
    assert "only mine has 1: 297050:12" in str(found)
    assert "delivered mine/theirs = 2" in str(found)


def test_sources_with_nothing_in_common_have_no_ratio() -> None:
    """Where no lumisection is known to both there is nothing to divide."""
    a = read_brilcalc(text(HEADER, ROWS[0]))
    b = read_brilcalc(text(HEADER, ROWS[1]))
    found = compare_luminosity(None, a, b)
    assert found.delivered_ratio is None
    assert len(found.table) == 0
    assert "ratio" not in str(found)
