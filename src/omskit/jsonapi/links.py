"""The page links of an answer, in the form in which OMS writes them.

Parameters carry the resource (``filter[runs][run_number][EQ]``), commas are encoded,
brackets are not, and ``page[offset]`` is left out where it is 0. OMS writes them in the
order of a hash map; here the order is fixed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from omskit.query.url import wire_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omskit.query import Query

NO_LINKS: dict[str, str | None] = {
    "first": None,
    "last": None,
    "next": None,
    "prev": None,
}


def page_links(
    url: str, query: Query, *, offset: int, limit: int, total: int
) -> dict[str, str | None]:
    """Links to the first, last, next and previous page; null where there is none.

    Args:
        url: Of the rows, without parameters.
        total: How many rows match; no links where that is none.

    Example:
        >>> from omskit.query import Query
        >>> links = page_links("runs", Query("runs"), offset=2, limit=2, total=5)
        >>> links["prev"], links["next"]
        ('runs?page[limit]=2', 'runs?page[limit]=2&page[offset]=4')
    """
    if not total:
        return dict(NO_LINKS)
    rest = "".join(f"&{p}" for p in _parameters(query))

    def link(start: int) -> str:
        page = f"page[limit]={limit}" + (f"&page[offset]={start}" if start else "")
        return f"{url}?{page}{rest}"

    last = (total - 1) // limit * limit
    return {
        "first": link(0),
        "last": link(last),
        "next": link(offset + limit) if offset + limit < total else None,
        "prev": link(max(offset - limit, 0)) if offset else None,
    }


def _parameters(query: Query) -> Iterator[str]:
    kind = query.resource
    for condition in query.conditions:
        # Equal keys are how OMS says "one of": the parser reads them back as IN.
        word = "EQ" if condition.op == "IN" else condition.op
        many = condition.value if isinstance(condition.value, tuple) else None
        for value in (condition.value,) if many is None else many:
            text = quote(wire_text(value), safe="")
            yield f"filter[{kind}][{condition.field}][{word}]={text}"
    if query.fields is not None:
        yield f"fields[{kind}]={quote(','.join(query.fields), safe='')}"
    if query.order:
        yield f"sort[{kind}]={quote(','.join(query.order), safe='')}"
    if query.includes:
        yield f"include={quote(','.join(query.includes), safe='')}"
    for key, value in query.groups:
        yield f"group[{key}]={quote(value, safe='')}"
