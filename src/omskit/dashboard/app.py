"""The ASGI face: addresses to pages, with what keeps strangers out.

Only this machine is let in, under its own names (`omskit.server.bounds.KnownHost`); a
page of anybody else's can neither read nor show anything, and every text is escaped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omskit._extras import load
from omskit.dashboard.endpoints import PURPOSE, Dashboard
from omskit.dashboard.pages.ask import ask_page
from omskit.dashboard.pages.masks import masks_page
from omskit.dashboard.pages.now import now_page
from omskit.dashboard.pages.trigger import trigger_page
from omskit.server.bounds import LOOPBACK, KnownHost

if TYPE_CHECKING:
    from omskit.dashboard.asking import Asker
    from omskit.dashboard.watching import Watcher

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


def application(asker: Asker, watcher: Watcher) -> Any:
    """The dashboard as an ASGI application.

    Raises:
        MissingExtraError: Starlette is not installed.
    """
    applications: Any = load("starlette.applications", PURPOSE)
    route: Any = load("starlette.routing", PURPOSE).Route
    reply: Any = load("starlette.responses", PURPOSE)
    shown = Dashboard(asker)
    routes = [
        route("/", lambda _: reply.RedirectResponse("/now")),
        route("/now", shown.page("Now", lambda g, _: now_page(watcher.seen, asker, g))),
        route("/run", shown.newest),
        route("/fill", shown.newest),
        route("/go", shown.go),
        route("/run/{number:int}", shown.line("run")),
        route("/fill/{number:int}", shown.line("fill")),
        route("/trigger", shown.page("Trigger", lambda g, _: trigger_page(g, asker))),
        route("/trigger/heat.png", shown.heat),
        route("/masks", shown.page("Masks", lambda g, _: masks_page(g, asker))),
        route("/masks/file", shown.drop, methods=["POST"]),
        route("/masks/result.json", shown.result),
        route("/ask", shown.page("Ask", lambda g, _: ask_page(g, asker))),
        route("/ask/fields.json", shown.ask_fields),
        route("/ask.{form}", shown.ask_rows),
        route("/static/{name}", shown.static),
        route("/{kind}/{number:int}/{name}.{form}", shown.rows),
    ]
    app = applications.Starlette(routes=routes, exception_handlers={404: shown.missing})
    return KnownHost(Guarded(app), LOOPBACK)


class Guarded:
    """Keeps pages of other origins from showing, reading or sending anything."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on with headers that bind the browser, or refuse it."""
        given = {k: v.decode("latin-1") for k, v in scope["headers"]}
        site = given.get(b"sec-fetch-site", "none")
        # A link from elsewhere is a navigation; anything else from there is no viewer.
        if site not in {"none", "same-origin"} and (
            given.get(b"sec-fetch-mode") != "navigate" or scope["method"] != "GET"
        ):
            await self._refuse(scope, receive, send)
            return

        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start":
                fixed = [(k.encode(), v.encode()) for k, v in HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *fixed]}
            await send(message)

        await self._app(scope, receive, sending)

    async def _refuse(self, scope: Any, receive: Any, send: Any) -> None:
        reply: Any = load("starlette.responses", PURPOSE)
        text = "Pages of other origins see nothing of this dashboard."
        await reply.PlainTextResponse(text, 403)(scope, receive, send)
