"""A service in twenty rows: answers OMS's URLs from plain dicts, with dials for faults.

It shares the URL parser with omskit, nothing else: filters, sorting, pages and units
are written a second time here, in the plainest way.
"""

from __future__ import annotations

import json
import operator
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from omskit.effects import Request, Response
from omskit.errors import OMSError
from omskit.query.url import parse_parameters
from omskit.schema import Resource, bundled

BASE = "https://oms.test/agg/api/v1"
Row = dict[str, Any]
Fault = Callable[[Request], "Response | OMSError | None"]
_COMPARE = {
    "EQ": operator.eq,
    "NEQ": operator.ne,
    "LT": operator.lt,
    "GT": operator.gt,
    "LE": operator.le,
    "GE": operator.ge,
}


@dataclass
class SmallService:
    """Rows by resource.

    Attributes:
        units: What ``meta.row`` says of the attributes of each resource.
        metas: ``meta.fields`` by resource; others have no ``/meta``.
        faults: Asked first, in order, about every request; may answer or raise.
        refuse_like: LIKE is answered with 400.
        total: What is said of the number of rows, instead of the truth.
        log: What was asked, below the base URL.
    """

    rows: Mapping[str, list[Row]]
    units: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    metas: Mapping[str, Any] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    refuse_like: bool = False
    total: Callable[[int], int | None] = int
    extra: Mapping[str, Any] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Response:
        with self._lock:
            self.log.append(request.url.removeprefix(f"{BASE}/"))
            for fault in self.faults:
                found = fault(request)
                if isinstance(found, OMSError):
                    raise found
                if found is not None:
                    return found
        return self._answer(request)

    def _answer(self, request: Request) -> Response:
        path, _, tail = request.url.removeprefix(f"{BASE}/").partition("?")
        if path.endswith("/meta"):
            fields = self.metas.get(path.removesuffix("/meta"))
            if fields is None:
                return refusal(404, "no such resource")
            return page(meta={"fields": fields})
        if path not in self.rows:
            return refusal(404, f"no resource {path}")
        known = (
            bundled()[path] if path in bundled() else _untyped(path, self.rows[path])
        )
        query, span = parse_parameters(tail, known)
        if self.refuse_like and any(c.op == "LIKE" for c in query.conditions):
            return refusal(400, "LIKE is not supported")
        found = [
            r for r in self.rows[path] if all(_holds(c, r) for c in query.conditions)
        ]
        for key in reversed(query.order):
            name, down = key.removeprefix("-"), key.startswith("-")
            found = _sorted(found, name, down)
        offset, limit = span.offset or 0, span.limit or 100
        assert offset % limit == 0, "offsets are multiples of the limit"
        shown = found[offset : offset + limit]
        data = [self._row(known, row, query.fields) for row in shown]
        total = self.total(len(found))
        meta = {} if total is None else {"totalResourceCount": total}
        return page(data=data, meta=meta)

    def _row(self, resource: Resource, row: Row, fields: Any) -> Row:
        template = resource.row_id or "{id}"
        attributes = {
            k: v
            for k, v in row.items()
            if k != "id" and (fields is None or k in fields)
        }
        attributes = {**attributes, **(self.extra if fields is None else {})}
        made: Row = {
            "id": template.format_map(
                {"id": "?", "path_number": row.get("path_name"), **row}
            ),
            "type": resource.name,
            "attributes": attributes,
        }
        units = self.units.get(resource.name, {})
        if fields is None and units:
            made["meta"] = {"row": {k: {"units": v} for k, v in units.items()}}
        return made


def _untyped(path: str, rows: list[Row]) -> Resource:
    from omskit.schema import merge_meta

    return merge_meta(Resource(path, ()), {k: {} for row in rows for k in row})


def _holds(condition: Any, row: Row) -> bool:
    found, value = row.get(condition.field), condition.value
    if isinstance(found, str) and isinstance(value, datetime):
        found = datetime.fromisoformat(found).astimezone(UTC)
    if value is None:
        return (found is None) == (condition.op == "EQ")
    if found is None:
        return False
    if condition.op == "LIKE":
        first, *rest = value.split("%")
        return found.startswith(first) and all(part in found for part in rest)
    if condition.op == "CT":
        return value in found
    return bool(_COMPARE[condition.op](found, value))


def _sorted(rows: list[Row], name: str, down: bool) -> list[Row]:
    full = [r for r in rows if r.get(name) is not None]
    bare = [r for r in rows if r.get(name) is None]
    return [*sorted(full, key=lambda r: r[name], reverse=down), *bare]


def page(**document: Any) -> Response:
    """A good answer."""
    kind = {"content-type": "application/vnd.api+json"}
    return Response(200, kind, json.dumps(document).encode())


def refusal(status: int, detail: str, **headers: str) -> Response:
    """An error document."""
    body = {"errors": [{"status": str(status), "title": "T", "detail": detail}]}
    return Response(status, headers, json.dumps(body).encode())


def lumis(
    run: int, count: int, *, fill: int = 5839, missing: set[int] | None = None
) -> list[Row]:
    """Lumisections of one run, without those *missing*."""
    return [
        {
            "run_number": run,
            "lumisection_number": n,
            "fill_number": fill,
            "start_time": f"2017-06-16T{n % 24:02d}:00:00Z",
            "init_lumi": 1000.0 + n,
            "end_lumi": 0.0,
            "delivered_lumi": 2.0 * n,
            "cms_active": n % 7 != 0,
        }
        for n in range(1, count + 1)
        if n not in (missing or set())
    ]
