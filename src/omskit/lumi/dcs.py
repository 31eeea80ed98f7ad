"""Is ``cms_active`` the same as the DCS-only certification file?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from omskit.errors import MaskError, NoRowError, Remedy
from omskit.query import MaskLike
from omskit.table import Table
from omskit.table.shown import Told

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST_RUN = 2**14
"""Lumisections looked at in the mask; the longest run seen ends at 5077 (SCHEMA, 2)."""


@dataclass(frozen=True, slots=True)
class DcsCheck(Told):
    """``cms_active`` of a run beside a lumisection mask.

    Attributes:
        run: The run.
        table: One row per lumisection: lumisection_number, cms_active, in_mask.
        differing: Lumisections where the two differ.
        unknown: Lumisections whose cms_active OMS does not know.
        missing: Lumisections that the mask has and OMS has not.
    """

    run: int
    table: Table
    differing: tuple[int, ...]
    unknown: tuple[int, ...]
    missing: tuple[int, ...]

    @property
    def agree(self) -> bool:
        """The two say the same of every lumisection."""
        return not (self.differing or self.unknown or self.missing)

    @property
    def active(self) -> int:
        """Lumisections with cms_active true."""
        return int(self.table["cms_active"].sum() or 0)

    @property
    def in_mask(self) -> int:
        """Lumisections of OMS that are in the mask."""
        return int(self.table["in_mask"].sum() or 0)

    def __str__(self) -> str:
        """One line for humans."""
        head = (
            f"Run {self.run}: {len(self.table)} lumisections, {self.active} with "
            f"cms_active, {self.in_mask} in the mask"
        )
        if self.agree:
            return f"{head}: they agree."
        parts = [
            f"{len(found)} {what} ({_listed(found)})"
            for found, what in (
                (self.differing, "differ"),
                (self.unknown, "without cms_active"),
                (self.missing, "only in the mask"),
            )
            if found
        ]
        return f"{head}: {', '.join(parts)}."


def _listed(numbers: tuple[int, ...]) -> str:
    shown = " ".join(map(str, numbers[:8]))
    return shown if len(numbers) <= 8 else f"{shown} ..."


def compare_dcs(table: Table, mask: MaskLike, run: int) -> DcsCheck:
    """Hold ``cms_active`` against *mask*, lumisection by lumisection.

    Args:
        table: Of `lumisections`, with lumisection_number and cms_active of one run.

    Raises:
        MaskError: The mask cannot be asked.
        NoRowError: There is no lumisection to compare: is this the right run?
    """
    given: object = mask
    if not isinstance(given, MaskLike):
        message = f"dcs_check() needs a LumiMask, not {type(given).__name__}."
        remedy = Remedy("Give its path, or omskit.read_mask(path).", "Give its file.")
        raise MaskError(message, remedy=remedy)
    if not len(table):
        # "They agree" of nothing would be a yes to a run that was mistyped.
        message = (
            f"There is no lumisection of run {run}, so nothing can be compared with "
            "the mask. Is the number right?"
        )
        raise NoRowError(message)
    numbers = table["lumisection_number"].to_numpy()
    active = table["cms_active"].combine_chunks()
    held = np.asarray(mask.contains(np.full(len(numbers), run), numbers), bool)
    known = np.asarray(pc.is_valid(active))
    on = np.asarray(pc.fill_null(active, fill_value=False))
    span = np.arange(1, LONGEST_RUN)
    wanted = span[np.asarray(mask.contains(np.full(len(span), run), span), bool)]
    if wanted.size and wanted[-1] == span[-1]:
        # An open end, as in {"297050": [[1, 0]]}: it ends where the run does.
        wanted = wanted[wanted <= numbers.max()]
    rows = pa.table(
        {"lumisection_number": numbers, "cms_active": active, "in_mask": held}
    )
    return DcsCheck(
        run=run,
        table=Table(
            rows,
            resource="dcs_check",
            complete=table.complete,
            warnings=table.warnings,
            gaps=table.gaps,
            receipt=table.receipt,
        ),
        differing=_plain(numbers[known & (on != held)]),
        unknown=_plain(numbers[~known]),
        missing=_plain(np.setdiff1d(wanted, numbers)),
    )


def _plain(numbers: Iterable[int]) -> tuple[int, ...]:
    return tuple(int(n) for n in numbers)
