"""Where flags are not on, and where certification files differ from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from omskit.lumi import LumiMask, dcs_mask, luminosity, why_differ
from omskit.reports.model import WATCHED, Gap, MaskAgreement, Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Literal

    from omskit.table import Table

LUMI = ("delivered_lumi_per_lumisection", "recorded_lumi_per_lumisection")
REASONS = 6
"""Groups of reasons that a report names."""


def spans_of(lumisections: Table) -> tuple[Span, ...]:
    """The watched flags that are off or unknown somewhere, and where.

    A flag that is null in every lumisection of a run (a part that was not there) is
    unknown in all of it. Cost: O(rows x flags).
    """
    found: list[Span] = []
    for flag in WATCHED:
        if flag not in lumisections.columns:
            continue
        column = lumisections.arrow[flag].cast(pa.bool_())
        known = np.asarray(column.is_valid()).astype(bool)
        true = np.asarray(column.fill_null(pa.scalar(value=False))).astype(bool)
        found += _span(lumisections, flag, "off", known & ~true)
        found += _span(lumisections, flag, "unknown", ~known)
    return tuple(found)


def _span(
    table: Table,
    flag: str,
    state: Literal["off", "unknown"],
    which: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
) -> Iterator[Span]:
    if which.any():
        places = pairs_of(table)[which]
        yield Span(flag, state, gaps_of(LumiMask.from_pairs(places)), int(which.sum()))


def pairs_of(table: Table) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Run and lumisection of each row, shape (n, 2)."""
    runs = table.arrow["run_number"].to_numpy()
    return np.column_stack((runs, table.arrow["lumisection_number"].to_numpy()))


def gaps_of(mask: LumiMask) -> tuple[Gap, ...]:
    """The ranges of a mask that has ends."""
    return tuple((run, first, last or first) for run, first, last in mask.ranges())


def agreements_of(
    lumisections: Table, masks: Mapping[str, LumiMask]
) -> tuple[MaskAgreement, ...]:
    """Each certification file beside the flags, for the lumisections in the table."""
    return tuple(_agreement(lumisections, n, mask) for n, mask in masks.items())


def _agreement(lumisections: Table, name: str, mask: LumiMask) -> MaskAgreement:
    held = LumiMask.from_pairs(pairs_of(lumisections))
    own = mask.restrict(held.runs.tolist()).good
    if own.is_open:
        own = own.close(lumisections).good
    inside = own & held
    flags = [flag for flag in WATCHED if flag in lumisections.columns]
    groups = why_differ(
        dcs_mask(lumisections, flags).good,
        own,
        lumisections,
        names=("all flags on", name),
    )
    reasons = [str(group) for group in groups[:REASONS]]
    if len(groups) > REASONS:
        reasons.append(f"and {len(groups) - REASONS} more groups")
    recorded = None
    if inside and all(column in lumisections.columns for column in LUMI):
        recorded = luminosity(inside, lumisections).recorded
    return MaskAgreement(
        name, len(inside), len(held - inside), recorded, tuple(reasons)
    )
