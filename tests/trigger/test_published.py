"""Published tables of prescales are read, and compared with those of a run."""

from __future__ import annotations

import pytest

from omskit import Client, DecodeError
from omskit.lumi.brilcalc import read_brilcalc_table
from omskit.trigger import compare_prescales, prescales, read_l1_prescales

pytestmark = pytest.mark.filterwarnings("ignore::omskit.OMSWarning")


def test_published_menus(recorded):
    """Both published tables are read, byte-order mark included; columns by name."""
    path = recorded / "prescales" / "L1Menu_Collisions2024_v1_3_0.csv"
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    rows = read_l1_prescales(path.read_bytes()).to_records()
    bias = {r["prescale_name"]: r for r in rows if r["name"] == "L1_ZeroBias"}
    assert bias["2p0E34"]["prescale"] == 17581
    assert bias["2p0E34"]["prescale_index"] == 7
    older = recorded / "prescales" / "L1Menu_Collisions2023_v1_3_1.csv"
    assert len(read_l1_prescales(older.read_text(encoding="utf-8"))) > 1000


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "begins with Index"),
        ("Name,Index,A\n", "begins with Index"),
        ("Index,Name,A,B\n1,L1_A,2\n", "1 prescales for 2"),
        ("Index,Name,A\n1,L1_A,x\n", "could not convert"),
        ("Index,Name,A\n1,L1_A,0.5\n", "L1_A"),
    ],
)
def test_no_table(text, said):
    """What is no table of prescales is refused, with the line."""
    with pytest.raises(DecodeError, match=said):
        read_l1_prescales(text)


def test_empty_lines_are_left_out():
    """A line without cells is no algorithm."""
    assert len(read_l1_prescales("Index,Name,A\n\n1,L1_A,2\n")) == 1


def test_beside_brilcalc():
    """Equal prescales agree, others do not; off is off; unknown is neither."""
    with Client("demo") as oms:
        ours = prescales(
            oms, 297050, paths=["HLT_ZeroBias", "HLT_Ele27*Gsf_v*", "HLT_Physics"]
        )
    text = """#run,cmsls,prescidx,totprescval,hltpath/prescval
297050,12,7,348318,HLT_ZeroBias_v5/111
297050,431,8,1,HLT_ZeroBias_v5/1
297050,1,6,0,HLT_Ele27_WPTight_Gsf_v8/0
297050,1,6,580,HLT_Physics_v6/580
297099,1,6,5,HLT_ZeroBias_v5/5
"""
    table = compare_prescales(ours, read_brilcalc_table(text))
    assert table["agree"].to_pylist() == [True, False, True, None]
    with pytest.raises(DecodeError, match="brilcalc trg"):
        compare_prescales(ours, ours)


def test_published_prescales_of_2024(recorded):
    """All 24 tables of brilcalc are read, 580 runs each; the demo has those of 386694.

    Column, lumisection of each change and total prescale of ZeroBias are as published.
    """
    files = sorted((recorded / "trigger").glob("HLTinfo_*.csv"))
    tables = {path.name: read_brilcalc_table(path.read_text("utf-8")) for path in files}
    assert sum(map(len, tables.values())) == 27672
    with Client("demo") as oms:
        ours = prescales(oms, 386694, paths="HLT_ZeroBias")
    beside = compare_prescales(ours, tables["HLTinfo_ZeroBias_year2024.csv"])
    rows = beside.to_records()
    assert [r["first_lumisection_number"] for r in rows] == [1, 1148, 1230, 1332]
    assert [r["prescale"] for r in rows] == [526485, 526740, 526740, 526740]
    assert all(r["agree"] for r in rows)
