"""The doctor names the fault that is there, and no other."""

from __future__ import annotations

import base64
import datetime as dt
import json
import socket
import ssl
from email.utils import format_datetime

import pytest
import trustme
from tests.support.loopback import Raw, serving, unused_port
from tests.support.smallservice import page, refusal

from omskit.config import Instance
from omskit.diagnosis import route
from omskit.diagnosis.doctor import clock_of, diagnose
from omskit.flow import Credential, Response
from omskit.login.kinds import claims_of

GOOD = page(data=[], meta={"totalResourceCount": 742})
SECRET = "s3cret-s3cret"


@pytest.fixture(scope="module")
def authority():
    """A CA that no machine trusts."""
    return trustme.CA()


@pytest.fixture(scope="module")
def tls(authority):
    """The TLS settings of a server for 127.0.0.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def trusted(authority, tmp_path, monkeypatch):
    """Trust the authority of the tests."""
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))


@pytest.fixture
def application(monkeypatch):
    """An application in the environment."""
    monkeypatch.setenv("OMSKIT_CLIENT_ID", "app")
    monkeypatch.setenv("OMSKIT_CLIENT_SECRET", SECRET)


def found(base, audience=None, token_url="http://127.0.0.1:1/token"):
    """The findings by link, and those that are faults."""
    findings = list(diagnose(Instance("own", base, audience, token_url)))
    assert not any(SECRET in str(f) for f in findings)
    assert not any("\n" in str(f) for f in findings)
    faults = [(f.link, f.fault) for f in findings if f.fault]
    return {f.link: str(f) for f in findings}, faults


def token(audience):
    """A token that says whom it is for; nobody checks its signature here."""
    claims = base64.urlsafe_b64encode(json.dumps({"aud": audience}).encode())
    return f"head.{claims.decode().rstrip('=')}.signature"


def play(answer, *, login=None):
    """A service, and the login service beside it."""

    def answers(asked):
        if asked.path.endswith("/token"):
            return login
        return answer

    return answers


def given(audience):
    """A login that gives a token."""
    body = {"access_token": token(audience), "expires_in": 600}
    return Response(200, {}, json.dumps(body).encode())


def test_a_healthy_service():
    """A service that answers has no fault; each link is told."""
    with serving(play(GOOD)) as server:
        told, faults = found(server.base)
    assert not faults
    assert list(told) == [
        "proxy", "name", "connection", "certificate", "clock", "login", "answer",
    ]  # fmt: skip
    assert "742 runs" in told["answer"]


def test_a_healthy_service_over_tls_with_a_login(tls, trusted, application):
    """Certificate, login and audience are looked at where there are any."""
    with serving(play(GOOD, login=given("aud")), tls) as server:
        url = server.base.replace("/agg/api/v1", "/token")
        told, faults = found(server.base, "aud", url)
    assert not faults
    assert "trusted, TLS" in told["certificate"]
    assert "by client credentials" in told["login"]
    assert "aud, as it should be" in told["audience"]


def test_an_unknown_name(monkeypatch):
    """A name without an address asks for the network or a tunnel."""

    def fail(*_arguments, **_options):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    told, faults = found("https://nowhere.test/agg/api/v1")
    assert faults == [("name", "service")]
    assert "tunnel" in told["name"]
    monkeypatch.setenv("HTTPS_PROXY", "http://user:pw@proxy.test:3128")
    told, faults = found("https://nowhere.test/agg/api/v1")
    assert "HTTPS_PROXY" in told["name"]
    assert told["proxy"] == "ok    proxy: http://proxy.test:3128"


def test_a_closed_port():
    """A port where nobody listens asks for firewall or tunnel."""
    told, faults = found(f"http://127.0.0.1:{unused_port()}/agg/api/v1")
    assert faults == [("connection", "service")]
    assert "tunnel" in told["connection"]


def test_a_dead_proxy(monkeypatch):
    """A proxy that is down is blamed, not the service."""
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{unused_port()}")
    told, faults = found("https://oms.test/agg/api/v1")
    assert faults == [("connection", "service")]
    assert "NO_PROXY" in told["connection"]


def test_a_proxy_that_works(monkeypatch, tls, trusted):
    """Behind a proxy, the certificate is looked at with the answer."""
    with serving(play(GOOD), tls) as server, serving(play(GOOD)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        told, faults = found(server.base)
        assert proxy.tunnels
    assert not faults
    assert "behind the proxy" in told["certificate"]


@pytest.mark.parametrize(
    ("name", "address", "said"),
    [
        ("HTTPS_PROXY", "proxy.test:3128", "http://proxy.test:3128"),
        ("HTTPS_PROXY", "http://proxy.test", "http://proxy.test:80"),
        ("https_proxy", "https://proxy.test", "https://proxy.test:443"),
        ("ALL_PROXY", "http://user:s3cret-s3cret@[::1]:8", "http://[::1]:8"),
        ("all_proxy", "http://proxy.test:1", "http://proxy.test:1"),
    ],
)
def test_proxies_are_read_as_requests_read_them(monkeypatch, name, address, said):
    """Where a proxy is and which variable names it are told as they are used."""
    monkeypatch.setenv(name, address)
    way = route.Way("https://oms.test/agg/api/v1")
    assert (way.proxy, way.variable) == (said, name)
    host, _, port = said.partition("://")[2].rpartition(":")
    assert way.place == (host.strip("[]"), int(port))


def test_an_address_that_is_no_proxy(monkeypatch):
    """A proxy's address that is none is a fault, and its password stays secret."""
    monkeypatch.setenv("ALL_PROXY", f"http://user:{SECRET[:4]}#{SECRET}@proxy.test:1")
    told, faults = found("https://oms.test/agg/api/v1")
    assert faults == [("proxy", "service")]
    assert told["proxy"].endswith("mend or unset ALL_PROXY")
    assert SECRET[:4] not in told["proxy"]


