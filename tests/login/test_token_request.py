from __future__ import annotations

from urllib.parse import parse_qs

import pytest
from tests.support.interpreter import NOON, Interpreter
from tests.support.smallservice import page, refusal

from omskit.effects import Jitter, Now, Response, Secret, Send, Sleep
from omskit.errors import (
    AuthError,
    LoginNeededError,
    NotAuthorisedError,
    OMSError,
    ServerFailedError,
    StatusError,
    TransportError,
)
from omskit.flow.exchange import Policy
from omskit.login.token_request import client_credentials

URL = "https://auth.test/auth/realms/cern/api-access/token"
SECRET = "s3cret&+%"
TOKEN = page(access_token="abc.def", expires_in=1200, token_type="Bearer")


def login(answers, **policy):
    world = Interpreter(answers)
    flow = client_credentials(
        "app", Secret(SECRET), "cmsoms-prod", URL, Policy(**policy)
    )
    return world, world.run(flow)


def fail(answers, **policy):
    with pytest.raises(OMSError) as caught:
        login(answers, **policy)
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value)
    return caught.value


def test_a_login_is_one_post():
    """A login posts id, secret and audience as a form, and reads the clock."""
    world, credential = login([TOKEN])
    sent, now = world.effects
    assert now == Now()
    assert sent.request.method == "POST"
    assert sent.request.url == URL
    assert sent.credential is None
    assert parse_qs(sent.request.body.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["app"],
        "client_secret": [SECRET],
        "audience": ["cmsoms-prod"],
    }
    assert credential.headers == {"authorization": "Bearer abc.def"}


@pytest.mark.parametrize(
    ("lifetime", "left"),
    [
        (1200, 1185.0),
        (20, 10.0),
        (0, 0.0),
        (-5, 0.0),
        (10**400, 10**9 - 15.0),
        (2.5, 1.25),
        ("1200", None),
        (True, None),
        (None, None),
    ],
)
def test_a_token_is_renewed_before_it_ends(lifetime, left):
    """A token ends 15 s early, a short one after half its life, another not at all."""
    _, credential = login([page(access_token="abc", expires_in=lifetime)])
    expected = None if left is None else NOON.timestamp() + left
    assert credential.expires == expected


@pytest.mark.parametrize(
    "passing",
    [refusal(502, "x"), refusal(429, "x"), TransportError("reset")],
)
def test_a_login_is_tried_again(passing):
    """Logins share the retries of all requests, broken connections included."""
    world, credential = login([passing, TOKEN])
    assert credential.headers["authorization"] == "Bearer abc.def"
    assert [type(e) for e in world.effects if type(e) is not Now] == [
        Send,
        Jitter,
        Sleep,
        Send,
    ]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(refusal(503, "x"), ServerFailedError), (TransportError("x"), TransportError)],
)
def test_a_login_that_goes_on_failing_is_given_up(answer, kind):
    """After the last retry the error names the login service and the attempts."""
    error = fail([answer] * 3, retries=2)
    assert type(error) is kind
    assert error.attempts == 3
    assert error.request == f"POST {URL}"


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (
            Response(401, {}, b'{"error": "invalid_client"}'),
            LoginNeededError,
            "OMSKIT_CLIENT_SECRET",
        ),
        (
            Response(400, {}, b'{"error_description": "Invalid client credentials"}'),
            LoginNeededError,
            "Invalid client credentials",
        ),
        (
            Response(400, {}, b'{"error": "audience not found"}'),
            NotAuthorisedError,
            "cmsoms-prod",
        ),
        (Response(403), NotAuthorisedError, "no reason given"),
        (refusal(400, "unknown scope"), NotAuthorisedError, "unknown scope"),
        (Response(400, {}, b"[]"), NotAuthorisedError, "no reason given"),
        (Response(404, {}, b"<html>"), StatusError, "404"),
        (Response(302, {"location": "x"}), StatusError, "302"),
        (Response(500), ServerFailedError, "500"),
        (Response(400, {}, b'{"error": "s3cret&+% is wrong"}'), OMSError, "***"),
    ],
)
def test_a_refused_login_says_why(answer, kind, said):
    """Each refusal of the login service is named, without the secret."""
    error = fail([answer])
    assert isinstance(error, kind)
    assert said in str(error)
    assert (error.status, error.attempts) == (answer.status, 1)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b"{}",
        b'{"access_token": null}',
        b'{"access_token": ""}',
        b'{"access_token": 5}',
        b'{"access_token": "a\\nX-Other: b"}',
        '{"access_token": "é"}'.encode(),
    ],
)
def test_an_answer_without_token_is_named(body):
    """An answer that holds no token which fits a header is an AuthError."""
    error = fail([Response(200, {}, body)])
    assert type(error) is AuthError
    assert "without a token" in str(error)
    assert error.status == 200
