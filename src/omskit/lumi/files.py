"""Masks on disk: the only module of this package that touches paths."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omskit.errors import (
    DecodeError,
    MaskError,
    Remedy,
)
from omskit.files import write_whole
from omskit.lumi.brilcalc import read_brilcalc
from omskit.lumi.mask import LumiMask
from omskit.lumi.provenance import identity_of
from omskit.lumi.sources import URLS, Source, content_of

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping

    from omskit.table import Table

SIDECAR = ".provenance.json"
"""What is added to a file's name to name its sidecar."""


def read_mask(
    source: Source,
    *,
    strict: bool = False,
    fetch: Callable[[str], bytes] | None = None,
) -> LumiMask:
    """The mask in a certification file.

    Args:
        source: A path, an open file, or a URL.
        strict: Refuse what would be mended (see `LumiMask.from_json`).
        fetch: Who fetches a URL, as nothing here talks to a network.

    Raises:
        MaskError: There is no such file, or it has no meaning; the message names it.

    Example:
        >>> import io
        >>> read_mask(io.StringIO('{"297050": [[12, 137]]}'))
        LumiMask.from_ranges([(297050, 12, 137)])
    """
    # Here a text is always a name, never a mask itself.
    is_name = isinstance(source, str) and not source.startswith(URLS)
    named = Path(str(source)) if is_name else source
    return LumiMask.read(named, strict=strict, fetch=fetch)


def read_luminosity(path: str | os.PathLike[str]) -> Table:
    """The rows of a CSV of brilcalc (see `omskit.lumi.brilcalc.read_brilcalc`).

    Raises:
        MaskError: There is no such file.
        DecodeError: It is no luminosity per lumisection; the message names the file.
        UnitError: It holds rates, or a unit that is none.
    """
    content = content_of(path, what="the luminosity")
    try:
        return read_brilcalc(content)
    except DecodeError as error:
        told = str(error).removesuffix(f", at {error.path}")
        message = f"{path}: {told}"
        raise DecodeError(message, path=error.path, broken=error.broken) from error


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
        provenance: Where the mask came from (query, instance, time, ..., as
            `omskit.lumi.provenance.provenance_of` says of a table); written with
            counts, hashes and the version of omskit to a sidecar beside it.

    Returns:
        The path written to.

    Raises:
        MaskError: The file is there, cannot be written, or the mask has open ends.
    """
    target = Path(path)
    content = (mask.to_json(strict=strict) + "\n").encode("ascii")
    if target.exists() and not overwrite:
        message = f"{target} is there already."
        remedy = Remedy(
            "Give overwrite=True to replace it.", "Give --overwrite to replace it."
        )
        raise MaskError(message, remedy=remedy)
    _replace(target, content)
    if provenance is not None:
        beside = target.with_name(target.name + SIDECAR)
        _replace(beside, _sidecar(mask, target.name, content, provenance))
    return target


def _sidecar(
    mask: LumiMask, name: str, content: bytes, provenance: Mapping[str, Any]
) -> bytes:
    hashed = hashlib.sha256(content).hexdigest()
    facts = {"file": name, "sha256": hashed, **identity_of(mask), **provenance}
    return (json.dumps(facts, indent=2, default=str) + "\n").encode()


def _replace(target: Path, content: bytes) -> None:
    write_whole(target, lambda stream: stream.write(content), MaskError)
