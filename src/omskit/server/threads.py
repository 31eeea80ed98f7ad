"""The threads in which answers are made: few for large pages, more for the rest.

Large pages that are made at once make each other slower than one after the other: each
goes through hundreds of short steps, half of them with Python's lock, and hands it over
at each. Of 1000 rows in natural order one thread made 47 pages a second, at 22 ms of a
core each; two made 48 at 27 ms, and three 40 at 31 ms. So one makes them all; who has
more cores starts more processes. Pages that are sorted or filtered may take long to
find, and have threads of their own. What does not get a thread waits its turn, and
holds nothing meanwhile. A row never waits for a page.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

if TYPE_CHECKING:
    from concurrent.futures import Executor

LARGE = 500
"""Pages of so many rows wait for each other."""

PAGES = 2
"""So many of those that are sorted or filtered are made at once."""

OTHERS = 40
"""Other answers that are made at once: most of them wait for DuckDB."""

_LIMIT = re.compile(r"(?:^|&)(?:page\[limit\]|limit|per_page)=(\d{1,9})(?=&|$)")
_SEARCHED = re.compile(r"(?:^|&)(?:sort|filter)\b")


class Threads:
    """Where the answers of one service are made.

    Args:
        pages: Large pages at once that are sorted or filtered.
    """

    def __init__(self, pages: int = PAGES) -> None:
        self._next = ThreadPoolExecutor(1, "omskit-page")
        self._found = ThreadPoolExecutor(pages, "omskit-found")
        self._others = ThreadPoolExecutor(OTHERS, "omskit-answer")

    def of(self, scope: dict[str, Any]) -> Executor:
        """Those for a request."""
        asked = unquote_plus(scope["query_string"].decode("latin-1"))
        if _rows_of(asked) < LARGE:
            return self._others
        return self._found if _SEARCHED.search(asked) else self._next


def rows_of(query: bytes) -> int:
    """How many rows a page may have, by its parameters; 0 where they do not say.

    Example:
        >>> rows_of(b"page%5Blimit%5D=100000&sort=-run_number"), rows_of(b"")
        (100000, 0)
    """
    return _rows_of(unquote_plus(query.decode("latin-1")))


def _rows_of(asked: str) -> int:
    return max(map(int, _LIMIT.findall(asked)), default=0)
