"""OMS on your disk: tables that are synced, read back, and asked with SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omskit._homes import late

if TYPE_CHECKING:
    from omskit.store.checking import Info, Problem
    from omskit.store.coverage import Coverage, Entry, Finality
    from omskit.store.report import Report
    from omskit.store.store import Store

__all__ = ["Coverage", "Entry", "Finality", "Info", "Problem", "Report", "Store"]

__getattr__ = late(
    __name__,
    {
        "Coverage": "omskit.store.coverage",
        "Entry": "omskit.store.coverage",
        "Finality": "omskit.store.coverage",
        "Info": "omskit.store.checking",
        "Problem": "omskit.store.checking",
        "Report": "omskit.store.report",
        "Store": "omskit.store.store",
    },
)
