"""``oms auth``, ``oms follow`` and ``oms replay``, as they are typed."""

from __future__ import annotations

import json

import pytest
from tests.support.loopback import serving, unused_port
from tests.support.smallservice import page, refusal

from omskit import Client
from omskit.config import find_instance
from omskit.login.cache import TokenCache

GOOD = page(data=[], meta={"totalResourceCount": 742})
CONFIG = """
[instances.own]
base_url = "{base}"
audience = "aud"
token_url = "{token}"
"""


def answers(asked):
    """A service, and the login service beside it."""
    if asked.path.endswith("/token"):
        body = {"access_token": "kept-token", "expires_in": 600}
        return page(**body)
    if asked.headers.get("authorization") == "Bearer kept-token":
        return GOOD
    return refusal(401, "who are you?")


@pytest.fixture
def own(monkeypatch, tmp_path):
    """An instance of one's own, with a login, and an application in the environment."""
    with serving(answers) as server:
        path = tmp_path / "config.toml"
        token = server.base.replace("/agg/api/v1", "/token")
        path.write_text(CONFIG.format(base=server.base, token=token))
        monkeypatch.setenv("OMSKIT_CONFIG", str(path))
        monkeypatch.setenv("OMSKIT_CLIENT_ID", "app")
        monkeypatch.setenv("OMSKIT_CLIENT_SECRET", "s3cret-s3cret")
        yield server


def test_login_is_kept(oms, own, monkeypatch):
    """One login serves later commands, until it is removed."""
    done = oms("auth", "login", "-i", "own")
    assert done.code == 0
    assert "by client credentials; the token is kept, until 20" in done.out
    monkeypatch.delenv("OMSKIT_CLIENT_ID")
    monkeypatch.delenv("OMSKIT_CLIENT_SECRET")
    asked = len(own.asked)
    shown = oms("auth", "status", "-i", "own")
    assert shown.code == 0
    assert "-> token cache: good until" in shown.out
    with Client("own") as client:
        assert client.query("runs").count() == 742
    assert len(own.asked) == asked + 1
    assert "is removed" in oms("auth", "logout", "-i", "own").out
    assert "None was kept" in oms("auth", "logout", "-i", "own").out
    gone = oms("auth", "status", "-i", "own")
    assert gone.code == 3
    assert "no login for own" in gone.err


def test_status_says_what_is_first(oms, own):
    """An expired token is passed over, and the application is what is taken."""
    instance = find_instance("own")
    from omskit.flow import Credential

    cache = TokenCache(instance.audience, instance.token_url)
    cache.write(Credential({"authorization": "Bearer old"}, 1.0))
    shown = oms("auth", "status", "-i", "own")
    assert "   token cache: the token has expired" in shown.out
    assert "-> client credentials: ready" in shown.out


def test_a_fixed_token(oms, monkeypatch):
    """A fixed token is the first way, needs no login, and names its variable."""
    with serving(answers) as server:
        bare = oms("auth", "status", "-i", server.base)
        assert (bare.code, "set OMSKIT_TOKEN" in bare.out) == (0, True)
        monkeypatch.setenv("OMSKIT_TOKEN", "kept-token")
        shown = oms("auth", "status", "-i", server.base)
        assert (shown.code, shown.out) == (0, "-> fixed token: ready\n")
        assert "nothing to keep" in oms("auth", "login", "-i", server.base).out
        with monkeypatch.context() as without:
            without.delenv("OMSKIT_TOKEN")
            bare = oms("auth", "login", "-i", server.base)
        assert (bare.code, "set OMSKIT_TOKEN" in bare.err) == (3, True)
        assert not server.asked
        healthy = oms("auth", "doctor", "-i", server.base)
        assert healthy.code == 0
        assert "login: by fixed token" in healthy.out
        monkeypatch.setenv("OMSKIT_TOKEN", "wrong-token")
        refused = oms("runs", "297050", "-i", server.base)
        assert refused.code == 3
        assert "refuses the fixed token of OMSKIT_TOKEN (401)" in refused.err


def test_login_without_terminal(oms, own):
    """A browser login without a terminal fails at once, with the code for logins."""
    done = oms("auth", "login", "--device", "-i", "own")
    assert done.code == 3
    assert "no terminal" in done.err
    assert not own.asked


def test_the_demo_wants_no_login(oms):
    """Where no login is wanted, each command says so."""
    assert "wants no login" in oms("auth", "login").out
    assert "wants no login" in oms("auth", "status").out
    assert "None was kept" in oms("auth", "logout").out
    assert oms("auth", "doctor").code == 0


def test_doctor(oms, own, monkeypatch):
    """The exit code is 0 for health, 3 for the login and 4 for the way there."""
    healthy = oms("auth", "doctor", "-i", "own")
    assert healthy.code == 0
    assert "ok    answer: 742 runs are there" in healthy.out
    monkeypatch.delenv("OMSKIT_CLIENT_ID")
    monkeypatch.delenv("OMSKIT_CLIENT_SECRET")
    sick = oms("auth", "doctor", "-i", "own")
    assert sick.code == 3
    assert "FAULT login" in sick.out
    away = oms("auth", "doctor", "-i", f"http://127.0.0.1:{unused_port()}/agg/api/v1")
    assert away.code == 4


def test_follow(oms):
    """A run that is over is told whole, one JSON object a line."""
    done = oms("follow", 306458, "--fields", "lumisection_number,news")
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert done.code == 0
    assert rows[0] == {"lumisection_number": 1, "news": "new"}
    assert len(rows) == 269


def test_replay_of_a_file(oms, tmp_path):
    """A Parquet file of omskit, or a receipt, is asked again."""
    table = tmp_path / "runs.parquet"
    oms("runs", "297050-297056", "-o", table, "--quiet")
    done = oms("replay", table)
    assert (done.code, done.out) == (0, "7 rows, as before\n")
    with Client("demo") as client:
        text = client.runs(297050).receipt.to_json()
    receipt = tmp_path / "receipt.json"
    receipt.write_text(text)
    assert json.loads(oms("replay", receipt, "--json").out)["same"] is True
    receipt.write_text(text.replace('"total": 1', '"total": 2'))
    done = oms("replay", receipt)
    assert done.code == 1
    assert "total 2 before, 1 now" in done.out


def test_replay_names_rows(oms, tmp_path):
    """Rows that are not as they were are named by identity, the first twenty."""
    from dataclasses import replace

    from omskit.table.fingerprint import sealed

    path = tmp_path / "receipt.json"
    with Client("demo") as client:
        table = client.lumisections(297050, fields="run_number,lumisection_number")
    gone = table.arrow.slice(21).append_column("moon", table["run_number"][21:])
    receipt = sealed(replace(table.receipt, identity=("run_number",)), gone)
    wanted = ("run_number", "lumisection_number")
    path.write_text(sealed(replace(receipt, identity=wanted), gone).to_json())
    done = oms("replay", path)
    assert done.code == 1
    assert "  added: run_number lumisection_number 297050 1\n" in done.out
    assert "  added: and 1 more" in done.out
    assert "  column gone: moon" in done.out


def test_strange_files(oms, tmp_path):
    """A file that is not there, or is no receipt, is a usage error."""
    import pyarrow as pa
    from pyarrow import parquet

    absent = oms("replay", tmp_path / "none.json")
    assert (absent.code, "cannot be read" in absent.err) == (2, True)
    foreign = tmp_path / "foreign.parquet"
    parquet.write_table(pa.table({"a": [1]}), foreign)
    assert "has no receipt" in oms("replay", foreign).err
