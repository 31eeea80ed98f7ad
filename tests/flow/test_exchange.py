from __future__ import annotations

import datetime as dt
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.interpreter import NOON, Interpreter
from tests.support.smallservice import page, refusal

from omskit.effects import (
    Authorise,
    Credential,
    Jitter,
    Now,
    Request,
    Response,
    Send,
    Sleep,
)
from omskit.errors import (
    DecodeError,
    LoginNeededError,
    NotAuthorisedError,
    NotFoundError,
    OMSError,
    RedirectedError,
    ServerFailedError,
    StatusError,
    ThrottledError,
    TimedOutError,
    TokenRejectedError,
    TransportError,
)
from omskit.flow.exchange import Policy, backoff, exchange, refuse, retry_after
from omskit.jsonapi import decode
from omskit.schema import bundled

ASKED = Request("GET", "https://oms.test/agg/api/v1/runs?page[limit]=1")
GOOD = page(data=[], meta={"totalResourceCount": 0})
FIRST = Credential({"authorization": "Bearer first"})
SECOND = Credential({"authorization": "Bearer second"})


def read(body):
    return decode(body, bundled()["runs"]).total


def ask(answers, *, credentials=(), policy=None, reader=read):
    world = Interpreter(answers, credentials)
    return world, world.run(exchange(ASKED, policy or Policy(), reader))


def fail(answers, *, credentials=(), policy=None):
    world = Interpreter(answers, credentials)
    with pytest.raises(OMSError) as caught:
        world.run(exchange(ASKED, policy or Policy(), read))
    return world, caught.value


def test_a_good_answer_is_a_list_of_effects():
    """One good answer takes a credential and one request, and waits for nothing."""
    world, total = ask([GOOD])
    assert total == 0
    assert world.effects[:2] == [Authorise(), Send(ASKED, None)]
    assert len(world.effects) == 3


def test_a_retry_is_a_list_of_effects():
    """A retry reads the clock for Retry-After, draws a jitter, waits, sends again."""
    world, _ = ask([refusal(503, "later"), GOOD])
    assert world.effects[1:-1] == [
        Send(ASKED, None),
        Now(),
        Jitter(),
        Sleep(0.5),
        Send(ASKED, None),
    ]


def test_without_a_reader_the_response_is_returned():
    """Where nothing reads the body, the response itself is the result."""
    _, response = ask([GOOD], reader=None)
    assert response is GOOD


@pytest.mark.parametrize("status", [200, 201])
def test_both_good_statuses_are_answers(status):
    """Statuses 200 and 201 are answers."""
    _, total = ask([Response(status, {}, GOOD.body)])
    assert total == 0


@pytest.mark.parametrize(
    ("passing", "kind"),
    [
        (refusal(429, "slow down"), ThrottledError),
        (refusal(502, "proxy"), ServerFailedError),
        (refusal(503, "busy"), ServerFailedError),
        (refusal(504, "late"), ServerFailedError),
        (TransportError("reset"), TransportError),
        (TimedOutError("silent"), TimedOutError),
        (Response(200, {}, b'{"data": ['), DecodeError),
        (Response(200, {}, b""), DecodeError),
    ],
)
def test_what_may_pass_is_tried_five_times(passing, kind):
    """Throttling, gateways, broken connections and bodies are tried five times."""
    world, total = ask([passing, passing, passing, passing, GOOD])
    assert total == 0
    assert world.slept == [0.5, 1.0, 2.0, 4.0]
    world, error = fail([passing] * 5)
    assert type(error) is kind
    assert error.attempts == 5
    assert len(world.sent) == 5


