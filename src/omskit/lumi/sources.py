"""What is in a path, an open file or a URL: where masks and luminosity come from."""

from __future__ import annotations

import gzip
import os
import stat
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO

from omskit.errors import MaskError

if TYPE_CHECKING:
    from collections.abc import Callable

Source = str | os.PathLike[str] | BinaryIO | TextIO

URLS = ("http://", "https://")
GZIP = b"\x1f\x8b"
LARGEST = 1 << 30
"""Bytes that are read: the largest certification file seen has 0.3 MB."""


def content_of(
    source: Source,
    *,
    fetch: Callable[[str], bytes] | None = None,
    what: str = "the mask",
) -> bytes | str:
    """What is in a path, an open file or a URL; gzip is unpacked.

    Args:
        source: Where to read.
        what: What it should be, for messages.
        fetch: Who fetches a URL, as nothing here talks to a network.

    Raises:
        MaskError: It cannot be read, or is a URL and nobody fetches.
    """
    if not isinstance(source, str | os.PathLike):
        return unpacked(source.read(), getattr(source, "name", "this file"))
    text = os.fspath(source)
    if text.startswith(URLS):
        if fetch is None:
            message = (
                f"{text} is a URL, and only files are read here. Give fetch=, a "
                "function of a URL to bytes; on the command line 'oms mask' does that."
            )
            raise MaskError(message)
        return unpacked(fetch(text), text)
    return unpacked(_bytes_of(Path(source), text, what), text)


def _bytes_of(path: Path, text: str, what: str) -> bytes:
    """The bytes of a file; pipes and devices are read, but only up to a limit."""
    try:
        with path.expanduser().open("rb") as stream:
            kind = os.fstat(stream.fileno()).st_mode
            if stat.S_ISREG(kind) and os.fstat(stream.fileno()).st_size > LARGEST:
                content = bytes(LARGEST + 1)
            else:
                content = stream.read(LARGEST + 1)
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        message = f"Cannot read {what} {text[:200]}: {reason}."
        raise MaskError(message) from error
    if len(content) > LARGEST:
        message = f"{text} has more than {LARGEST} bytes, so it is no such file."
        raise MaskError(message)
    return content


def unpacked(content: bytes | str, name: object) -> bytes | str:
    """The content, unpacked where it is gzip.

    Raises:
        MaskError: It breaks off, or is too large.
    """
    if not isinstance(content, bytes) or not content.startswith(GZIP):
        return content
    import io

    try:
        with gzip.open(io.BytesIO(content)) as stream:
            plain = stream.read(LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        message = f"{name}: this gzip file cannot be unpacked: {error}. Is it whole?"
        raise MaskError(message) from error
    if len(plain) > LARGEST:
        message = f"{name}: this gzip file unpacks to more than {LARGEST} bytes."
        raise MaskError(message)
    return plain
