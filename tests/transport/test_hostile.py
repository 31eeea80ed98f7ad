"""Answers that are made to cost: each ends soon, in rows or in an error of ours."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.faces import GOOD, HEAD, ask, fail
from tests.support.loopback import Raw, serving

from omskit.effects import Response
from omskit.errors import OMSError, RedirectedError, TransportError
from omskit.transport import unpacking
from omskit.transport.unpacking import MOST_MEMBERS, unpack

EMPTY = gzip.compress(b"")


@pytest.fixture(params=["sync", "async"])
def face(request):
    """Both faces."""
    return request.param


def test_very_many_empty_members_are_read(face):
    """A body of 200000 empty gzip members before the rows is read to its end."""
    body = EMPTY * 200_000 + gzip.compress(GOOD.body)
    answer = Response(200, {"content-encoding": "gzip"}, body)
    with serving(lambda _: answer) as server:
        assert len(ask(face, server.base)) == 1


class Counting:
    """An unpacker that counts the bytes that it is given and that it gives back."""

    copied = 0

    def __init__(self, *how):
        self._inner = zlib.decompressobj(*how)

    def decompress(self, data, most):
        found = self._inner.decompress(data, most)
        Counting.copied += len(data) + len(self._inner.unused_data)
        return found

    @property
    def unused_data(self):
        return self._inner.unused_data

    @property
    def eof(self):
        return self._inner.eof


@pytest.mark.parametrize("size", [0, 100, 5_000, 70_000])
def test_unpacking_is_linear(monkeypatch, size):
    """Twice as many members cost twice as many bytes moved, whatever their size."""
    monkeypatch.setattr(unpacking.zlib, "decompressobj", Counting)
    member = gzip.compress(bytes(range(256)) * (size // 256) + b"x" * (size % 256), 0)
    moved = []
    for count in (1000, 2000, 4000) if size < 5_000 else (50, 100, 200):
        Counting.copied = 0
        assert len(unpack(member * count)) == size * count
        moved.append(Counting.copied)
    assert moved[2] - moved[1] <= 2.1 * (moved[1] - moved[0])


@given(st.lists(st.binary(max_size=9000), max_size=6), st.data())
def test_gzip_of_any_members_is_their_content(parts, data):
    """Members of any sizes come out whole; cut anywhere, the body is an error."""
    body = b"".join(map(gzip.compress, parts))
    assert unpack(body) == b"".join(parts)
    ends = {0}
    for part in parts:
        ends.add(max(ends) + len(gzip.compress(part)))
    cut = data.draw(st.integers(0, len(body)))
    if cut not in ends:
        with pytest.raises(TransportError, match=r"breaks off|damaged"):
            unpack(body[:cut])


def test_members_are_bounded_in_number(monkeypatch):
    """A body of more members than any tool writes is refused."""
    monkeypatch.setattr(unpacking, "MOST_MEMBERS", 3)
    assert unpack(EMPTY * 3) == b""
    with pytest.raises(TransportError, match="over 3 parts"):
        unpack(EMPTY * 4)
    assert MOST_MEMBERS > 2**16


@pytest.mark.parametrize("coding", ["deflate", "br", "zstd", "gzip, gzip", "x" * 9000])
def test_what_nobody_asked_for_is_not_read(face, coding):
    """Another packing is refused at its head, though its body never ends."""
    head = HEAD + f"content-encoding: {coding}\r\ncontent-length: 9\r\n\r\n".encode()
    with serving(lambda _: Raw(head, "silence")) as server:
        error = fail(face, server.base)
        assert server.outlasted == []
    assert type(error) is TransportError
    assert "nobody asked for" in str(error)
    assert len(str(error)) < 200


def test_a_number_of_very_many_digits_is_no_length(face):
    """A length of 10000 digits is refused; one of a length with zeros is read."""
    head = HEAD + b"content-length: " + b"9" * 10_000 + b"\r\n\r\n"
    with serving(lambda _: Raw(head)) as server:
        assert isinstance(fail(face, server.base), TransportError)


def test_chunks_of_one_byte_are_read(face):
    """An answer in chunks of one byte is read whole."""
    chunks = b"".join(b"1\r\n" + bytes([b]) + b"\r\n" for b in GOOD.body)
    raw = Raw(HEAD + b"transfer-encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
    with serving(lambda _: raw) as server:
        assert len(ask(face, server.base)) == 1


HEADS = {
    "one line without an end": HEAD + b"x-long: " + b"y" * 2**21,
    "a million lines": HEAD + b"x-a: b\r\n" * 10**6 + b"\r\n",
    "a status line without an end": b"HTTP/1.1 200 " + b"O" * 2**21,
    "very many answers that say wait": b"HTTP/1.1 100 Continue\r\n\r\n" * 10**4,
    "very many hints": b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" * 10**4,
    "a chunk size without an end": HEAD
    + b"transfer-encoding: chunked\r\n\r\n"
    + b"0" * 2**21,
    "trailers without an end": HEAD
    + b"transfer-encoding: chunked\r\n\r\n0\r\n"
    + b"x-a: b\r\n" * 10**6,
}


@pytest.mark.parametrize("name", HEADS)
def test_heads_without_an_end_are_errors(face, name):
    """Heads, lines and trailers that do not end are refused, not stored."""
    with serving(lambda _: Raw(HEADS[name])) as server:
        assert isinstance(fail(face, server.base), OMSError)


def test_a_ring_of_redirects_is_not_followed(face):
    """A redirect to itself is asked once."""
    with serving(lambda asked: Response(302, {"location": asked.path})) as server:
        assert type(fail(face, server.base)) is RedirectedError
        assert len(server.asked) == 1
