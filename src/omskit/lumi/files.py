"""Masks on disk: the only module of this package that touches paths."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

from omskit.errors import MaskError
from omskit.lumi.mask import LumiMask

if TYPE_CHECKING:
    from collections.abc import Mapping

SIDECAR = ".provenance.json"
"""What is added to a file's name to name its sidecar."""

Source = str | os.PathLike[str] | BinaryIO | TextIO


def read_mask(source: Source, *, strict: bool = False) -> LumiMask:
    """The mask in a certification file.

    Args:
        source: A path or an open file.
        strict: Refuse what would be mended (see `LumiMask.from_json`).

    Raises:
        MaskError: There is no such file, or it has no meaning; the message names it.
    """
    if not isinstance(source, str | os.PathLike):
        return LumiMask.from_json(source.read(), strict=strict)
    path = Path(source)
    try:
        content = path.read_bytes()
    except OSError as error:
        message = f"Cannot read the mask {path}: {error.strerror or error}."
        raise MaskError(message) from error
    try:
        return LumiMask.from_json(content, strict=strict)
    except MaskError as error:
        message = f"{path}: {error}"
        raise MaskError(message) from error


def write_mask(
    mask: LumiMask,
    path: str | os.PathLike[str],
    *,
    strict: bool = True,
    overwrite: bool = False,
    provenance: Mapping[str, Any] | None = None,
) -> Path:
    """Write a certification file, byte for byte as CMSSW's tools do.

    The file appears whole or not at all.

    Args:
        mask: What to write; only its good lumisections fit into the format.
        path: Where to.
        strict: Refuse open ends; otherwise they are written ``[a, 0]``.
        overwrite: Replace a file that is there.
        provenance: Where the mask came from (query, instance, time, ...); written with
            counts and the file's SHA-256 to a sidecar beside it.

    Returns:
        The path written to.

    Raises:
        MaskError: The file is there, cannot be written, or the mask has open ends.
    """
    target = Path(path)
    content = (mask.to_json(strict=strict) + "\n").encode("ascii")
    if target.exists() and not overwrite:
        message = f"{target} is there already. Give overwrite=True to replace it."
        raise MaskError(message)
    _replace(target, content)
    if provenance is not None:
        beside = target.with_name(target.name + SIDECAR)
        _replace(beside, _sidecar(mask, target.name, content, provenance))
    return target


def _sidecar(
    mask: LumiMask, name: str, content: bytes, provenance: Mapping[str, Any]
) -> bytes:
    facts = {
        "file": name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "runs": int(mask.runs.size),
        "lumisections": None if mask.good.is_open else len(mask),
        **provenance,
    }
    return (json.dumps(facts, indent=2, default=str) + "\n").encode()


def _replace(target: Path, content: bytes) -> None:
    """Put content at a path in one step, so that no reader sees half of it."""
    try:
        with tempfile.NamedTemporaryFile(
            dir=target.parent, prefix=f".{target.name}.", delete=False
        ) as part:
            part.write(content)
        Path(part.name).replace(target)
    except OSError as error:
        message = f"Cannot write {target}: {error.strerror or error}."
        raise MaskError(message) from error
