"""A mask as a notebook shows it."""

from __future__ import annotations

import html
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from omskit.table.html import STYLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omskit.lumi.lumiset import LumiSet

RUNS = 10
"""Runs at either end of the view."""
RANGES = 8
"""Ranges of one run that are spelt out."""


def html_of(mask: LumiSet, notes: tuple[str, ...]) -> Iterator[str]:
    """The HTML view: how much there is, notes, ranges of the first and last runs."""
    runs = mask.runs.tolist()
    many = "1 run" if len(runs) == 1 else f"{len(runs)} runs"
    size = "ranges without an end" if mask.is_open else f"{len(mask)} lumisections"
    yield f'<div class="omskit-table">{STYLE}<p><strong>LumiMask</strong>: '
    yield f"{size} of {many}</p>"
    if mask.has_known:
        known = mask.known
        yield "<p>Known: "
        yield "ranges without an end" if known.is_open else f"{len(known)} lumisections"
        yield "; of others it says neither good nor bad.</p>"
    if notes:
        yield "<ul>" + "".join(f"<li>{html.escape(n)}</li>" for n in notes)
        yield "</ul>"
    yield "<table><thead><tr><th>run</th><th>lumisections</th><th>ranges</th></tr>"
    yield "</thead><tbody>"
    shown = runs if len(runs) <= 2 * RUNS else [*runs[:RUNS], *runs[-RUNS:]]
    kept = mask.restrict(shown).ranges() if shown else ()
    for at, (run, ranges) in enumerate(groupby(kept, itemgetter(0))):
        if at == RUNS and len(shown) < len(runs):
            hidden = len(runs) - len(shown)
            yield f'<tr><td colspan="3"><em>{hidden} runs not shown</em></td></tr>'
        yield _row(run, [(first, last) for _, first, last in ranges])
    yield "</tbody></table></div>"


def _row(run: int, ranges: list[tuple[int, int | None]]) -> str:
    count = sum(0 if last is None else last - first + 1 for first, last in ranges)
    size = "to the end" if ranges[-1][1] is None else str(count)
    told = [_range(first, last) for first, last in ranges[:RANGES]]
    if len(ranges) > RANGES:
        told.append(f"{len(ranges) - RANGES} more")
    return f"<tr><td>{run}</td><td>{size}</td><td>{', '.join(told)}</td></tr>"


def _range(first: int, last: int | None) -> str:
    if last is None:
        return f"from {first}"
    return str(first) if first == last else f"{first}\N{EN DASH}{last}"
