"""Secrets come out nowhere: each way out is searched for each of them."""

from __future__ import annotations

import copy
import io
import json
import logging
import pickle
import subprocess
import sys
import traceback
from dataclasses import replace
from html import escape, unescape
from pathlib import Path
from urllib.parse import quote, quote_plus, unquote

import pytest
from tests.support.loopback import serving
from tests.support.smallservice import page, refusal

from omskit import Client, ConfigError, OMSError, TokenRejectedError
from omskit.config import Instance
from omskit.diagnosis.doctor import diagnose
from omskit.drivers import LocalSender
from omskit.flow import Credential, Policy, Response
from omskit.login.cache import TokenCache
from omskit.login.chain import CachedToken, Chain, find_login, links_of
from omskit.login.kinds import BearerToken, ClientCredentials, TsgauthLogin
from omskit.testing import record

SECRET = "canary-client-secret"
TOKEN = "canary-bearer-token"
COOKIE = "canary-session-cookie"
CODE = "canary-device-code"
FIXED = "canary-fixed-token"
CANARIES = (SECRET, TOKEN, COOKIE, CODE, FIXED)
ROW = {"id": "1", "type": "runs", "attributes": {"run_number": 1, "era": TOKEN}}
GOOD = page(data=[ROW], meta={"totalResourceCount": 1})
ECHO = refusal(403, f"your token {TOKEN}, {FIXED}, cookie {COOKIE} are not welcome")


class Sessions:
    """A login of tsgauth that gives a cookie, or fails with a device code."""

    def __init__(self, *, fail=False):
        self.device_code = CODE
        self.fail = fail

    def authparams(self):
        if self.fail:
            raise ValueError("the device login was denied")
        return {"cookies": {"session": COOKIE}}


def login(answer):
    """What the login service says."""
    if answer == "refuses":
        return refusal(401, f"wrong secret {SECRET}")
    return page(access_token=TOKEN, expires_in=600, device_code=CODE)


@pytest.fixture(params=["secret", "cookie", "fixed"])
def kind(request):
    """Which kind of login is used."""
    return request.param


@pytest.fixture
def logged(caplog):
    """All that is logged, by anybody, at any level."""
    caplog.set_level(1)
    logging.getLogger("omskit").setLevel(1)
    yield caplog
    logging.getLogger("omskit").setLevel(logging.NOTSET)


def credentials(kind, token_url):
    """A login with secrets."""
    if kind == "cookie":
        return Sessions()
    if kind == "fixed":
        return BearerToken(FIXED)
    return ClientCredentials("app", SECRET, "aud", token_url)


def shown(value):
    """A value in all the forms in which people and tools see it."""
    yield repr(value)
    yield str(value)
    yield f"{value!r:.2000}"
    for act in (pickle.dumps, copy.deepcopy):
        try:
            yield repr(act(value))
        except Exception as error:  # noqa: BLE001  # whatever it says is searched
            yield "".join(traceback.format_exception(error))


def searched(*texts):
    """Which canaries are in which text."""
    return [(c, t[:200]) for t in texts for c in CANARIES if c in t]


@pytest.mark.parametrize("answer", ["rows", "refused", "breaks", "html"])
def test_nothing_comes_out_of_a_fetch(kind, answer, logged, tmp_path):
    """Messages, logs, reprs, tracebacks, receipts, recordings and pickles are clean."""
    replies = {
        "rows": page(
            data=[{**ROW, "attributes": {"run_number": 1}}],
            meta={"totalResourceCount": 1},
        ),
        "refused": refusal(403, "not welcome"),
        "breaks": Response(200, {}, b'{"data": ['),
        "html": Response(200, {}, b"<html>log in"),
    }

    def answers(asked):
        if asked.path.endswith("/token"):
            return login("gives")
        return replies[answer]

    texts = []
    with serving(answers) as server:
        login_url = server.base.replace("/agg/api/v1", "/token")
        chosen = credentials(kind, login_url)
        oms = Client(server.base, credentials=chosen, retries=0, audit=False)
        path = tmp_path / "conversation.json"
        try:
            with oms, record(oms, path):
                table = oms.runs(1)
                texts += [table.receipt.to_json(), *shown(table.receipt), repr(table)]
        except OMSError as error:
            texts += ["".join(traceback.format_exception(error)), *shown(error)]
            texts += [str(error.request)]
        texts += [path.read_text(), *shown(oms), *shown(oms._login)]
        texts += shown(oms._driver.shared.credential)
        texts += [] if kind == "cookie" else shown(chosen)
    name = "cookie" if kind == "cookie" else "authorization"
    assert any(name in asked.headers for asked in server.asked)
    texts += [logged.text, *(r.getMessage() for r in logged.records)]
    assert not searched(*texts)


