"""No secret in a local of omskit's frames, as tracebacks with locals would show it."""

from __future__ import annotations

import asyncio
import collections.abc
import dataclasses
import sys
import traceback

import pytest
from _pytest._io.saferepr import saferepr
from tests.support.loopback import Raw, serving, unused_port
from tests.support.smallservice import page, refusal

from omskit import AsyncClient, BearerToken, Client, ClientCredentials, OMSError
from omskit.config import find_instance
from omskit.effects import Credential, HiddenHeaders, Response, Secret
from omskit.login.cache import TokenCache
from omskit.login.sources import find_credentials, find_token

CANARY = "canary-no-local-holds-this"
QUICK = {"retries": 0, "audit": False}
EMPTY = page(data=[], meta={"totalResourceCount": 0})


def shown(value, depth=4):
    """What a traceback with locals shows: reprs, and what is in plain containers."""
    told = [saferepr(value, maxsize=10_000)]
    if depth and isinstance(value, dict):
        told += [shown(v, depth - 1) for v in (*value, *value.values())]
    elif depth and isinstance(value, list | tuple | set | frozenset):
        told += [shown(v, depth - 1) for v in value]
    elif depth and dataclasses.is_dataclass(value) and not isinstance(value, type):
        told += [
            shown(getattr(value, f.name, None), depth - 1)
            for f in dataclasses.fields(value)
            if f.repr
        ]
    return " ".join(told)


def chain(error):
    """An error and all behind it, whether they would be shown or not."""
    seen = []
    todo = [error]
    while todo:
        one = todo.pop()
        if one is None or one in seen:
            continue
        seen.append(one)
        todo += [one.__cause__, one.__context__]
    return seen


def leaks(error):
    """Where the canary stands in a local: file, line, name."""
    found = []
    for one in chain(error):
        for frame, line in traceback.walk_tb(one.__traceback__):
            if frame.f_code.co_filename == __file__:
                continue  # The user's own frame holds what the user typed.
            found += [
                f"{frame.f_code.co_filename}:{line} {name}"
                for name, value in frame.f_locals.items()
                if CANARY in shown(value)
            ]
    return found


def raised(do):
    """The error of omskit that a call ends in."""
    with pytest.raises(OMSError) as told:
        do()
    return told.value


def ask(face, url, **options):
    """One question, on either face."""
    options = {**QUICK, **options}
    if face == "sync":
        with Client(url, **options) as oms:
            return oms.runs(297050)

    async def scenario():
        async with AsyncClient(url, **options) as oms:
            return await oms.runs(297050)

    return asyncio.run(scenario())


ANSWERS = {
    "refuses a login": lambda _: refusal(401, "no"),
    "does not let in": lambda _: refusal(403, "no"),
    "fails": lambda _: refusal(500, "no"),
    "redirects": lambda _: Response(302, {"location": "https://auth.test/"}),
    "sends nonsense": lambda _: Response(200, {}, b"{"),
    "sends wrong rows": lambda _: page(data=[1], meta={}),
    "breaks off": lambda _: Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"),
    "says garbage": lambda _: Raw(b"garbage\r\n\r\n"),
    "hangs up": lambda _: Raw(b""),
}


@pytest.fixture(params=["sync", "async"])
def face(request):
    return request.param


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("login", ["token", "environment", "application"])
def test_no_error_of_a_service_holds_the_login(face, answer, login, monkeypatch):
    """Whatever goes wrong with an answer, and however the login was made."""
    with serving(ANSWERS[answer]) as oms, serving(login_answer) as sso:
        options = {}
        if login == "token":
            options["credentials"] = BearerToken(CANARY)
        elif login == "environment":
            monkeypatch.setenv("OMSKIT_TOKEN", CANARY)
        else:
            options["credentials"] = ClientCredentials(
                "app", CANARY, "oms", sso.base + "/token"
            )
        error = raised(lambda: ask(face, oms.base, **options))
    assert leaks(error) == []


def login_answer(_):
    """A token, which is the canary too."""
    return page(access_token=CANARY, expires_in=600)


LOGINS = {
    "refused": lambda _: refusal(401, "no"),
    "not for this audience": lambda _: refusal(403, "no"),
    "without a token": lambda _: page(token=CANARY),
    "with a token that cannot be sent": lambda _: page(access_token=f"{CANARY}\n"),
    "cut off": lambda _: Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"),
}


@pytest.mark.parametrize("answer", LOGINS)
def test_no_error_of_the_login_service_holds_the_secret(face, answer):
    """The application's secret is in the request, and in no frame."""
    with serving(LOGINS[answer]) as sso, serving(lambda _: EMPTY) as oms:
        login = ClientCredentials("app", CANARY, "oms", sso.base + "/token")
        error = raised(lambda: ask(face, oms.base, credentials=login))
    assert leaks(error) == []


PROXIES = {
    "closed": "http://user:{canary}@127.0.0.1:{port}",
    "no address": "http://user:{canary}@:x",
    "no proxy's scheme": "gopher://user:{canary}@127.0.0.1:{port}",
}


@pytest.mark.parametrize("named", ["argument", "environment"])
@pytest.mark.parametrize("proxy", PROXIES)
def test_no_error_of_a_proxy_holds_its_password(face, proxy, named, monkeypatch):
    """Not reached, not read, or not known; named here or in the environment."""
    address = PROXIES[proxy].format(canary=CANARY, port=unused_port())
    options = {}
    if named == "argument":
        options["proxy"] = address
    else:
        monkeypatch.setenv("HTTP_PROXY", address)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
    error = raised(lambda: ask(face, "http://oms.test/agg/api/v1", **options))
    assert leaks(error) == []


