"""How many examples a property is tried with, and how many cases of a kind.

``OMSKIT_EXAMPLES=0.3`` takes three of ten, as CI does; without it all are taken.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

Case = TypeVar("Case")

SHARE = float(os.environ.get("OMSKIT_EXAMPLES", "1"))


def examples(number: int) -> int:
    """This number of examples, or the share of it that is wanted; at least one."""
    return max(1, round(number * SHARE))


def some(cases: Sequence[Case]) -> list[Case]:
    """These cases, or as large a share of them, from everywhere; always the first."""
    count = examples(len(cases))
    return [cases[number * len(cases) // count] for number in range(count)]
