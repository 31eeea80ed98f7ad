"""Masks in every form that people keep them in, and rows in every kind of table."""

from __future__ import annotations

import gzip
import io

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.amount import examples

from omskit import MaskError, OMSError, Table
from omskit.cli.app import run as run_command
from omskit.cli.mask.show import _SHOWN as SHOWN
from omskit.cli.mask.show import As
from omskit.lumi import LumiMask
from omskit.lumi.files import read_mask

TEXT = '{"297050": [[12, 137], [193, 776]], "297056": [[5, 5]]}'
MASK = LumiMask.from_ranges([(297050, 12, 137), (297050, 193, 776), (297056, 5, 5)])


@pytest.fixture
def path(tmp_path):
    """A certification file."""
    found = tmp_path / "f.json"
    found.write_text(TEXT)
    return found


@pytest.mark.parametrize("method", [LumiMask.read, LumiMask.from_json, LumiMask])
def test_whatever_holds_a_certification_file(method, path, monkeypatch):
    """A path, a name, an open file, bytes, text and a dict all give the mask."""
    monkeypatch.chdir(path.parent)
    packed = path.with_suffix(".json.gz")
    packed.write_bytes(gzip.compress(TEXT.encode(), mtime=0))
    with path.open("rb") as binary, path.open() as text:
        for source in (path, str(path), "f.json", packed, binary, text):
            assert method(source) == MASK
    for source in (TEXT, TEXT.encode(), bytearray(TEXT.encode()), io.StringIO(TEXT)):
        assert method(source) == MASK
    assert method(gzip.compress(TEXT.encode(), mtime=0)) == MASK
    assert method({297050: [[12, 137], [193, 776]], "297056": [[5, 5]]}) == MASK


@pytest.mark.parametrize("how", ["summary", "json", "cmssw", "block", "csv", "cpp"])
def test_what_omskit_writes_it_reads(how, path, capsys):
    """Every form of ``oms mask show`` that holds lumisections is read back equal."""
    assert run_command(["mask", "show", str(path), "--as", how]) == 0
    written = capsys.readouterr().out
    assert LumiMask.read(written) == MASK
    path.write_text(written)
    assert LumiMask.read(path) == MASK
    assert read_mask(path) == MASK


def test_lines_of_crab_hold_no_mask(path, capsys):
    """A CRAB configuration names a mask file, and the message says so."""
    run_command(["mask", "show", str(path), "--as", "crab"])
    with pytest.raises(MaskError, match="file that lumiMask names"):
        LumiMask.read(capsys.readouterr().out)


masks = st.lists(
    st.tuples(st.integers(1, 400_000), st.integers(1, 3000), st.integers(0, 50)),
    max_size=12,
).map(lambda rows: LumiMask.from_ranges([(r, a, a + n) for r, a, n in rows]))


@settings(max_examples=examples(150))
@given(masks)
def test_forms_read_back_equal(mask):
    """Text, tables and gzip of any mask give it back."""
    again = [
        LumiMask.read(mask.to_json()),
        LumiMask.from_json(mask.to_dict()),
        LumiMask.read(gzip.compress(mask.to_json().encode())),
        LumiMask.from_ranges(mask.to_arrow()),
        LumiMask.from_ranges(mask.to_arrow().to_pandas()),
        LumiMask.from_ranges(list(mask.ranges())),
        LumiMask.from_cmssw(mask.to_cmssw(block=True)),
        LumiMask.from_pairs(np.column_stack(mask.pairs())),
    ]
    if mask:
        again += [LumiMask.read(mask.to_cmssw()), LumiMask.read(mask.to_cpp())]
    assert [one == mask for one in again] == [True] * len(again)


open_masks = st.lists(
    st.tuples(
        st.integers(1, 400_000),
        st.integers(1, 3000),
        st.none() | st.integers(0, 50),
    ),
    max_size=8,
).map(
    lambda rows: LumiMask.from_ranges(
        [(r, a, None if n is None else a + n) for r, a, n in rows]
    )
)


