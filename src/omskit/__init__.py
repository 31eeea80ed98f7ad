"""Everything the CMS Online Monitoring System knows, as a typed table, in one line.

>>> from omskit import Client
>>> with Client("demo") as oms:
...     oms.runs((297050, 297052), fields=["run_number", "l1_rate"])
run_number    l1_rate
                 [Hz]
----------  ---------
    297050  49130.85
    297051   1114.198
    297052    766.784
3 rows.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from omskit._version import __version__
from omskit.errors import (
    AuthError,
    ConfigError,
    DecodeError,
    IncompleteError,
    LoginNeededError,
    MaskError,
    MissingExtraError,
    NoPositionError,
    NoRowError,
    NotAuthorisedError,
    NotFilterableError,
    NotFoundError,
    NotSortableError,
    NotSyncedError,
    OMSError,
    OMSWarning,
    OperatorError,
    RedirectedError,
    SelectorError,
    ServerFailedError,
    ServiceError,
    StatusError,
    StoreError,
    ThrottledError,
    TimedOutError,
    TokenRejectedError,
    TooManyRowsError,
    TransportError,
    UnitError,
    UnknownFieldError,
    UnknownInstanceError,
    UnknownResourceError,
    UsageError,
)

if TYPE_CHECKING:
    from omskit.client import AsyncClient, Client
    from omskit.exploring import explore
    from omskit.login.kinds import BearerToken, ClientCredentials
    from omskit.lumi import LumiMask
    from omskit.lumi.files import read_mask
    from omskit.query import Query, field
    from omskit.reports import report
    from omskit.store import Store
    from omskit.table import Table

_HOMES = {
    "AsyncClient": "omskit.client",
    "BearerToken": "omskit.login.kinds",
    "Client": "omskit.client",
    "ClientCredentials": "omskit.login.kinds",
    "LumiMask": "omskit.lumi",
    "Query": "omskit.query",
    "Store": "omskit.store",
    "Table": "omskit.table",
    "explore": "omskit.exploring",
    "field": "omskit.query",
    "read_mask": "omskit.lumi.files",
    "report": "omskit.reports",
}

__all__ = [
    "AsyncClient",
    "AuthError",
    "BearerToken",
    "Client",
    "ClientCredentials",
    "ConfigError",
    "DecodeError",
    "IncompleteError",
    "LoginNeededError",
    "LumiMask",
    "MaskError",
    "MissingExtraError",
    "NoPositionError",
    "NoRowError",
    "NotAuthorisedError",
    "NotFilterableError",
    "NotFoundError",
    "NotSortableError",
    "NotSyncedError",
    "OMSError",
    "OMSWarning",
    "OperatorError",
    "Query",
    "RedirectedError",
    "SelectorError",
    "ServerFailedError",
    "ServiceError",
    "StatusError",
    "Store",
    "StoreError",
    "Table",
    "ThrottledError",
    "TimedOutError",
    "TokenRejectedError",
    "TooManyRowsError",
    "TransportError",
    "UnitError",
    "UnknownFieldError",
    "UnknownInstanceError",
    "UnknownResourceError",
    "UsageError",
    "__version__",
    "explore",
    "field",
    "read_mask",
    "report",
]


def __getattr__(name: str) -> Any:
    """Import what is heavy when first used, so that ``import omskit`` is cheap."""
    home = _HOMES.get(name)
    if home is None:
        message = f"module 'omskit' has no attribute {name!r}"
        raise AttributeError(message)
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