def test_a_service_that_repeats_them(kind, tmp_path):
    """What the service itself repeats of a login is blotted out of a recording."""

    def answers(asked):
        return login("gives") if asked.path.endswith("/token") else ECHO

    with serving(answers) as server:
        chosen = credentials(kind, server.base.replace("/agg/api/v1", "/token"))
        path = tmp_path / "conversation.json"
        with (
            pytest.raises(OMSError),
            Client(server.base, credentials=chosen) as oms,
            record(oms, path),
        ):
            oms.runs(1)
    mine = {"cookie": COOKIE, "secret": TOKEN, "fixed": FIXED}[kind]
    assert mine not in path.read_text()
    assert "***" in path.read_text()


SPELLINGS = {
    "plain": str,
    "capitals": str.upper,
    "url": lambda text: quote(text, safe=""),
    "form": quote_plus,
    "small": lambda text: quote(text, safe="").replace("%2F", "%2f"),
    "web": escape,
    "begin": lambda text: f"{text[:-4]}...",
    "end": lambda text: f"...{text[4:]}",
    "glued": lambda text: f"x{text}x",
}
AWAY = "https://oms.test/agg/api/v1"
ODD = "canary/bearer+token&of="
ODD_SECRET = "canary/client+secret&of="


def echoes(told, secret):
    """Whether a text holds a piece of a secret, however it is spelt."""
    for _ in range(3):
        told = unescape(unquote(told))
    low = told.lower()
    return any(secret[at : at + 12] in low for at in range(len(secret) - 11))


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("status", [200, 201, 302, 400, 401, 403, 404, 429, 500, 503])
def test_echoes_of_the_service(status, spelling, logged):
    """Whatever a service answers, no error repeats the token that it was sent."""
    echo = SPELLINGS[spelling](ODD)
    answer = refusal(status, f"bad header {echo}, sorry")
    if status == 201:
        row = {"id": "1", "type": "runs", "attributes": echo}
        answer = page(data=[row], meta={"totalResourceCount": 1})
    headers = {"location": f"https://{quote(echo)}.test/", "server": quote(echo)}
    sender = LocalSender(lambda _asked: replace(answer, headers=headers))
    token = BearerToken(ODD)
    with (
        pytest.raises(OMSError) as caught,
        Client(AWAY, credentials=token, retries=0, sender=sender) as oms,
    ):
        oms.runs(1)
    told = "".join(traceback.format_exception(caught.value))
    texts = [told, logged.text, *shown(caught.value)]
    assert not any(echoes(text, ODD) for text in texts)
    assert echoes(told + echo, ODD)


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 500, 503])
@pytest.mark.parametrize("kind", ["errors", "error"])
def test_echoes_of_the_login_service(status, spelling, kind, logged):
    """Whatever the login service answers, no error repeats the secret it was sent."""
    said = f"bad form client_secret={SPELLINGS[spelling](ODD_SECRET)}, sorry"
    answer = refusal(status, said)
    if kind == "error":
        answer = replace(answer, body=json.dumps({"error": said}).encode())
    policy = Policy(retries=0)
    chosen = ClientCredentials("app", ODD_SECRET, "aud", f"{AWAY}/token", policy)
    sender = LocalSender(lambda _asked: answer)
    with (
        pytest.raises(OMSError) as caught,
        Client(AWAY, credentials=chosen, sender=sender) as oms,
    ):
        oms.runs(1)
    told = "".join(traceback.format_exception(caught.value))
    texts = [told, logged.text, *shown(caught.value)]
    assert not any(echoes(text, ODD_SECRET) for text in texts)


@pytest.mark.parametrize("spelling", ["plain", "url", "begin"])
def test_echoes_to_the_doctor(monkeypatch, logged, spelling):
    """The doctor repeats no token either, whatever the service says to it."""
    monkeypatch.setenv("OMSKIT_TOKEN", ODD)
    texts = []
    for status in (400, 401, 403, 500):
        answer = refusal(status, f"bad header {SPELLINGS[spelling](ODD)}, sorry")
        with serving(lambda _asked, answer=answer: answer) as server:
            findings = list(diagnose(Instance("own", server.base)))
        texts += [str(finding) + repr(finding) for finding in findings]
    # Asked without a login, it may say what it likes: nobody sent it a token.
    assert "bad header" in " ".join(texts)
    ours = [r.getMessage() for r in logged.records if r.name == "omskit"]
    assert not any(echoes(text, ODD) for text in (*texts, *ours))