@settings(max_examples=examples(100))
@given(open_masks)
def test_what_is_shown_reads_back_equal(mask):
    """All forms of ``oms mask show`` give any mask back, or are not written.

    Open ends go into summaries and tables only. An empty text is no mask, as an empty
    file is a mistake more often, so CMSSW ranges of no lumisection are not read.
    """
    for how, write in SHOWN.items():
        if how is As.CRAB or (how is As.CMSSW and not mask):
            continue
        try:
            text = write(mask, "mine.json", "golden")
        except MaskError:
            assert (mask.is_open and how is not As.CSV) or not mask
            assert how is not As.SUMMARY
            continue
        assert LumiMask.read(text + "\n") == mask


@pytest.mark.parametrize(
    "fragment",
    [
        (
            "process.source.lumisToProcess = cms.untracked.VLuminosityBlockRange(\n"
            "    '297050:12-297050:137', # first\n"
            "    '297050:193-297050:776',\n    \"297056:5\"\n)"
        ),
        (
            "lumisToProcess = cms.untracked.VLuminosityBlockRange( *(\n"
            "\t'297050:12-297050:137',\r\n\t'297050:193-297050:776',"
            " '297056:5-297056:5',"
            "\r\n) )\r\n"
        ),
        (
            "import FWCore.ParameterSet.Config as cms\n"
            "lumisToProcess = cms.untracked.VLuminosityBlockRange()\n"
            "lumisToProcess.extend([\n'297050:12-297050:137,297050:193-297050:776',\n"
            "# '1:1-1:9',\n'297056:5' ])"
        ),
        "297050:12-297050:137\n297050:193-297050:776\n297056:5\n",
    ],
)
def test_fragments_of_configurations(fragment):
    """Configurations as people keep them, with remarks and line ends, are read."""
    assert LumiMask.read(fragment) == MASK
    assert LumiMask.from_cmssw(fragment) == MASK


@pytest.mark.parametrize(
    "table",
    [
        "run,ls\n7,1\n7,2\n8,5\n",
        "7,1\n7,2\n8,5",
        "run_number;lumisection_number\n7;1\n7;2\n8;5\n",
        "# run ls\n7 1\n7 2\n8 5\n",
        "run\tluminosityBlock\textra\n7\t1\tx\n7\t2\ty\n8\t5\tz\n",
        "run,first,last\n7,1,2\n8,5,5\n",
        "7,1,2\n8,5,5\n",
    ],
)
def test_tables_as_text(table):
    """CSV of pairs or ranges is read, with and without a header."""
    assert list(LumiMask.read(table).ranges()) == [(7, 1, 2), (8, 5, 5)]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("nowhere.json", r"Cannot read the mask nowhere\.json"),
        ("https://example.org/x.json", "is a URL"),
        (42, "not from int"),
        ("run,ls\n7,x\n", "Line 2 has 'x'"),
        ("run,ls\n7\n", "Line 2 has 1 columns"),
        ("run,event\n7,1\n", "names no column of lumisections"),
        ("run,ls,ls\n7,1,1\n", "one column twice"),
        ("7:1-7:5 and more", "is no range"),
        ("VLuminosityBlockRange(7:1-7:5)", "stands outside"),
        (b"\xff\xfe", "UTF-8"),
        (gzip.compress(b"{}", mtime=0)[:-5], "Is it whole"),
        ('{"' + "9" * 5000 + '": [[1, 2]]}', "no run number"),
        ('{"1": [[1, ' + "9" * 10_000 + "]]}", "too long"),
        ({"1": [[10**5000, 1]]}, "too large to show"),
        ({10**5000: [[1, 1]]}, "too large to show"),
        ("9" * 5000 + ":1", "is no range"),
        ("[" * 100_000, "begins with"),
        ('{"1": ' + "[" * 100_000, "nested"),
    ],
)
def test_what_is_no_mask(given, words):
    """Anything else is one MaskError with one short line."""
    with pytest.raises(MaskError, match=words) as caught:
        LumiMask.read(given)
    assert len(str(caught.value)) < 400
    assert "\n" not in str(caught.value)


