"""``oms fill``: one fill, its runs and what they add up to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from omskit.cli.asking import client_for
from omskit.cli.lines import facts, number, span, wrapped
from omskit.cli.options import Output, sharing
from omskit.errors import NoRowError

if TYPE_CHECKING:
    from collections.abc import Iterator

RUN_FIELDS = (
    "run_number", "start_time", "duration", "delivered_lumi", "recorded_lumi",
    "l1_rate",
)  # fmt: skip


@sharing(Output)
def fill(
    number: Annotated[
        int | None,
        typer.Argument(
            metavar="FILL", help="5839; the newest by default.", show_default=False
        ),
    ] = None,
    *,
    given: Output,
) -> None:
    """One fill: its beams and luminosity, its runs, and what they add up to.

    A fill or run that goes on is marked. With --format or --output, the rows of the
    runs are written.

    Example: oms fill 5839 --instance demo
    """
    from omskit.cli.output import prose_width, show, write
    from omskit.table.view import Line

    with client_for(given) as oms:
        asked: dict[str, Any] = {"last": 1} if number is None else {}
        fills = oms.fills(number, **asked)
        if not len(fills):
            message = f"There is no fill {number}. Is the number right?"
            raise NoRowError(message)
        found = fills[0]
        fields = [*RUN_FIELDS, "end_time", "fill_number"]
        runs = oms.runs(where=f"fill_number = {found['fill_number']}", fields=fields)
    if given.format is not None or given.output is not None:
        write(runs, given)
        return
    width = prose_width()
    lines = [*wrapped(_head(found), width), *facts(dict(_body(found)), width), ""]
    show([Line(line) for line in lines])
    if not len(runs):
        show([Line("CMS has no run in this fill.", "note")])
        return
    going = [r["run_number"] for r in runs if r["end_time"] is None]
    write(runs[list(RUN_FIELDS)], given, named=",".join(RUN_FIELDS), totals=True)
    for run in going:
        show([Line(f"Run {run} is going on.", "note")])


def _head(found: dict[str, Any]) -> str:
    start, end = found["start_time"], found["end_time"]
    what = " ".join(filter(None, (found["fill_type_runtime"], found["era"])))
    text = f"Fill {found['fill_number']}"
    text += f" ({what})" if what else ""
    if start is None:
        return f"{text} has no start."
    text += f": {start:%Y-%m-%d %H:%M} UTC"
    if end is None:
        return f"{text}, ONGOING."
    return f"{text} to {end:%Y-%m-%d %H:%M} UTC, {span(end - start)}."


def _body(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    start, end = found["start_stable_beam"], found["end_stable_beam"]
    if start is None:
        yield "stable beams", "none" if found["end_time"] else "not yet"
    elif end is None:
        yield "stable beams", f"since {start:%Y-%m-%d %H:%M:%S} UTC"
    else:
        times = f"{start:%Y-%m-%d %H:%M:%S} to {end:%Y-%m-%d %H:%M:%S} UTC"
        yield "stable beams", f"{times}, {span(end - start)}"
    delivered, recorded = found["delivered_lumi"], found["recorded_lumi"]
    if delivered is not None:
        text = f"{number(delivered)} /pb delivered, {number(recorded)} /pb recorded"
        if delivered and recorded is not None:
            text += f" ({100 * recorded / delivered:.1f} %)"
        yield "luminosity", text
    if found["peak_lumi"] is not None:
        peak = f"{number(found['peak_lumi'])} 10^30 cm^-2 s^-1"
        yield "peak", f"{peak}, pileup {number(found['peak_pileup'])}"
    if found["bunches_colliding"] is not None:
        scheme = found["injection_scheme"] or "scheme not known"
        yield "bunches", f"{found['bunches_colliding']} colliding, {scheme}"
