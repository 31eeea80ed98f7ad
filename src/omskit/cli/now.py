"""``oms now``: is a run on, since when, how does it go."""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omskit.cli.asking import client_for
from omskit.cli.lines import facts, number, span, wrapped
from omskit.cli.options import Output, sharing
from omskit.errors import NoRowError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omskit.client import Client

Facts = dict[str, Any]

RUN = (
    "run_number", "fill_number", "era", "start_time", "end_time", "duration",
    "sequence", "last_lumisection_number", "stable_beam", "delivered_lumi",
    "recorded_lumi", "l1_rate", "hlt_physics_rate", "components_out",
)  # fmt: skip
UNITS = {
    "duration": "s", "delivered_lumi": "/pb", "recorded_lumi": "/pb", "l1_rate": "Hz",
    "hlt_physics_rate": "Hz", "l1_rate_now": "Hz", "init_lumi": "10^30 cm^-2 s^-1",
}  # fmt: skip
NEVER_ON = frozenset({"castor_ready", "zdc_ready"})
"""Flags of detectors that take part in special runs only."""


@sharing(Output)
def now(
    *,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Look again and again; Ctrl-C ends.")
    ] = False,
    every: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.05, help="Between two looks.")
    ] = 23.3,
    given: Output,
) -> None:
    """Is a run on, since when, in which fill, and what is off.

    Luminosity so far and rates are those of the run; pileup, the last rate and the
    flags those of its last lumisection that is over. With --format, one row is written.

    Example: oms now --instance demo
    """
    from omskit.cli.output import prose_width, show, write
    from omskit.table.view import Line

    with client_for(given, audit=False) as oms:
        while True:
            found = look(oms)
            if given.format is not None or given.output is not None:
                write(as_table(found), given)
            else:
                show([Line(line) for line in told(found, prose_width())])
            if not watch:
                return
            time.sleep(every)
            typer.echo("")


def look(oms: Client) -> Facts:
    """What there is to say of the newest run.

    Raises:
        NoRowError: The service has no run.
    """
    runs = oms.runs(last=1, fields=list(RUN))
    if not len(runs):
        message = f"{oms.instance.name} has no run."
        raise NoRowError(message)
    found = runs[0]
    found["ongoing"] = found["end_time"] is None
    run = found["run_number"]
    # Without end_lumi, which is of the row that follows.
    names = [f.name for f in oms.catalogue["lumisections"].fields]
    lumis = oms.lumisections(
        run,
        fields=[name for name in names if name != "end_lumi"],
        sort="-lumisection_number",
        limit=3,
    )
    over = [row for row in lumis if row["cms_active"] is not None]
    last = next(iter(over or lumis), {})
    for name in ("lumisection_number", "pileup", "init_lumi", "prescale_name"):
        found[name] = last.get(name)
    found["cms_active"] = last.get("cms_active")
    flags = {k: v for k, v in last.items() if k.endswith("_ready")}
    found["off"] = [
        name.removesuffix("_ready")
        for name, value in flags.items()
        if value is False and name not in NEVER_ON
    ]
    found["beams_stable"] = last.get("beams_stable")
    rates = oms.l1_rates(
        run,
        sort="-first_lumisection_number",
        limit=2,
        fields=["first_lumisection_number", "l1a_total_rate"],
    )
    found["l1_rate_now"] = next(
        (r["l1a_total_rate"] for r in rates if r["l1a_total_rate"] is not None), None
    )
    return found


def as_table(found: Facts) -> Any:
    """One row of the facts, with their units."""
    import pyarrow as pa

    from omskit.table import Table, with_unit

    arrow = pa.Table.from_pylist([found])
    fields = [with_unit(f, UNITS.get(f.name)) for f in arrow.schema]
    return Table(arrow.cast(pa.schema(fields)), resource="now")


def told(found: Facts, width: int) -> list[str]:
    """The facts in a few lines: what matters most comes first."""
    return [
        *wrapped(_head(found), width),
        *facts(dict(_body(found)), width),
    ]


def _head(found: Facts) -> str:
    run, start = found["run_number"], found["start_time"]
    fill = found["fill_number"]
    in_fill = f", fill {fill}" if fill is not None else ", no fill"
    if not found["ongoing"]:
        end = found["end_time"]
        return (
            f"No run is on. The last, {run}{in_fill}, ended {_clock(end)} after "
            f"{span(end - start)}."
        )
    last = found["lumisection_number"]
    at = f", lumisection {last}" if last is not None else ""
    return f"Run {run} is on since {_clock(start)}{in_fill}{at}."


def _body(found: Facts) -> Iterator[tuple[str, str]]:
    if not found["ongoing"]:
        yield "seen", f"in its last lumisection, {found['lumisection_number']}"
    stable = {True: "stable", False: "not stable", None: "not known"}
    active = {True: "active", False: "NOT active", None: "not known"}
    yield "CMS", active[found["cms_active"]]
    yield "beams", stable[found["beams_stable"]]
    yield "off", ", ".join(found["off"]) or "nothing"
    if found["components_out"]:
        yield "not in the run", ", ".join(found["components_out"])
    delivered, recorded = found["delivered_lumi"], found["recorded_lumi"]
    if delivered:
        share = f" ({100 * recorded / delivered:.1f} %)" if recorded is not None else ""
        taken = f"{number(recorded)} /pb recorded{share}"
        yield "luminosity", f"{number(delivered)} /pb delivered, {taken}"
    else:
        yield "luminosity", "none yet"
    if found["pileup"]:
        lumi = number(found["init_lumi"])
        yield "pileup", f"{number(found['pileup'])}, at {lumi} 10^30 cm^-2 s^-1"
    yield (
        "L1 rate",
        f"{number(found['l1_rate_now'])} Hz last, {number(found['l1_rate'])} Hz mean",
    )
    yield "HLT rate", f"{number(found['hlt_physics_rate'])} Hz mean, physics streams"
    if found["prescale_name"]:
        yield "prescales", str(found["prescale_name"])
    yield "sequence", " ".join(filter(None, (found["sequence"], found["era"])))


def _clock(moment: dt.datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
