"""Logins with Kerberos: the pages of the stand-in, and tsgauth with a real KDC.

The second half starts a KDC of its own; it is skipped where Debian's ``krb5-kdc`` or
the packages of the group ``kerberos`` are not installed.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import struct
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from tests.support.cern import ACCESS, PUBLIC, cern, registry
from tests.support.loopback import unused_port

from omskit import AuthError, Client, LoginNeededError
from omskit.cli.app import run
from omskit.config import Instance
from omskit.diagnosis.doctor import diagnose
from omskit.effects import Request
from omskit.login.cache import TokenCache
from omskit.login.chain import lacking_ticket
from omskit.login.kinds import TsgauthLogin
from omskit.server import Application, Registry, Service, Sso
from omskit.server.sso.kerberos import BROKER, LOGIN, SECOND
from omskit.server.sso.service import PREFIX
from omskit.server.sso.tunnel import tunnel

HOME = "http://localhost:8080/"
BASE = f"https://auth.cern.ch{PREFIX}"
TICKET = base64.b64encode(b"a ticket").decode()


def accept(given):
    """Plays what checks tickets."""
    if given != b"a ticket":
        raise ValueError("no ticket")
    return "shifter@CERN.CH", b"it is me"


def service(key, clock, **more):
    """A login service with Kerberos."""
    applications = (
        Application(PUBLIC, None, ("cmsoms-prod",)),
        Application("other", None, ("cmsoms-prod",), redirects=("https://other/",)),
    )
    registry = Registry(applications, **more)
    return Sso(registry, now=clock, key=key, accept=accept)


def get(sso, url, ticket=None, method="GET", **form):
    """One answer; *url* may be whole."""
    headers = {} if ticket is None else {"authorization": f"Negotiate {ticket}"}
    parts = urlsplit(url)
    where = f"{parts.path}?{parts.query}"
    return sso.respond(Request(method, where, headers, urlencode(form).encode()))


def first(sso, **changes):
    """The login page."""
    form = {"client_id": PUBLIC, "response_type": "code", "state": "s",
            "redirect_uri": HOME, **changes}  # fmt: skip
    return get(sso, f"{PREFIX}{LOGIN}?{urlencode(form)}")


def wants_ticket(sso):
    """The address of the page that wants a ticket."""
    text = first(sso).body.decode()
    button = text.split('id="social-kerberos" href="')[1].split('"')[0]
    return get(sso, button).headers["location"]


def through(sso, ticket=TICKET):
    """Where a good ticket leads to."""
    answer = get(sso, wants_ticket(sso), ticket)
    assert answer.headers["www-authenticate"].startswith("Negotiate ")
    return get(sso, answer.headers["location"])


def redeem(sso, code, client=PUBLIC, redirect=HOME):
    """Trade a code for tokens."""
    form = {"grant_type": "authorization_code", "client_id": client, "code": code,
            "redirect_uri": redirect}  # fmt: skip
    answer = get(sso, f"{PREFIX}/protocol/openid-connect/token", method="POST", **form)
    return answer.status, json.loads(answer.body)


def code_of(answer):
    """What the application is sent."""
    return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]


def test_a_ticket_leads_to_a_token(key, clock):
    """Button, ticket, redirect with a code and the state, and a token for it once."""
    sso = service(key, clock)
    answer = through(sso)
    assert (answer.status, answer.body) == (302, b"")
    assert answer.headers["location"].startswith(f"{HOME}?state=s&code=")
    status, found = redeem(sso, code_of(answer))
    claims = sso.key.read(found["access_token"])
    assert (status, claims["aud"], claims["sub"]) == (200, PUBLIC, "shifter@CERN.CH")
    assert "refresh_token" in found
    assert redeem(sso, code_of(answer))[1]["error"] == "invalid_grant"


def test_the_service_proves_itself(key, clock):
    """What is said back to the ticket goes with the answer."""
    sso = service(key, clock)
    answer = get(sso, wants_ticket(sso), TICKET)
    said = base64.b64encode(b"it is me").decode()
    assert answer.headers["www-authenticate"] == f"Negotiate {said}"


@pytest.mark.parametrize("ticket", [None, "", "?", base64.b64encode(b"guess").decode()])
def test_no_good_ticket(key, clock, ticket):
    """Without a good ticket the page asks for one, and leads nowhere."""
    sso = service(key, clock)
    answer = get(sso, wants_ticket(sso), ticket)
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Negotiate")
    assert b"kc-error-message" in answer.body
    where = wants_ticket(sso).replace("negotiate", "endpoint")
    assert get(sso, where).status == 400


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"client_id": "nobody"}, b"Client not found"),
        ({"redirect_uri": "https://elsewhere/"}, b"redirect_uri"),
        ({"client_id": "other"}, b"redirect_uri"),
        ({"response_type": "token"}, b"response_type"),
    ],
)
def test_a_login_page_for_strangers(key, clock, changes, said):
    """Only what is registered may log in, and only to where it is registered."""
    answer = first(service(key, clock), **changes)
    assert answer.status == 400
    assert said in answer.body


def test_a_code_is_for_who_asked(key, clock):
    """Another application or address, or a code that is too old, gets nothing."""
    sso = service(key, clock)
    assert redeem(sso, code_of(through(sso)), "other")[0] == 400
    assert redeem(sso, code_of(through(sso)), redirect="http://x/")[0] == 400
    code = code_of(through(sso))
    clock.now += 301
    assert redeem(sso, code)[0] == 400


def test_logins_end(key, clock):
    """A login that takes too long begins anew; there are so many of them at most."""
    sso = service(key, clock)
    where = wants_ticket(sso)
    clock.now += 301
    assert get(sso, where, TICKET).status == 400
    for _ in range(1100):
        first(sso)
    assert len(sso._tickets._logins) <= 1000


def test_without_an_acceptor(key, clock):
    """A service that cannot check tickets has no button, and takes none."""
    sso = Sso(service(key, clock).registry, now=clock, key=key)
    assert b"social-kerberos" not in first(sso).body
    assert get(sso, f"{PREFIX}{BROKER}/negotiate?session_code=x", TICKET).status == 400


def test_a_second_factor(key, clock):
    """The one-time password is asked for after the ticket, again when it is wrong."""
    sso = service(key, clock, one_time="123456")
    asked = through(sso)
    assert asked.status == 200
    action = asked.body.decode().split('action="')[1].split('"')[0]
    assert action.startswith(f"{PREFIX}{SECOND}?")
    wrong = get(sso, action, method="POST", otp="000000")
    assert b"Invalid authenticator code" in wrong.body
    right = get(sso, action, method="POST", otp="123456")
    assert code_of(get(sso, right.headers["location"]))
    strange = f"{PREFIX}{SECOND}?session_code=x"
    assert get(sso, strange, method="POST", otp="123456").status == 400
    assert "123456" not in repr(sso.registry)


@pytest.fixture(scope="module")
def realm():
    """A Kerberos realm with a KDC of its own, in a temporary folder."""
    for program in ("krb5kdc", "kadmin.local", "kinit"):
        if not shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin"):
            pytest.skip(f"{program} is not installed: apt-get install krb5-kdc "
                        "krb5-admin-server krb5-user")  # fmt: skip
    for module in ("k5test", "gssapi", "requests_gssapi", "tsgauth"):
        why = f"{module} is not installed: pip install --group kerberos"
        pytest.importorskip(module, reason=why)
    import k5test

    plain = {"dns_canonicalize_hostname": "false", "rdns": "false"}
    made = k5test.K5Realm(
        portbase=min(unused_port(), 65_000),
        krb5_conf={"libdefaults": plain},
        create_host=False,
        get_creds=False,
    )
    try:
        made.addprinc("HTTP/auth.cern.ch")
        made.extract_keytab("HTTP/auth.cern.ch", made.keytab)
        yield made
    finally:
        made.stop()
        shutil.rmtree(made.tmpdir, ignore_errors=True)


@pytest.fixture
def kerberos(realm, monkeypatch, tmp_path):
    """The realm as that of this process, without a ticket."""
    env = {**realm.env, "KRB5CCNAME": str(tmp_path / "tickets")}
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    return realm


def kinit(kerberos, *options):
    """Get a ticket into the cache of this test."""
    flags = ["-c", os.environ["KRB5CCNAME"], *options]
    kerberos.kinit(kerberos.user_princ, kerberos.password("user"), flags)


def checked(given):
    """Check a ticket for real, with the key that the realm gave to auth.cern.ch."""
    import gssapi

    try:
        context = gssapi.SecurityContext(usage="accept")
        said = context.step(given)
    except gssapi.exceptions.GSSError as error:
        raise ValueError("the ticket is not good") from error
    return str(context.initiator_name), said or b""


@contextmanager
def world(authority, key, oms, **more):
    """OMS and auth.cern.ch, behind a proxy that leads to them."""
    sso = Sso(registry(**more), key=key, accept=checked)
    with (
        cern(authority, sso, oms) as server,
        tunnel({"auth.cern.ch:443": ("127.0.0.1", server.port)}) as proxy,
        pytest.MonkeyPatch.context() as patched,
    ):
        patched.setenv("HTTPS_PROXY", proxy)
        patched.setenv("NO_PROXY", "127.0.0.1")
        yield server


@pytest.fixture(scope="module")
def authority():
    """Who signs the certificates of these tests."""
    return pytest.importorskip("trustme").CA()


@pytest.fixture
def trusted(authority, tmp_path, monkeypatch):
    """Trust it."""
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))


@pytest.fixture
def oidcauth(kerberos):
    """tsgauth, as it is."""
    from tsgauth import oidcauth

    oidcauth._jwks_cache.clear()
    return oidcauth


@pytest.fixture
def oms(engine):
    """A service in this process."""
    return Service(engine)


def test_tsgauth_logs_in_with_a_ticket(
    oidcauth, kerberos, authority, trusted, key, oms
):
    """Tsgauth's KerbAuth gets a token for a real ticket over TLS, and omskit rows."""
    kinit(kerberos)
    auth = oidcauth.KerbAuth(
        PUBLIC, target_client_id="cmsoms-prod", use_auth_file=False
    )
    with world(authority, key, oms) as server:
        with Client(server.base, credentials=auth) as client:
            assert len(client.query("runs").fetch()) == 3
        claims = key.read(auth.token())
    assert (claims["sub"], claims["aud"]) == (kerberos.user_princ, "cmsoms-prod")
    negotiated = [a for a in server.asked if "Negotiate" in str(a.headers)]
    assert len(negotiated) == 1


