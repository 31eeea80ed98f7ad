"""The words on a figure: units, axis titles, lists of lumisections."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from omskit.errors import (
    Remedy,
    UnitError,
)
from omskit.schema import bundled

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from omskit.table import Table

QUANTITIES = {
    "Hz": "Rate",
    "/pb": "Integrated luminosity",
    "10^30 cm^-2 s^-1": "Instantaneous luminosity",
    "%": "Percentage",
    "s": "Time",
}
"""What a column in that unit measures."""

RATES = {
    "hltpathrates": {"rate": "HLT rate after prescales"},
    "hltpathinfo": {"rate": "HLT rate after prescales"},
    "l1algorithmtriggers": {
        "pre_dt_before_prescale_rate": "L1 rate before prescale and deadtime",
        "pre_dt_rate": "L1 rate after prescale, before deadtime",
        "post_dt_rate": "L1 rate after prescale and deadtime",
        "post_dt_hlt_rate": "L1 rate after deadtime, as the HLT counts",
    },
    "l1triggerrates": {
        "l1a_total_rate": "L1 accept rate",
        "l1a_physics_rate": "L1 accept rate",
        "l1a_calibration_rate": "L1 accept rate",
        "l1a_random_rate": "L1 accept rate",
        "total_before_deadtime_rate": "L1 rate before deadtime",
        "trigger_physics_lost_rate": "L1 rate lost to deadtime",
        "trigger_physics_lost_beam_active_rate": "L1 rate lost to deadtime",
        "trigger_physics_lost_beam_inactive_rate": "L1 rate lost to deadtime",
    },
}
"""Which kind of rate a column has: before or after prescale and deadtime."""

NAMES = {
    "pileup": "Pileup (interactions per crossing)",
    "prescale_index": "Prescale column",
}
"""Axis titles of columns without a unit, where OMS's own name would puzzle."""


LEGEND = {
    "cms_active": "CMS active",
    "beams_stable": "beams stable",
    "physics_flag": "physics declared",
    "init_lumi": "luminosity at the start",
    "end_lumi": "luminosity at the end",
    "delivered_lumi_per_lumisection": "delivered",
    "recorded_lumi_per_lumisection": "recorded",
    "delivered_lumi": "delivered in the fill so far",
    "recorded_lumi": "recorded in the fill so far",
    "prescale_index": "prescale column",
}
"""Columns in the words of a legend."""


def in_words(name: str) -> str:
    """A column as a legend calls it; its own name where there is no better one.

    Example:
        >>> in_words("cms_active"), in_words("bpix_ready"), in_words("mine")
        ('CMS active', 'barrel pixel on', 'mine')
    """
    if name in LEGEND:
        return LEGEND[name]
    field = bundled()["lumisections"].get(name)
    if field is not None and name.endswith("_ready"):
        title = field.title or ""
        part = title.partition(": ")[2].partition(";")[0]
        return f"{part} on" if part else name
    return name


def unit_text(unit: str) -> str:
    r"""A unit as matplotlib should write it.

    Example:
        >>> unit_text("/pb"), unit_text("Hz")
        ('$\\mathregular{pb^{-1}}$', 'Hz')
        >>> unit_text("10^30 cm^-2 s^-1")
        '$\\mathregular{10^{30}\\,cm^{-2}\\,s^{-1}}$'
    """
    text = re.sub(r"^/(.*)$", r"\1^-1", unit)
    text = re.sub(r"^u(?=b|rad)", "\N{MICRO SIGN}", text)
    if "^" not in text:
        return text
    # \mathregular is the font of the words beside it, whatever the settings later.
    powers = re.sub(r"\^(-?\d+)", r"^{\1}", text).replace(" ", r"\,")
    return rf"$\mathregular{{{powers}}}$"


def y_label(table: Table, columns: Sequence[str]) -> str:
    """The title of the axis that shows these columns, with their unit.

    Raises:
        UnitError: They are in different units, which one axis cannot show.
    """
    units = {name: table.units[name] for name in columns}
    if len(set(units.values())) > 1:
        listed = ", ".join(f"{n} in {u or 'no unit'}" for n, u in units.items())
        message = f"One axis cannot show columns in different units: {listed}."
        what = "Try one figure for each unit,"
        raise UnitError(
            message,
            remedy=Remedy(
                f"{what} on axes of your own (ax=).", f"{what} with --fields."
            ),
        )
    unit = units[columns[0]]
    one = columns[0] if len(columns) == 1 else ""
    if unit is None:
        return NAMES.get(one, one or "Value") + _unknown(table, columns)
    quantity = QUANTITIES.get(unit, one or "Value")
    known = RATES.get(table.resource, {})
    kinds = {known.get(name, quantity) for name in columns}
    if known and all(name in known for name in columns):
        # In the order of the columns: accepted, and lost to deadtime.
        quantity = ", ".join(dict.fromkeys(known[name] for name in columns))
    elif len(kinds) == 1:
        quantity = kinds.pop()
    return f"{quantity} ({unit_text(unit)})"


def _unknown(table: Table, columns: Sequence[str]) -> str:
    """A remark for columns which have a unit at OMS, only that it was not learnt."""
    catalogue = bundled()
    if table.resource not in catalogue:
        return ""
    fields = (catalogue[table.resource].get(name) for name in columns)
    return " (unit unknown)" if any(f and f.unit for f in fields) else ""


def x_label(runs: Sequence[int]) -> str:
    """The title of the lumisection axis.

    Example:
        >>> x_label([297050]), x_label([297056, 297050])
        ('Lumisection of run 297050', 'Lumisection, runs 297050 to 297056 in turn')
    """
    if not runs:
        return "Lumisection"
    if len(runs) == 1:
        return f"Lumisection of run {runs[0]}"
    return f"Lumisection, runs {min(runs)} to {max(runs)} in turn"


def ranges(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Whole numbers as ranges, both ends included.

    Example:
        >>> ranges([3, 1, 2, 7])
        [(1, 3), (7, 7)]
    """
    found: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def listed(spans: Sequence[str], *, most: int = 8) -> str:
    """A list which fits under a figure and says how much it leaves out.

    Example:
        >>> listed(["1", "3-4", "9"], most=2)
        '1, 3-4 and 1 more'
    """
    rest = len(spans) - most
    shown = ", ".join(spans[:most])
    return f"{shown} and {rest} more" if rest > 0 else shown


def span_text(first: int, last: int, run: int | None = None) -> str:
    """One range of lumisections, with its run where there are several.

    Example:
        >>> span_text(4, 4), span_text(4, 6, 297050)
        ('4', '297050:4-6')
    """
    text = str(first) if first == last else f"{first}-{last}"
    return text if run is None else f"{run}:{text}"
