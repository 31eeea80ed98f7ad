"""Names of paths in the demo."""

from __future__ import annotations

import re


def stem(path: str) -> str:
    """A path without its version.

    Example:
        >>> stem("HLT_Mu50_v6")
        'HLT_Mu50'
    """
    return re.sub(r"_v\d+$", "", path)
