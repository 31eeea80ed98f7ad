"""A report as one HTML file: no other file, no network, two pages of paper."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from omskit._version import __version__
from omskit.reports import drawing, words
from omskit.reports.rows import downtime_rows, ledger_rows, run_rows, span_rows
from omskit.reports.timeline import line_of

if TYPE_CHECKING:
    from jinja2 import Environment

    from omskit.reports.model import Content
    from omskit.reports.timeline import Timeline

SIMULATED = "Simulated by the demo: these are no data of CMS."


@cache
def environment() -> Environment:
    """The templates; whatever they are given is escaped."""
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.PackageLoader("omskit.reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(words=words, simulated_words=SIMULATED, version=__version__)
    return made


def asset(name: str) -> str:
    """The text of a style sheet or script that comes with the package."""
    return (files("omskit.reports") / "static" / name).read_text(encoding="utf-8")


def to_html(report: Content) -> str:
    """The report as a page.

    Every text in it is escaped. It holds its style and one small script, which is not
    needed to read it.
    """
    page = environment().get_template("page.html")
    from markupsafe import Markup

    return page.render(
        **view(report),
        # Files of our own, which hold nothing that was asked for.
        style=Markup(asset("style.css")),  # noqa: S704
        script=Markup(asset("hover.js")),  # noqa: S704
    )


def fragment(report: Content) -> str:
    """The report without style and script, to stand in another page."""
    return environment().get_template("body.html").render(**view(report))


def view(report: Content, line: Timeline | None = None) -> dict[str, Any]:
    """What the templates show.

    Args:
        line: A part of the report's own timeline, to show only that.
    """
    if line is None:
        line = line_of(report)
    return {
        "report": report,
        "drawn": [drawing.draw(curve) for curve in line.curves],
        "strips": [drawing.strip(flag, line) for flag in _told(line.flags)],
        "all_on": [f.name for f in line.flags if (f.values != 1).sum() == 0],
        "ticks": drawing.axis_of(line),
        "bounds": drawing.bounds_of(line),
        "hover": drawing.hover_data(line),
        "ledger": ledger_rows(report),
        "runs": run_rows(report),
        "spans": span_rows(report),
        "downtimes": downtime_rows(report),
    }


def _told(flags: Any) -> list[Any]:
    """The flags that are not on everywhere."""
    return [flag for flag in flags if (flag.values != 1).any()]