def own(server):
    """OMS as an instance of one's own, with the login service of CERN."""
    return Instance("own", server.base, "cmsoms-prod", f"https://auth.cern.ch{ACCESS}")


@pytest.fixture
def configured(tmp_path, monkeypatch):
    """Write the configuration file for a server."""

    def write(server):
        path = tmp_path / "config.toml"
        path.write_text(
            f'[instances.own]\nbase_url = "{server.base}"\naudience = "cmsoms-prod"\n'
            f'token_url = "https://auth.cern.ch{ACCESS}"\n'
        )
        monkeypatch.setenv("OMSKIT_CONFIG", str(path))

    return write


def test_the_chain_takes_the_ticket(
    oidcauth, kerberos, authority, trusted, key, oms, configured
):
    """Without a terminal, a ticket logs in, and its token serves the next command."""
    kinit(kerberos)
    with world(authority, key, oms) as server:
        configured(server)
        with Client("own") as client:
            assert len(client.query("runs").fetch()) == 3
            assert client._login.taken == "Kerberos"
        asked = len(server.asked)
        with Client("own") as client:
            assert client.query("runs").count() == 3
            assert client._login.taken == "token cache"
        assert len(server.asked) == asked + 1
        instance = own(server)
    held = TokenCache("cmsoms-prod", instance.token_url).read(0.0)
    assert held.expires is not None


