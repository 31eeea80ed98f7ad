"""A sync in a process of its own, which can be killed."""

from __future__ import annotations

import warnings
from typing import Any

RESOURCES = "lumisections,l1triggerrates,fills"
RUNS = (297050, 297056)


def sync(url: str, path: str, began: Any) -> None:
    """Sync from the service at *url*, a commit for each run; say when it begins."""
    from omskit import Client, Store
    from omskit.store import chunks

    chunks.TARGET = 1
    warnings.simplefilter("ignore")
    with Client(url, progress=False) as oms:
        store = Store(path)
        began.set()
        store.sync(oms, RESOURCES, RUNS)
