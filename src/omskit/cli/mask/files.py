"""Reading and writing masks for ``oms mask`` and ``oms why``: files, URLs, stdin."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import typer

from omskit.cli.exits import say
from omskit.cli.mask.options import Kept
from omskit.errors import MaskError

if TYPE_CHECKING:
    from omskit.lumi import LumiMask


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
    from omskit.lumi.sources import content_of, unpacked

    if source == "-":
        return unpacked(sys.stdin.buffer.read(), "stdin")
    return content_of(source, fetch=fetch)


def load_mask(source: str, *, quiet: bool = False) -> LumiMask:
    """The mask in a file, at a URL or on stdin; what was mended is told on stderr.

    Raises:
        MaskError: It has no meaning.
    """
    from omskit.lumi import LumiMask

    try:
        mask = LumiMask.read(load_content(source))
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
    from omskit.drivers import SyncDriver
    from omskit.effects import Request
    from omskit.flow import Policy
    from omskit.flow.exchange import exchange
    from omskit.login.nobody import Anonymous
    from omskit.transport import HttpSender

    driver = SyncDriver(HttpSender(connections=1), Anonymous(), 1)
    try:
        response = driver.run(exchange(Request("GET", url), Policy()))
    finally:
        driver.close()
    body: bytes = response.body
    return body


def head_line(mask: LumiMask, source: str) -> str:
    """What is in a mask, in one line."""
    count = "open" if mask.is_open else len(mask)
    ranges = mask.to_arrow().num_rows
    return (
        f"{short_name(source)}: {count} lumisections in {ranges} ranges of "
        f"{mask.runs.size} runs"
    )


def deliver_mask(
    mask: LumiMask, facts: dict[str, Any], kept: Kept, *, open_ends: bool = False
) -> None:
    """Write a mask to a file or to stdout.

    Raises:
        MaskError: An end is open, the file is there, or provenance has no file to be
            beside.
    """
    if kept.output is None or str(kept.output) == "-":
        if kept.provenance:
            message = "--provenance is written beside a file: give --output FILE too."
            raise MaskError(message)
        typer.echo(mask.to_json(strict=not open_ends))
        return
    from omskit.lumi.files import write_mask

    write_mask(
        mask,
        kept.output,
        strict=not open_ends,
        overwrite=kept.overwrite,
        provenance=facts if kept.provenance else None,
    )