def test_the_command_takes_the_ticket(
    oidcauth, kerberos, authority, trusted, key, oms, configured, capsys
):
    """'oms auth' logs in with a ticket, keeps the token, and says so."""
    with world(authority, key, oms) as server:
        configured(server)
        assert run(["auth", "status", "-i", "own"]) == 3
        assert "Kerberos: there is no ticket: run kinit" in capsys.readouterr().out
        kinit(kerberos)
        assert run(["auth", "status", "-i", "own"]) == 0
        assert "-> Kerberos: ready" in capsys.readouterr().out
        assert run(["auth", "login", "-i", "own"]) == 0
        assert "by Kerberos; the token is kept, until" in capsys.readouterr().out
        assert run(["auth", "status", "-i", "own"]) == 0
        assert "-> token cache: good until" in capsys.readouterr().out


def test_a_ticket_is_renewed_without_asking(
    oidcauth, kerberos, authority, trusted, key, oms
):
    """Asked again in the same process, tsgauth renews its token; no new ticket goes."""
    kinit(kerberos)
    with world(authority, key, oms, lifetime=19) as server:
        auth = oidcauth.KerbAuth(
            PUBLIC, target_client_id="cmsoms-prod", use_auth_file=False
        )
        with Client(server.base, credentials=auth) as client:
            client.query("runs").fetch()
            client._driver.shared.credential = None
            client._driver.shared.logged_in = False
            client.query("runs").fetch()
        negotiated = [a for a in server.asked if "Negotiate" in str(a.headers)]
        grants = [a.body for a in server.asked if b"grant_type=refresh_token" in a.body]
    assert len(negotiated) == 1
    assert grants


def expire(kerberos):
    """Let the ticket of this test end, in its file: its end is moved to long ago."""
    import gssapi

    kinit(kerberos)
    assert lacking_ticket() is None
    path = Path(os.environ["KRB5CCNAME"])
    end = int(time.time()) + gssapi.Credentials(usage="initiate").lifetime
    data, long_ago = path.read_bytes(), struct.pack(">I", 1_500_000_000)
    for seconds in range(end - 2, end + 3):
        data = data.replace(struct.pack(">I", seconds), long_ago)
    path.write_bytes(data)


