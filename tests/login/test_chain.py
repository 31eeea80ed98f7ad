"""The chain of logins, the token cache, and secrets in files."""

from __future__ import annotations

import asyncio
import datetime as dt
import io
import json
import logging
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.support.interpreter import NOON, Interpreter
from tests.support.smallservice import page

from omskit import (
    AuthError,
    Client,
    ConfigError,
    LoginNeededError,
    NotAuthorisedError,
    TokenRejectedError,
)
from omskit.config import INSTANCES, Instance, find_instance
from omskit.drivers import AsyncDriver, LocalSender
from omskit.effects import Authorise, Compute, Now
from omskit.files import write_whole
from omskit.flow import Credential, Response
from omskit.login import chain as chain_of
from omskit.login.cache import TokenCache, refuse_shared
from omskit.login.chain import Chain, Person, find_login, links_of
from omskit.login.kinds import claims_of
from omskit.login.nobody import Anonymous
from omskit.login.sources import takes_fixed_token

NOW = NOON.timestamp()
PRODUCTION = find_instance("production")
CACHE = TokenCache(PRODUCTION.audience, PRODUCTION.token_url)
TOKEN = Credential({"authorization": "Bearer kept-token"}, NOW + 600)
FRESH = Response(200, {}, json.dumps({"access_token": "fresh-token"}).encode())


@pytest.fixture
def application(monkeypatch):
    """An application in the environment."""
    monkeypatch.setenv("OMSKIT_CLIENT_ID", "app")
    monkeypatch.setenv("OMSKIT_CLIENT_SECRET", "s3cret-s3cret")


def logged_in(login, *answers, rejected=None):
    """The header that a login gives.

    Args:
        rejected: What it gave before and the service has refused.
    """
    refused = rejected and Credential({"authorization": rejected})
    found = Interpreter(answers).run(login.login(refused))
    return found and found.headers["authorization"]


def test_no_login_where_none_is_wanted():
    """P5, tunnels and the demo are asked by nobody in particular."""
    for name in ("p5", "demo", "http://localhost:8080/agg/api/v1"):
        assert find_login(find_instance(name)) == Anonymous()


def test_the_order_of_the_links():
    """The kept token comes first, then application, Kerberos ticket and person."""
    names = [link.name for link in links_of(PRODUCTION)]
    assert names == [
        "token cache", "client credentials", "Kerberos", "tsgauth device login",
    ]  # fmt: skip


def test_the_kept_token_is_taken_first(application, caplog):
    """A kept token spares the login, and the chain says which link it took."""
    CACHE.write(TOKEN)
    login = find_login(PRODUCTION)
    with caplog.at_level(logging.INFO, "omskit"):
        assert logged_in(login) == "Bearer kept-token"
    assert login.taken == "token cache"
    assert "logged in to production by token cache" in caplog.text


def test_a_refused_token_is_not_taken_again(application):
    """Asked again, the chain goes on to the next link: the token was refused."""
    CACHE.write(TOKEN)
    login = find_login(PRODUCTION)
    kept = logged_in(login)
    assert logged_in(login, FRESH, rejected=kept) == "Bearer fresh-token"
    assert login.taken == "client credentials"


def given_up(login, effects):
    """A login that is given up after so many effects; its result if it had fewer."""
    flow, result = login.login(), None
    try:
        for left in range(effects, -1, -1):
            effect = flow.send(result)
            if not left:
                flow.close()
                return None
            if isinstance(effect, Compute):
                result = effect.function(*effect.arguments)
            else:
                assert effect == Now()  # It asks nobody.
                result = NOON
    except StopIteration as end:
        return end.value.headers["authorization"]