def test_a_proxy_that_refuses_the_password_leaves_it_in_no_frame(face):
    """A tunnel that is answered with 407."""
    with serving(lambda _: Response(407, {}, b"")) as proxy:
        address = proxy.base.replace("http://", f"http://user:{CANARY}@")
        for scheme in ("http", "https"):
            url = f"{scheme}://oms.test/agg/api/v1"
            error = raised(lambda url=url: ask(face, url, proxy=address))
            assert leaks(error) == []


FILES = {
    "half a login": '[credentials]\nclient_secret = "{0}"',
    "an unknown key": '[credentials]\nclient_secrets = 1\nclient_secret = "{0}"',
    "an unknown table": '[nothing]\n[credentials]\nclient_secret = "{0}"',
    "no TOML": '[credentials]\nclient_id = "app"\nclient_secret = "{0}"\n[[[',
    "a wrong token": (
        '[instances.mine]\nbase_url = "http://127.0.0.1/a"\ntoken = "{0} "'
    ),
    "a list of tokens": (
        '[instances.mine]\nbase_url = "http://127.0.0.1/a"\ntoken = ["{0}"]'
    ),
    "no address": '[instances.mine]\nbase_url = "nowhere"\ntoken = "{0}"',
    "no text": '[instances.mine]\nbase_url = 5\ntoken = "{0}"',
}


@pytest.mark.parametrize("fault", FILES)
def test_no_error_of_the_configuration_holds_its_secrets(fault, tmp_path, monkeypatch):
    """Whatever is wrong with the file that holds them."""
    path = tmp_path / "config.toml"
    path.write_text(FILES[fault].format(CANARY))
    path.chmod(0o600)
    monkeypatch.setenv("OMSKIT_CONFIG", str(path))
    name = "mine" if "instances" in FILES[fault] else "production"

    def use():
        instance = find_instance(name)
        find_token(instance)
        find_credentials(instance)

    assert leaks(raised(use)) == []


@pytest.mark.parametrize("shared", [False, True], ids=["alone", "shared"])
@pytest.mark.parametrize("text", ['{"authorization": "%s"}', "%s", '["%s"]'])
def test_no_error_of_the_token_file_holds_the_token(
    text, shared, tmp_path, monkeypatch
):
    """A file that holds half of what it should, or that others can read."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    kept = TokenCache("oms", "https://auth.test/token")
    kept.path.parent.mkdir(parents=True, mode=0o700)
    kept.path.write_text(text % CANARY)
    kept.path.chmod(0o644 if shared else 0o600)
    assert leaks(raised(lambda: kept.read(0.0))) == []


def test_a_token_that_cannot_be_kept_is_in_no_frame(tmp_path, monkeypatch):
    """A state folder that is a file."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    (tmp_path / "file").write_text("")
    kept = TokenCache("oms", "https://auth.test/token")
    credential = Credential({"authorization": f"Bearer {CANARY}"}, 9e9)
    assert leaks(raised(lambda: kept.write(credential))) == []


@pytest.mark.parametrize(
    "make",
    [
        lambda: BearerToken(f" {CANARY}"),
        lambda: BearerToken(f"Bearer {CANARY}"),
        lambda: ClientCredentials("", CANARY, "oms"),
        lambda: ClientCredentials("app", CANARY, ""),
    ],
    ids=["space", "scheme", "no id", "no audience"],
)
def test_a_login_that_cannot_be_made_holds_no_secret(make):
    """The user's own frame has it, and no other."""
    assert leaks(raised(make)) == []


class Failing:
    """An object of tsgauth whose login fails with a token in its hands."""

    def authparams(self):
        token = CANARY
        raise ValueError(f"bad {len(token)}")


class Empty:
    """An object of tsgauth that gives what no service takes."""

    def authparams(self):
        return {"token": CANARY}


@pytest.mark.parametrize("auth", [Failing, Empty])
def test_a_login_of_tsgauth_leaves_no_frame(face, auth):
    """Its frames hold its tokens."""
    with serving(lambda _: EMPTY) as oms:
        error = raised(lambda: ask(face, oms.base, credentials=auth()))
    assert leaks(error) == []


def test_this_test_finds_what_is_there():
    """A local that holds the canary, in any container, is found."""

    def leak(secret):
        held = [{"a": (secret,)}]
        raise OMSError(f"{len(held)}")

    code = compile(
        "def leak(secret):\n held = [{'a': (secret,)}]\n raise OMSError('x')",
        "elsewhere.py",
        "exec",
    )
    room = {"OMSError": OMSError}
    exec(code, room)
    assert len(leaks(raised(lambda: room["leak"](CANARY)))) == 2
    assert leaks(raised(lambda: leak(CANARY))) == []


def test_hidden_values_are_used_like_plain_ones():
    """Headers are a mapping; neither they nor a secret show what they hold."""
    headers = HiddenHeaders({"cookie": CANARY})
    assert headers == {"cookie": CANARY}
    assert list(headers) == ["cookie"]
    assert isinstance(headers, collections.abc.Mapping)
    assert not isinstance(headers, dict)
    assert CANARY not in f"{headers!r}{Secret(CANARY)!r}{Secret(CANARY)}"
    assert sys.getsizeof(headers)