def test_a_host_and_port_without_a_proxy(monkeypatch):
    """NO_PROXY may name a port; other ports of the host go through the proxy."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:1")
    monkeypatch.setenv("NO_PROXY", "oms.test:8443")
    assert route.Way("https://oms.test:8443/agg").proxy is None
    assert route.Way("https://oms.test/agg").proxy == "http://proxy.test:1"


def test_an_untrusted_certificate(tls, monkeypatch, tmp_path):
    """An unknown authority asks for the CA certificates, by the variable in use."""
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    with serving(play(GOOD), tls) as server:
        told, faults = found(server.base)
        assert "SSL_CERT_FILE" in told["certificate"]
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
        told, _ = found(server.base)
    assert faults == [("certificate", "service")]
    assert f"REQUESTS_CA_BUNDLE names {other}" in told["certificate"]


def test_a_bundle_that_is_not_there(monkeypatch):
    """A CA bundle that cannot be read is named."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    told, faults = found("https://oms.test/agg/api/v1")
    assert faults == [("CA bundle", "service")]
    assert "/nowhere/ca.pem" in told["CA bundle"]


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        ("certificate has expired", "clock"),
        ("certificate is not yet valid", "clock"),
        ("Hostname mismatch", "another name"),
        ("unable to get local issuer certificate", "CERN CA"),
    ],
)
def test_what_certificates_lack(message, remedy):
    """Each way not to be trusted has its own remedy."""
    error = ssl.SSLCertVerificationError()
    error.verify_message = message
    assert remedy in route.cert_remedy(error)


def test_https_where_http_is_spoken():
    """TLS to a port that does not speak it is the wrong scheme."""
    with serving(play(GOOD)) as server:
        told, faults = found(server.base.replace("http://", "https://"))
    assert faults == [("certificate", "service")]
    assert "http:// instead of https://" in told["certificate"]


def test_http_where_https_is_spoken(tls):
    """Plain text to a port that speaks TLS is the wrong scheme."""
    with serving(play(GOOD), tls) as server:
        told, faults = found(server.base.replace("https://", "http://"))
    assert faults == [("answer", "service")]
    assert "https:// instead of http://" in told["answer"]


def test_no_login_at_all(monkeypatch, tmp_path):
    """Without a login it says what was tried, and whether Kerberos could help."""
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{tmp_path / 'none'}")
    monkeypatch.setattr(
        "omskit.diagnosis.doctor.lacking_kerberos", lambda: "not installed"
    )
    with serving(play(GOOD)) as server:
        told, faults = found(server.base, "aud")
    assert faults == [("login", "auth")]
    assert "no terminal" in told["login"]
    assert told["ticket"] == "ok    ticket: no Kerberos here: not installed"


@pytest.mark.parametrize(
    ("lacks", "fault", "said"),
    [
        ("there is no ticket: run kinit", "auth", "no ticket -> run: kinit"),
        ("the ticket has expired: run kinit", "auth", "has expired -> run: kinit"),
        (None, None, "there is one, but"),
    ],
)
def test_the_ticket(monkeypatch, lacks, fault, said):
    """A ticket that is not there or has expired is a fault of its own: kinit."""
    monkeypatch.setattr("omskit.diagnosis.doctor.lacking_kerberos", lambda: None)
    monkeypatch.setattr("omskit.diagnosis.doctor.lacking_ticket", lambda: lacks)
    with serving(play(GOOD)) as server:
        told, faults = found(server.base, "aud")
    assert [f for link, f in faults if link == "ticket"] == ([fault] if fault else [])
    assert said in told["ticket"]