def test_a_refused_secret(logged):
    """A login service that repeats the secret does not bring it into the message."""
    with serving(lambda _asked: login("refuses")) as server:
        chosen = ClientCredentials("app", SECRET, "aud", f"{server.base}/token")
        with (
            pytest.raises(OMSError) as caught,
            Client(server.base, credentials=chosen) as oms,
        ):
            oms.runs(1)
    told = "".join(traceback.format_exception(caught.value))
    assert not searched(told, logged.text, *shown(caught.value))


def test_a_failed_device_login(logged):
    """A device login that fails does not bring its code into the message."""
    chosen = Sessions(fail=True)
    with (
        serving(lambda _asked: GOOD) as server,
        pytest.raises(OMSError) as caught,
        Client(server.base, credentials=chosen) as oms,
    ):
        oms.runs(1)
    told = "".join(traceback.format_exception(caught.value))
    assert not searched(told, logged.text, repr(TsgauthLogin(chosen)))


def test_the_chain_and_the_cache(monkeypatch, logged):
    """The chain, its links and the token cache show nothing of what they hold."""
    monkeypatch.setenv("OMSKIT_CLIENT_ID", "app")
    monkeypatch.setenv("OMSKIT_CLIENT_SECRET", SECRET)
    instance = Instance("own", "https://oms.test/agg", "aud", "https://sso.test/token")
    cache = TokenCache("aud", instance.token_url)
    credential = Credential({"authorization": f"Bearer {TOKEN}"}, 2.0e9)
    cache.write(credential)
    chain = find_login(instance)
    assert isinstance(chain, Chain)
    kept = next(link for link in chain.links if isinstance(link, CachedToken))
    flow = kept.login(credential)
    next(flow)
    values = [chain, cache, credential, *links_of(instance)]
    texts = [text for value in values for text in (repr(value), str(value))]
    assert not searched(*texts, *shown(ClientCredentials("a", SECRET, "b")))
    assert not searched(str(cache.path), logged.text)


def test_a_fixed_token_of_the_environment(monkeypatch, logged, tmp_path):
    """A fixed token from environment or file shows nowhere, refused or not."""
    monkeypatch.setenv("OMSKIT_TOKEN", FIXED)
    texts = []
    with serving(lambda _asked: refusal(401, f"not {SECRET[:3]}")) as server:
        instance = Instance("own", server.base)
        chain = find_login(instance)
        texts += [repr(chain), str(chain), *map(repr, links_of(instance))]
        with Client(server.base) as oms:
            texts += [*shown(oms), repr(oms._login)]
            with pytest.raises(TokenRejectedError) as caught:
                oms.runs(1)
        texts += [*shown(caught.value), str(caught.value.request)]
        texts += ["".join(traceback.format_exception(caught.value))]
        texts += [str(f) + repr(f) for f in diagnose(instance)]
    assert server.asked[0].headers["authorization"] == f"Bearer {FIXED}"
    for wrong in (f"Bearer {FIXED}", f"{FIXED}\u00f6"):
        monkeypatch.setenv("OMSKIT_TOKEN", wrong)
        with pytest.raises(ConfigError) as bad:
            find_login(instance)
        texts += ["".join(traceback.format_exception(bad.value)), *shown(bad.value)]
    assert not searched(*texts, logged.text, *shown(BearerToken(FIXED)))


def test_the_doctor(monkeypatch, logged):
    """The doctor tells what is wrong without telling what it logged in with."""
    monkeypatch.setenv("OMSKIT_CLIENT_ID", "app")
    monkeypatch.setenv("OMSKIT_CLIENT_SECRET", SECRET)

    def answers(asked):
        return login("gives") if asked.path.endswith("/token") else refusal(403, "no")

    with serving(answers) as server:
        url = server.base.replace("/agg/api/v1", "/token")
        findings = list(diagnose(Instance("own", server.base, "aud", url)))
    texts = [str(f) + repr(f) for f in findings]
    assert any("oms-api-access" in text for text in texts)
    assert not searched(*texts, logged.text)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux's /proc")
def test_the_title_of_the_process():
    """No command takes a secret as an argument, so none is in the list of processes."""
    code = (
        "import sys, pathlib\n"
        "from omskit.login.kinds import ClientCredentials\n"
        "import os; c = ClientCredentials('app', os.environ['S'], 'aud')\n"
        "sys.stdout.write(pathlib.Path('/proc/self/cmdline').read_text())\n"
        "sys.stdout.write(pathlib.Path('/proc/self/comm').read_text())\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={"S": SECRET},
        capture_output=True,
        text=True,
        check=True,
    )
    assert not searched(found.stdout, found.stderr)


def test_the_canaries_sing():
    """The search finds what it looks for, so that its silence means something."""
    stream = io.StringIO(json.dumps({"token": TOKEN}))
    assert searched(stream.getvalue()) == [(TOKEN, stream.getvalue())]