@pytest.mark.parametrize("kept", [True, False])
def test_a_login_that_is_given_up_refuses_nothing(application, monkeypatch, kept):
    """Wherever a login was given up, the token is the same the next time."""
    if kept:
        CACHE.write(TOKEN)
        login, token = find_login(PRODUCTION), "Bearer kept-token"
    else:
        monkeypatch.setenv("OMSKIT_TOKEN", "fixed-token")
        login = find_login(Instance("own", OWN, "cmsoms-prod"))
        token = "Bearer fixed-token"
    found = (given_up(login, effects) for effects in range(9))
    assert next(filter(None, found)) == token


@pytest.mark.parametrize("kept", [True, False])
def test_a_call_that_is_cancelled_refuses_nothing(application, monkeypatch, kept):
    """A cancelled call in an event loop costs no later one its token."""
    live = Credential(TOKEN.headers, 4.0e9)
    CACHE.write(live)
    if not kept:
        monkeypatch.setenv("OMSKIT_TOKEN", "fixed-token")
    where = PRODUCTION if kept else Instance("own", OWN, "cmsoms-prod")
    driver = AsyncDriver(LocalSender(lambda _request: None), find_login(where), 2)

    def asked():
        return (yield Authorise())

    async def calls():
        for turns in range(12):
            task = asyncio.create_task(driver.run(asked()))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
        return await driver.run(asked())

    token = "Bearer kept-token" if kept else "Bearer fixed-token"
    assert asyncio.run(calls()).headers["authorization"] == token


def lost(path, error):
    """What `Path.stat` and `open` say of the files in a folder that is out of reach."""
    before = Path.stat

    def stat_(self, **options):
        if self.is_relative_to(path):
            raise error
        return before(self, **options)

    return stat_


@pytest.mark.parametrize(
    "error", [PermissionError(13, "Permission denied"), OSError(5, "I/O error")]
)
def test_a_cache_out_of_reach_is_passed_over(application, monkeypatch, caplog, error):
    """A job whose AFS token has ended logs in all the same, and keeps nothing."""
    CACHE.write(TOKEN)
    monkeypatch.setattr(Path, "stat", lost(CACHE.path.parent, error))
    login = find_login(PRODUCTION)
    assert login.links[0].lacks() == "its folder cannot be read"
    with caplog.at_level(logging.WARNING, "omskit"):
        assert logged_in(login, FRESH) == "Bearer fresh-token"
    assert "the token is not kept" in caplog.text
    with pytest.raises(ConfigError, match="file system token"):
        CACHE.read(NOW)


def test_a_kept_token_that_cannot_be_read_is_passed_over(monkeypatch):
    """A token file that may be seen but not read is no link."""
    CACHE.write(TOKEN)
    assert find_login(PRODUCTION).links[0].lacks() is None
    monkeypatch.setattr("os.access", lambda *_arguments: False)
    assert find_login(PRODUCTION).links[0].lacks() == "its file cannot be read"


@pytest.mark.parametrize("checks", [1, 2])
def test_a_token_that_is_removed_while_it_is_read(monkeypatch, checks):
    """A logout in the middle of a reading means that there is no token."""
    CACHE.write(TOKEN)
    seen = []

    def check(path, mode):
        seen.append(path)
        if len(seen) == checks:
            CACHE.remove()
        refuse_shared(path, mode)

    monkeypatch.setattr("omskit.login.cache.refuse_shared", check)
    assert CACHE.read(NOW) is None
    assert len(seen) == 2


