"""Is a flag of OMS the same as a certification mask, lumisection by lumisection?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from omskit.errors import UsageError
from omskit.lumi.dcs import DcsCheck
from omskit.plot.drawing import Drawing, figure_of, finish
from omskit.plot.rows import OFF, ON, UNKNOWN, known, one_row_each, place_rows, states
from omskit.plot.strips import DIFFERENCE, FULL, draw_strip
from omskit.plot.style import canvas
from omskit.plot.wording import listed, ranges, span_text
from omskit.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from omskit.plot.rows import Rows
    from omskit.plot.strips import FlagStrip
    from omskit.plot.style import Label

HEIGHTS = ((0.6, 0.82), (0.33, 0.55), (0.06, 0.28))
"""Where the flag, the mask and their difference lie, as fractions of the height."""


@dataclass(frozen=True, slots=True, eq=False)
class _Compared:
    flag: NDArray[np.int8]
    mask: NDArray[np.int8]
    differ: NDArray[np.bool_]
    unknown: NDArray[np.bool_]


def dcs_comparison(
    table: Table | DcsCheck,
    dcs: Any = "in_mask",
    *,
    flag: str = "cms_active",
    dcs_label: str = "DCS-only",
    ax: Axes | None = None,
    label: Label = None,
) -> Drawing:
    """Draw a flag over a mask, and mark the lumisections where they differ.

    Args:
        table: What ``client.dcs_check(run, mask)`` gave; or rows of ``lumisections``
            with ``run_number`` and the flag.
        dcs: Nothing for the former. For the latter a `LumiMask` or anything with
            ``contains(runs, lumisections)``; the name of a boolean column of the table;
            or one flag per row of it.
        flag: The column to compare. Where it is null, nothing is compared.
        dcs_label: The name of the mask in the figure.
        ax: Where to draw; a new figure by default.
        label: As in `per_lumisection`.

    Returns:
        The strips are the flag, the mask and, last, "different": on in it means that
        the two differ, unknown that there was nothing to compare.

    Raises:
        UnknownFieldError: The table has no such column; the message names the nearest.
        UsageError: There are no flags, or several rows cover one lumisection.
        MissingExtraError: matplotlib or mplhep is not installed.
    """
    extra: list[str] = []
    if isinstance(table, DcsCheck):
        table, extra = _from_check(table, dcs_label)
    rows = place_rows(table)
    one_row_each(rows, table)
    found = states(known(table, flag), f"Column {flag!r}")[rows.order]
    mask = _mask_states(table, dcs, rows)
    unknown = (found == UNKNOWN) | (mask == UNKNOWN)
    compared = _Compared(found, mask, (found != mask) & ~unknown, unknown)
    with canvas(ax, size=(11.0, 4.4)) as axes:
        strips = _strips(axes[0], rows, compared, (flag, dcs_label))
        _name_strips(axes[0], strips)
        told = finish(
            axes,
            table,
            rows,
            label=label,
            notes=[*_notes(rows, compared), *extra],
            legend=False,
        )
    return Drawing(figure_of(axes), axes, {}, strips, told)


def _from_check(check: DcsCheck, dcs_label: str) -> tuple[Table, list[str]]:
    """The rows of a check with their run, and what it knows beyond them."""
    runs = pa.array([check.run] * len(check.table), pa.int64())
    of = check.table
    table = Table(
        of.arrow.append_column("run_number", runs),
        resource=of.resource,
        complete=of.complete,
        warnings=of.warnings,
        gaps=of.gaps,
        receipt=of.receipt,
    )
    only = [span_text(first, last) for first, last in ranges(check.missing)]
    return table, [f"only in {dcs_label}: {listed(only)}"] if only else []


def _mask_states(table: Table, dcs: Any, rows: Rows) -> NDArray[np.int8]:
    """The mask's answer for each row, in the order of the rows."""
    if isinstance(dcs, str):
        return states(known(table, dcs), f"Column {dcs!r}")[rows.order]
    if hasattr(dcs, "contains"):
        known(table, "run_number")
        runs = np.asarray(rows.layout.runs, dtype=np.int64)[rows.run]
        return states(np.asarray(dcs.contains(runs, rows.first)), "The mask")
    found = states(dcs, "The mask")
    if found.size != len(table):
        message = (
            f"The mask has {found.size} flags and the table {len(table)} rows; there "
            "must be one for each. Try a LumiMask, which looks runs and "
            "lumisections up."
        )
        raise UsageError(message)
    return found[rows.order]


def _strips(
    ax: Axes, rows: Rows, compared: _Compared, names: tuple[str, str]
) -> tuple[FlagStrip, ...]:
    edges = (rows.left, rows.right)
    different = np.where(compared.differ, ON, OFF).astype(np.int8)
    different[compared.unknown] = UNKNOWN
    drawn = (
        (compared.flag, names[0], FULL),
        (compared.mask, names[1], FULL),
        (different, "different", DIFFERENCE),
    )
    return tuple(
        draw_strip(ax, edges, found, name, height, look=look)
        for (found, name, look), height in zip(drawn, HEIGHTS, strict=True)
    )


def _name_strips(ax: Axes, strips: tuple[FlagStrip, ...]) -> None:
    """Names and counts on the left, colours in a legend above."""
    flag, mask, different = strips
    centres = [(low + high) / 2 for low, high in HEIGHTS]
    names = [f"{strip.label}\n{_counts(strip)}" for strip in (flag, mask)]
    names.append(f"{different.label}\n{different.counts.get('on', 0)} LS")
    ax.set_ylim(0, 1)
    ax.set_yticks(centres, names)
    ax.set_yticks([], minor=True)
    ax.tick_params(axis="y", length=0)
    colours = {**mask.artists, **flag.artists}
    if "on" in different.artists:
        colours["different"] = different.artists["on"]
    ax.legend(
        [colours[word] for word in colours],
        list(colours),
        loc="upper right",
        ncols=max(len(colours), 1),
        borderaxespad=0.2,
    )


def _counts(strip: FlagStrip) -> str:
    return ", ".join(f"{count} {word}" for word, count in strip.counts.items())


def _notes(rows: Rows, compared: _Compared) -> list[str]:
    count = int(compared.differ.sum())
    if count:
        where = listed(rows.spans(compared.differ), most=12)
        notes = [f"{count} of {len(rows)} lumisections differ: {where}"]
    else:
        notes = [f"no difference in {len(rows)} lumisections"]
    if compared.unknown.any():
        notes.append(f"{int(compared.unknown.sum())} not compared (flag unknown)")
    return notes
