"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any, BinaryIO, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from omskit.errors import OMSError


def write_whole(
    target: Path,
    write_to: Callable[[BinaryIO], Any],
    refusal: type[OMSError],
    *,
    mode: int | None = None,
) -> None:
    """Write a file in one step, so that no reader sees half of it.

    Args:
        write_to: Given the stream to write to.
        refusal: Raised where the file cannot be written; the message says why.
        mode: Its permissions, from the first byte on; None: as open as any file.
    """
    part = None
    try:
        with NamedTemporaryFile(
            dir=target.parent, prefix=f".{target.name}.", delete=False
        ) as stream:
            part = Path(stream.name)  # For its owner alone, as all temporary files are.
            write_to(cast("BinaryIO", stream))
        part.chmod(_usual_mode() if mode is None else mode)
        part.replace(target)
        part = None
    except OSError as error:
        message = f"Cannot write {target}: {error.strerror or error}."
        raise refusal(message) from error
    finally:
        # Ctrl-C too leaves nothing behind.
        if part is not None:
            with suppress(OSError):
                part.unlink()


def _usual_mode() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask
