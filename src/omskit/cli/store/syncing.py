"""``oms sync``: fetch what a store does not hold."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omskit.cli.completion import complete_resources
from omskit.cli.exits import INCOMPLETE, say, warnings_on_stderr
from omskit.cli.options import (
    InstanceOption,
    ProgressOption,
    QuietOption,
    RunsArgument,
    runs_text,
    selected,
    sharing,
)
from omskit.cli.store.options import StoreOption, store_at
from omskit.cli.times import right_now, spoken
from omskit.errors import ServiceError, StoreError

if TYPE_CHECKING:
    from omskit.store import Report


@dataclass(frozen=True, slots=True)
class Which:
    """What is synced, from where, and how it is told."""

    fill: Annotated[
        str | None,
        typer.Option(metavar="FILL", help="The runs of a fill, or of 5838-5840."),
    ] = None
    era: Annotated[
        str | None, typer.Option(metavar="ERA", help="The runs of an era: 2017B.")
    ] = None
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Runs started then or later; UTC, 2017-06-16, yesterday or -8h.",
        ),
    ] = None
    until: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Runs started then or earlier; UTC."),
    ] = None
    last: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="The newest N runs.")
    ] = None
    mask: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="The runs of a certification file."),
    ] = None
    instance: InstanceOption = None
    quiet: QuietOption = False
    progress: ProgressOption = None

    def selectors(self) -> dict[str, Any]:
        """The keywords of a sync."""
        found = selected(
            fill=self.fill, era=self.era, since=self.since, until=self.until
        )
        if self.last is not None:
            found["last"] = self.last
        if self.mask is not None:
            from omskit.lumi.files import read_mask

            found["mask"] = read_mask(self.mask)
        return found


@sharing(Which)
def sync(
    resources: Annotated[
        str,
        typer.Argument(
            metavar="RESOURCES",
            help="Names with commas, as in runs,lumisections; 'oms fields' lists them. "
            "hltpathrates@run is rates per run.",
            autocompletion=complete_resources,
        ),
    ],
    runs: RunsArgument = None,
    *,
    store: StoreOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be fetched.")
    ] = False,
    recheck: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Also fetch again what is final and ended since then; UTC.",
        ),
    ] = None,
    every: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS", min=1, help="Sync again and again, until Ctrl-C."
        ),
    ] = None,
    given: Which,
) -> None:
    """Fetch what a store does not hold yet, or not for good.

    It commits as it goes, and can be stopped and started again anywhere. Runs that
    ended a week ago and were read twice, a day apart, with the same rows are final:
    they are not asked for again. The exit code is 5 where rows are missing.

    Example: oms sync runs,lumisections 315190-315290 --store ~/oms --instance demo
    """
    from omskit.client import Client
    from omskit.client.progress import reporter

    kept = store_at(store)
    shown = sys.stderr.isatty() if given.progress is None else given.progress
    bar = reporter(shown and not given.quiet)
    with warnings_on_stderr(quiet=given.quiet), Client(given.instance) as oms:

        def once() -> Report:
            try:
                return kept.sync(
                    oms,
                    resources,
                    runs_text(runs),
                    dry_run=dry_run,
                    recheck=spoken(recheck, right_now()) if recheck else None,
                    tell=None if bar is None else bar.update,
                    **given.selectors(),
                )
            finally:
                if bar is not None:
                    bar.finish()

        while every is not None:
            _once_more(once)
            time.sleep(every)
        report = once()
    typer.echo(str(report))
    if not report.complete:
        raise typer.Exit(INCOMPLETE)


def _once_more(once: Any) -> None:
    """One round; a service that fails is told, and asked again later."""
    try:
        typer.echo(str(once()))
    except StoreError:
        raise
    except ServiceError as error:
        say(f"{error} Trying again later.")
