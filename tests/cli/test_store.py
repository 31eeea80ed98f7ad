"""The commands around stores."""

from __future__ import annotations

import json

import pytest

from omskit.cli.store import syncing
from omskit.errors import TimedOutError


@pytest.fixture
def folder(tmp_path, oms):
    place = tmp_path / "oms"
    ended = oms("sync", "runs,lumisections", "297050-297053", "--store", place, "-q")
    assert (ended.code, ended.err) == (0, "")
    assert "lumisections: fetched 297050-297053" in ended.out
    return place


def test_a_sync_says_what_it_would_fetch(oms, tmp_path):
    """A dry run fetches nothing."""
    ended = oms("sync", "runs", "297050", "--store", tmp_path / "no", "--dry-run")
    assert (ended.code, "would fetch 297050" in ended.out) == (0, True)
    assert not (tmp_path / "no").exists()


def test_a_sync_takes_selectors(oms, tmp_path):
    """Masks, fills and times select runs; a progress bar can be asked for."""
    mask = tmp_path / "mask.json"
    mask.write_text('{"297051": [[1, 5]]}')
    where = ("--store", tmp_path / "s", "--progress")
    assert "297051 (1 row," in oms("sync", "runs", "--mask", mask, *where).out
    ended = oms("sync", "runs", "--fill", 5839, *where)
    assert "297046-297050 (5 rows" in ended.out


def test_a_sync_goes_on_through_outages(oms, tmp_path, monkeypatch):
    """With --every a service that fails is told, and asked again."""
    rounds = []

    def sleep(seconds):
        rounds.append(seconds)
        if len(rounds) == 2:
            raise KeyboardInterrupt

    def fail(self, *args, **options):
        if not rounds:
            raise TimedOutError("The service is silent.")
        return "round two"

    monkeypatch.setattr(syncing.time, "sleep", sleep)
    monkeypatch.setattr("omskit.store.Store.sync", fail)
    ended = oms("sync", "runs", 297050, "--store", tmp_path / "s", "--every", 60)
    assert ended.code == 130
    assert rounds == [60, 60]
    assert "silent. Trying again later." in ended.err
    assert "round two" in ended.out


def test_commands_ask_a_store(oms, folder, monkeypatch):
    """``--store`` asks the store instead of a service; what lacks is an error."""
    monkeypatch.delenv("OMSKIT_INSTANCE")
    ended = oms("runs", 297050, "--store", folder, "-f", "json", "--fields", "l1_menu")
    assert json.loads(ended.out) == [{"l1_menu": "L1Menu_Collisions2017_dev_r5"}]
    ended = oms("runs", 315190, "--store", folder)
    assert ended.code == 6
    assert f"oms sync runs 315190 --store {folder}" in ended.err
    ended = oms("runs", 297050, "--store", folder, "-i", "demo")
    assert (ended.code, "leave one out" in ended.err) == (2, True)


def test_sql_answers(oms, folder, monkeypatch):
    """The rows of a query come in any format; the store may come from outside."""
    monkeypatch.setenv("OMSKIT_STORE", str(folder))
    ended = oms("sql", "select count(*) as n from runs", "-f", "json")
    assert (json.loads(ended.out), ended.code) == ([{"n": 4}], 0)
    assert "simulated" in ended.err
    ended = oms("sql", "drop table runs", "-q")
    assert (ended.code, "One query is answered" in ended.err) == (2, True)


def test_a_store_is_kept_in_order(oms, folder):
    """Info, verify, repair, compact and vacuum say what they did."""
    assert "lumisections: " in oms("store", "info", folder).out
    assert "as it was fetched" in oms("store", "verify", folder).out
    assert "Nothing is wrong" in oms("store", "repair", folder).out
    assert "files became" in oms("store", "compact", folder).out
    assert "can be read as it was" in oms("store", "vacuum", folder).out
    for file in (folder / "tables" / "runs").rglob("*.parquet"):
        file.unlink()
    ended = oms("store", "verify", folder)
    assert (ended.code, "cannot read" in ended.out) == (1, True)
    assert "fetches these again" in oms("store", "repair", folder).out
    ended = oms("sync", "runs", "297050-297053", "--store", folder)
    assert "fetched 297050-297053 (4 rows" in ended.out
    assert oms("store", "verify", folder).code == 0


def test_without_a_store_the_ways_to_name_one_are_said(oms):
    """No store is no traceback."""
    ended = oms("store", "info")
    assert (ended.code, "OMSKIT_STORE" in ended.err) == (2, True)
