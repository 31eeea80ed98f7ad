"""A report: its content, and the ways to write it."""

from __future__ import annotations

from omskit.reports.html import fragment, to_html
from omskit.reports.markdown import to_markdown
from omskit.reports.model import Content


class Report(Content):
    """All that there is to say of a run, a fill, or a stretch of time.

    Its values are those of `omskit.reports.model.Content`; in a notebook it shows
    itself.
    """

    __slots__ = ()

    def to_html(self) -> str:
        """A page that needs no other file and no network, under a megabyte."""
        return to_html(self)

    def to_markdown(self) -> str:
        """The same for a logbook."""
        return to_markdown(self)

    def _repr_html_(self) -> str:
        return fragment(self)
