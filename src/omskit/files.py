"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import stat
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
        place = target.resolve()
        if place.exists() and not place.is_file():
            with place.open("wb") as stream:
                write_to(stream)
            return
        _replace(place, write_to, mode)
    except OSError as error:
        message = f"Cannot write {target}: {error.strerror or error}."
        raise refusal(message) from error


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