@pytest.mark.parametrize(
    ("login", "said"),
    [
        (refusal(401, "invalid_client"), "id or secret"),
        (refusal(403, "not registered"), "not registered for this service"),
        (refusal(404, "no"), "play the login service"),
        (refusal(503, "busy"), "play the login service"),
    ],
)
def test_a_login_service_that_refuses(application, login, said):
    """Each refusal of the login service has its own remedy."""
    with serving(play(GOOD, login=login)) as server:
        url = f"http://127.0.0.1:{server.port}/token"
        told, faults = found(server.base, "aud", url)
    assert faults == [("login", "auth")]
    assert said in told["login"]


def test_a_token_for_another_service(application):
    """A token for another service is named, and so is what the service says."""
    refused = refusal(401, "wrong audience")
    with serving(play(refused, login=given(["other"]))) as server:
        url = f"http://127.0.0.1:{server.port}/token"
        told, faults = found(server.base, "aud", url)
    assert faults == [("audience", "auth"), ("answer", "auth")]
    assert "the service is 'aud'" in told["audience"]
    assert "mend the fault above first" in told["answer"]


@pytest.mark.parametrize(
    ("answer", "fault", "said"),
    [
        (refusal(401, "no"), "auth", "OMSKIT_TOKEN"),
        (refusal(403, "no"), "auth", "oms-api-access"),
        (refusal(404, "no"), "service", "/agg/api/v1"),
        (refusal(400, "no"), "service", "something else"),
        (refusal(503, "no"), "service", "the service is ill"),
        (Response(302, {"location": "https://auth.cern.ch/x"}), "auth", "audience="),
        (Response(302, {"location": "https://b/"}), "service", "something else"),
        (Response(200, {}, b"<html>"), "service", "a page for people"),
        (Response(200, {}, b"[" * 200_000), "service", "a page for people"),
        (
            page(meta={"totalResourceCount": "\x1b[2Jall is well"}),
            "service",
            "a page for people",
        ),
    ],
)
def test_what_the_service_answers(answer, fault, said):
    """Each answer without rows has its fault and its remedy."""
    with serving(play(answer)) as server:
        told, faults = found(server.base)
    assert faults == [("answer", fault)]
    assert said in told["answer"]


def test_a_service_of_cern_by_another_address(monkeypatch):
    """A service that omskit knows is asked by its name, so that it logs in."""
    monkeypatch.setattr(
        "omskit.diagnosis.doctor.takes_fixed_token", lambda _instance: False
    )
    with serving(play(refusal(401, "no"))) as server:
        told, faults = found(server.base)
    assert faults == [("answer", "auth")]
    assert "--instance production" in told["answer"]
    assert "OMSKIT_TOKEN" not in told["answer"]


def test_a_service_that_breaks_off_after_the_login(monkeypatch):
    """A service that answers nobody well and breaks off then is told."""
    monkeypatch.setenv("OMSKIT_TOKEN", "correct horse battery")

    def answers(asked):
        return Raw(b"") if "authorization" in asked.headers else GOOD

    with serving(answers) as server:
        told, faults = found(server.base)
    assert faults == [("answer", "service")]
    assert "by fixed token" in told["login"]


@pytest.mark.parametrize(("seconds", "way"), [(-600, "ahead of"), (600, "behind")])
def test_the_clock(seconds, way):
    """A clock that is more than a minute off is a fault of its own."""
    there = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)
    answer = Response(200, {"date": format_datetime(there, usegmt=True)})
    (finding,) = clock_of(answer)
    assert finding.fault == "auth"
    assert way in finding.said


def test_no_clock():
    """A service that does not tell the time, or tells nonsense, tells nothing."""
    never = f"Mon, 01 Jan {'9' * 20} 00:00:00 GMT"
    for headers in ({}, {"date": "noon"}, {"date": never}):
        assert not list(clock_of(Response(200, headers)))
    naive = format_datetime(dt.datetime.now(dt.UTC)).replace("+0000", "-0000")
    (finding,) = clock_of(Response(200, {"date": naive}))
    assert finding.fault is None


@pytest.mark.parametrize("text", ["", "Bearer opaque", "a.b.c", "a.W10.c"])
def test_tokens_that_say_nothing(text):
    """A token that is none of that kind has no claims."""
    assert claims_of(Credential({"authorization": text})) is None
