"""``oms report``: what there is to say of a run, a fill or a day, as one file."""

from __future__ import annotations

import datetime as dt
import re
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omskit.cli.asking import client_for
from omskit.cli.exits import say
from omskit.cli.mask.files import load_mask, short_name
from omskit.cli.options import (
    InstanceOption,
    Output,
    ProgressOption,
    QuietOption,
    StoreOption,
)
from omskit.errors import UsageError

if TYPE_CHECKING:
    from omskit.reports import Report


class Form(StrEnum):
    """How a report is written."""

    HTML = "html"
    MARKDOWN = "markdown"


class Every(StrEnum):
    """How much of time one page of an archive is of."""

    DAY = "day"


ENDINGS = {
    ".html": Form.HTML,
    ".htm": Form.HTML,
    ".md": Form.MARKDOWN,
    ".markdown": Form.MARKDOWN,
}
_LENGTH = re.compile(r"(\d{1,5}) ?(min|h|d)")
_UNITS = {"min": "minutes", "h": "hours", "d": "days"}


def report(  # one branch for each way to call it
    what: Annotated[
        str | None,
        typer.Argument(metavar="run|fill", help="What it is of.", show_default=False),
    ] = None,
    number: Annotated[
        int | None,
        typer.Argument(metavar="NUMBER", help="297050.", show_default=False),
    ] = None,
    *,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="What began since then: 24h, 7d, 2017-06-16 (UTC)."
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Up to then, not included; now by default."),
    ] = None,
    every: Annotated[
        Every | None,
        typer.Option(help="An archive: one page for each day since --since."),
    ] = None,
    into: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where the archive is, with its index."),
    ] = None,
    mask: Annotated[
        list[str] | None,
        typer.Option(
            "--mask", "-m", metavar="MASK", help="Certification file to compare with."
        ),
    ] = None,
    path: Annotated[
        list[str] | None,
        typer.Option(
            "--path", "-p", metavar="PATTERN", help="HLT paths to look for outliers in."
        ),
    ] = None,
    form: Annotated[
        Form | None,
        typer.Option(
            "--format", "-f", help="By the ending of --output, else Markdown."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="FILE.html or FILE.md; else stdout."
        ),
    ] = None,
    instance: InstanceOption = None,
    store: StoreOption = None,
    quiet: QuietOption = False,
    progress: ProgressOption = None,
) -> None:
    """What there is to say of a run, a fill or a day, as one file.

    What ran, the luminosity and where it was lost, flags, gaps, certification, and how
    every number was obtained. HTML needs no other file; Markdown is for a logbook.

    Example: oms report run 297050 --output run.html --instance demo
    """
    given = Output(instance=instance, store=store, quiet=quiet, progress=progress)
    now = dt.datetime.now(dt.UTC)
    asked: dict[str, Any] = {"now": now, "paths": tuple(path or ())}
    asked["masks"] = {short_name(m): load_mask(m, quiet=quiet) for m in mask or ()}
    if every is not None or into is not None:
        if every is None or into is None or what is not None or output is not None:
            message = "An archive is: oms report --every day --into FOLDER --since 7d"
            raise UsageError(message)
        end = now if until is None else _moment(until, "--until")
        _archive(given, into, _start(since or "1d", end), end, asked)
        return
    if (what is None) == (since is None) or (what is None) != (number is None):
        message = "Name one: oms report run 297050, fill 5839, or --since 24h"
        raise UsageError(message)
    form = _form(form, output)
    if what is not None:
        if what not in {"run", "fill"}:
            message = f"{what!r} is neither run nor fill: oms report run 297050"
            raise UsageError(message)
        asked[what] = number
    else:
        assert since is not None
        end = now if until is None else _moment(until, "--until")
        asked |= {"since": _start(since, end), "until": end}
    from omskit.reports import report as make

    with client_for(given) as oms:
        made = make(oms, **asked)
    _deliver(made, form, output, quiet=quiet)


def _form(form: Form | None, output: Path | None) -> Form:
    """The format that an option or an ending names."""
    if output is None or str(output) == "-":
        return form or Form.MARKDOWN
    by_ending = ENDINGS.get(output.suffix.lower())
    if form is not None and by_ending not in {None, form}:
        message = f"--format {form} and --output {output} contradict each other."
        raise UsageError(message)
    found = form or by_ending
    if found is None:
        message = (
            f"The ending of {output.name!r} names no format: .html or .md, or give "
            "--format."
        )
        raise UsageError(message)
    if not output.parent.is_dir():
        message = f"Cannot write {output}: there is no folder {output.parent}."
        raise UsageError(message)
    return found


def _start(text: str, end: dt.datetime) -> dt.datetime:
    """A time, or so much before *end*."""
    length = _LENGTH.fullmatch(text.strip())
    if length is None:
        return _moment(text, "--since")
    try:
        return end - dt.timedelta(**{_UNITS[length[2]]: int(length[1])})
    except OverflowError as error:
        message = f"--since {text} is before the calendar begins."
        raise UsageError(message) from error


def _moment(text: str, option: str) -> dt.datetime:
    from omskit.query.bind import parse_time

    found = parse_time(text)
    if found is None:
        message = (
            f"{option} {text!r} is no time: write 2017-06-16, 2017-06-16T20:50 (UTC)"
            f"{', 24h or 7d' if option == '--since' else ''}."
        )
        raise UsageError(message)
    return found


def _deliver(made: Report, form: Form, output: Path | None, *, quiet: bool) -> None:
    """Write the report to a file or to stdout."""
    text = made.to_html() if form is Form.HTML else made.to_markdown()
    if output is None or str(output) == "-":
        sys.stdout.write(text)
        return
    from omskit.files import write_whole

    write_whole(output, lambda stream: stream.write(text.encode()), UsageError)
    if not quiet:
        say(f"wrote the report on {made.title} to {output}")


def _archive(
    given: Output,
    folder: Path,
    since: dt.datetime,
    until: dt.datetime,
    asked: dict[str, Any],
) -> None:
    from omskit.reports.archive import days_between, write_days

    days = days_between(since, until)
    written = 0
    with client_for(given) as oms:
        for day, path in write_days(oms, folder, days, **asked):
            written += path is not None
            if not given.quiet:
                say(f"{day}: {path if path is not None else 'no lumisection'}")
    typer.echo(f"{written} of {len(days)} days have a page: {folder / 'index.html'}")