def told(server):
    """What the doctor finds, and whose fault it is."""
    findings = {f.link: f for f in diagnose(own(server))}
    return findings, [(f.link, f.fault) for f in findings.values() if f.fault]


def test_no_ticket(oidcauth, kerberos, authority, trusted, key, oms, configured):
    """Without a ticket nothing is asked, and doctor and chain name it and kinit."""
    assert lacking_ticket() == "there is no ticket: run kinit"
    with world(authority, key, oms) as server:
        findings, faults = told(server)
        configured(server)
        asked = len(server.asked)
        with (
            Client("own") as client,
            pytest.raises(LoginNeededError, match=r"no ticket: run kinit"),
        ):
            client.query("runs").fetch()
        assert len(server.asked) == asked
    assert faults == [("login", "auth"), ("ticket", "auth")]
    assert findings["ticket"].said == "there is no ticket"
    assert "kinit" in findings["ticket"].remedy


def test_an_expired_ticket(oidcauth, kerberos, authority, trusted, key, oms):
    """A ticket that has ended is told from none."""
    expire(kerberos)
    assert lacking_ticket() == "the ticket has expired: run kinit"
    with world(authority, key, oms) as server:
        findings, faults = told(server)
    assert faults == [("login", "auth"), ("ticket", "auth")]
    assert findings["ticket"].said == "the ticket has expired"


def test_the_doctor_with_a_ticket(oidcauth, kerberos, authority, trusted, key, oms):
    """With a ticket all is well, and the doctor says what logged in."""
    kinit(kerberos)
    with world(authority, key, oms) as server:
        findings, faults = told(server)
    assert not faults
    assert findings["login"].said == "by Kerberos"


def test_a_ticket_that_is_refused(
    oidcauth, kerberos, authority, trusted, key, oms, realm
):
    """A ticket that the login service does not take leads on to the next link."""
    kinit(kerberos)
    with world(authority, key, oms) as server, pytest.MonkeyPatch.context() as patched:
        patched.setenv("KRB5_KTNAME", "/nowhere/keytab")
        findings, faults = told(server)
    assert faults == [("login", "auth")]
    assert "did not take it" in findings["ticket"].said
    said = findings["login"].said
    assert "Kerberos (The login with tsgauth's KerbAuth failed" in said
    assert "device login (no terminal" in said


def test_an_untrusted_login_service(oidcauth, kerberos, authority, key, oms, tmp_path):
    """Tsgauth knows REQUESTS_CA_BUNDLE only, and the message says so."""
    kinit(kerberos)
    auth = oidcauth.KerbAuth(
        PUBLIC, target_client_id="cmsoms-prod", use_auth_file=False
    )
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    with (
        world(authority, key, oms) as server,
        Client(server.base, credentials=auth, verify=str(path)) as client,
        pytest.raises(AuthError, match="REQUESTS_CA_BUNDLE only"),
    ):
        client.query("runs").fetch()


def test_a_second_factor_without_a_terminal(
    oidcauth, kerberos, authority, trusted, key, oms
):
    """Where Kerberos wants a one-time password and nobody is there, none is guessed."""
    kinit(kerberos)
    auth = oidcauth.KerbAuth(
        PUBLIC, target_client_id="cmsoms-prod", use_auth_file=False
    )
    before = oidcauth.inputimeout
    with world(authority, key, oms, one_time="123456") as server:
        with (
            Client(server.base, credentials=auth) as client,
            pytest.raises(LoginNeededError, match="a one-time password"),
        ):
            client.query("runs").fetch()
        assert not [a for a in server.asked if b"otp" in a.body]
    assert oidcauth.inputimeout is before


def test_a_second_factor_at_a_terminal(
    oidcauth, kerberos, authority, trusted, key, oms, monkeypatch, capsys
):
    """At a terminal the one-time password is asked for on stderr, and taken."""
    kinit(kerberos)
    auth = oidcauth.KerbAuth(
        PUBLIC, target_client_id="cmsoms-prod", use_auth_file=False
    )
    reading, writing = os.pipe()
    os.write(writing, b"123456\n")
    os.close(writing)
    with (
        os.fdopen(reading) as typed,
        world(authority, key, oms, one_time="123456") as server,
    ):
        monkeypatch.setattr("sys.stdin", typed)
        login = TsgauthLogin(auth, server.base, at_terminal=lambda: True)
        with Client(server.base, credentials=login) as client:
            assert len(client.query("runs").fetch()) == 3
    said = capsys.readouterr()
    assert "2fa code" in said.err
    assert said.out == ""
