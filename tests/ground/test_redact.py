"""What others say, made fit to be shown."""

from __future__ import annotations

import json
from html import escape
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omskit.errors import DecodeError, StatusError
from omskit.redact import (
    LEAST,
    MASK,
    PIECE,
    one_line,
    scrub,
    scrubbed,
    secrets_of,
)

SPELT = {
    "plain": str,
    "url": lambda text: quote(text, safe=""),
    "path": quote,
    "form": quote_plus,
    "twice": lambda text: quote(quote(text, safe=""), safe=""),
    "small": lambda text: quote(text, safe="").lower(),
    "json": lambda text: json.dumps(text)[1:-1],
    "json in json": lambda text: json.dumps(json.dumps(text)[1:-1])[1:-1],
    "slashes": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "web": escape,
}
SECRETS = st.text(
    st.characters(min_codepoint=32, max_codepoint=0xFFFF, exclude_categories=["Cs"]),
    min_size=LEAST,
    max_size=60,
)
PLAIN = st.text("0123456789 .:", max_size=40)


@pytest.mark.parametrize("spelling", SPELT)
@given(SECRETS, PLAIN, PLAIN)
def test_secrets_are_found_in_any_spelling(spelling, secret, before, after):
    """What stands around a secret stays, and nothing of the secret does."""
    text = f"{before}<{SPELT[spelling](secret)}>{after}"
    shown = scrubbed(text, {secret})
    if not set(secret) & set("0123456789 .:<>"):
        assert shown == f"{before}<{MASK}>{after}"
    assert MASK in shown
    assert SPELT[spelling](secret) not in shown or secret in MASK


@given(st.data(), st.text("abcdefgh", min_size=PIECE, max_size=90))
def test_long_pieces_are_not_shown(data, secret):
    """No text keeps as many characters of a secret as `PIECE`, wherever it was cut."""
    first = data.draw(st.integers(0, len(secret) - PIECE))
    last = data.draw(st.integers(first + PIECE, len(secret)))
    words = st.text("abcdefgh ", max_size=20)
    text = data.draw(words) + secret[first:last] + data.draw(words)
    shown = scrubbed(text, {secret})
    pieces = {secret[at : at + PIECE] for at in range(len(secret) - PIECE + 1)}
    assert not any(piece in shown for piece in pieces)


@given(st.text("abcdefgh ", max_size=200), st.text("xyz", min_size=LEAST, max_size=90))
def test_what_is_no_secret_stays(text, secret):
    """A text that shares nothing with a secret is left as it is."""
    assert scrubbed(text, {secret}) == text


def test_short_texts_are_no_secrets():
    """What is too short to be a secret would take words apart."""
    assert scrubbed("a bad token", {"", "a", "token"}) == "a bad token"


@pytest.mark.parametrize(
    ("headers", "secrets"),
    [
        ({}, set()),
        ({"Authorization": "Bearer correct horse"}, {"correct horse"}),
        ({"authorization": "opaque"}, {"opaque"}),
        ({"cookie": 'session="abc=="; id=5; flag'}, {"abc==", "5", "flag"}),
        ({"x-api-key": "one two"}, {"one two", "two"}),
    ],
)
def test_what_of_headers_is_secret(headers, secrets):
    """Tokens and the values of cookies are; schemes and names of cookies are not."""
    assert secrets_of(headers) == secrets


def test_errors_lose_their_secrets_and_those_of_their_causes():
    """Message, attributes and causes are rid of secrets; all else stays."""
    cause = ValueError("no hunter-hunter", 5)
    error = DecodeError("bad hunter-hunter", path="$.hunter-hunter", status=200)
    error.__cause__ = cause
    scrub(error, {"hunter-hunter"})
    assert str(error) == "bad ***, at $.***"
    assert (error.path, error.status, error.broken) == ("$.***", 200, False)
    assert cause.args == ("no ***", 5)
    plain = StatusError("as it was")
    scrub(plain, ())
    assert plain.args == ("as it was",)


@given(st.text(max_size=200), st.integers(1, 50))
def test_one_line_is_one_printable_line(text, longest):
    """Whatever is said, what is shown moves no cursor and is as long as it may be."""
    shown = one_line(text, longest)
    assert shown.isprintable()
    assert len(shown) <= longest + 3
    assert one_line(one_line(text)) == one_line(text)
