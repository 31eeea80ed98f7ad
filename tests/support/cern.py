"""OMS and CERN's login service at one address over TLS, each with dials for faults."""

from __future__ import annotations

import datetime as dt
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import format_datetime
from typing import Any

from tests.support.loopback import Asked, Raw, Server, serving

from omskit.effects import Request, Response
from omskit.server import Application, LoginGate, Registry, Service, Sso, respond
from omskit.server.sso.service import PREFIX

PUBLIC = "cmsoms-prod-public"
SECRET = "s3cret-s3cret"
ACCESS = f"{PREFIX}/api-access/token"


def registry(**more: Any) -> Registry:
    """Applications of every kind."""
    prod = ("cmsoms-prod",)
    applications = (
        Application("app", SECRET, prod),
        Application("outsider", SECRET, prod, groups=()),
        Application("unregistered", SECRET),
        Application(PUBLIC, None, prod, device=("grant",)),
    )
    return Registry(applications, ("cmsoms-prod",), **more)


def late(response: Response, seconds: float) -> Raw:
    """An answer whose clock is *seconds* off."""
    there = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)
    head = (
        f"HTTP/1.1 {response.status} As It Is\r\n"
        f"date: {format_datetime(there, usegmt=True)}\r\n"
        f"content-length: {len(response.body)}\r\nconnection: close\r\n\r\n"
    )
    return Raw(head.encode() + response.body)


@contextmanager
def cern(
    authority: Any,
    sso: Sso,
    oms: Service,
    *,
    gate: Any = None,
    off_s: float | None = None,
) -> Iterator[Server]:
    """Both, until the block ends.

    Args:
        authority: Of `trustme`; signs for 127.0.0.1 and auth.cern.ch. None: plain http.
        gate: Who may ask OMS; that of the login service by default.
        off_s: How far off the clock of OMS is; None: right.
    """
    guard = gate or LoginGate(sso.key)
    now: Callable[[], float] = sso._now

    def answer(asked: Asked) -> Response | Raw:
        request = Request(asked.method, asked.path, asked.headers, asked.body)
        if asked.path.startswith(PREFIX):
            return sso.respond(request)
        refused = guard.refuse(asked.headers.get("authorization", ""), now())
        below = asked.path.partition("/agg/api/v1")[2]
        found = refused or respond(Request("GET", f"{oms.base_url}{below}"), oms)
        return found if off_s is None else late(found, off_s)

    context = None
    if authority is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1", "auth.cern.ch").configure_cert(context)
    with serving(answer, context) as server:
        yield server
