"""``oms dashboard``: whom it asks, and by which clock."""

from __future__ import annotations

import datetime as dt

import pytest

from omskit.dashboard.endpoints import ENCODERS


@pytest.fixture
def served(monkeypatch):
    """What the dashboard would have been served with."""
    given = {}

    def serve(asker, *, port, ready):
        newest = asker.newest_run()
        given.update(asker=asker, port=port, newest=newest)
        given["now"] = asker.now()
        ready("http://127.0.0.1:1/")

    monkeypatch.setattr("omskit.dashboard.serve", serve)
    monkeypatch.setattr("typer.launch", lambda url: given.update(opened=url))
    return given


def test_the_demo_plays(oms, served):
    """The demo's run 386694 is going on, by a clock of its own."""
    assert oms("dashboard", "--port", 0).code == 0
    assert served["newest"] == 386694
    late = served["now"] - dt.datetime(2024, 10, 6, 4, 30, tzinfo=dt.UTC)
    assert dt.timedelta(0) <= late < dt.timedelta(minutes=5)
    assert set(ENCODERS) == {"csv", "json", "jsonl", "parquet"}
    assert "opened" not in served


def test_another_moment(oms, served):
    """--as-of starts the clock elsewhere; --open opens the browser."""
    ended = oms("dashboard", "--as-of", "2017-06-16T22:00:00", "--open")
    assert (ended.code, served["newest"]) == (0, 297050)
    assert served["opened"] == "http://127.0.0.1:1/"


def test_other_services_have_their_own_time(oms, served):
    """A clock for a real service is refused."""
    ended = oms("dashboard", "--speed", 2, "--instance", "production")
    assert ended.code == 2
    assert "are for the demo" in ended.err


def test_a_real_service_is_asked_by_the_real_time(oms, served, monkeypatch):
    """For another service, pages bear the time that it is."""
    from omskit.dashboard import Asker

    monkeypatch.setattr(Asker, "newest_run", lambda self: None)
    assert oms("dashboard", "--instance", "https://oms.invalid/agg/api/v1").code == 0
    assert served["asker"].client.instance.base_url.startswith("https://oms.invalid")
    assert abs(served["now"] - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=5)


def test_a_store_is_shown(oms, served, monkeypatch, tmp_path):
    """--store names a store; a service beside it is refused."""
    monkeypatch.delenv("OMSKIT_INSTANCE")
    asked = ("dashboard", "--store", tmp_path / "nothing")
    ended = oms(*asked, "--instance", "production")
    assert (ended.code, "name two places" in ended.err) == (2, True)
    ended = oms(*asked)
    assert ended.code != 0
    assert "nothing" in ended.err
    pytest.importorskip("deltalake")
    asked = ("runs,lumisections", "297046-297047", "--store", tmp_path / "kept")
    assert oms("sync", *asked, "--instance", "demo", "-q").code == 0
    assert oms("dashboard", "--store", tmp_path / "kept").code == 0
    assert served["newest"] == 297047
