"""How deep JSON is nested, told without recursion.

Every reader of JSON that makes nested values calls itself for each level. Python's
readers stop with a RecursionError; ``pyarrow.json`` ends the process where it infers
the type of something nested so deep that the stack is used up: 50 000 levels in a main
thread, fewer than 2000 in a thread with a stack of 512 kB.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_LEVELS = 64
"""A page of OMS has seven."""

_CHUNK = 1 << 18
"""So many bytes are looked at in one step; at least two."""

_STEPS = bytes.maketrans(b'[{]}"', b"\x01\x01\xff\xff\x00")
"""What a byte adds to the depth, as int8: 1, -1, or 0 for what parts texts."""

_REST = bytes(set(range(256)) - set(b'[{]}"'))


def is_deep(body: bytes, most: int = MOST_LEVELS) -> bool:
    """Whether *body* has more than *most* levels, brackets in texts left out.

    Exact for JSON, and for the beginning of what is none: no reader goes on behind
    the first byte that is wrong.

    Cost: 1 to 10 ns per byte, whatever the bytes are; 3 for a page of rows.

    Example:
        >>> is_deep(b'{"a": [1, 2]}'), is_deep(b"[" * 1000), is_deep(b'"[[["' * 1000)
        (False, True, False)
    """
    if body.count(b"{") + body.count(b"[") <= most:
        return False
    level, in_text = 0, 0
    for chunk in pieces(body):
        steps = np.frombuffer(without_escapes(chunk).translate(_STEPS, _REST), np.int8)
        # Numbers of quotes, of which only the last bit matters: they may overflow.
        quotes = np.cumsum(steps == 0, dtype=np.uint8) + np.uint8(in_text)
        outside = steps * ((quotes & 1) == 0)
        levels = np.cumsum(outside, dtype=np.int32)
        if not len(levels):
            continue
        if level + int(levels.max()) > most:
            return True
        level += int(levels[-1])
        in_text = int(quotes[-1]) & 1
    return False


def pieces(body: bytes) -> Iterator[bytes]:
    """The body in pieces that part no backslash from what it escapes."""
    start = 0
    while start < len(body):
        chunk = body[start : start + _CHUNK]
        slashes = len(chunk) - len(chunk.rstrip(b"\\"))
        if slashes % 2 and start + _CHUNK < len(body):
            chunk = chunk[:-1]
        start += len(chunk)
        yield chunk


def without_escapes(chunk: bytes) -> bytes:
    """Without escaped backslashes and quotes: what quotes are left part texts."""
    if b"\\" not in chunk:
        return chunk
    return chunk.replace(rb"\\", b"").replace(rb"\"", b"")