@pytest.mark.parametrize(
    ("lasting", "kind"),
    [
        (refusal(400, "no"), StatusError),
        (refusal(403, "no"), NotAuthorisedError),
        (refusal(404, "no"), NotFoundError),
        (refusal(405, "no"), StatusError),
        (refusal(409, "no"), StatusError),
        (refusal(410, "no"), StatusError),
        (refusal(500, "no"), ServerFailedError),
        (refusal(501, "no"), ServerFailedError),
        (Response(302, {"location": "http://oms.test/"}), RedirectedError),
        (Response(204), StatusError),
        (Response(401), LoginNeededError),
        (Response(200, {}, b"<!DOCTYPE html><html>Sign in</html>"), DecodeError),
        (Response(200, {}, b'{"errors": [{"title": "x"}]}'), DecodeError),
        (Response(200, {}, b'{"data": 5}'), DecodeError),
    ],
)
def test_what_lasts_is_tried_once(lasting, kind):
    """Other refusals, web pages and documents that make no sense are tried once."""
    world, error = fail([lasting])
    assert type(error) is kind
    assert error.attempts == 1
    assert world.slept == []
    assert error.status == lasting.status
    assert error.request == f"GET {ASKED.url}"


def test_transport_errors_have_no_status():
    """An error of the connection names its request and has no status."""
    _, error = fail([TransportError("reset")] * 5)
    assert error.status is None
    assert error.request == f"GET {ASKED.url}"


def test_no_retries_are_made_where_none_are_wanted():
    """With retries=0 one failure is the end."""
    world, error = fail([refusal(503, "busy")], policy=Policy(retries=0))
    assert error.attempts == 1
    assert world.slept == []


@pytest.mark.parametrize(
    ("text", "waited"),
    [
        ("0", 0.0),
        ("7", 7.0),
        (" 60 ", 60.0),
        (format_datetime(NOON + dt.timedelta(seconds=30), usegmt=True), 30.0),
        (format_datetime(NOON - dt.timedelta(seconds=30), usegmt=True), 0.0),
        ("Wed, 01 May 2024 12:00:10 -0000", 10.0),
        ("soon", 0.5),
        ("-5", 0.5),
        ("\N{SUPERSCRIPT TWO}", 0.5),
    ],
)
def test_retry_after_is_obeyed(text, waited):
    """Retry-After counts as seconds or as a date; what is neither is ignored."""
    throttled = refusal(429, "slow down", **{"retry-after": text})
    world, _ = ask([throttled, GOOD])
    assert world.slept == [waited]


@pytest.mark.parametrize("text", ["61", "9" * 400, "Wed, 01 May 2024 13:00:00 GMT"])
def test_a_long_retry_after_is_the_end(text):
    """A service that wants us to wait over a minute is given up at once."""
    world, error = fail([refusal(429, "slow down", **{"retry-after": text})])
    assert type(error) is ThrottledError
    assert world.slept == []
    assert error.attempts == 1


@given(st.text(st.characters(codec="latin-1"), max_size=60))
def test_any_retry_after_is_a_wait_or_nothing(text):
    """No header text whatever makes reading Retry-After fail."""
    wait = retry_after(Response(503, {"retry-after": text}), NOON)
    assert wait is None or wait >= 0


@given(
    st.integers(0, 10**6),
    st.sampled_from(["Mon", "Xxx", ""]),
    st.sampled_from(["Jan", "Foo"]),
    st.integers(-(10**9), 10**9),
    st.integers(-(10**12), 10**12),
)
def test_any_date_is_a_wait_or_nothing(day, weekday, month, year, zone):
    """No date whatever makes reading Retry-After fail."""
    text = f"{weekday}, {day} {month} {year} 12:00:00 {zone:+05d}"
    wait = retry_after(Response(503, {"retry-after": text}), NOON)
    assert wait is None or wait >= 0


@given(st.integers(1, 101), st.floats(0, 1, exclude_max=True))
def test_the_backoff_is_bounded(attempt, jitter):
    """However often it fails, the wait lies between a quarter and twenty seconds."""
    assert 0.25 <= backoff(Policy(), attempt, jitter) <= 20.0


def test_one_login_is_renewed():
    """A 401 renews the login once, and the new credential goes with the next try."""
    world, total = ask([Response(401), GOOD], credentials=[FIRST, SECOND])
    assert total == 0
    assert world.effects[:4] == [
        Authorise(),
        Send(ASKED, FIRST),
        Authorise(rejected=FIRST),
        Send(ASKED, SECOND),
    ]
    assert world.slept == []


