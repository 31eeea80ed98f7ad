"""What each address leads to: pages, rows as files, dropped files."""

from __future__ import annotations

import io
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from omskit._extras import load
from omskit._version import __version__
from omskit.dashboard.pages.ask import Question, answer, fields_of
from omskit.dashboard.pages.line import line_page
from omskit.dashboard.pages.masks import combined
from omskit.dashboard.pages.page import Page
from omskit.dashboard.pages.trigger import heat_picture
from omskit.dashboard.parameters import Parameters
from omskit.errors import NoRowError, NotFoundError, OMSError, ServiceError, UsageError
from omskit.redact import one_line
from omskit.reports import words
from omskit.reports.html import SIMULATED, asset, environment
from omskit.table.files import ENCODERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from omskit.dashboard.asking import Asker
    from omskit.table import Table

PURPOSE = "show the dashboard"
MOST_BYTES = 50_000_000
"""Of a dropped file."""

STATIC = {
    "style.css": "text/css",
    "dashboard.css": "text/css",
    "hover.js": "text/javascript",
    "dashboard.js": "text/javascript",
    "zoom.js": "text/javascript",
    "copy.js": "text/javascript",
    "complete.js": "text/javascript",
}
MEDIA = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "jsonl": "application/jsonl",
    "parquet": "application/vnd.apache.parquet",
}
PAGES = {
    "Now": "/now",
    "Fill": "/fill",
    "Run": "/run",
    "Trigger": "/trigger",
    "Masks": "/masks",
    "Ask": "/ask",
}


@cache
def templates() -> Any:
    """The templates of the pages, over those of the reports."""
    import jinja2

    own = jinja2.PackageLoader("omskit.dashboard")
    base = environment()
    assert base.loader is not None
    return base.overlay(loader=jinja2.ChoiceLoader([own, base.loader]))


