"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from omskit.errors import OMSError


USUAL = 0o666
"""Permissions of a file that is not there yet, before the umask takes from them."""


def write_whole(
    target: Path,
    write_to: Callable[[BinaryIO], Any],
    refusal: type[OMSError],
    *,
    mode: int | None = None,
) -> None:
    """Write a file in one step, so that no reader sees half of it.

    What is no file, such as ``/dev/stdout`` or a pipe, is written to and not replaced;
    a link stays one.

    Args:
        write_to: Given the stream to write to.
        refusal: Raised where the file cannot be written; the message says why.
        mode: Its permissions, from the first byte on; None: those of the file that is
            there, else what the umask leaves.
    """
    try:
        stream_number = _descriptor(target)
        if stream_number is not None:
            _write_to(stream_number, write_to)
            return
        place = target.resolve()
        if place.exists() and not place.is_file():
            with place.open("wb") as stream:
                write_to(stream)
            return
        _replace(place, write_to, mode)
    except OSError as error:
        message = f"Cannot write {target}: {error.strerror or error}."
        raise refusal(message) from error
    except (RuntimeError, ValueError) as error:
        # A loop of links, or a name with a null byte.
        message = f"Cannot write {str(target)!r}: {error}."
        raise refusal(message) from error


def read_file(path: Path) -> bytes:
    """The bytes of a file, or of an open stream such as ``/dev/stdin``.

    Raises:
        OSError: It cannot be read, or is a pipe or device by a name of its own, which
            could be waited for without end.
    """
    if _descriptor(path) is None and not _is_regular(path):
        raise OSError(errno.EINVAL, "it is a folder, a pipe or a device")
    return path.read_bytes()


def _is_regular(path: Path) -> bool:
    return stat.S_ISREG(path.stat().st_mode)


_STREAMS = {"stdin": 0, "stdout": 1, "stderr": 2}
_FD = re.compile(r"/(?:dev/(stdin|stdout|stderr)|(?:dev|proc/self)/fd/([0-9]{1,4}))")
_LINKS = 40


def _descriptor(target: Path) -> int | None:
    """The number of the open stream that a path such as /dev/stdout names, or None.

    Opened by its name, a redirected stdout is a file like others: it would be emptied,
    or replaced, with what other programs have written to it.
    """
    path = target.absolute()
    for _ in range(_LINKS):
        match = _FD.fullmatch(os.path.normpath(path))
        if match:
            return _STREAMS[match[1]] if match[1] else int(match[2])
        if not path.is_symlink():
            return None
        path = path.parent / path.readlink()
    return None


def _write_to(number: int, write_to: Callable[[BinaryIO], Any]) -> None:
    """Write to an open stream, behind what is in its buffers."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    with os.fdopen(os.dup(number), "wb") as stream:
        write_to(stream)


def _replace(
    place: Path, write_to: Callable[[BinaryIO], Any], mode: int | None
) -> None:
    kept = stat.S_IMODE(place.stat().st_mode) if place.exists() else None
    # So many random digits that the name is nobody else's.
    part = place.with_name(f".{place.name}.{os.urandom(8).hex()}")
    made = USUAL if mode is None else mode
    if mode is None and kept is not None:
        made &= kept  # Never more open than before, not even for a moment.
    try:
        # The kernel applies the umask: to ask for it is to set it, for all threads.
        with open(part, "xb", opener=partial(os.open, mode=made)) as stream:
            write_to(stream)
        if mode is None and kept is not None:
            part.chmod(kept)
        part.replace(place)
    finally:
        # Ctrl-C too leaves nothing behind.
        with suppress(OSError):
            part.unlink()
