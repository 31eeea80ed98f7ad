"""Answers that are no page of rows: one object for a run, and DIP topics as paths."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote_plus

from omskit.errors import UsageError
from omskit.jsonapi.encode import encode, rows
from omskit.jsonapi.written import Style
from omskit.query import Condition
from omskit.query.url import encode as written
from omskit.server.bodies import execute, listing
from omskit.server.parameters import read

if TYPE_CHECKING:
    from omskit.query import Query
    from omskit.server.service import Service

RATEMON = "l1algorithmtriggers/ratemon"
DIP = "diplogger"
_LAST = re.compile(
    r"(?:^|&)filter(?:\[diplogger\])?\[dip_time\](?:\[EQ\])?=last(?=&|$)"
)


def ratemon(service: Service, tail: str) -> bytes:
    """All algorithms of a run in parallel lists, as one object.

    Raises:
        UsageError: The parameters do not name one run.
    """
    resource = service.engine.resource(RATEMON)
    asked = read(service, resource, tail)
    runs = [c for c in asked.query.conditions if c.field == "run_number"]
    if len(runs) != 1 or runs[0].op != "EQ":
        message = "filter[run_number] must name one run"
        raise UsageError(message)
    query = replace(asked.query, order=())
    table = execute(service, resource, query, 0, 1).table
    found = rows(table, resource, Style(service.link_base, resource.row_id))
    run = str(runs[0].value)
    data: dict[str, Any] | None = None
    if found:
        data = {"id": run, "type": RATEMON, "attributes": found[0]["attributes"]}
    return encode({"data": data, "links": {"self": f"{service.link_base}/{RATEMON}"}})


def dip(service: Service, topic: list[str], tail: str) -> tuple[bytes, Query]:
    """A page of ``diplogger``, whose topic may be the path and its time ``last``."""
    if topic:
        named = f"filter[source_dir]={quote('/'.join(topic), safe='/')}"
        tail = f"{named}&{tail}" if tail else named
    plain = unquote_plus(tail)
    if not _LAST.search(plain):
        return listing(service, DIP, tail)
    resource = service.engine.resource(DIP)
    rest = _LAST.sub("", plain).strip("&")
    asked = read(service, resource, rest)
    newest = replace(asked.query, order=("-dip_time",), maximum=1)
    found = execute(service, resource, newest, 0, 1).table
    if not found.num_rows:
        return listing(service, DIP, rest)
    # The newest row by its own time, so that the page is like any other.
    moment = found["dip_time"][0].as_py()
    exact = Condition("dip_time", "EQ", moment)
    one = replace(asked.query, conditions=(*asked.query.conditions, exact))
    return listing(service, DIP, written(one).partition("?")[2])
