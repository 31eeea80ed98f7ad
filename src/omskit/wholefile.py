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
    target: Path, write_to: Callable[[BinaryIO], Any], refusal: type[OMSError]
) -> None:
    """Write a file in one step, so that no reader sees half of it.

    Args:
        write_to: Given the stream to write to.
        refusal: Raised where the file cannot be written; the message says why.
    """
    part = None
    try:
        with NamedTemporaryFile(
            dir=target.parent, prefix=f".{target.name}.", delete=False
        ) as stream:
            part = Path(stream.name)
            write_to(cast("BinaryIO", stream))
        # Temporary files are for their owner alone; these are as open as any file.
        umask = os.umask(0)
        os.umask(umask)
        part.chmod(0o666 & ~umask)
        part.replace(target)
    except OSError as error:
        if part is not None:
            with suppress(OSError):
                part.unlink()
        message = f"Cannot write {target}: {error.strerror or error}."
        raise refusal(message) from error
