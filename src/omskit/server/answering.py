"""One request, one response: the whole service as a pure function.

The paths: ``/{resource}``, ``/{resource}/meta``, ``/{resource}/{id}``,
``/{resource}/{id}/{relationship}``, ``/{resource}/{id}/relationships/{relationship}``,
``/datasetrates/datasets``, ``/l1algorithmtriggers/ratemon``, ``/diplogger/dip/...``
and, of our own, ``/openapi.json``. The OMS proxy of DIALS is played beside them, at
``/api/v1/oms-proxy/`` of the same host.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from omskit.effects import Response
from omskit.errors import (
    NotFoundError,
    NotSyncedError,
    StoreError,
    UnknownResourceError,
    UsageError,
)
from omskit.jsonapi.encode import encode
from omskit.server import bodies, dials, special
from omskit.server.openapi import JSON_API, openapi
from omskit.server.parameters import LimitError
from omskit.server.service import aged

if TYPE_CHECKING:
    from omskit.effects import Request
    from omskit.query import Query
    from omskit.server.service import Service


def respond(request: Request, service: Service) -> Response:
    """The answer to *request*; faults of the request are error documents.

    Example:
        >>> import pyarrow as pa
        >>> from omskit.engine import Engine
        >>> from omskit.effects import Request
        >>> from omskit.server import Service
        >>> service = Service(Engine({"runs": pa.table({"run_number": [5]})}))
        >>> respond(Request("GET", service.base_url + "/runs/6"), service).status
        404
    """
    if request.method not in {"GET", "HEAD"}:
        message = f"{request.method} is not allowed: OMS is read-only."
        response = refusal(405, "METHOD_NOT_ALLOWED", message, {"allow": "GET, HEAD"})
    else:
        response = _answer(request, service)
    response = identified(response, service)
    if request.method == "HEAD":
        length = {"content-length": str(len(response.body))}
        return Response(response.status, {**response.headers, **length})
    return response


def identified(response: Response, service: Service) -> Response:
    """The same answer, with the headers by which the service says what it is."""
    headers = {**service.identity, **response.headers}
    return Response(response.status, headers, response.body)


def _answer(request: Request, service: Service) -> Response:
    try:
        body, rows = _route(request.url, service)
    except NotSyncedError as error:
        return refusal(404, "NOT_SYNCED", str(error))
    except StoreError as error:
        return refusal(500, "STORE_FAILED", str(error))
    except (NotFoundError, UnknownResourceError) as error:
        return refusal(404, str(error), str(error))
    except LimitError as error:
        return refusal(400, "BAD_REQUEST", str(error))
    except UsageError as error:
        detail = error.fact
        return refusal(400, "Request parameters error", detail)
    headers = {"content-type": JSON_API, **_aged(rows, service)}
    return Response(200, headers, body)


def _aged(rows: Query | None, service: Service) -> dict[str, str]:
    """The header that says when the rows of a page were fetched, if that is known."""
    said = None if rows is None else aged(service.engine.read_between(rows))
    return {"x-omskit-source": f"{service.engine.source}, {said}"} if said else {}


def _route(url: str, service: Service) -> tuple[bytes, Query | None]:
    """The body at *url*; where it is a page of rows, also which rows were asked for."""
    parts = urlsplit(url)
    base = service.base_path
    if parts.path.removesuffix("/") == dials.PATH:
        parts = urlsplit(f"{base}/{dials.carried(parts.query)}")
    if not parts.path.startswith(f"{base}/"):
        message = f"Nothing is served at {parts.path!r}; all paths begin with {base}/."
        raise NotFoundError(message, status=404)
    path = parts.path.removeprefix(f"{base}/").removesuffix("/")
    segments = [unquote(segment) for segment in path.split("/")]
    query = parts.query
    found = _special(segments, query, service)
    if found is not None:
        return found
    if len(segments) == 1:
        return bodies.listing(service, segments[0], query)
    return _below(path, query, service), None


def _below(path: str, query: str, service: Service) -> bytes:
    """The body of what stands below a resource."""
    match [unquote(segment) for segment in path.split("/")]:
        case [name, "meta"]:
            return bodies.meta(service, name)
        case [name, row_id]:
            return bodies.one(service, name, row_id, query)
        case [name, row_id, relationship] if relationship != "relationships":
            return bodies.related(service, (name, row_id, relationship), query)
        case [name, row_id, "relationships", relationship]:
            way = (name, row_id, relationship)
            return bodies.related(service, way, query, identifiers=True)
    message = f"Nothing is served at {path!r}."
    raise NotFoundError(message, status=404)


def _special(
    segments: list[str], query: str, service: Service
) -> tuple[bytes, Query | None] | None:
    """The answer of a path that is none of a resource, its rows or relationships."""
    match segments:
        case ["openapi.json"]:
            return encode(openapi(service)), None
        case ["datasetrates", "datasets"]:
            return bodies.datasets(service, query), None
        case ["l1algorithmtriggers", "ratemon"]:
            return special.ratemon(service, query), None
        case ["diplogger"]:
            return special.dip(service, [], query)
        case ["diplogger", "dip", *_]:
            return special.dip(service, segments[1:], query)
    return None


def refusal(
    status: int, title: str, detail: str, headers: dict[str, str] | None = None
) -> Response:
    """An error document."""
    error = {"status": str(status), "title": title, "detail": detail}
    named = {"content-type": JSON_API, **(headers or {})}
    return Response(status, named, encode({"errors": [error]}))
