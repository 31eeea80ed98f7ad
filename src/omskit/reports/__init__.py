"""Reports on a run, a fill or a day: a value made from tables, written in two ways."""

from omskit.reports.asking import report
from omskit.reports.building import Evidence, build
from omskit.reports.html import to_html
from omskit.reports.markdown import to_markdown
from omskit.reports.model import Content, Fact, Subject
from omskit.reports.report import Report

__all__ = [
    "Content",
    "Evidence",
    "Fact",
    "Report",
    "Subject",
    "build",
    "report",
    "to_html",
    "to_markdown",
]
