"""What services say of themselves: heard everywhere, kept short, never a secret."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omskit.effects import (
    Credential,
    Join,
    Now,
    Request,
    Response,
    Send,
    Start,
)
from omskit.errors import TransportError
from omskit.flow.service_info import LONGEST, ServiceInfo, plain, with_service_info

BASE = "https://oms.example/agg/api/v1"
TOKEN = "s3cr3t-token-of-the-user"
DOOR = Credential({"Authorization": f"Bearer {TOKEN}", "Cookie": "session=abcdefgh"})


def sent(url=f"{BASE}/runs", credential=None):
    """A request on its way."""
    return Send(Request("GET", url), credential)


def answer(status=200, **headers):
    """An answer with these headers."""
    return Response(status, {k.replace("_", "-"): v for k, v in headers.items()})


def carried_out(flow, answers):
    """The effects of a flow and its result, with the answers given in order."""
    effects = []
    try:
        effects.append(next(flow))
        for one in answers:
            if isinstance(one, Exception):
                effects.append(flow.throw(one))
            else:
                effects.append(flow.send(one))
    except StopIteration as end:
        return effects, end.value
    return effects, None


def two_pages():
    """A flow that reads two pages, and tries the first one twice."""
    try:
        first = yield sent()
    except TransportError:
        first = yield sent()
    yield Now()
    second = yield sent()
    return first.status + second.status


def test_the_flow_is_the_same():
    """Its effects, its results and the errors that it meets pass through."""
    answers = [TransportError("cut"), answer(server="a"), None, answer(server="b")]
    plainly, heard = (
        carried_out(made, answers)
        for made in (two_pages(), with_service_info(two_pages(), ServiceInfo(BASE)))
    )
    assert plainly == heard
    assert heard[1] == 400


def test_every_answer_is_heard():
    """Services that differ are all named, each once, in the order of their answers."""
    said = ServiceInfo(BASE)
    pages = [answer(server="a"), None, answer(server="b", x_omskit_source="simulated")]
    carried_out(with_service_info(two_pages(), said), pages)
    assert (said.version, said.source) == ("a, b", "simulated")
    for number in range(9):
        said.hear(sent(), answer(server=f"c{number}"))
    assert said.version == "a, b, c0"


def test_flows_beside_are_heard():
    """What a started flow is answered counts as well."""
    said = ServiceInfo(BASE)

    def fanned():
        handle = yield Start(two_pages())
        return (yield Join(handle))

    flow = with_service_info(fanned(), said)
    started = next(flow)
    assert carried_out(started.flow, [answer(server="x"), None, answer()])[1] == 400
    assert carried_out(flow, [])[0] == [Join(None)]
    assert said.version == "x"


@pytest.mark.parametrize(
    ("what", "response"),
    [
        (sent("https://auth.example/token"), answer(server="login")),
        (sent(), answer(502, server="proxy")),
        (sent(), answer(server=" \t\x1b ")),
        (sent(), answer()),
        (sent(credential=DOOR), answer(server=f"echo/{TOKEN}")),
        (sent(credential=DOOR), answer(server="abcdefgh")),
        (sent(credential=DOOR), answer(server=f"Apache {TOKEN[:-6]}")),
        (sent(credential=DOOR), answer(server=f"Apache {TOKEN[6:].upper()}")),
    ],
)
def test_what_is_not_kept(what, response):
    """Others, failures, nothing printable, and what opened the door are not kept."""
    said = ServiceInfo(BASE)
    said.hear(what, response)
    assert (said.version, said.source) == (None, None)


@given(st.text(max_size=300))
def test_texts_are_short_and_printable(text):
    """Whatever a header holds, what is kept fits on a line of a terminal."""
    kept = plain({"server": text}, "server", DOOR)
    assert kept is None or (kept.isascii() and kept.isprintable())
    assert kept is None or 0 < len(kept) <= LONGEST


def test_a_flow_that_is_given_up():
    """Closing it closes the flow inside."""
    closed = []

    def inside():
        try:
            yield sent()
        finally:
            closed.append(True)

    flow = with_service_info(inside(), ServiceInfo(BASE))
    next(flow)
    flow.close()
    assert closed == [True]


def test_an_error_of_the_flow():
    """What the flow raises comes out as it is."""

    def inside():
        yield Now()
        message = "no"
        raise TransportError(message)

    with pytest.raises(TransportError, match="no"):
        carried_out(with_service_info(inside(), ServiceInfo(BASE)), [None])
