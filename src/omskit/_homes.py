"""Packages whose names are imported when they are first used.

A package that offers much would import all of it for whoever wants one name: a command
that answers from a store would pay 0.2 s for the service and the sync.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def late(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """The ``__getattr__`` of a package: each name from its module, at its first use.

    Args:
        homes: For each public name the module that has it. No name may be that of a
            module of the package too: whoever imports that module puts it there.

    Example:
        >>> late("omskit.lumi", {"LumiMask": "omskit.lumi.mask"})("LumiMask")
        <class 'omskit.lumi.mask.LumiMask'>
    """

    def getattribute(name: str) -> Any:
        home = homes.get(name)
        if home is None:
            message = f"module {package!r} has no attribute {name!r}"
            raise AttributeError(message)
        value = getattr(importlib.import_module(home), name)
        setattr(sys.modules[package], name, value)
        return value

    return getattribute
