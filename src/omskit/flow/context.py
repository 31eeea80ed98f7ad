"""What a flow needs to know besides the query: who is asked, and how."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from omskit.flow.settings import Settings

if TYPE_CHECKING:
    from omskit.flow.source import Source
    from omskit.schema import Catalogue, Resource


@dataclass(frozen=True, slots=True)
class Context:
    """What a flow needs to know besides the query.

    Attributes:
        catalogue: What is known of the resources.
        source: Who is asked.
        settings: How.
        learnt: Resources outside the catalogue, as the service described them; filled
            by `omskit.flow.describe`, so that each is asked for once.
    """

    catalogue: Catalogue
    source: Source
    settings: Settings = field(default_factory=Settings)
    learnt: dict[str, Resource] = field(default_factory=dict)

    @property
    def page_size(self) -> int:
        """Rows per page: as many as the user says, or as suit the source."""
        return self.settings.page_size or self.source.page_size

    def known(self, name: str) -> Resource | None:
        """The resource of that name, as far as nobody need be asked."""
        if name in self.catalogue:
            return self.catalogue[name]
        return self.learnt.get(name)

    def strict(self) -> Context:
        """For rows that are counted or looked up: all or an error, and no audit."""
        settings = replace(self.settings, audit=False, allow_partial=False)
        return replace(self, settings=settings)

    def without_audit(self) -> Context:
        """Without a look for missing lumisections."""
        return replace(self, settings=replace(self.settings, audit=False))
