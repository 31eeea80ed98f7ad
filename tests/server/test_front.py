"""What stands before a service: gates, bounds, options of the command."""

import asyncio
import http.client
import json
from urllib.parse import urlsplit

import pytest

from omskit.errors import ConfigError
from omskit.server import (
    Front,
    Limits,
    LoginGate,
    Served,
    Service,
    TokenGate,
    front_of,
    running,
    serve,
)
from omskit.server.front import PREFIX, Bounded, Gated, WithLogin, fronted
from omskit.server.sso.tokens import SigningKey

TOKEN = "correct-horse-battery-staple"
NOW = 1_500_000_000


@pytest.fixture(scope="module")
def key():
    """What the login service signs with."""
    return SigningKey()


def claims(**changes):
    """What a good token says."""
    said = {
        "iss": "https://auth.cern.ch/auth/realms/cern",
        "aud": "cmsoms-prod",
        "azp": "app",
        "exp": NOW + 60,
        "groups": ["oms-api-access"],
    }
    return {**said, **changes}


def call(app, path="/agg/api/v1/runs", headers=(), method="GET", body=(b"",)):
    """Status, headers and document of an ASGI application's answer."""
    sent = []
    pieces = [
        {"type": "http.request", "body": part, "more_body": n + 1 < len(body)}
        for n, part in enumerate(body)
    ]

    async def receive():
        # After the request, servers are silent until the client hangs up.
        return pieces.pop(0) if pieces else await asyncio.Event().wait()

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(k.encode(), v.encode()) for k, v in headers],
        "state": {},
    }
    asyncio.run(app(scope, receive, send))
    named = {k.decode(): v.decode() for k, v in sent[0]["headers"]}
    whole = b"".join(message.get("body", b"") for message in sent)
    return sent[0]["status"], named, json.loads(whole)


async def fine(scope, receive, send):
    """An application that is content."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


def test_the_token_gate():
    """Only the token itself gets in, under its scheme in any case of letters."""
    gate = TokenGate(TOKEN)
    assert gate.refuse(f"Bearer {TOKEN}", NOW) is None
    assert gate.refuse(f"bearer  {TOKEN} ", NOW) is None
    for wrong in ("", "Bearer", TOKEN, f"Basic {TOKEN}", "Bearer x", "Bearer \xff"):
        refused = gate.refuse(wrong, NOW)
        assert (refused.status, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert TOKEN not in repr(gate)


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"exp": NOW}, 401, "expired"),
        ({"iss": "https://elsewhere"}, 401, "expired"),
        ({"aud": "cmsoms-int"}, 401, "not for 'cmsoms-prod'"),
        ({"groups": []}, 403, "not in the group oms-api-access"),
    ],
)
def test_the_login_gate(key, changes, status, said):
    """A good token gets in; each flaw of one has its answer."""
    gate = LoginGate(key)
    assert gate.refuse(f"Bearer {key.signed(claims())}", NOW) is None
    refused = gate.refuse(f"Bearer {key.signed(claims(**changes))}", NOW)
    assert (refused.status, said in refused.body.decode()) == (status, True)


def test_the_login_gate_wants_a_token_of_the_login_service(key):
    """No token and foreign tokens are both 401."""
    gate = LoginGate(key)
    assert gate.refuse("", NOW).status == 401
    assert gate.refuse("Bearer a.b.c", NOW).status == 401


def test_gated(engine):
    """The application behind a gate is asked by whom it lets through."""
    app = fronted(Service(engine), Front(TokenGate(TOKEN)))
    good = ("authorization", f"Bearer {TOKEN}")
    assert call(app)[0] == 401
    assert call(app, headers=[good])[0] == 200
    assert call(Gated(fine, TokenGate(TOKEN)), headers=[good, good])[0] == 401


def test_the_login_service_beside_it():
    """Its paths are answered there, with bodies in pieces, the others here."""

    class Echo:
        def respond(self, request):
            from omskit.server.sso.service import document

            return document({"url": request.url, "body": len(request.body)})

    app = WithLogin(fine, Echo())
    assert call(app)[2] == {}
    found = call(app, f"{PREFIX}/x", method="POST", body=(b"ab", b"c"))[2]
    assert found == {"url": f"{PREFIX}/x?", "body": 3}
    long = call(app, f"{PREFIX}/x", method="POST", body=(b"x" * 20_000, b"y"))[2]
    assert long["body"] == 20_000


def test_too_many_at_once():
    """Beyond the bound there is 503, and room again when one has ended."""
    app = Bounded(fine, Limits(concurrency=0))
    status, headers, document = call(app)
    assert (status, headers["retry-after"]) == (503, "1")
    assert "at once" in document["errors"][0]["detail"]
    app = Bounded(fine, Limits(concurrency=1))
    assert [call(app)[0], call(app)[0]] == [200, 200]


def test_too_long():
    """An answer that does not begin in time is 503; one that does not end, an error."""

    async def never(scope, receive, send):
        await asyncio.Event().wait()

    async def endless(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.Event().wait()

    limits = Limits(request_s=0.01)
    status, _, document = call(Bounded(never, limits))
    assert (status, "too long" in document["errors"][0]["detail"]) == (503, True)
    with pytest.raises(TimeoutError):
        call(Bounded(endless, limits))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "oms.example"])
def test_others_may_not_reach_it_without_a_token(engine, host):
    """Beyond the loopback a service does not start without a gate."""
    with pytest.raises(ConfigError, match="Give --token"):
        serve(engine, Served(host=host, port=0))


def test_a_token_over_the_wire(engine):
    """A served token guards every path."""
    with running(engine, front=front_of(token=TOKEN)) as url:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=20)
        answers = []
        for path in ("/runs", "/openapi.json", "/nothing"):
            for headers in ({}, {"Authorization": f"Bearer {TOKEN}"}):
                connection.request("GET", parts.path + path, headers=headers)
                answer = connection.getresponse()
                answer.read()
                answers.append(answer.status)
        connection.close()
    assert answers == [401, 200, 401, 200, 401, 404]


def test_options(tmp_path):
    """A front is made from what the command is given."""
    assert front_of() == Front()
    faults = tmp_path / "faults.toml"
    faults.write_text('[[rule]]\nfault = "reset"')
    login = tmp_path / "login.toml"
    login.write_text('audiences = ["cms-dials", "x"]\n[[application]]\nid = "a"')
    front = front_of(faults=faults, login=login)
    assert front.faults.rules[0].fault == "reset"
    assert (front.gate.audience, front.gate.key) == ("cms-dials", front.sso.key)


def test_options_without_meaning(tmp_path):
    """Two gates, and a token that can be guessed, are refused."""
    with pytest.raises(ConfigError, match="--token or --login"):
        front_of(token=TOKEN, login=tmp_path / "x")
    with pytest.raises(ConfigError, match="at least 16"):
        front_of(token="short")


@pytest.mark.parametrize(
    "token",
    ["bad tok SECRET-1234567890", "SECRET-1234567890\u00e9", "SECRET-1234567890\n", ""],
)
def test_a_token_that_no_request_can_carry(token):
    """Blanks and what is no ASCII are refused, and the message does not repeat them."""
    with pytest.raises(ConfigError, match="printable ASCII") as caught:
        TokenGate(token)
    assert "SECRET" not in str(caught.value)
