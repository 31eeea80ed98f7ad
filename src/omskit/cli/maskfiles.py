"""Reading and writing masks for ``oms mask`` and ``oms why``: files, URLs, stdin."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omskit.cli.exits import say
from omskit.errors import MaskError

if TYPE_CHECKING:
    from omskit.lumi import LumiMask

MaskArgument = Annotated[
    str,
    typer.Argument(
        metavar="MASK",
        help="Certification file, URL of one, or - for stdin.",
        show_default=False,
    ),
]
MasksArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="MASK...",
        help="Certification files, URLs of them, or - for stdin.",
        show_default=False,
    ),
]
MaskOutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="FILE", help="Write there instead of to stdout."
    ),
]
OverwriteOption = Annotated[
    bool, typer.Option("--overwrite", help="Replace a file that is there.")
]
ProvenanceOption = Annotated[
    bool,
    typer.Option(
        "--provenance", help="Write where it comes from beside FILE; needs --output."
    ),
]
OpenEndsOption = Annotated[
    bool,
    typer.Option(
        "--open-ends", help="Write open ends as [a, 0], which not all tools read."
    ),
]


def short_name(source: str) -> str:
    """What to call a mask in reports.

    Example:
        >>> short_name("certs/golden.json"), short_name("-")
        ('golden.json', 'stdin')
    """
    return "stdin" if source == "-" else source.rstrip("/").rpartition("/")[2]


def two_names(a: str, b: str) -> tuple[str, str]:
    """Names that tell two masks apart."""
    names = short_name(a), short_name(b)
    return (a, b) if names[0] == names[1] else names


def load_content(source: str) -> bytes | str:
    """What is in a file, at a URL or on stdin.

    Raises:
        MaskError: It cannot be read.
    """
    from omskit.lumi.files import content_of

    if source == "-":
        return sys.stdin.buffer.read()
    return content_of(source, fetch=fetch)


def load_mask(source: str, *, quiet: bool = False) -> LumiMask:
    """The mask in a file, at a URL or on stdin; what was mended is told on stderr.

    Raises:
        MaskError: It has no meaning.
    """
    from omskit.lumi import LumiMask

    try:
        mask = LumiMask.from_json(load_content(source))
    except MaskError as error:
        if short_name(source) in str(error):
            raise
        message = f"{short_name(source)}: {error}"
        raise MaskError(message) from error
    if not quiet:
        for note in mask.notes:
            say(f"warning: {short_name(source)}: {note}")
    return mask


def fetch(url: str) -> bytes:
    """The body at a URL, with the client's TLS, time-outs and retries; no login."""
    from omskit.auth import Anonymous
    from omskit.drivers import SyncDriver
    from omskit.flow import Policy
    from omskit.flow.effects import Request
    from omskit.flow.exchange import exchange
    from omskit.transport import HttpSender

    driver = SyncDriver(HttpSender(connections=1), Anonymous(), 1)
    try:
        response = driver.run(exchange(Request("GET", url), Policy()))
    finally:
        driver.close()
    body: bytes = response.body
    return body


def deliver_mask(
    mask: LumiMask,
    output: Path | None,
    facts: dict[str, Any],
    *,
    overwrite: bool,
    provenance: bool,
    open_ends: bool,
) -> None:
    """Write a mask to a file or to stdout.

    Raises:
        MaskError: An end is open, the file is there, or provenance has no file to be
            beside.
    """
    if output is None or str(output) == "-":
        if provenance:
            message = "--provenance is written beside a file: give --output FILE too."
            raise MaskError(message)
        typer.echo(mask.to_json(strict=not open_ends))
        return
    from omskit.lumi.files import write_mask

    write_mask(
        mask,
        output,
        strict=not open_ends,
        overwrite=overwrite,
        provenance=facts if provenance else None,
    )
