"""The chain of logins, the token cache, and secrets in files."""

from __future__ import annotations

import datetime as dt
import io
import json
import logging
import stat
import sys

import pytest
from tests.support.interpreter import NOON, Interpreter

from omskit import Client, ConfigError, LoginNeededError, NotAuthorisedError
from omskit import credentials as chain_of
from omskit.auth import Anonymous
from omskit.config import Instance, find_instance
from omskit.credentials import Chain, Person, find_login, links_of
from omskit.doctor import claims_of
from omskit.drivers import LocalSender
from omskit.flow import Credential, Response
from omskit.tokencache import TokenCache

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


def logged_in(login, *answers):
    """The header that a login gives."""
    found = Interpreter(answers).run(login.login())
    return found and found.headers["authorization"]


def test_no_login_where_none_is_wanted():
    """P5, tunnels and the demo are asked by nobody in particular."""
    for name in ("p5", "demo", "http://localhost:8080/agg/api/v1"):
        assert find_login(find_instance(name)) == Anonymous()


def test_the_order_of_the_links():
    """The kept token comes first, then the application, then a person."""
    names = [link.name for link in links_of(PRODUCTION)]
    assert names == ["token cache", "client credentials", "tsgauth device login"]


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
    logged_in(login)
    assert logged_in(login, FRESH) == "Bearer fresh-token"
    assert login.taken == "client credentials"


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
        sys.stdout.write("Please visit the following url to authenticate\n")
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

    def fail(*_arguments):
        raise OSError(28, "full")

    monkeypatch.setattr(json, "dump", fail)
    with pytest.raises(OSError, match="full"):
        CACHE.write(TOKEN)
    assert list(CACHE.path.parent.iterdir()) == []


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
