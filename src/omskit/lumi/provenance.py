"""Where a mask comes from, as facts for a sidecar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omskit._version import __version__
from omskit.lumi.identity import canonical_hash

if TYPE_CHECKING:
    from omskit.lumi.mask import LumiMask
    from omskit.table import Table


def provenance_of(table: Table, **facts: Any) -> dict[str, Any]:
    """Query, instance and time of a table that a mask was made from.

    Args:
        table: What a client answered.
        facts: What else to write down, such as the flags that were required.

    Example:
        >>> import pyarrow as pa
        >>> from omskit import Table
        >>> provenance_of(Table(pa.table({"a": [1]}), resource="runs"), require="all")
        {'resource': 'runs', 'require': 'all'}
    """
    found: dict[str, Any] = {"resource": table.resource}
    if table.receipt is not None:
        found |= {
            "instance": table.receipt.service,
            "query": list(table.receipt.urls),
            "time": table.receipt.finished.isoformat(),
        }
    if not table.complete:
        found["complete"] = False
    if table.simulated:
        found["simulated"] = True
    return {**found, **facts}


def identity_of(mask: LumiMask) -> dict[str, Any]:
    """What any sidecar says of its mask."""
    return {
        "omskit": __version__,
        "canonical_sha256": canonical_hash(mask),
        "runs": int(mask.runs.size),
        "lumisections": None if mask.good.is_open else len(mask),
    }
