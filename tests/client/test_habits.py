"""What users of other tools write, met or answered with the way."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

import omskit
from omskit import AsyncClient, Client, LumiMask
from omskit.client.given import as_mask, is_file
from omskit.errors import MaskError, NoRowError, SelectorError, UsageError

TEXT = '{"297050": [[1, 5], [12, 13]]}'


@pytest.fixture(scope="module")
def oms():
    """The demo."""
    with Client("demo") as client:
        yield client


@pytest.fixture
def path(tmp_path):
    """A certification file."""
    file = tmp_path / "Cert_5.json"
    file.write_text(TEXT, encoding="utf-8")
    return file


@pytest.mark.parametrize("form", [Path, str], ids=["path", "text"])
def test_masks_are_taken_by_their_path(oms, path, form):
    """Where runs or a mask can stand, the path of a mask file can as well."""
    for table in (
        oms.lumisections(form(path)),
        oms.lumisections(runs=form(path)),
        oms.lumisections(mask=form(path)),
        oms.query("lumisections", form(path)).fetch(),
    ):
        assert table["lumisection_number"].to_pylist() == [1, 2, 3, 4, 5, 12, 13]
    assert oms.dcs_check(297050, form(path)).in_mask == 7


def test_packed_masks_are_taken_too(oms, tmp_path):
    """A file that is gzipped is unpacked."""
    file = tmp_path / "m.json.gz"
    file.write_bytes(gzip.compress(TEXT.encode()))
    assert len(oms.lumisections(file)) == 7


def test_files_that_are_not_there_are_named(oms):
    """A path of nothing is an error with its name."""
    with pytest.raises(MaskError, match=r"Cannot read the mask nowhere\.json"):
        oms.lumisections("nowhere.json")
    with pytest.raises(SelectorError, match="is no number or range"):
        oms.lumisections("cosmics")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a.json", True),
        ("./a", True),
        ("dir\\a", True),
        (Path("a"), True),
        ("297050", False),
        ("297050-297056", False),
        ("2017B", False),
        ("297050.5", False),
        (297050, False),
        (None, False),
    ],
    ids=str,
)
def test_a_file_is_told_from_numbers(given, expected):
    """Names of files have letters, and a dot or a slash."""
    assert is_file(given) is expected


def test_other_things_stay_as_they_are():
    """A mask and nothing are not read."""
    mask = LumiMask.from_json(TEXT)
    assert as_mask(mask) is mask
    assert as_mask(None) is None


def test_read_mask_is_at_the_top(path):
    """Masks are read by a function of the package itself."""
    assert omskit.read_mask(path) == LumiMask.from_json(TEXT)
    assert "read_mask" in dir(omskit)


@pytest.mark.parametrize(
    ("method", "option", "said"),
    [
        ("hlt_rates", "path", r"no option 'path'\. Did you mean 'paths'\?"),
        ("hlt_paths", "path", "Did you mean 'paths'"),
        ("l1_algorithms", "bit", "Did you mean 'bits'"),
        ("l1_algorithms", "name", "Did you mean 'names'"),
        ("hlt_rates", "run", "Did you mean 'runs'"),
        ("runs", "run_number", "It is the first argument"),
        ("runs", "columns", "Did you mean 'fields'"),
        ("runs", "filter", "Did you mean 'where'"),
        ("runs", "order_by", "Did you mean 'sort'"),
        ("runs", "n", "Did you mean 'limit'"),
        ("runs", "start", "Did you mean 'since'"),
        ("runs", "erra", r"Did you mean 'era'"),
    ],
)
def test_names_of_others_are_answered_with_ours(oms, method, option, said):
    """An option that is called otherwise elsewhere is answered with its name here."""
    with pytest.raises(UsageError, match=said):
        getattr(oms, method)(**{option: 297050})


def test_what_was_lost(oms):
    """A run and a fill have a ledger that adds up, and the downtimes beside it."""
    run = oms.lost(297050)
    assert sum(e.lumi_pb for e in run.ledger.entries) == pytest.approx(
        run.ledger.delivered_pb
    )
    assert str(run).startswith("Run 297050: ")
    assert run.table().units["lumi"] == "/pb"
    fill = oms.lost(fill=5839)
    assert str(fill).startswith("Fill 5839: ")
    assert [len(table) for table in fill.downtimes] == [6, 0]
    (first, *_), _ = run.downtimes
    assert (first["duration"], first["subsystem"]) == (21, "DAQ")
    assert "Downtimes that OMS lists:\n  2017-06-16 20:51:27 UTC, 21 s" in str(run)


def test_downtimes_are_selected_by_what_they_began_in(oms):
    """Runs, fills and eras select downtimes, which have no run of their own."""
    assert len(oms.query("downtimes", 297050).fetch()) == 3
    assert len(oms.query("downtimes", (297046, 297050)).fetch()) == 6
    of_fill = oms.query("downtimes", fill=5839).fetch()
    assert set(of_fill["start_run_number"]) == {297046, 297050}
    assert len(oms.query("downtimesrun3", fill=10210).fetch()) == 3


def test_what_was_lost_wants_one(oms):
    """Neither, both, several and none of that number are errors."""
    with pytest.raises(UsageError, match=r"lost\(297050\) or lost\(fill=5839\)"):
        oms.lost()
    with pytest.raises(UsageError, match="one run, or one fill"):
        oms.lost(297050, fill=5839)
    with pytest.raises(UsageError, match="takes one run"):
        oms.lost("297050-297056")
    with pytest.raises(UsageError, match="takes one fill"):
        oms.lost(fill=(5838, 5840))
    with pytest.raises(NoRowError, match="run 123"):
        oms.lost(123)
    with pytest.raises(NoRowError, match="no fill 3"):
        oms.lost(fill=3)


@pytest.mark.anyio
async def test_the_other_client_does_the_same(path):
    """The asynchronous client takes paths and finds what was lost."""
    async with AsyncClient("demo") as oms:
        assert (await oms.dcs_check(297050, path)).in_mask == 7
        assert str(await oms.lost(297050)).startswith("Run 297050: ")


def test_a_typo_shows_the_lines_of_the_user_only():
    """In a notebook a wrong argument costs a few lines, none of them of omskit."""
    try:
        Client("demo").runs(run_numbr=3)
    except UsageError as error:
        lines = error._render_traceback_()
    assert "run_numbr=3" in "\n".join(lines)
    assert lines[-1].startswith("UsageError: There is no option 'run_numbr'.")
    assert len(lines) < 6
