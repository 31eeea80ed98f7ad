"""``oms trigger fit``, ``compare``, ``check`` and ``watch``."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omskit.cli.asking import client_for
from omskit.cli.exits import ANSWER_IS_NO, warnings_on_stderr
from omskit.cli.options import (
    InstanceOption,
    Output,
    QuietOption,
    RunArgument,
    RunsArgument,
    sharing,
)
from omskit.cli.trigger.options import (
    FalseAlarmsOption,
    FitOption,
    MaskOption,
    PathOption,
    WindowOption,
    patterns,
    read_fit,
    selection,
)
from omskit.errors import UsageError

if TYPE_CHECKING:
    from omskit.client import Client
    from omskit.table import Table
    from omskit.trigger import Fit


@sharing(Output)
def fit(
    runs: RunsArgument = None,
    *,
    path: PathOption = None,
    mask: MaskOption = None,
    save: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the fits there, as JSON.")
    ] = None,
    against: Annotated[
        str, typer.Option(help="pileup, or luminosity per colliding bunch.")
    ] = "pileup",
    given: Output,
) -> None:
    """Fit rates per colliding bunch against pileup: constant, linear, quadratic, sinh.

    Paths that cannot be fitted are named on stderr.

    Example: oms trigger fit 297050 --path 'HLT_IsoMu*' --save fit.json
    """
    from omskit import trigger
    from omskit.cli.output import write

    which = selection(runs, mask, quiet=given.quiet)
    with client_for(given) as oms:
        cube = trigger.hlt(oms, which, paths=patterns(path))
    found = trigger.fit(cube, against)  # type: ignore[arg-type]  # checked there
    if save is not None:
        found.save(save)
    write(_fits(found), given)
    if not given.quiet:
        for name, why in found.skipped.items():
            typer.echo(f"{name}: no fit. {why}", err=True)


def _fits(found: Fit) -> Table:
    """One row per path; parameters a, b, c as the formula names them."""
    import pyarrow as pa

    from omskit.table import Table
    from omskit.trigger import FAMILIES

    rows = []
    for path, one in found.fits.items():
        row: dict[str, Any] = {"path": path, "family": one.family}
        row["formula"] = FAMILIES[one.family].formula
        for index, name in enumerate("abc"):
            there = index < len(one.parameters)
            row[name] = one.parameters[index] if there else None
            error = one.covariance[index][index] ** 0.5 if there else None
            row[f"{name}_error"] = error
        row |= {"chi2": one.chi2, "ndf": one.ndf, "spread": one.spread}
        row |= {"low": one.low, "high": one.high, "trimmed": one.trimmed}
        rows.append({**row, "status": one.status})
    return Table(pa.Table.from_pylist(rows), resource="fits")


@sharing(Output)
def compare(
    runs: RunsArgument = None,
    *,
    path: PathOption = None,
    mask: MaskOption = None,
    fit: FitOption = None,
    reference: Annotated[
        str | None,
        typer.Option(metavar="RUNS", help="Fit these runs, instead of --fit."),
    ] = None,
    window: WindowOption = 10,
    false_alarms: FalseAlarmsOption = 0.01,
    given: Output,
) -> None:
    """What is not normal in runs: paths that leave their fit, are dead, or stuck.

    The exit code is 1 where there is an alert.

    Example: oms trigger compare 315270 --reference 315264,315267 --path HLT_Mu50
    """
    from omskit import trigger
    from omskit.cli.output import write

    which = selection(runs, mask, quiet=given.quiet)
    with client_for(given) as oms:
        fitted = _fitted(oms, fit, reference, patterns(path))
        cube = trigger.hlt(oms, which, paths=patterns(path))
    found = trigger.alerts(cube, fitted, window=window, false_alarms=false_alarms)
    write(found, given)
    if len(found):
        raise typer.Exit(ANSWER_IS_NO)


def _fitted(
    oms: Client, path: Path | None, reference: str | None, names: list[str]
) -> Fit:
    """The fit to compare with: from a file, or of other runs.

    Raises:
        UsageError: Neither or both were given.
    """
    from omskit import trigger

    if (path is None) == (reference is None):
        message = "Compare with what? Give either --fit FILE or --reference RUNS."
        raise UsageError(message)
    if path is not None:
        return read_fit(path)
    assert reference is not None
    return trigger.fit(trigger.hlt(oms, reference, paths=names))


def check(
    run: RunArgument,
    *,
    path: Annotated[
        str,
        typer.Option("--path", "-p", help="The path that fires on every crossing."),
    ] = "HLT_ZeroBias",
    instance: InstanceOption = None,
    quiet: QuietOption = False,
) -> None:
    """Do the counters of a run hold? ZeroBias must count the colliding bunches.

    The exit code is 1 where they do not, and where nothing could be counted.

    Example: oms trigger check 297050
    """
    from omskit import trigger

    with client_for(Output(instance=instance, quiet=quiet)) as oms:
        found = trigger.check(oms, run, path=path)
    typer.echo(f"Run {run}: {found}")
    if not found.ok:
        raise typer.Exit(ANSWER_IS_NO)


def watch(
    run: RunArgument,
    *,
    fit: FitOption = None,
    every: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.05, help="Between two looks.")
    ] = 70.0,
    window: WindowOption = 10,
    false_alarms: FalseAlarmsOption = 0.01,
    looks: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="At most so many looks.")
    ] = None,
    hook: Annotated[
        str | None,
        typer.Option(
            metavar="COMMAND|URL",
            envvar="OMSKIT_HOOK",
            show_envvar=False,
            help="Told of every alert as JSON: a command reads it from stdin, an "
            "https:// address is sent it. $OMSKIT_HOOK keeps a secret address out of "
            "the list of processes.",
        ),
    ] = None,
    as_of: Annotated[
        dt.datetime | None,
        typer.Option(help="On the demo: begin at this moment, in UTC, and go on."),
    ] = None,
    speed: Annotated[
        float, typer.Option(help="Seconds of the demo for one here, with --as-of.")
    ] = 1.0,
    instance: InstanceOption = None,
    quiet: QuietOption = False,
) -> None:
    """Alerts of an ongoing run, one JSON object a line, until the run ends.

    A hook that fails is told on stderr and does not end the watch. Commands run without
    a shell; what an address is sent also has the alert as "text", as chats show it.

    Example: oms trigger watch 315270 --fit fit.json --instance demo

    Example: oms trigger watch 315270 --fit fit.json --every 1 --instance demo
    --as-of 2018-04-27T07:10:00 --speed 600
    """
    import msgspec

    from omskit import trigger
    from omskit.cli.trigger.hooks import hook_of
    from omskit.effects import Secret

    if fit is None:
        message = "--fit FILE is needed: what 'oms trigger fit --save FILE' wrote."
        raise UsageError(message)
    fitted = read_fit(fit)
    call = None if hook is None else hook_of(Secret(hook))
    given = Output(instance=instance, quiet=quiet, progress=False)
    with _client(given, as_of, speed) as oms:
        found = trigger.watch(
            oms,
            run,
            fitted,
            pause=lambda: time.sleep(every),
            window=window,
            false_alarms=false_alarms,
            looks=looks,
        )
        for alert in found:
            typer.echo(msgspec.json.encode(alert).decode())
            wrong = None if call is None else call(alert)
            if wrong is not None:
                typer.echo(f"oms: the hook {wrong.rstrip('.')}.", err=True)


@contextmanager
def _client(given: Output, as_of: dt.datetime | None, speed: float) -> Iterator[Client]:
    """The client, or one of the demo by a clock.

    Raises:
        UsageError: Another service than the demo has its own time.
    """
    from omskit.config import find_instance
    from omskit.dashboard.playing import PlayedClient

    if as_of is None and speed == 1.0:
        with client_for(given) as oms:
            yield oms
        return
    if as_of is None:
        message = "--speed needs --as-of: the moment at which the demo begins."
        raise UsageError(message)
    if find_instance(given.asks).name != "demo":
        message = "--as-of and --speed are for the demo: others have their own time."
        raise UsageError(message)
    start = as_of.replace(tzinfo=dt.UTC) if as_of.tzinfo is None else as_of
    with warnings_on_stderr(quiet=given.quiet), PlayedClient(start, speed) as played:
        yield played
