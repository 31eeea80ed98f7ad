"""Names of HLT paths, and the version that each menu appends to them."""

from __future__ import annotations

import re
from typing import NamedTuple

_VERSION = re.compile(r"_v(\d+)$")


class PathName(NamedTuple):
    """A path without its version, and the version, None where the name has none."""

    name: str
    version: int | None


def split_version(path: str) -> PathName:
    """The name of a path that stays over menus, and the version that does not.

    Only a version at the very end is one: ``HLT_X_v2_Y`` has none.

    Example:
        >>> split_version("HLT_Mu50_v13")
        PathName(name='HLT_Mu50', version=13)
        >>> split_version("HLT_X_v2_Y").version is None
        True
    """
    found = _VERSION.search(path)
    if found is None:
        return PathName(path, None)
    return PathName(path[: found.start()], int(found[1]))