def test_a_login_that_cannot_be_renewed_names_the_refused_request():
    """Where a fixed token was refused, its error says for which request."""

    class Fixed(Interpreter):
        def _perform(self, effect):
            if effect == Authorise(rejected=FIRST):
                message = "the token is refused"
                raise TokenRejectedError(message)
            return super()._perform(effect)

    world = Fixed([Response(401)], [FIRST])
    with pytest.raises(TokenRejectedError, match="is refused") as caught:
        world.run(exchange(ASKED, Policy(), read))
    assert caught.value.request == f"GET {ASKED.url}"
    assert (caught.value.status, caught.value.attempts) == (401, 1)


def test_a_second_401_is_the_end():
    """A fresh login that is refused is no reason for another."""
    world, error = fail([Response(401)] * 2, credentials=[FIRST, SECOND])
    assert type(error) is TokenRejectedError
    assert (error.status, error.attempts) == (401, 2)
    assert "audience" in str(error)
    assert len(world.sent) == 2


def test_a_renewed_login_leaves_all_retries():
    """A 401 costs none of the retries."""
    busy = refusal(503, "busy")
    answers = [busy, Response(401), *[busy] * 4, GOOD]
    world, total = ask(answers, credentials=[FIRST, SECOND])
    assert total == 0
    assert len(world.sent) == 7


def test_a_401_without_login_names_what_to_set():
    """Without credentials a 401 says which environment variables are wanted."""
    _, error = fail([Response(401)])
    assert type(error) is LoginNeededError
    assert "OMSKIT_CLIENT_ID" in str(error)


def test_a_login_that_fails_is_not_the_fault_of_the_request():
    """An error of the login passes as it is, and nothing is sent."""

    class NoLogin(Interpreter):
        def _perform(self, effect):
            if isinstance(effect, Authorise):
                raise LoginNeededError("no", request="POST https://auth.test/token")
            return super()._perform(effect)

    world = NoLogin([])
    with pytest.raises(LoginNeededError) as caught:
        world.run(exchange(ASKED, Policy(), read))
    assert caught.value.request == "POST https://auth.test/token"
    assert world.sent == []


@pytest.mark.parametrize(
    ("location", "kind", "said"),
    [
        ("https://auth.cern.ch/auth/realms/cern", LoginNeededError, "auth.cern.ch"),
        ("/login", LoginNeededError, "login page"),
        ("http://oms.test/agg", RedirectedError, "http://oms.test"),
        ("", RedirectedError, "elsewhere"),
        ("http://[", RedirectedError, "elsewhere"),
        ("https://user:hidden@oms.test/", RedirectedError, "https://oms.test"),
    ],
)
def test_a_redirect_is_named(location, kind, said):
    """A redirect is not followed; the message tells a login page from another host."""
    _, error = fail([Response(302, {"location": location})])
    assert type(error) is kind
    assert said in str(error)
    assert "hidden" not in str(error)


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500])
def test_the_words_of_the_service_are_passed_on(status):
    """What an error document says is in the message."""
    _, error = fail(
        [refusal(status, "limit parameter value 7")], policy=Policy(retries=0)
    )
    assert "limit parameter value 7" in str(error)
    assert "oms.test" in str(error)


def test_a_web_page_is_named():
    """A login page with status 200 is called a web page."""
    _, error = fail([Response(200, {}, b"<html>")])
    assert "web page" in str(error)


@pytest.mark.parametrize(
    ("status", "words", "not_words"),
    [
        (204, "without content", "refused"),
        (206, "a part of an answer", "refused"),
        (304, "a cache on the way", "redirect"),
        (407, "the proxy on the way wants a login", "refused the request"),
        (421, "does not answer for the host", "refused"),
        (511, "the network itself wants a login", "failed with"),
    ],
)
def test_statuses_whose_cause_lies_elsewhere(status, words, not_words):
    """A cache, a proxy or a network that answers instead of the service is named."""
    with pytest.raises(StatusError) as caught:
        refuse(Request("GET", "https://oms.test/x"), Response(status), logged_in=False)
    message = str(caught.value)
    assert words in message
    assert str(status) in message
    assert not_words not in message
    assert caught.value.status == status
