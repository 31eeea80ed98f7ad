"""Who asks the client for the pages: one question at a time, remembered for a while."""

from __future__ import annotations

import datetime as dt
import threading
import time
import warnings
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, cast

from omskit.dashboard.heat import Cube
from omskit.errors import OMSWarning
from omskit.lumi import LumiMask
from omskit.reports import Report, report
from omskit.reports.timeline import line_of
from omskit.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from omskit.client import Client
    from omskit.reports.timeline import Timeline

Answer = TypeVar("Answer")

KEPT_S = 20.0
"""So long an answer is shown again; a lumisection takes 23.3 s."""
LASTING_S = 600.0
"""The same for what is over, and seldom revised."""
OVER = dt.timedelta(hours=1)
"""So long after its end a run is over."""
KEPT = 64
"""Answers that are remembered."""
KEPT_BYTES = 400_000_000
"""Memory of the tables and rates that are remembered, beside the last one."""
MASKS = 64
"""Certification files that are remembered."""


def size_of(answer: object) -> int:
    """The bytes of a table, of the tables of a report, or of rates; 0 for others."""
    if isinstance(answer, Table):
        return int(answer.arrow.nbytes)
    if isinstance(answer, Cube):
        return int(answer.cells.nbytes)
    if not isinstance(answer, Report):
        return 0
    tables = (answer.runs, answer.lumisections, answer.rates, answer.deadtimes)
    return sum(size_of(table) for table in (*tables, answer.streams))


@dataclass(frozen=True, slots=True)
class Dropped:
    """A certification file that was dropped on a page."""

    name: str
    content: bytes
    mask: LumiMask


class Asker:
    """A client for many viewers: the same question is asked once in a while.

    Args:
        client: Whom to ask.
        now: The time that pages bear; where the demo plays, the clock of the demo.
        clock: Seconds, to know how old an answer is.
        newest: Says the newest run; a store cannot be asked for it as a service can.
    """

    def __init__(
        self,
        client: Client,
        *,
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
        clock: Callable[[], float] = time.monotonic,
        newest: Callable[[], int | None] | None = None,
    ) -> None:
        self.client = client
        self.now = now
        self._clock = clock
        self._newest = newest
        # Until when each is shown, and the answer.
        self._answers: OrderedDict[Hashable, tuple[float, object]] = OrderedDict()
        self._masks: OrderedDict[str, Dropped] = OrderedDict()
        # One question at a time: others wait for its answer instead of asking again.
        self._asking = threading.RLock()

    def remembered(
        self,
        key: Hashable,
        ask: Callable[[], Answer],
        *,
        kept_s: float | Callable[[Answer], float] = KEPT_S,
    ) -> Answer:
        """The answer to a question, at most *kept_s* old; 0 asks anew."""
        with self._asking:
            known = self._answers.get(key)
            if known is not None and kept_s != 0 and self._clock() < known[0]:
                return cast("Answer", known[1])
            with warnings.catch_warnings():
                # Pages show what tables warn of. Nobody else asks meanwhile.
                warnings.simplefilter("ignore", OMSWarning)
                answer = ask()
            length = kept_s(answer) if callable(kept_s) else kept_s
            self._answers[key] = (self._clock() + (length or KEPT_S), answer)
            self._answers.move_to_end(key)
            self._forget()
            return answer

    def _forget(self) -> None:
        """Forget the oldest answers where there are too many, or too large ones."""
        sizes = {key: size_of(known[1]) for key, known in self._answers.items()}
        whole = sum(sizes.values())
        while len(self._answers) > KEPT or (
            whole > KEPT_BYTES and len(self._answers) > 1
        ):
            key, _ = self._answers.popitem(last=False)
            whole -= sizes[key]

    def report(self, kind: str, number: int, *, anew: bool = False) -> Report:
        """The report on a run or a fill."""

        def ask() -> Report:
            if kind == "run":
                return report(self.client, run=number, now=self.now())
            return report(self.client, fill=number, now=self.now())

        return self.remembered((kind, number), ask, kept_s=0 if anew else self._length)

    def _length(self, report: Report) -> float:
        """How long a report is shown: a run that is over does not grow."""
        ends = report.runs["end_time"].to_pylist()
        is_over = None not in ends and self.now() - max(ends) > OVER
        return LASTING_S if is_over else KEPT_S

    def line(self, report: Report) -> Timeline:
        """The curves and flags of a report, made once."""
        key = ("line", report.title, report.made)
        return self.remembered(key, lambda: line_of(report), kept_s=LASTING_S)

    def newest_run(self, *, kept_s: float = KEPT_S) -> int | None:
        """The number of the newest run; None where there is none."""

        def ask() -> int | None:
            fields = ["run_number"]
            table = self.client.runs(sort="-run_number", limit=1, fields=fields)
            return int(table.arrow["run_number"][0].as_py()) if len(table) else None

        return self.remembered("newest", self._newest or ask, kept_s=kept_s)

    def length_of(self, run: int) -> float:
        """How long the rates of a run are shown: where there is a newer one, long."""
        newest = self.newest_run()
        return KEPT_S if newest is None or run >= newest else LASTING_S

    def hlt(self, run: int, pattern: str) -> Table:
        """Rates of HLT paths per lumisection; asked anew, as there may be many."""
        return self.client.hlt_rates(run, paths=pattern, audit=False)

    def l1(self, run: int, pattern: str) -> Table:
        """Rates of L1 algorithms per lumisection; asked anew, as there may be many."""
        return self.client.l1_algorithms(run, names=pattern, audit=False)

    def drop(self, name: str, content: bytes) -> str:
        """Remember a certification file.

        Returns:
            What it is asked for by.

        Raises:
            MaskError: It has no meaning.
        """
        from omskit.lumi import canonical_hash

        mask = LumiMask.read(content)
        key = canonical_hash(mask)[:16]
        with self._asking:
            self._masks[key] = Dropped(name, content, mask)
            self._masks.move_to_end(key)
            while len(self._masks) > MASKS:
                self._masks.popitem(last=False)
        return key

    def dropped(self, key: str) -> Dropped | None:
        """A certification file that was dropped before; None: it is not known."""
        return self._masks.get(key)
