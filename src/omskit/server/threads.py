"""The threads in which answers are made: few for large pages, more for the rest.

Large pages that are made at once make each other slower than one after the other: each
goes through hundreds of short steps, half of them with Python's lock, and hands it over
at each. So there are as many threads for them as there are cores; what does not get one
waits its turn, and holds nothing meanwhile. A row never waits for a page.
"""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

if TYPE_CHECKING:
    from concurrent.futures import Executor

LARGE = 500
"""Pages of so many rows wait for each other."""

OTHERS = 40
"""Other answers that are made at once: most of them wait for DuckDB."""

_LIMIT = re.compile(r"(?:^|&)(?:page\[limit\]|limit|per_page)=(\d{1,9})(?=&|$)")


class Threads:
    """Where the answers of one service are made.

    Args:
        pages: Large pages at once; by default as many as there are cores.
    """

    def __init__(self, pages: int | None = None) -> None:
        self._large = ThreadPoolExecutor(pages or cores(), "omskit-page")
        self._others = ThreadPoolExecutor(OTHERS, "omskit-answer")

    def of(self, scope: dict[str, Any]) -> Executor:
        """Those for a request."""
        is_large = rows_of(scope["query_string"]) >= LARGE
        return self._large if is_large else self._others


def cores() -> int:
    """How many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows do not say.
        return os.cpu_count() or 1


def rows_of(query: bytes) -> int:
    """How many rows a page may have, by its parameters; 0 where they do not say.

    Example:
        >>> rows_of(b"page%5Blimit%5D=100000&sort=-run_number"), rows_of(b"")
        (100000, 0)
    """
    found = _LIMIT.findall(unquote_plus(query.decode("latin-1")))
    return max(map(int, found), default=0)
