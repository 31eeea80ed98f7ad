"""Figures of triggers: rates against pileup, maps of rates, prescales, cross-sections.

They take tables, as ``cube.table(...)`` and ``summary(cube, by_run=True)`` of
`omskit.trigger` give them. The rate against lumisections is `hlt_rates`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from omskit._extras import load
from omskit.errors import NoRowError, UsageError
from omskit.plot.drawing import Drawing, figure_of, small_print
from omskit.plot.rates import Look, Things, largest_of
from omskit.plot.rows import known
from omskit.plot.style import PURPOSE, canvas, cms_label, ink, palette
from omskit.plot.wording import listed, ranges, span_text

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from omskit.plot.style import Label
    from omskit.table import Table

    Floats = NDArray[np.float64]

POINTS = 200
"""Points of a curve."""
GROUPS = 40
"""Lumisections of nearly one pileup are drawn as one point where there are more."""
LEAST = 10
"""So many lumisections of the newest prescale column are drawn at least."""
NUMBERED = 30
"""So many paths have their names on a map."""


class Curve(Protocol):
    """A fit of one path, as `omskit.trigger.PathFit` is."""

    low: float
    high: float
    spread: float

    def rate(self, x: Any) -> tuple[Floats, Floats]:
        """The rate per colliding bunch and its error, Hz."""
        ...


def rate_against_pileup(
    table: Table,
    curve: Curve | None = None,
    *,
    path: str | None = None,
    ax: Any = None,
    label: Label = None,
) -> Drawing:
    """Draw the rate per colliding bunch of a path against pileup, with fit and pulls.

    Lumisections of nearly one pileup are added up: their counts over their exposure.
    Beyond the range of its data a fit is dashed; its band is three errors and the
    spread.

    Args:
        table: ``cube.table("counts", "exposure", "pileup")``.
        curve: The fit of the path, e.g. ``fit["HLT_Mu50"]``; none draws points alone.
        path: Which path, where the table has several.
        ax: Where to draw: two axes with a curve, one without; new ones by default.
        label: As in `per_lumisection`.

    Raises:
        NoRowError: The table has no such path, or no number of it.
        UsageError: The table has several paths, and none was named.
        UnknownFieldError: The table lacks a column.
        MissingExtraError: matplotlib or mplhep is not installed.
    """
    name, x, counts, exposure = _of_path(table, path)
    panels = 1 if curve is None else 2
    with canvas(ax, rows=panels, size=(9.0, 5.0 + 2.0 * (panels - 1))) as axes:
        points = axes[0].errorbar(
            x,
            counts / exposure,
            # A point without counts has an error, too.
            np.sqrt(np.maximum(counts, 1.0)) / exposure,
            fmt="o",
            markersize=3,
            color=ink(axes[0]),
            label=name,
        )
        lines: dict[str, Artist] = {name: points.lines[0]}
        if curve is not None:
            lines |= _draw_curve(axes, curve, x, counts, exposure)
        axes[0].set_ylabel("Rate per colliding bunch (Hz)")
        axes[-1].set_xlabel("Pileup (80 mb)")
        axes[0].legend(loc="upper left", frameon=False)
        cms_label(axes[0], table, label)
        told = _runs(table)
        if curve is not None:
            told.append("band: 3 errors of the fit; pull: deviation in errors")
        small_print(axes[-1], told)
    return Drawing(figure_of(axes), axes, lines, (), tuple(told))


def _runs(table: Table) -> list[str]:
    """Which runs the rows are of, where the table says it."""
    if "run_number" not in table.columns:
        return []
    runs = sorted(set(known(table, "run_number").to_pylist()))
    word = "run" if len(runs) == 1 else "runs"
    return [f"{word} {listed([str(run) for run in runs])}"]


def _of_path(table: Table, path: str | None) -> tuple[str, Floats, Floats, Floats]:
    """One path of a table: its name, and pileup, counts and exposure of its points."""
    names = known(table, "path").cast(pa.string())
    there = sorted(set(names.to_pylist()))
    if path is None and len(there) != 1:
        message = f"The table has {len(there)} paths: say which, path={there[:1]!r}."
        raise UsageError(message)
    chosen = there[0] if path is None else path
    if chosen not in there:
        message = f"The table has no path {chosen!r}. It has: {', '.join(there[:8])}."
        raise NoRowError(message)
    here = pc.equal(names, chosen)
    x, n, e = (
        known(table, name).filter(here).cast(pa.float64()).to_numpy()
        for name in ("pileup", "counts", "exposure")
    )
    usable = np.isfinite(x) & np.isfinite(n) & (e > 0)
    if not usable.any():
        message = f"{chosen} has no lumisection with counts, exposure and pileup."
        raise NoRowError(message)
    return chosen, *_added_up(x[usable], n[usable], e[usable])


def _added_up(x: Floats, n: Floats, e: Floats) -> tuple[Floats, Floats, Floats]:
    """Neighbours in x added up, at most `GROUPS` of them."""
    if x.size <= 2 * GROUPS:
        return x, n, e
    width = max(float(np.ptp(x)), 1e-12) / GROUPS
    group = np.minimum((x - x.min()) / width, GROUPS - 1).astype(np.int64)
    counts, total, mean = (
        np.bincount(group, v, GROUPS).astype(np.float64) for v in (n, e, e * x)
    )
    some = total > 0
    return mean[some] / total[some], counts[some], total[some]


def _draw_curve(
    axes: tuple[Axes, ...], curve: Curve, x: Floats, counts: Floats, exposure: Floats
) -> dict[str, Artist]:
    at = np.linspace(min(x.min(), curve.low), max(x.max(), curve.high), POINTS)
    value, wrong = curve.rate(at)
    inside = (at >= curve.low) & (at <= curve.high)
    band = 3 * np.sqrt(wrong**2 + (curve.spread * value) ** 2)
    color = palette(axes[0])[0]
    axes[0].fill_between(at, value - band, value + band, color=color, alpha=0.25)
    axes[0].plot(at, value, color=color, linestyle="--", linewidth=1.2)
    (line,) = axes[0].plot(
        at[inside], value[inside], color=color, linewidth=1.6, label=_fit_name(curve)
    )
    mean = np.maximum(curve.rate(x)[0] * exposure, 1e-12)
    pulls = (counts - mean) / np.sqrt(mean + (curve.spread * mean) ** 2)
    axes[1].axhline(0, color=color, linewidth=1.2)
    axes[1].plot(x, pulls, "o", markersize=3, color=ink(axes[1]))
    most = max(4.0, float(np.abs(pulls).max()) * 1.1)
    axes[1].set_ylim(-most, most)
    axes[1].set_ylabel("Pull")
    return {"fit": line}


def _fit_name(curve: Curve) -> str:
    """What the legend says of a fit: its family, where it has one."""
    family = getattr(curve, "family", "")
    return f"fit ({family})" if family else "fit"


def rate_map(
    table: Table, column: str = "rate", *, ax: Axes | None = None, label: Label = None
) -> Drawing:
    """Draw a quantity of all paths as a map: lumisections across, paths up.

    The colour is logarithmic; 0 and null are white and grey.

    Args:
        table: ``cube.table("rate")`` of one run.
        column: What to draw.
        ax: Where to draw; a new figure by default.
        label: As in `per_lumisection`.

    Raises:
        UnknownFieldError: The table lacks the column.
        UsageError: The table is not of one run.
        NoRowError: No number is above zero.
        MissingExtraError: matplotlib or mplhep is not installed.
    """
    runs = set(known(table, "run_number").to_pylist())
    if len(runs) != 1:
        message = f"A map is of one run; this table has {len(runs)}."
        raise UsageError(message)
    numbers = known(table, "lumisection_number").to_numpy()
    encoded = known(table, "path").cast(pa.string()).combine_chunks()
    encoded = encoded.dictionary_encode()
    names = encoded.dictionary.to_pylist()
    first = int(numbers.min())
    grid = np.full((len(names), int(numbers.max()) - first + 1), np.nan)
    values = known(table, column).cast(pa.float64()).to_numpy()
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    grid[codes, numbers - first] = values
    if not (grid > 0).any():
        message = f"No {column} is above zero: there is nothing to draw."
        raise NoRowError(message)
    colors = load("matplotlib.colors", PURPOSE)
    pyplot = load("matplotlib.pyplot", PURPOSE)
    scale = colors.LogNorm(grid[grid > 0].min(), np.nanmax(grid))
    cmap = pyplot.get_cmap("viridis").with_extremes(bad="#d8d8d8", under="white")
    # A logarithm has no 0: masked, it would look like a null.
    shades = np.where(grid == 0, float(scale.vmin) / 2, grid)
    height = 3.0 + 0.18 * min(len(names), 60)
    with canvas(ax, size=(11.0, height)) as axes:
        edges = np.arange(first, first + grid.shape[1] + 1) - 0.5
        image = axes[0].pcolormesh(
            edges, np.arange(len(names) + 1) - 0.5, shades, norm=scale, cmap=cmap
        )
        axes[0].figure.colorbar(image, ax=axes[0], label=_named(table, column))
        step = -(-len(names) // NUMBERED)
        axes[0].set_yticks(range(0, len(names), step), names[::step], fontsize=9)
        axes[0].minorticks_off()
        axes[0].set_xlabel(f"Lumisection of run {runs.pop()}")
        cms_label(axes[0], table, label)
        told = _shades(grid, names, step)
        small_print(axes[0], told)
    return Drawing(figure_of(axes), axes, {column: image}, (), told)


def _shades(grid: Floats, names: list[str], step: int) -> tuple[str, ...]:
    """What grey and white stand for, and which paths are grey all along."""
    told = ["white: 0"] if (grid == 0).any() else []
    if np.isnan(grid).any():
        told.append("grey: no number")
    dark = [n for n, row in zip(names, grid, strict=True) if np.isnan(row).all()]
    if dark:
        told.append(f"no number at all: {listed(dark, most=3)}")
    if step > 1:
        told.append(f"{len(names)} paths in order of their names, 1 of {step} is named")
    return tuple(told)


def _named(table: Table, column: str) -> str:
    unit = table.units.get(column)
    return f"{column} ({unit})" if unit else column


def prescales(
    table: Table, *, largest: int = 6, ax: Axes | None = None, label: Label = None
) -> Drawing:
    """Draw the prescale of paths against lumisections; a path that is off has a gap.

    Args:
        table: ``cube.table("prescale")``, or the changes of `omskit.trigger.prescales`.
            These do not say where the run ends: the newest column is drawn a tenth
            further.
        largest: How many paths to draw at most, by their mean.
        ax: Where to draw; a new figure by default.
        label: As in `per_lumisection`.

    Raises:
        UnknownFieldError: The table lacks the prescale.
        MissingExtraError: matplotlib or mplhep is not installed.
    """
    changes = "first_lumisection_number" in table.columns
    rows = _of_changes(table) if changes else table
    told = _off(rows) if "status" in rows.columns else ()
    things = Things(
        "path", "paths", largest, "prescale", log=True, equal=True, notes=told
    )
    return largest_of(rows, things, Look(ax, label=label))


def _off(table: Table) -> tuple[str, ...]:
    """Where paths are off, as a gap alone does not say why."""
    off = pc.equal(known(table, "status").cast(pa.string()), "off")
    number = known(table, "lumisection_number").filter(off).to_numpy()
    paths = np.array(known(table, "path").cast(pa.string()).filter(off).to_pylist())
    said = []
    for path in dict.fromkeys(paths.tolist()):
        here = np.unique(number[paths == path]).tolist()
        spans = [span_text(a, b) for a, b in ranges(here)]
        said.append(f"{path} in {listed(spans, most=3)}")
    return (f"off: {listed(said, most=3)}",) if said else ()


def _of_changes(table: Table) -> Table:
    """A row for each lumisection of a table that has one for each change."""
    starts = known(table, "first_lumisection_number").cast(pa.int64()).to_numpy()
    paths = np.array(known(table, "path_name").to_pylist(), dtype=object)
    edges = np.unique(starts)
    end = edges[-1] + max(int(edges[-1] - edges[0]) // 10, LEAST)
    index, numbers = [], []
    for path in dict.fromkeys(paths):
        rows = np.flatnonzero(paths == path)
        rows = rows[np.argsort(starts[rows], kind="stable")]
        lengths = np.diff(np.append(starts[rows], end))
        index.append(np.repeat(rows, lengths))
        numbers.append(np.arange(starts[rows][0], end))
    chosen = table.arrow.take(pa.array(np.concatenate(index)))
    at = chosen.schema.get_field_index("first_lumisection_number")
    every = pa.array(np.concatenate(numbers))
    rows = chosen.set_column(at, "lumisection_number", every)
    return table.part(rows, warnings=table.notes)


def cross_sections(
    table: Table, *, ax: Axes | None = None, label: Label = None
) -> Drawing:
    """Draw the cross-section of paths run by run, relative to their mean.

    Args:
        table: ``summary(cube, by_run=True)`` of `omskit.trigger`.
        ax: Where to draw; a new figure by default.
        label: As in `per_lumisection`.

    Raises:
        UnknownFieldError: The table lacks a column.
        NoRowError: No run has a cross-section.
        MissingExtraError: matplotlib or mplhep is not installed.
    """
    runs = known(table, "run_number").cast(pa.float64()).to_numpy()
    value, error = (
        known(table, name).cast(pa.float64()).to_numpy()
        for name in ("cross_section", "cross_section_error")
    )
    names = np.array(known(table, "path").to_pylist(), dtype=object)
    usable = np.isfinite(runs) & (value > 0) & (error > 0)
    if not usable.any():
        message = "No run has a cross-section: take summary(cube, by_run=True)."
        raise NoRowError(message)
    order = sorted(set(runs[usable].astype(int).tolist()))
    lines: dict[str, Artist] = {}
    with canvas(ax) as axes:
        colours = palette(axes[0])
        drawn = list(dict.fromkeys(names[usable]))
        for index, name in enumerate(drawn):
            here = usable & (names == name)
            weight = 1 / error[here] ** 2
            mean = float((weight * value[here]).sum() / weight.sum())
            # Beside each other, as points of a run would cover each other.
            aside = 0.1 * (index - (len(drawn) - 1) / 2)
            x = [order.index(int(run)) + aside for run in runs[here]]
            points = axes[0].errorbar(
                x,
                value[here] / mean,
                error[here] / mean,
                fmt="o",
                color=colours[index % len(colours)],
                label=f"{name}: {mean:.4g} ub",
            )
            lines[name] = points.lines[0]
        axes[0].axhline(1, color=ink(axes[0]), linewidth=0.9, linestyle="--")
        axes[0].set_xticks(range(len(order)), [str(r) for r in order], rotation=90)
        axes[0].set_xlabel("Run")
        axes[0].set_ylabel("Cross-section / mean")
        axes[0].legend(loc="best", frameon=True, edgecolor="none")
        cms_label(axes[0], table, label)
    return Drawing(figure_of(axes), axes, lines)
