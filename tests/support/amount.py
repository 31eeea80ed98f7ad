"""How many examples a property is tried with.

``OMSKIT_EXAMPLES=0.3`` takes three of ten, as CI does; without it all are taken.
"""

from __future__ import annotations

import os

SHARE = float(os.environ.get("OMSKIT_EXAMPLES", "1"))


def examples(number: int) -> int:
    """This number of examples, or the share of it that is wanted; at least one."""
    return max(1, round(number * SHARE))
