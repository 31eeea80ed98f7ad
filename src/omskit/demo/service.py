"""What the demo offers: its tables and the notice that says what they are."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

NOTICE = (
    "Demo service: simulated data taking, with recorded facts for runs 297050-297056, "
    "306458, 315190-315290 and 386694 (see docs/demo.md); not for physics."
)


@cache
def tables() -> Mapping[str, pa.Table]:
    """The tables of the demo, by resource name; a table is made when first asked for.

    ``"l1triggerrates"`` holds one row per lumisection, ``"l1triggerrates@run"`` one per
    run; so for every resource with granularities. Columns and types are the
    catalogue's; for each scaled column X there is ``X@unit``.

    Cost: under 0.2 s for runs or lumisections, under 1 s for the large rate tables.

    Example:
        >>> len(tables()["lumisections"])
        9270
    """
    from omskit.demo.lazy import LazyTables

    return LazyTables()
