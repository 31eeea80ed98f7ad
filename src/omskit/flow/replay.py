"""Asking again what a receipt says was asked, and telling what is different."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from omskit.effects import Compute
from omskit.errors import UsageError
from omskit.flow.fetch import fetch
from omskit.query.stored import read_query
from omskit.table.fingerprint import Difference, difference

if TYPE_CHECKING:
    from collections.abc import Callable

    from omskit.effects import Flow
    from omskit.flow.context import Context
    from omskit.table import Table
    from omskit.table.receipt import Receipt


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of asking again.

    Attributes:
        before: The receipt.
        table: What the service says now.
        identity: The columns by which rows are named; empty: by their digests.
        added, removed, changed: Rows, each by its identity.
        columns_added, columns_removed: Names; columns that came later are not compared.
    """

    before: Receipt = field(repr=False)
    table: Table = field(repr=False, compare=False)
    identity: tuple[str, ...]
    added: tuple[tuple[Any, ...], ...]
    removed: tuple[tuple[Any, ...], ...]
    changed: tuple[tuple[Any, ...], ...]
    columns_added: tuple[str, ...] = ()
    columns_removed: tuple[str, ...] = ()

    @property
    def total_before(self) -> int:
        """How many rows matched then."""
        return self.before.total

    @property
    def total_after(self) -> int:
        """How many rows match now."""
        return self.table.receipt.total if self.table.receipt else len(self.table)

    @property
    def service_before(self) -> str | None:
        """What the service said then that it is."""
        return self.before.service_version

    @property
    def service_after(self) -> str | None:
        """What the service says now that it is."""
        return self.table.receipt.service_version if self.table.receipt else None

    @property
    def service_changed(self) -> bool:
        """It is another service, or another version, than the receipt names.

        That is no difference of the rows: *same* does not ask for it.
        """
        before = self.service_before
        return before is not None and before != self.service_after

    @property
    def asked_at(self) -> str:
        """The service that was asked now: that of the client, whatever the receipt."""
        return self.table.receipt.service if self.table.receipt else ""

    @property
    def same(self) -> bool:
        """Nothing is different."""
        rows = self.added or self.removed or self.changed
        columns = self.columns_added or self.columns_removed
        return not rows and not columns and self.total_before == self.total_after

    def __str__(self) -> str:
        """One line."""
        changed = ""
        if self.asked_at and self.asked_at != self.before.service:
            changed = f"; asked at {self.asked_at}, the receipt is of "
            changed += f"{self.before.service:.200}"
        if self.service_changed:
            after = self.service_after or "unknown"
            changed += f"; the service is {after}, before {self.service_before}"
        if self.same:
            return f"{len(self.table)} rows, as before{changed}"
        counts = {
            "added": len(self.added),
            "removed": len(self.removed),
            "changed": len(self.changed),
            "columns added": len(self.columns_added),
            "columns removed": len(self.columns_removed),
        }
        told = ", ".join(f"{n} {what}" for what, n in counts.items() if n)
        totals = f"total {self.total_before} before, {self.total_after} now"
        return f"{told or 'no row of those read is different'}; {totals}{changed}"


def replay(
    receipt: Receipt, context: Context, mask: Callable[[str], Any]
) -> Flow[Replayed]:
    """Ask again, and compare.

    Args:
        mask: Makes a set of lumisections out of its JSON.

    Raises:
        UsageError: The receipt does not say what was asked, or what came.
        OMSError: There is no whole answer now.
    """
    query, raw, unchecked = _question(receipt, mask)
    units = "raw" if raw else "canonical"
    settings = replace(context.settings, units=units, unchecked=unchecked, audit=False)
    again = replace(context, settings=settings)
    table: Table = yield from fetch(query, again)
    found: Difference = yield Compute(difference, (receipt, table.arrow))
    then, now = receipt.columns, table.columns
    return Replayed(
        before=receipt,
        table=table,
        identity=receipt.identity,
        added=found.added,
        removed=found.removed,
        changed=found.changed,
        columns_added=tuple(n for n in now if n not in then),
        columns_removed=tuple(n for n in then if n not in now),
    )


def _question(receipt: Receipt, mask: Callable[[str], Any]) -> tuple[Any, bool, bool]:
    try:
        found = json.loads(receipt.question)
        query, raw, unchecked = found["query"], found["raw"], found["unchecked"]
    except (ValueError, KeyError, TypeError) as error:
        message = (
            "This receipt does not say what was asked. Only the receipt of a table "
            "that omskit fetched, without an open mask, can be replayed."
        )
        raise UsageError(message) from error
    return read_query(query, mask), bool(raw), bool(unchecked)
