"""What a report says, as values: facts, spans of flags, agreements, and the whole.

Nothing here is drawn or written; `omskit.reports.html` and `omskit.reports.markdown` do
that. Numbers are those of the tables, not rounded.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from omskit.lumi.reasons import FLAGS
from omskit.reports.words import cell

if TYPE_CHECKING:
    from omskit.lumi import Ledger
    from omskit.table import Table
    from omskit.table.receipt import Receipt

Value = str | int | float | bool | dt.datetime | None
Gap = tuple[int, int, int]
"""Run, first and last lumisection, ends included."""

WATCHED = FLAGS
"""The flags that strips show: activity, beams, physics, the high voltage of detectors.
GEM, Roman pots, CASTOR and ZDC are not among them, as in certification."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a report is of: one run, one fill, or what began in a stretch of time.

    Attributes:
        kind: run, fill or period.
        number: Of the run or fill; None for a period.
        since, until: The period in UTC, its end not included; None: no end.
    """

    kind: Literal["run", "fill", "period"]
    number: int | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None

    @property
    def title(self) -> str:
        """The subject in two words.

        Example:
            >>> Subject("run", 297050).title
            'Run 297050'
        """
        if self.kind != "period":
            return f"{self.kind.capitalize()} {self.number}"
        assert self.since is not None
        if self.until is None:
            return f"Since {self.since:%Y-%m-%d %H:%M} UTC"
        if self.until - self.since == dt.timedelta(days=1) and not self.since.hour:
            return f"{self.since:%Y-%m-%d}"
        return f"{self.since:%Y-%m-%d %H:%M} to {self.until:%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True, slots=True)
class Fact:
    """One value of OMS.

    Attributes:
        name: What it is, in words.
        value: As in the table; None where OMS has none.
        unit: The unit of the column, or None.
        field: What OMS calls it; "" where it was worked out.
    """

    name: str
    value: Value
    unit: str | None = None
    field: str = ""

    @property
    def text(self) -> str:
        """The value for humans, with its unit.

        Example:
            >>> Fact("Delivered", 106.14806640625, "/pb").text
            '106.148 /pb'
        """
        return cell(self.value, self.unit)


@dataclass(frozen=True, slots=True)
class Span:
    """Lumisections of one run in which a flag is not on.

    Attributes:
        flag: The name of the column.
        state: off or unknown.
        gaps: (run, first, last), ends included.
        lumisections: How many there are.
    """

    flag: str
    state: Literal["off", "unknown"]
    gaps: tuple[Gap, ...]
    lumisections: int


@dataclass(frozen=True, slots=True)
class MaskAgreement:
    """A certification file beside the flags of OMS.

    Attributes:
        name: The name of the file.
        inside: Lumisections of the report that it holds.
        outside: Lumisections of the report that it does not hold.
        recorded_pb: The recorded luminosity inside; None where no value is known.
        reasons: Where it differs from *all flags on*, in groups of one reason each.
    """

    name: str
    inside: int
    outside: int
    recorded_pb: float | None
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outlier:
    """A path whose counts leave what its neighbours say.

    Attributes:
        path: The HLT path.
        run: In which run.
        first, last: In which lumisections.
        counted: How many events it accepted in them.
        expected: How many the lumisections around them would give.
    """

    path: str
    run: int
    first: int
    last: int
    counted: int
    expected: float


@dataclass(frozen=True, slots=True)
class Content:
    """All that there is to say of a run, a fill, or a stretch of time.

    Attributes:
        subject: What it is of.
        sentence: The whole in one sentence.
        facts: What OMS says of the run or fill.
        ledger: Where the delivered luminosity went; None where OMS has none.
        runs, lumisections: The rows that it is made from.
        rates, deadtimes, streams: Per lumisection; None where they are not there.
        spans: Flags that were not on.
        gaps: Lumisections that OMS lacks.
        agreements: One per certification file that was given.
        outliers: Paths with odd counts; None: nobody looked.
        downtimes: What OMS lists.
        notes: What a reader should know.
        receipts: How each table was obtained.
        simulated: Some of the rows were made up.
        made: When, in UTC.
    """

    subject: Subject
    sentence: str
    facts: tuple[Fact, ...]
    ledger: Ledger | None
    runs: Table
    lumisections: Table
    rates: Table | None
    deadtimes: Table | None
    streams: Table | None
    spans: tuple[Span, ...]
    gaps: tuple[Gap, ...]
    agreements: tuple[MaskAgreement, ...]
    outliers: tuple[Outlier, ...] | None
    downtimes: tuple[Table, ...]
    notes: tuple[str, ...]
    receipts: tuple[Receipt, ...]
    simulated: bool
    made: dt.datetime

    @property
    def title(self) -> str:
        """What it is of."""
        return self.subject.title
