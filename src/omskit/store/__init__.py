"""OMS on your disk: tables that are synced, read back, and asked with SQL."""

from omskit.store.checking import Info, Problem
from omskit.store.coverage import Coverage, Entry, Finality
from omskit.store.report import Report
from omskit.store.store import Store

__all__ = ["Coverage", "Entry", "Finality", "Info", "Problem", "Report", "Store"]