def test_a_token_that_cannot_be_removed(monkeypatch):
    """A logout without the right to write says so."""

    def fail(_self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", fail)
    with pytest.raises(ConfigError, match=r"cannot be removed .Permission denied"):
        CACHE.remove()


def test_an_expired_token_is_not_taken(application):
    """A kept token that has ended is passed over."""
    CACHE.write(Credential(TOKEN.headers, NOW - 1))
    assert logged_in(find_login(PRODUCTION), FRESH) == "Bearer fresh-token"


def test_nobody_is_asked_without_a_terminal():
    """Without any login, nothing is sent and nobody is asked: an error at once."""
    sent = []
    with (
        Client("production", sender=LocalSender(sent.append)) as oms,
        pytest.raises(LoginNeededError, match="no terminal") as caught,
    ):
        oms.runs(297050)
    assert not sent
    assert "OMSKIT_CLIENT_ID" in str(caught.value)
    assert "oms auth login" in str(caught.value)


class Terminal(io.StringIO):
    """A stream with somebody in front of it."""

    def isatty(self):
        return True


def test_what_a_terminal_is(monkeypatch):
    """Somebody is asked only where stdin and stderr are terminals."""
    assert not chain_of.at_terminal()
    monkeypatch.setattr(sys, "stdin", Terminal())
    assert not chain_of.at_terminal()
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert chain_of.at_terminal()
    monkeypatch.setattr(sys, "stdin", None)
    assert not chain_of.at_terminal()


class Device:
    """What tsgauth's device login does, without a wait."""

    made = ()

    def __init__(self, *names, **options):
        type(self).made = (names, options)

    def authparams(self):
        # As tsgauth does, whose module has this name.
        code = "print('Please visit the following url to authenticate')"
        exec(code, vars(sys.modules["tsgauth.oidcauth"]))
        return {"headers": {"Authorization": "Bearer device-token"}}


def test_a_person_is_asked_on_stderr(monkeypatch, capsys):
    """At a terminal, tsgauth asks for the audience of the service, off stdout."""
    oidcauth = pytest.importorskip("tsgauth.oidcauth")
    monkeypatch.setattr(oidcauth, "DeviceAuth", Device)
    person = Person(PRODUCTION, at_terminal=lambda: True)
    chain = Chain(PRODUCTION, (person,))
    assert logged_in(chain) == "Bearer device-token"
    assert chain.taken == "tsgauth device login"
    (name,), options = Device.made
    assert name == "cmsoms-prod-public"
    assert options["target_client_id"] == "cmsoms-prod"
    assert (options["hostname"], options["realm"]) == ("auth.cern.ch", "cern")
    said = capsys.readouterr()
    assert "Please visit" in said.err
    assert not said.out


def test_a_person_needs_tsgauth(monkeypatch):
    """Without tsgauth the link says what to install."""
    monkeypatch.setattr(chain_of.importlib.util, "find_spec", lambda _name: None)
    person = Person(PRODUCTION, at_terminal=lambda: True)
    assert "omskit[cern]" in person.lacks()


def test_tokens_are_for_their_owner_alone():
    """The file has mode 0600 in a folder of mode 0700, and nothing else is left."""
    assert CACHE.write(TOKEN)
    assert stat.S_IMODE(CACHE.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(CACHE.path.parent.stat().st_mode) == 0o700
    assert list(CACHE.path.parent.iterdir()) == [CACHE.path]
    assert CACHE.read(NOW).headers == TOKEN.headers


@pytest.mark.parametrize(("what", "mode"), [("file", "600"), ("folder", "700")])
def test_shared_tokens_are_refused(what, mode):
    """A file or folder that others can read is refused, by name and with the remedy."""
    CACHE.write(TOKEN)
    place = CACHE.path if what == "file" else CACHE.path.parent
    place.chmod(int(mode, 8) | 0o044)
    with pytest.raises(ConfigError, match=f"chmod {mode} ") as caught:
        CACHE.read(NOW)
    assert str(place) in str(caught.value)
    with pytest.raises(ConfigError, match="chmod"):
        logged_in(find_login(PRODUCTION))
    if what == "folder":
        with pytest.raises(ConfigError, match="chmod"):
            CACHE.write(TOKEN)


@pytest.mark.parametrize("text", ["", "[]", '{"authorization": "Bearer secret-part"}'])
def test_damaged_tokens_are_refused(text):
    """A file that holds no token is named, without what it holds."""
    CACHE.write(TOKEN)
    CACHE.path.write_text(text)
    with pytest.raises(ConfigError, match="oms auth logout") as caught:
        CACHE.read(NOW)
    assert "secret-part" not in repr(caught.value.__cause__)


def test_a_failed_write_leaves_nothing(monkeypatch):
    """A token that cannot be written leaves neither file nor half of one."""
    CACHE.write(TOKEN)
    CACHE.remove()

    def fail(*_arguments, **_options):
        raise OSError(28, "full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(ConfigError, match="full"):
        CACHE.write(TOKEN)
    assert list(CACHE.path.parent.iterdir()) == []
    with monkeypatch.context() as patched:
        patched.setattr(Path, "mkdir", fail)
        with pytest.raises(ConfigError, match=r"folder .*full"):
            CACHE.write(TOKEN)


def test_what_is_not_kept():
    """A token that does not say when it ends is not kept, and cookies are not."""
    assert not CACHE.write(Credential(TOKEN.headers))
    assert not CACHE.write(Credential({"cookie": "a=b"}, NOW))
    assert not CACHE.path.exists()
    assert not CACHE.remove()


def test_each_audience_has_its_token():
    """The tokens of two services do not mix."""
    CACHE.write(TOKEN)
    assert TokenCache("cmsoms-int-0185", PRODUCTION.token_url).read(NOW) is None
    assert TokenCache("cmsoms-prod", "https://other.test/token").read(NOW) is None


def test_the_mode_of_whole_files(tmp_path):
    """A whole file has the mode that was asked for, or that of any file."""
    plain, secret, usual = (tmp_path / name for name in ("a", "b", "c"))
    write_whole(plain, lambda out: out.write(b"x"), ConfigError)
    write_whole(secret, lambda out: out.write(b"x"), ConfigError, mode=0o600)
    usual.write_text("x")
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert plain.stat().st_mode == usual.stat().st_mode


def test_an_interrupted_write_leaves_nothing(tmp_path):
    """Ctrl-C in the middle of a file leaves the old one, and no part of the new."""

    def stop(out):
        out.write(b"half")
        raise KeyboardInterrupt

    target = tmp_path / "file"
    target.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        write_whole(target, stop, ConfigError)
    assert [p.read_text() for p in tmp_path.iterdir()] == ["old"]


WRITER = """
import sys
from omskit.flow import Credential
from omskit.login.cache import TokenCache

name, audience, url = sys.argv[1:]
cache = TokenCache(audience, url)
for number in range(200):
    text = f"Bearer {name}-{number}-" + name * 5000
    cache.write(Credential({"authorization": text}, 4.0e9))
    found = cache.read(0.0).headers["authorization"]
    who, _, tail = found.removeprefix("Bearer ").split("-")
    assert tail == who * 5000, "half a token"
"""


def test_processes_that_write_at_once():
    """Four processes that keep tokens at once leave one whole token and no parts."""
    command = [sys.executable, "-c", WRITER]
    place = (PRODUCTION.audience, PRODUCTION.token_url)
    started = [subprocess.Popen([*command, name, *place]) for name in "abcd"]
    assert [process.wait(60) for process in started] == [0] * 4
    found = CACHE.read(0.0).headers["authorization"]
    who, number, tail = found.removeprefix("Bearer ").split("-")
    assert (number, tail) == ("199", who * 5000)
    assert list(CACHE.path.parent.iterdir()) == [CACHE.path]


def lasting(token, seconds):
    """What the login service gives."""
    return page(access_token=token, expires_in=seconds)


def test_a_kept_token_is_renewed_and_written_back(application):
    """Near its end a kept token is passed over; its successor takes its place."""
    CACHE.write(Credential(TOKEN.headers, NOW + 600))
    login = find_login(PRODUCTION)
    driver = Interpreter(
        [lasting("second", 1200)], now=NOON + dt.timedelta(seconds=601)
    )
    driver.run(login.login())
    assert login.taken == "client credentials"
    held = CACHE.read(NOW + 601)
    assert held.headers == {"authorization": "Bearer second"}
    assert held.expires == NOW + 601 + 1200 - 15


def test_a_refused_token_is_written_over(application):
    """A kept token that the service refused does not meet the next command."""
    CACHE.write(TOKEN)
    login = find_login(PRODUCTION)
    kept = logged_in(login)
    logged_in(login, lasting("second", 1200), rejected=kept)
    assert CACHE.read(NOW).headers == {"authorization": "Bearer second"}


def test_an_application_is_not_kept_unasked(application):
    """The token of an application is kept only where 'oms auth login' kept one."""
    assert logged_in(find_login(PRODUCTION), lasting("first", 600)) == "Bearer first"
    assert not CACHE.path.exists()


class Fixed:
    """A link with a token, as a person's or not."""

    name = "fake"

    def __init__(self, *, of_person, fails=None, may_fail=False):
        self.of_person, self.fails, self.may_fail = of_person, fails, may_fail

    def lacks(self):
        return None

    def login(self, rejected=None):
        yield from ()
        if self.fails:
            raise self.fails
        return TOKEN


def test_a_persons_token_is_kept():
    """What a person logged in to serves the next command."""
    chain = Chain(PRODUCTION, (Fixed(of_person=True),), CACHE)
    assert logged_in(chain) == "Bearer kept-token"
    assert CACHE.read(NOW).headers == TOKEN.headers


def test_a_token_that_cannot_be_kept_still_serves(monkeypatch, caplog):
    """A full disk is logged without the token, and the login stands."""

    def fail(*_arguments, **_options):
        raise OSError(28, "full")

    monkeypatch.setattr(Path, "replace", fail)
    chain = Chain(PRODUCTION, (Fixed(of_person=True),), CACHE)
    with caplog.at_level(logging.WARNING, "omskit"):
        assert logged_in(chain) == "Bearer kept-token"
    assert "the token is not kept: Cannot write" in caplog.text
    assert "kept-token" not in caplog.text


def test_a_link_that_may_fail():
    """Where a link that may fail fails, the next is tried, and the reason is told."""
    fails = AuthError("the page\n says no " + "x" * 500)
    first = Fixed(of_person=True, fails=fails, may_fail=True)
    chain = Chain(PRODUCTION, (first, Fixed(of_person=False)))
    assert logged_in(chain) == "Bearer kept-token"
    with pytest.raises(LoginNeededError, match=r"fake .the page says no x") as caught:
        logged_in(Chain(PRODUCTION, (first,)))
    assert len(str(caught.value)) < 500
    with pytest.raises(AuthError, match="the page"):
        logged_in(Chain(PRODUCTION, (Fixed(of_person=True, fails=fails),)))


OWN = "http://127.0.0.1:8321/agg/api/v1"


def test_a_fixed_token_of_the_environment(monkeypatch):
    """OMSKIT_TOKEN is the first link for services of one's own, login or not."""
    monkeypatch.setenv("OMSKIT_TOKEN", "correct horse battery")
    login = find_login(find_instance(OWN))
    assert logged_in(login) == "Bearer correct horse battery"
    assert login.taken == "fixed token"
    with pytest.raises(TokenRejectedError, match="OMSKIT_TOKEN"):
        logged_in(login, rejected="Bearer correct horse battery")
    own = Instance("own", OWN, "cmsoms-prod")
    assert [link.name for link in links_of(own)][:2] == ["fixed token", "token cache"]


@pytest.mark.parametrize(
    "name",
    [
        *INSTANCES,
        "https://cmsoms.cern.ch:443/agg/api/v1",
        "https://cmsoms.cern.ch./agg/api/v1",
        "https://CMSOMS.CERN.CH:8443/agg/api/v1",
        "https://cmsoms%2ecern.ch/agg/api/v1",
        "https://cmsoms\N{IDEOGRAPHIC FULL STOP}cern\N{FULLWIDTH FULL STOP}ch/agg",
        "http://cmsoms.cms.:80/agg/api/v1",
    ],
)
def test_a_fixed_token_does_not_go_to_cern(monkeypatch, name):
    """OMSKIT_TOKEN is never sent to a service that omskit knows by name."""
    monkeypatch.setenv("OMSKIT_TOKEN", "correct horse battery")
    assert "fixed token" not in [link.name for link in links_of(find_instance(name))]


def test_a_fixed_token_does_not_go_to_cern_behind_a_name():
    """A user name in front of the host makes no service of one's own."""
    urls = ("https://me@cmsoms.cern.ch/agg", "https://cmsoms.test:x@cmsoms.cern.ch/agg")
    assert not any(takes_fixed_token(Instance("own", url)) for url in urls)
    assert takes_fixed_token(Instance("own", "https://cmsoms.cern.ch@oms.test/agg"))


def test_a_fixed_token_of_the_file(tmp_path, monkeypatch):
    """A service in the file may have its token, where nobody else can read it."""
    path = tmp_path / "config.toml"
    path.write_text(f'[instances.own]\nbase_url = "{OWN}"\ntoken = "correct horse"\n')
    path.chmod(0o600)
    monkeypatch.setenv("OMSKIT_CONFIG", str(path))
    login = find_login(find_instance("own"))
    assert logged_in(login) == "Bearer correct horse"
    with pytest.raises(TokenRejectedError, match=r"\[instances.own\]"):
        logged_in(login, rejected="Bearer correct horse")
    assert find_login(find_instance(OWN)) == Anonymous()
    monkeypatch.setenv("OMSKIT_TOKEN", "another horse")
    assert logged_in(find_login(find_instance("own"))) == "Bearer another horse"
    monkeypatch.delenv("OMSKIT_TOKEN")
    path.chmod(0o644)
    with pytest.raises(ConfigError, match=f"chmod 600 {path}"):
        find_login(find_instance("own"))


def test_a_fixed_token_that_is_none(tmp_path, monkeypatch):
    """What can be no token is refused by the place where it stands."""
    path = tmp_path / "config.toml"
    path.write_text(f'[instances.own]\nbase_url = "{OWN}"\ntoken = 5\n')
    path.chmod(0o600)
    monkeypatch.setenv("OMSKIT_CONFIG", str(path))
    with pytest.raises(ConfigError, match=r"^\[instances.own\] .* needs token as text"):
        find_login(find_instance("own"))
    path.write_text(f'[instances.own]\nbase_url = "{OWN}"\ntoken = " ab"\n')
    with pytest.raises(ConfigError, match=r"^\[instances.own\]: This is no fixed"):
        find_login(find_instance("own"))
    monkeypatch.setenv("OMSKIT_TOKEN", " spaces ")
    with pytest.raises(ConfigError, match=r"^OMSKIT_TOKEN: This is no fixed token"):
        find_login(find_instance("own"))


class Tickets:
    """gssapi, as far as a ticket is looked at."""

    class exceptions:  # noqa: N801  # its name there
        """What it raises."""

        GSSError = type("GSSError", (Exception,), {})
        ExpiredCredentialsError = type("ExpiredCredentialsError", (GSSError,), {})

    def __init__(self, found):
        self.found = found

    def Credentials(self, usage):  # noqa: N802  # its name there
        assert usage == "initiate"
        if isinstance(self.found, type):
            raise self.found
        return SimpleNamespace(lifetime=self.found)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (600, None),
        (None, None),
        (0, "the ticket has expired: run kinit"),
        (Tickets.exceptions.ExpiredCredentialsError, "the ticket has expired"),
        (Tickets.exceptions.GSSError, "there is no ticket: run kinit"),
    ],
)
def test_what_a_ticket_lacks(monkeypatch, found, said):
    """A ticket is good, has expired, or is not there."""
    monkeypatch.setitem(sys.modules, "gssapi", Tickets(found))
    why = chain_of.lacking_ticket()
    assert why == said if said is None else why.startswith(said)
    monkeypatch.setattr(chain_of, "lacking_kerberos", lambda: None)
    assert chain_of.Kerberos(PRODUCTION).lacks() == why


def test_kerberos_that_cannot_be_loaded(monkeypatch):
    """Python's part without the system's libraries is no Kerberos."""
    monkeypatch.setitem(sys.modules, "gssapi", None)
    assert "cannot be loaded" in chain_of.lacking_ticket()


@pytest.mark.parametrize("absent", ["tsgauth", "requests_gssapi", "gssapi", "bs4"])
def test_kerberos_that_is_not_installed(monkeypatch, absent):
    """Tsgauth has its class without what it needs; each part is looked for."""
    have = lambda name: None if name == absent else object()  # noqa: E731  # short
    monkeypatch.setattr(chain_of.importlib.util, "find_spec", have)
    assert "omskit[kerberos]" in chain_of.lacking_kerberos()
    assert "omskit[kerberos]" in chain_of.Kerberos(PRODUCTION).lacks()


def test_names_for_kerberos():
    """Kerberos logs in as the public client, for the audience, to no file."""
    pytest.importorskip("tsgauth")
    auth = chain_of.Kerberos(PRODUCTION).auth()
    found = (auth.client_id, auth.target_client_id, auth.hostname, auth.use_auth_file)
    assert found == ("cmsoms-prod-public", "cmsoms-prod", "auth.cern.ch", False)


def test_a_shared_secret_is_refused(tmp_path, monkeypatch):
    """A configuration file with a secret that others can read is refused by name."""
    path = tmp_path / "config.toml"
    path.write_text('[credentials]\nclient_id = "app"\nclient_secret = "s3cret"\n')
    monkeypatch.setenv("OMSKIT_CONFIG", str(path))
    path.chmod(0o644)
    with pytest.raises(ConfigError, match=f"chmod 600 {path}"):
        find_login(PRODUCTION)
    path.chmod(0o600)
    assert logged_in(find_login(PRODUCTION), FRESH) == "Bearer fresh-token"


def test_names_of_own_instances():
    """An own login service has its own realm and host for tsgauth."""
    own = Instance("own", "https://a/agg", "aud", "https://b:1/auth/realms/x/token")
    pytest.importorskip("tsgauth")
    auth = Person(own).auth()
    assert (auth.hostname, auth.realm) == ("b:1", "x")


def test_the_token_ends_with_its_time():
    """What is read knows when it ends, so that the driver renews it."""
    CACHE.write(TOKEN)
    assert CACHE.read(NOW).expires == NOW + 600
    assert dt.datetime.fromtimestamp(NOW, dt.UTC) == NOON


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("app", None, ""),
        ("unregistered", NotAuthorisedError, "no token for the audience"),
        ("nobody", LoginNeededError, "id or secret"),
    ],
)
def test_the_stand_in_of_the_login_service(monkeypatch, name, error, said):
    """The chain logs in to the stand-in of CERN's login service, or says why not."""
    from omskit.server import Application, Registry, Sso

    monkeypatch.setenv("OMSKIT_CLIENT_ID", name)
    monkeypatch.setenv("OMSKIT_CLIENT_SECRET", "s3cret-s3cret")
    applications = (
        Application("app", "s3cret-s3cret", ("cmsoms-prod",)),
        Application("unregistered", "s3cret-s3cret"),
    )
    sso = Sso(Registry(applications), now=lambda: NOW)
    login = find_login(PRODUCTION)
    driver = Interpreter(sso.respond)
    if error is None:
        found = driver.run(login.login())
        assert CACHE.write(found)
        claims = claims_of(CACHE.read(NOW))
        assert (claims["aud"], login.taken) == ("cmsoms-prod", "client credentials")
    else:
        with pytest.raises(error, match=said):
            driver.run(login.login())
