"""The ASGI face of the service: bytes off the wire -> `respond` -> bytes on the wire.

Answers are made in worker threads, as both DuckDB and gzip work without the GIL.
"""

from __future__ import annotations

import hashlib
import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from omskit._extras import load
from omskit.effects import Request, Response
from omskit.engine.stopping import check
from omskit.errors import TimedOutError
from omskit.server.answering import identified, refusal, respond
from omskit.server.threads import Threads
from omskit.server.working import worked

if TYPE_CHECKING:
    from omskit.server.service import Service

try:
    # A page of 4.7 MB in 2 ms, where gzip takes 10.
    from isal import igzip as gzip
except ImportError:  # pragma: no cover  # processors that ISA-L does not know
    import gzip  # type: ignore[no-redef]  # see above

MAX_URL = 64 * 1024
"""Longest path and parameters, in bytes; about 1500 values of one filter."""

MIN_GZIP = 1024
GZIP_LEVEL = 1
"""A page of 1.5 MB becomes 0.2 MB; higher levels cost more time than they save."""

_LOG = logging.getLogger("omskit.server")
_PURPOSE = "serve over HTTP"


def application(service: Service, threads: Threads | None = None) -> Any:
    """A Starlette application that answers for *service*.

    Args:
        threads: Where; by default of its own.

    Raises:
        MissingExtraError: Starlette is not installed.
    """
    threads = threads or Threads()
    applications = load("starlette.applications", _PURPOSE)
    reply = load("starlette.responses", _PURPOSE).Response

    async def endpoint(scope: Any, receive: Any, send: Any) -> None:
        work = partial(answer_scope, scope, service)
        answer = await worked(receive, work, threads.of(scope))
        if answer is None:
            return
        await reply(answer.body, answer.status, dict(answer.headers))(
            scope, receive, send
        )

    app = applications.Starlette()
    # Every method and every path are for respond to judge. No mount: the pattern of its
    # paths ends at a line feed, and Starlette itself would answer /runs/%0A.
    app.router.default = endpoint
    return app


def answer_scope(scope: dict[str, Any], service: Service) -> Response:
    """The answer to an ASGI request, compressed where the client can read that.

    Raises:
        TimedOutError: It was stopped: nobody waits for it any more.
    """
    headers = {key.decode("latin-1"): value for key, value in scope["headers"]}
    try:
        answer = _answer(scope, headers, service)
    except TimedOutError:
        # Nobody waits: who stands before us has said so, or there is no client.
        raise
    except Exception:  # noqa: BLE001  # see below
        # The edge of the program: a bug must not take the connection with it.
        _LOG.exception("failed to answer %s", scope["path"])
        message = "The service failed; its log says more."
        answer = refusal(500, "INTERNAL_SERVER_ERROR", message)
    answer = identified(answer, service)
    if scope["method"] == "HEAD":
        return answer
    check()
    return compressed(answer, headers)


def _answer(
    scope: dict[str, Any], headers: dict[str, bytes], service: Service
) -> Response:
    if headers.get("content-length", b"0") != b"0" or "transfer-encoding" in headers:
        close = {"connection": "close"}
        return refusal(413, "CONTENT_TOO_LARGE", "OMS takes no request bodies.", close)
    tag = tag_of(scope, service)
    if tag is not None and is_known(headers.get("if-none-match", b""), tag):
        return Response(304, {"etag": tag}, b"")
    url: bytes = scope["raw_path"] + b"?" + scope["query_string"]
    if len(url) > MAX_URL:
        message = f"The URL has {len(url)} bytes; {MAX_URL} is the most."
        return refusal(414, "URI_TOO_LONG", message)
    answer = respond(Request(scope["method"], url.decode("latin-1")), service)
    if tag is None or answer.status != 200:
        return answer
    return Response(answer.status, {**answer.headers, "etag": tag}, answer.body)


def tag_of(scope: dict[str, Any], service: Service) -> str | None:
    """The entity tag of an answer: another one after each change of the tables.

    Taken before the answer is made: rows that come meanwhile are at worst sent twice.
    """
    state = service.engine.state
    if state is None:
        return None
    asked = scope["raw_path"] + b"?" + scope["query_string"]
    digest = hashlib.blake2b(state.encode() + b"\n" + asked, digest_size=12)
    return f'W/"{digest.hexdigest()}"'


def is_known(header: bytes, tag: str) -> bool:
    """Whether ``If-None-Match`` names *tag*.

    Example:
        >>> is_known(b'"a", W/"b"', 'W/"b"'), is_known(b"*", 'W/"b"')
        (True, False)
    """
    return tag in {part.strip() for part in header.decode("latin-1").split(",")}


def compressed(answer: Response, headers: dict[str, bytes]) -> Response:
    """The same answer, as gzip where it is large and the request's headers allow it."""
    named = {**answer.headers, "vary": "accept-encoding"}
    wanted = headers.get("accept-encoding", b"").decode("latin-1")
    if len(answer.body) < MIN_GZIP or not accepts_gzip(wanted):
        return Response(answer.status, named, answer.body)
    body = gzip.compress(answer.body, compresslevel=GZIP_LEVEL, mtime=0)
    return Response(answer.status, {**named, "content-encoding": "gzip"}, body)


def accepts_gzip(text: str) -> bool:
    """Whether an ``Accept-Encoding`` header allows gzip.

    Example:
        >>> accepts_gzip("gzip, deflate"), accepts_gzip("gzip;q=0, br")
        (True, False)
    """
    for part in text.lower().split(","):
        word, _, quality = part.partition(";")
        if word.strip() in {"gzip", "*"}:
            return quality.replace(" ", "").rstrip("0.") != "q="
    return False
