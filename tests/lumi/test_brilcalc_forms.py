"""Every form in which brilcalc and its users write, read as what it is."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.amount import examples

from omskit import OMSError
from omskit.errors import DecodeError, UnitError
from omskit.lumi import luminosity, read_brilcalc, read_brilcalc_table
from omskit.lumi.agreement import pairs_of
from omskit.lumi.files import read_luminosity

D, R = "delivered_lumi_per_lumisection", "recorded_lumi_per_lumisection"
HEADER = "#run:fill,ls,time,beamstatus,E(GeV),delivered(/pb),recorded(/pb),avgpu,source"
TAG = "#Data tag : 19v2 , Norm tag: None"


def row(number, delivered, recorded, active=None):
    active = number if active is None else active
    return (
        f"297050:5839,{number}:{active},06/16/17 20:55:44,STABLE BEAMS,6500,"
        f"{delivered},{recorded},40.3,HFET"
    )


def summary(count, delivered, recorded, unit="/pb"):
    return (
        "#Summary:",
        f"#nfill,nrun,nls,ncms,totdelivered({unit}),totrecorded({unit})",
        f"#1,1,{count},{count},{delivered},{recorded}",
    )


def text(*lines):
    return "\n".join(lines) + "\n"


def test_each_header_holds_for_the_rows_below_it():
    """A second header in /nb, or with columns exchanged, changes what follows."""
    swapped = HEADER.replace("delivered", "x").replace("recorded", "delivered")
    table = read_brilcalc(
        text(
            HEADER,
            row(1, 0.16, 0.15),
            HEADER.replace("/pb", "/nb"),
            row(2, 160, 150),
            swapped.replace("x(", "recorded("),
            row(3, 0.15, 0.16),
        )
    )
    assert table[D].to_pylist() == pytest.approx([0.16, 0.16, 0.16])
    assert table[R].to_pylist() == pytest.approx([0.15, 0.15, 0.15])
    assert table.units[D] == "/pb"


def test_each_summary_holds_for_its_own_rows():
    """Two whole outputs joined by cat are read; a row lost in one of them is not."""
    first = [TAG, HEADER, row(1, 0.16, 0.15), *summary(1, 0.16, 0.15)]
    second = [TAG, HEADER.replace("/pb", "/ub"), row(2, 1e5, 9e4), row(3, 1e5, 9e4)]
    ends = summary(2, 2e5, 1.8e5, "/ub")
    table = read_brilcalc(text(*first, *second, *ends))
    assert len(table) == 3
    with pytest.raises(DecodeError, match="counts 2 lumisections and there is 1 row"):
        read_brilcalc(text(*first, *second[:-1], *ends))
    # Rows behind a summary, under no header of their own, have the one before.
    assert len(read_brilcalc(text(*first, row(9, 0.1, 0.1)))) == 2


def test_a_lumisection_in_which_cms_was_not_active():
    """What brilcalc writes as 13:0 is kept as a flag."""
    table = read_brilcalc(text(HEADER, row(12, 0.16, 0.15), row(13, 0.14, 0.0, 0)))
    assert table["cms_active"].to_pylist() == [True, False]
    with pytest.raises(DecodeError, match=r"13:12.*line 2"):
        read_brilcalc(text(HEADER, row(13, 0.14, 0.0, 12)))


def test_columns_may_stand_in_any_order():
    """A header is known by its columns, wherever they stand; no column is lost."""
    table = read_brilcalc(
        text("ls,recorded(/nb),run,fill,delivered(/pb)", "12,150,297050,5839,0.16")
    )
    assert table.to_records()[0] | {"run_number": 297050, "fill_number": 5839} == {
        **table.to_records()[0], "lumisection_number": 12,
        D: pytest.approx(0.16), R: pytest.approx(0.15),
    }  # fmt: skip
    with pytest.raises(DecodeError, match=r"'delivered' twice.*line 1"):
        read_brilcalc(text("#run:fill,ls,delivered(/pb),delivered(/nb),recorded(/pb)"))


def test_totals_of_paths_in_a_drawn_table_are_no_rows():
    """The summary of each path, which has no hash in the table style, adds none."""
    table = read_brilcalc_table(
        text(
            "| run:fill | time | ncms | hltpath | delivered(/pb) | recorded(/pb) |",
            "| 297050:5839 | 06/16/17 20:55:44 | 690 | HLT_A_v6 | 97.2 | 94.7 |",
            "| 297050:5839 | 06/16/17 20:55:44 | 690 | HLT_B_v6 | 9.2 | 4.7 |",
            "#Summary:",
            "| hltpath | nfill | nrun | ncms | totdelivered(/pb) | totrecorded(/pb) |",
            "| HLT_A_v6 | 1 | 1 | 690 | 97.2 | 94.7 |",
            "| HLT_B_v6 | 1 | 1 | 690 | 9.2 | 4.7 |",
        )
    )
    assert table.resource == "brilcalc paths by run"
    assert table["hltpath"].to_pylist() == ["HLT_A_v6", "HLT_B_v6"]


def test_a_luminosity_that_run_1_does_not_know_is_null():
    """What lumiCalc2 writes as n/a is null; an empty cell is refused."""
    table = read_brilcalc(RUN_1.replace("160000,150000,7.9", "n/a,n/a,n/a"))
    assert table[D].to_pylist() == [None]
    with pytest.raises(DecodeError, match="line 2"):
        read_brilcalc(RUN_1.replace("160000", ""))


@pytest.mark.parametrize(
    ("head", "what"),
    [
        ("#fill,run,ls,time,egev,intensity1,intensity2", "brilcalc beam"),
        ("#run:fill,ls,time,bkg1,bkg2", "brilcalc bkg"),
        ("#hltpathid,hltpath,seedvalue", "with their seeds"),
        ("#hltconfigid,hltkey,run", "HLT menus"),
        ("Run:Fill,LS,HLTpath,Recorded(/ub),Effective(/ub)", "lumiCalc2"),
        ("297050:5839,12:12,0.16,0.15", "the header was cut off"),
    ],
    ids=["beam", "bkg", "seeds", "menus", "Run 1 paths", "rows alone"],
)
def test_what_is_no_luminosity_is_named(head, what):
    """Other outputs are recognised by their columns."""
    with pytest.raises(DecodeError, match=what):
        read_brilcalc_table(text(head))


DRAWN = """\
#Data tag : 19v2 , Norm tag: None
+-------------+-------+-------------------+--------------+--------+----------------+---------------+-------+--------+
|   run:fill  |   ls  |        time       |  beamstatus  | E(GeV) | delivered(/ub) | recorded(/ub) | avgpu | source |
+-------------+-------+-------------------+--------------+--------+----------------+---------------+-------+--------+
| 297050:5839 | 12:12 | 06/16/17 20:55:44 | STABLE BEAMS |  6500  |     160000     |     150000    |  40.3 |  HFET  |
+-------------+-------+-------------------+--------------+--------+----------------+---------------+-------+--------+
#Summary:
+-------+------+-----+------+-------------------+------------------+
| nfill | nrun | nls | ncms | totdelivered(/ub) | totrecorded(/ub) |
+-------+------+-----+------+-------------------+------------------+
|   1   |  1   |  1  |  1   |       160000      |      150000      |
+-------+------+-----+------+-------------------+------------------+
"""  # noqa: E501  # as wide as brilcalc draws it
RUN_1 = text(
    "Run:Fill,LS,UTCTime,Beam Status,E(GeV),Delivered(/ub),Recorded(/ub),avgPU",
    "190456:2468,19:19,04/05/12 20:12:14,STABLE BEAMS,4000,160000,150000,7.9",
)


@pytest.mark.parametrize(
    "document",
    [
        text(HEADER[1:], row(12, 0.16, 0.15)),
        text("# " + HEADER[1:], row(12, 0.16, 0.15)),
        text("," + HEADER, "0," + row(12, 0.16, 0.15)),
        DRAWN,
        RUN_1,
        gzip.compress(text(HEADER, row(12, 0.16, 0.15)).encode(), mtime=0),
        text(HEADER, row(12, 0.16, 0.15)).encode("utf-16"),
        text(HEADER, row(12, 0.16, 0.15)).replace("\n", "\r\n\r\n"),
        text(HEADER, row(12, 0.16, 0.15)).replace(",", "\t"),
        text(HEADER, row(12, 0.16, 0.15)).replace(",", ";"),
        text("WARNING: no normtag", HEADER, row(12, 0.16, 0.15)),
        text(HEADER.replace("/pb", "/PB"), row(12, 0.16, 0.15)),
        text(HEADER.replace("/pb", "1/pb"), row(12, 0.16, 0.15)),
        text(HEADER, row(12, 0.16, 0.15).replace("06/16/17", "2017-06-16")),
        text(HEADER, row(12, 0.16, 0.15).replace("06/16/17 20:55:44", "1497646544")),
    ],
    ids=[
        "no hash",
        "hash and blank",
        "numbered rows",
        "drawn",
        "Run 1",
        "gzip",
        "UTF-16",
        "CRLF and blank lines",
        "tabs",
        "semicolons",
        "a log above",
        "large letters",
        "1/pb",
        "ISO times",
        "seconds",
    ],
)
def test_other_styles(document):
    """Whoever wrote the rows down, they are the same."""
    table = read_brilcalc(document)
    assert table[D].to_pylist() == pytest.approx([0.16])
    assert table[R].to_pylist() == pytest.approx([0.15])
    assert table["energy"][0] in {4000.0, 6500.0}
    assert table["start_time"][0] is not None
    assert table["cms_active"].to_pylist() == [True]


@pytest.mark.parametrize(
    ("lines", "resource", "row_of", "error"),
    [
        (
            (
                "#run:fill,ls,time,hltpath,delivered(/ub),recorded(/ub),avgpu,source",
                "297050:5839,12:12,06/16/17 20:55:44,HLT_Mu50_v6,1e5,9e4,40.3,HFET",
            ),
            "brilcalc paths",
            {"hltpath": "HLT_Mu50_v6", D: 0.1, R: 0.09},
            "hltpath",
        ),
        (
            (
                "#run:fill,time,nls,ncms,delivered(/nb),recorded(/nb)",
                "297050:5839,06/16/17 20:55:44,700,690,1000,900",
                *summary(700, 1000, 900, "/nb"),
            ),
            "brilcalc runs",
            {"lumisections": 700, "delivered_lumi": 1.0, "recorded_lumi": 0.9},
            "sums over runs",
        ),
        (
            (
                "#run:fill,time,ncms,hltpath,delivered(/nb),recorded(/nb)",
                "297050:5839,06/16/17 20:55:44,690,HLT_Mu50_v6,1000,900",
            ),
            "brilcalc paths by run",
            {"hltpath": "HLT_Mu50_v6", "delivered_lumi": 1.0},
            "runs and paths",
        ),
        (
            (
                ",# run,cmsls,totprescval,hltpath/prescval",
                "0,378981,4,210.0,HLT_PFJet40_v28/30",
            ),
            "brilcalc prescales",
            {
                "run_number": 378981,
                "lumisection_number": 4,
                "total_prescale": 210.0,
                "hltpath": "HLT_PFJet40_v28",
                "hlt_prescale": 30,
            },
            "prescales",
        ),
        (
            (
                (
                    "# run,cmsls,prescidx,totprescval,hltpath/prescval,"
                    "logic,l1bit/prescval"
                ),
                "378981,4,2,210.0,HLT_PFJet40_v28/30,ONE,L1_ZeroBias/7",
            ),
            "brilcalc prescales",
            {"prescale_index": 2, "logic": "ONE", "l1bit/prescval": "L1_ZeroBias/7"},
            "prescales",
        ),
        (
            ("#run:fill,ls,avgpu,source", "297050:5839,12:12,40.3,HFET"),
            "brilcalc pileup",
            {"pileup": 40.3},
            "pileup alone",
        ),
    ],
)
def test_tables_that_are_no_luminosity_of_lumisections(lines, resource, row_of, error):
    """Each has a table of its own, and is refused where luminosity was asked for."""
    table = read_brilcalc_table(text(*lines))
    assert table.resource == resource
    found = table.to_records()[0]
    assert {name: found[name] for name in row_of} == pytest.approx(row_of)
    with pytest.raises(DecodeError, match=error):
        read_brilcalc(text(*lines))


@pytest.mark.parametrize("unit", ["hz/ub", "1e30/cm2s", "Hz/ub"])
def test_rates_are_rates(unit):
    """Instantaneous luminosity has its own columns and unit, and is no integral."""
    document = text(HEADER.replace("/pb", unit), row(12, 6885.2, 6700.0))
    table = read_brilcalc_table(document)
    assert table.resource == "brilcalc rates"
    assert table["delivered_lumi_rate"].to_pylist() == pytest.approx([6885.2])
    assert table.units["recorded_lumi_rate"] == "10^30 cm^-2 s^-1"
    assert D not in table.columns
    with pytest.raises(UnitError, match="rates"):
        read_brilcalc(document)


def test_crossings():
    """What --xing adds is kept, as lists per lumisection."""
    head = HEADER + ",[bxidx bxdelivered(/pb) bxrecorded(/pb)]"
    table = read_brilcalc_table(
        text(head, row(12, 0.16, 0.15) + ",[41 0.08 0.07 42 0.08 0.08]")
    )
    assert table["bx"].to_pylist() == [[41, 42]]
    assert table["bx_recorded"].to_pylist() == [[0.07, 0.08]]
    assert table.units["bx_delivered"] == "/pb"


def test_a_column_that_nobody_knows_is_kept():
    """An unknown column stays, as text, under its name."""
    table = read_brilcalc(text(HEADER + ",fancy", row(12, 0.16, 0.15) + ",yes"))
    assert table["fancy"].to_pylist() == ["yes"]


def test_two_kinds_in_one_file():
    """Tables of two kinds in one file are not mixed."""
    runs = ("#run:fill,time,nls,ncms,delivered(/pb),recorded(/pb)",
            "297050:5839,06/16/17 20:55:44,1,1,0.1,0.1")  # fmt: skip
    with pytest.raises(DecodeError, match=r"several kinds: 'brilcalc' \(line 1\)"):
        read_brilcalc_table(text(HEADER, row(12, 0.16, 0.15), *runs))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("2" * 22 + ":5839" + row(12, 0.16, 0.15)[11:], "no number from 1"),
        (row(12, 0.16, 0.15).replace("297050", "9" * 5000), "no number from 1"),
        (row(12, 0.16, 0.15).replace("5839", "-1"), "no number from 0"),
        (row(12, 0.16, 0.15).replace("12:12", "1_2:12"), "no number from 1"),
        (row(12, "nan", 0.15), "'nan' is no number"),
        (row(12, "1e999", 0.15), "is no number"),
        (row(12, "", 0.15), "'' is no number"),
        (row(12, 0.16, 0.15).replace("HFET", '"HFET'), "no CSV"),
        (row(12, 0.16, 0.15).replace("HFET", "x" * 200_000), "field larger"),
        (row(12, 0.16, 0.15).replace("06/16/17 20:55:44", "9" * 17), "no number"),
    ],
    ids=range(10),
)
def test_rows_without_a_meaning(line, words):
    """A row that has none is one DecodeError, which names the line and is short."""
    with pytest.raises(DecodeError, match=words) as caught:
        read_brilcalc(text(HEADER, line))
    assert caught.value.path == "line 2"
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "content",
    [b"\xff#run", b"\x1f\x8bnot gzip", gzip.compress(b"#run", mtime=0)[:-4]],
)
def test_bytes_that_are_no_text(content):
    """Other bytes are one DecodeError."""
    with pytest.raises(DecodeError, match=r"UTF-8|gzip"):
        read_brilcalc(content)


def test_gzip_files_by_name(tmp_path):
    """A file that ends in .gz is read as it is."""
    path = tmp_path / "lumi.csv.gz"
    path.write_bytes(gzip.compress(text(HEADER, row(12, 0.16, 0.15)).encode(), mtime=0))
    table = read_luminosity(path)
    assert luminosity(pairs_of(table), table).recorded == pytest.approx(0.15)


WORDS = st.sampled_from(
    [
        "#", "run:fill", "run", "ls", "time", "delivered(/pb)", "recorded(/nb)", ",",
        "|", "+--+", "297050:5839", "12:12", "12:0", "0.1", "-1", "nan", '"', "\n",
        "#nfill,nrun,nls", "hltpath", "hltpath/prescval", "HLT_x/3", "avgpu", "\u0663",
        "99999999999999999999", "[bxidx", "[1 2 3]", "06/16/17 20:55:44", " ", "nls",
    ]
)  # fmt: skip


@settings(max_examples=examples(400))
@given(st.lists(WORDS, max_size=60).map("".join) | st.text(max_size=80) | st.binary())
def test_whatever_is_given(document):
    """Any text or bytes are a table, or one of omskit's errors in one line."""
    try:
        said = read_brilcalc_table(document).resource
    except OMSError as error:
        said = str(error)
    assert said
    assert "\n" not in said