class Dashboard:
    """What the addresses lead to.

    Args:
        asker: Whom the pages ask.
    """

    def __init__(self, asker: Asker) -> None:
        self.asker = asker
        self._reply: Any = load("starlette.responses", PURPOSE)

    def draw(self, page: Page, request: Any, current: str) -> Any:
        """A page as an answer."""
        query = dict(request.query_params)
        theme = query.get("theme", "")
        theme = theme if theme in {"light", "dark"} else ""
        other = "light" if theme == "dark" else "dark"
        text = (
            templates()
            .get_template(page.template)
            .render(
                page=page,
                current=current,
                pages=[(name, _themed(to, theme)) for name, to in PAGES.items()],
                theme=theme,
                other_theme=other,
                other_theme_query=urlencode({**query, "theme": other}),
                instance=self.asker.client.instance.name,
                forms=tuple(ENCODERS),
                version=__version__,
                words=words,
                simulated_words=SIMULATED,
                **page.values,
            )
        )
        return self._reply.HTMLResponse(text, page.status)

    def problem(self, error: OMSError, request: Any) -> Any:
        """An error as a page whose first line says what is wrong."""
        status = 400
        hint = "Nothing was changed."
        if isinstance(error, NoRowError | NotFoundError):
            status = 404
        elif isinstance(error, ServiceError):
            status = 502
            hint = "OMS, or the way to it, fails: 'oms auth doctor' finds out where."
        told = {"hint": hint}
        page = Page("problem.html", "Problem", str(error), told, status=status)
        return self.draw(page, request, "")

    def page(self, name: str, make: Callable[[Parameters, Any], Page]) -> Any:
        """An endpoint that draws a page."""

        def endpoint(request: Any) -> Any:
            try:
                page = make(Parameters(dict(request.query_params)), request)
            except OMSError as error:
                return self.problem(error, request)
            return self.draw(page, request, name)

        return endpoint

    def line(self, kind: str) -> Any:
        """The page of a run or fill."""
        name = kind.capitalize()
        return self.page(
            name,
            lambda given, request: line_page(
                kind, request.path_params["number"], given, self.asker
            ),
        )

    def newest(self, request: Any) -> Any:
        """To the page of the newest run, or its fill."""
        kind = request.url.path.strip("/")
        try:
            number = self.asker.newest_run()
            if number is None:
                message = "OMS has no run yet."
                raise NoRowError(message)
            if kind == "fill":
                facts = self.asker.report("run", number).facts
                fills = (fact.value for fact in facts if fact.field == "fill_number")
                number = next((int(str(fill)) for fill in fills if fill), None)
                if number is None:
                    message = "The newest run belongs to no fill."
                    raise NoRowError(message)
        except OMSError as error:
            return self.problem(error, request)
        return self._reply.RedirectResponse(f"/{kind}/{number}")

    def go(self, request: Any) -> Any:
        """To a run or fill by its number: fills have at most five digits."""
        try:
            number = Parameters(dict(request.query_params)).number("number")
            if number is None:
                message = "Type the number of a run or fill."
                raise UsageError(message)
        except OMSError as error:
            return self.problem(error, request)
        kind = "fill" if number < 100_000 else "run"
        return self._reply.RedirectResponse(f"/{kind}/{number}")

    def rows(self, request: Any) -> Any:
        """The rows of a table that a run or fill is drawn from."""
        kind, number = request.path_params["kind"], request.path_params["number"]
        name, form = request.path_params["name"], request.path_params["form"]
        try:
            if kind not in {"run", "fill"}:
                return self.missing(request)
            found = self.asker.report(kind, number)
            if (name, form) in {("report", "html"), ("report", "md")}:
                text = found.to_html() if form == "html" else found.to_markdown()
                media = "text/html" if form == "html" else "text/markdown"
                return self._file(text.encode(), f"{kind}{number}.{form}", media)
            table = {
                "runs": found.runs,
                "lumisections": found.lumisections,
                "rates": found.rates,
                "deadtimes": found.deadtimes,
                "streams": found.streams,
            }.get(name)
            if table is None or form not in ENCODERS:
                return self.missing(request)
            return self.written(table, f"{kind}{number}-{name}", form)
        except OMSError as error:
            return self.problem(error, request)

    def ask_fields(self, request: Any) -> Any:
        """The fields of a resource, to complete what is typed."""
        name = request.query_params.get("resource", "")
        return self._reply.JSONResponse(fields_of(name, self.asker))

    def ask_rows(self, request: Any) -> Any:
        """The answer to a question as a file."""
        form = request.path_params["form"]
        if form not in ENCODERS:
            return self.missing(request)
        try:
            question = Question.of(Parameters(dict(request.query_params)))
            return self.written(answer(question, self.asker), "rows", form)
        except OMSError as error:
            return self.problem(error, request)

    def written(self, table: Table, name: str, form: str) -> Any:
        """A table as a file."""
        stream = io.BytesIO()
        ENCODERS[form](table, stream)
        media = MEDIA.get(form, "application/octet-stream")
        return self._file(stream.getvalue(), f"{name}.{form}", media)

    def _file(self, content: bytes, name: str, media: str) -> Any:
        disposition = {"content-disposition": f'attachment; filename="{name}"'}
        return self._reply.Response(content, 200, disposition, media)

    def heat(self, request: Any) -> Any:
        """The heat map."""
        try:
            found = heat_picture(Parameters(dict(request.query_params)), self.asker)
        except OMSError as error:
            return self.problem(error, request)
        return self._reply.Response(found, media_type="image/png")

    async def drop(self, request: Any) -> Any:
        """Take a certification file; the answer is what it is asked for by."""
        threads: Any = load("starlette.concurrency", PURPOSE)
        plain = self._reply.PlainTextResponse
        if request.headers.get("x-omskit") != "1":
            # A form of another page cannot set a header.
            return plain("This is no request of the page Masks.", 403)
        content = b""
        async for part in request.stream():
            content += part
            if len(content) > MOST_BYTES:
                return plain(f"The file has more than {MOST_BYTES} bytes.", 413)
        name = one_line(request.query_params.get("name", ""))[:200] or "a file"
        try:
            return plain(
                await threads.run_in_threadpool(self.asker.drop, name, content)
            )
        except OMSError as error:
            return plain(one_line(f"{name}: {error}"), 400)

    def result(self, request: Any) -> Any:
        """The result of an operation on two masks."""
        given = Parameters(dict(request.query_params))
        try:
            text = combined(given, self.asker).to_json()
            name = f"{given.text('op', 'and')}.json"
        except OMSError as error:
            return self.problem(error, request)
        return self._file(text.encode(), name, "application/json")

    def static(self, request: Any) -> Any:
        """A style sheet or script of the package."""
        name = request.path_params["name"]
        if name not in STATIC:
            return self.missing(request)
        return self._reply.Response(static_text(name), media_type=STATIC[name])

    def missing(self, request: Any, _error: object = None) -> Any:
        """An address that leads nowhere."""
        page = Page("problem.html", "Problem", "There is no such page.", status=404)
        page.values["hint"] = "The pages are above."
        return self.draw(page, request, "")


def _themed(address: str, theme: str) -> str:
    return f"{address}?theme={theme}" if theme else address


@cache
def static_text(name: str) -> str:
    """A style sheet or script, from the dashboard or from the reports."""
    own = files("omskit.dashboard") / "static" / name
    return own.read_text(encoding="utf-8") if own.is_file() else asset(name)
