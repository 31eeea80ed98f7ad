"""What users give to name runs or lumisections, as columns and windows of edges."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from omskit.errors import MaskError, SelectorError
from omskit.lumi.edges import (
    LARGEST,
    OPEN,
    SHIFT,
    IntArray,
    canonical,
    from_arrays,
    whole_numbers,
)

SPAN = re.compile(r"([0-9]{1,18})(?:\s*(-)\s*([0-9]{0,18}))?")


def window(selector: Any) -> IntArray:
    """The edges of whole runs: one, a pair (first, last), a list of them, or text.

    Raises:
        SelectorError: It names no runs.

    Example:
        >>> window([5, 7]).size, window((5, 7)).size, window("5-7,9").size
        (4, 2, 4)
    """
    if isinstance(selector, str):
        return _text(selector)
    if isinstance(selector, int | np.integer) and not isinstance(selector, bool):
        return _whole(np.array([int(selector)]), selector)
    if isinstance(selector, tuple):
        pair = 2
        whole = all(isinstance(v, int | np.integer) for v in selector)
        if len(selector) != pair or not whole or not 1 <= selector[1] >= selector[0]:
            message = (
                f"{selector!r} is no range of runs. Give (first, last), e.g. "
                "(315190, 315290), or a list of runs."
            )
            raise SelectorError(message)
        lowest, highest = max(int(selector[0]), 1), min(int(selector[1]), LARGEST)
        return np.array([lowest << SHIFT, (highest << SHIFT) + OPEN + 1])
    if isinstance(selector, bytes) or not _length(selector):
        message = (
            f"{selector!r} does not select runs. Give a run, a pair (first, last), "
            "a list of runs that is not empty, or a mask."
        )
        raise SelectorError(message)
    return _whole(whole_numbers(selector, "runs"), selector)


def _text(selector: str) -> IntArray:
    """``297050,315190-315290`` or ``315190-`` as edges."""
    parts = []
    for piece in selector.split(","):
        match = SPAN.fullmatch(piece.strip())
        first = int(match[1]) if match else 0
        last = int(match[3] or (LARGEST if match[2] else first)) if match else 0
        if not 1 <= first <= last:
            message = (
                f"{piece[:60]!r} does not select runs. Write 297050, 315190-315290 or "
                "315190-, with commas between several."
            )
            raise SelectorError(message)
        parts.append((first << SHIFT, (min(last, LARGEST) << SHIFT) + OPEN + 1))
    starts, ends = np.array(parts, dtype=np.int64).T
    return canonical(starts, ends)


def _length(values: Any) -> int:
    """The length, 0 where there is none."""
    return len(values) if hasattr(values, "__len__") else 0


def _whole(runs: Any, selector: Any) -> IntArray:
    try:
        return from_arrays(runs, np.ones_like(runs), np.full(runs.shape, OPEN))
    except MaskError as error:
        message = f"{selector!r} does not select runs: {error}"
        raise SelectorError(message) from error