def kinds_of_table(columns):
    """The same columns in every kind of table."""
    arrow = pa.table(columns)
    rows = list(zip(*columns.values(), strict=True))
    kinds = {
        "arrow": arrow,
        "batch": pa.RecordBatch.from_pydict(columns),
        "polars": pl.DataFrame(columns),
        "pandas": pd.DataFrame(columns),
        "dict": columns,
        "omskit": Table(arrow),
        "structured": np.array(rows, dtype=[(n, "i8") for n in columns]),
        "array": np.array(rows, dtype=np.int64).reshape(-1, len(columns)),
        "tuples": rows,
        "iterator": iter(rows),
        "dicts": [dict(zip(columns, row, strict=True)) for row in rows],
        "reader": arrow.to_reader(),
    }
    return kinds.items()


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5])
@pytest.mark.parametrize("names", [("run", "luminosityBlock"), ("run_number", "ls")])
def test_pairs_from_every_kind_of_table(n, names):
    """As many rows as columns or not, pairs are taken by name, never by column."""
    runs, numbers = list(range(297050, 297050 + n)), list(range(3, 3 + 2 * n, 2))
    wanted = list(zip(runs, numbers, numbers, strict=True))
    for kind, table in kinds_of_table({names[0]: runs, names[1]: numbers}):
        assert list(LumiMask.from_pairs(table).ranges()) == wanted, kind
    for kind, table in kinds_of_table({names[1]: numbers, names[0]: runs}):
        if kind not in {"array", "tuples", "iterator"}:
            assert list(LumiMask.from_pairs(table).ranges()) == wanted, kind


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5])
def test_ranges_from_every_kind_of_table(n):
    """Three columns and three rows look alike, and are not taken for each other."""
    runs = list(range(10, 10 + n))
    columns = {"run": runs, "first": [2] * n, "last": [9] * n}
    wanted = [(run, 2, 9) for run in runs]
    for kind, table in kinds_of_table(columns):
        assert list(LumiMask.from_ranges(table).ranges()) == wanted, kind


def test_open_ends_in_tables():
    """A null end is open in a table, as None is in a tuple; other nulls are refused."""
    open_ = LumiMask.from_ranges([(7, 3, None), (8, 1, 2)])
    for table in (
        open_.to_arrow(),
        pl.from_arrow(open_.to_arrow()),
        list(open_.ranges()),
    ):
        assert LumiMask.from_ranges(table) == open_
    nulls = pa.table({"run": [7, None], "ls": [1, 2]})
    with pytest.raises(MaskError, match="1 nulls"):
        LumiMask.from_pairs(nulls)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (pa.table({"a": [1, 2], "b": [3, 4]}), "no column for 'run'; it has: a, b"),
        (pl.DataFrame({"run": [1], "x": [3]}), "no column for 'lumisection'"),
        (
            pd.DataFrame({"run": [1], "ls": [3], "lumi": [4]}),
            r"several columns \(ls, lumi",
        ),
        ("7,1", "str holds no rows"),
        (7, "int holds no rows"),
        ([(1, 2, 3)], "Each item must be"),
        (pa.table({"run": ["x"], "ls": [1]}), "whole numbers"),
    ],
)
def test_rows_without_a_meaning(rows, words):
    """A table whose columns cannot be told is refused, with what it has."""
    with pytest.raises(MaskError, match=words):
        LumiMask.from_pairs(rows)


FRAGMENTS = st.sampled_from(
    ['{"', '"', "297050", ":", "[[", "]]", "12", "-", ",", "run", "ls", "\n", "}", " ",
     "VLuminosityBlockRange(", "'", ")", "#", "9" * 30, "min", "\u0663", "ULL", "\x00"]
)  # fmt: skip


@settings(max_examples=examples(400))
@given(
    st.lists(FRAGMENTS, max_size=30).map("".join) | st.text(max_size=60) | st.binary()
)
def test_whatever_text_is_given(document):
    """Any text or bytes are a mask, or one of omskit's errors in one line."""
    try:
        mask = LumiMask.read(document)
    except OMSError as error:
        message = str(error)
    else:
        message, mask = "", LumiMask.from_ranges(mask.to_arrow())
    assert "\n" not in message
