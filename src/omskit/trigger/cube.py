"""Paths x lumisections: counts, prescales and what holds in each lumisection."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from omskit._extras import load
from omskit.errors import NoRowError
from omskit.lumi.integral import shown
from omskit.table import Table, with_unit
from omskit.table.note import Note, NoteKind
from omskit.trigger.columns import matches, patterns_of
from omskit.trigger.counting import count_interval
from omskit.trigger.menu import STATUSES
from omskit.trigger.prescaling import Status
from omskit.trigger.quantities import ACCEPTED, Kind, Source, quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from omskit.lumi import LumiMask
    from omskit.trigger.conditions import Conditions
    from omskit.trigger.counting import FloatArray
    from omskit.trigger.menu import Prescales

DEFAULT = ("counts", "rate")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Cube:
    """Counts of paths x lumisections, with all that rates are made from.

    Attributes:
        kind: ``"hlt"``, ``"l1"``, ``"streams"`` or ``"datasets"``.
        paths: The names of the rows, without version.
        conditions: The lumisections, in order of run and number.
        counters: Counts by name, paths x lumisections; NaN where OMS has no row.
        prescales: Prescales with their status; None for streams and datasets.
        versions: Full names by run and row.
        keys: What each run says of its menu, by run: HLT key, L1 key, L1 menu.
        missing: Lumisections of which no path has a count.
        late: Lumisections that have counts and no row of conditions; left out.
        notes: What else a reader should know.
        requests: How many requests it took.
        simulated: The rows come from the demo.
    """

    kind: Kind
    paths: tuple[str, ...]
    conditions: Conditions
    counters: Mapping[str, FloatArray]
    prescales: Prescales | None
    versions: Mapping[int, Mapping[int, str]]
    keys: Mapping[int, Mapping[str, Any]]
    missing: LumiMask
    late: tuple[tuple[int, int], ...] = ()
    notes: tuple[str, ...] = ()
    requests: int = 0
    simulated: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """How many paths and lumisections."""
        return len(self.paths), len(self.conditions)

    @property
    def runs(self) -> tuple[int, ...]:
        """The runs, sorted."""
        return tuple(int(run) for run in np.unique(self.conditions.run))

    @property
    def counts(self) -> FloatArray:
        """What each path accepted, paths x lumisections; NaN where OMS has no row."""
        return self.counters[ACCEPTED[self.kind]]

    @property
    def _source(self) -> Source:
        return Source(self.kind, self.counters, self.conditions, self.prescales)

    def matrix(self, name: str) -> FloatArray:
        """One quantity as paths x lumisections.

        Args:
            name: ``"rate"`` or any other of `omskit.trigger.quantities.QUANTITIES`;
                with ``_error``, its statistical error.

        Raises:
            UsageError: There is no such quantity, or it has no error.

        Returns:
            Float64 of `shape`; NaN where an input is not known or the path was off.

        Cost: O(paths x lumisections).

        Example:
            >>> from omskit import Client
            >>> from omskit.trigger import hlt
            >>> with Client("demo") as oms:
            ...     cube = hlt(oms, 297050, paths="HLT_ZeroBias")
            >>> f"{cube.matrix('rate')[0, 100]:.2f} {cube.shape}"
            '37.45 (1, 793)'
        """
        base = name.removesuffix("_error")
        found = quantity(base, self._source)
        if found.factor is None:
            if base != name:
                message = f"{base!r} has no statistical error."
                raise NoRowError(message)
            made = found.value(self._source) if found.value else self.counts
            return np.broadcast_to(made, self.shape)
        counts = found.counts(self._source)
        values = np.sqrt(counts) if base != name else counts
        return np.asarray(values * found.factor(self._source))

    def interval(
        self, name: str, level: float = 0.6826894921370859
    ) -> tuple[FloatArray, FloatArray]:
        """Exact central intervals of a quantity; for few counts, errors are not enough.

        Raises:
            MissingExtraError: scipy is not installed.
        """
        found = quantity(name, self._source)
        if found.factor is None:
            message = f"{name!r} has no statistical error."
            raise NoRowError(message)
        factor = found.factor(self._source)
        low, high = count_interval(found.counts(self._source), level)
        return low * factor, high * factor

    def statuses(self) -> NDArray[np.str_]:
        """How well each prescale is known, paths x lumisections."""
        texts = np.array([str(status) for status in STATUSES])
        if self.prescales is None:
            return np.full(self.shape, str(Status.UNKNOWN))
        return texts[self.prescales.statuses()]

    def table(self, *names: str) -> Table:
        """Quantities with units and errors: one row per path and lumisection.

        Args:
            names: See `matrix`; counts and rate by default. Where a prescale plays a
                part its status stands beside, null numbers where the path was off.

        Raises:
            UsageError: There is no such quantity.

        Cost: O(paths x lumisections) memory: 8 bytes per number.
        """
        source, wanted = self._source, names or DEFAULT
        height, width = self.shape
        columns: dict[str, pa.Array[Any]] = {
            "run_number": pa.array(np.tile(self.conditions.run, height)),
            "lumisection_number": pa.array(
                np.tile(self.conditions.lumisection, height)
            ),
            "path": _words(self.paths, np.repeat(np.arange(height), width)),
            "path_name": self._full_names(),
        }
        units: dict[str, str | None] = {}
        for name in wanted:
            found = quantity(name, source)
            columns[name], units[name] = _numbers(self.matrix(name)), found.unit
            if found.factor is not None:
                error = f"{name}_error"
                columns[error] = _numbers(self.matrix(error))
                units[error] = found.unit
        if any(quantity(name, source).prescaled for name in wanted):
            columns["status"] = self._status_words()
        made = pa.table(columns)
        fields = [with_unit(f, units.get(f.name)) for f in made.schema]
        return Table(
            made.cast(pa.schema(fields)),
            resource=self.kind,
            warnings=self.table_notes(),
        )

    def _full_names(self) -> pa.Array[Any]:
        """The full name of each row of the table; null where a run lacks the path."""
        every = sorted({n for names in self.versions.values() for n in names.values()})
        code_of = {name: code for code, name in enumerate(every)}
        codes = np.full(self.shape, -1)
        for run, names in self.versions.items():
            here = self.conditions.run == run
            for row, name in names.items():
                codes[row, here] = code_of[name]
        return _words(every, codes.ravel())

    def _status_words(self) -> pa.Array[Any]:
        texts = [str(status) for status in STATUSES]
        if self.prescales is None:
            return pa.array([str(Status.UNKNOWN)] * (self.shape[0] * self.shape[1]))
        return _words(texts, self.prescales.statuses().ravel())

    def table_notes(self) -> list[Note]:
        """What a table made of the cube should say."""
        notes = [Note(NoteKind.OTHER, text) for text in self.notes]
        if self.missing:
            text = f"No counts in lumisections {shown(self.missing)}."
            notes.append(Note(NoteKind.GAPS, text))
        if self.simulated:
            notes.append(Note(NoteKind.SIMULATED, "Simulated by the demo."))
        return notes

    def to_xarray(self, *names: str) -> Any:
        """Quantities as an ``xarray.Dataset``, path x lumisection.

        The second dimension is ``at``, with the coordinates run and lumisection: a
        lumisection number alone is not unique over runs. Units are in ``attrs``.

        Args:
            names: See `matrix`; by default counts, rate and, where prescales were
                read, unprescaled rate and prescale. Errors stand beside, as
                ``rate_error``, and the ``status`` where a prescale plays a part.

        Raises:
            MissingExtraError: xarray is not installed.
            UsageError: There is no such quantity.

        Cost: O(paths x lumisections) memory: 8 bytes per number.
        """
        xarray = load("xarray", "make an xarray Dataset")
        more = ("unprescaled_rate", "prescale") if self.prescales is not None else ()
        data: dict[str, Any] = {}
        for name in names or (*DEFAULT, *more):
            found = quantity(name, self._source)
            units = {"units": found.unit or "1"}
            both = (name,) if found.factor is None else (name, f"{name}_error")
            for one in both:
                data[one] = ("path", "at"), np.array(self.matrix(one)), units
            if found.prescaled:
                data["status"] = ("path", "at"), self.statuses()
        here = self.conditions
        for name in ("pileup", "delivered_lumi", "recorded_lumi", "live_fraction"):
            found = quantity(name, self._source)
            values = np.broadcast_to(self.matrix(name)[0], len(here)).copy()
            data[name] = "at", values, {"units": found.unit or "1"}
        data["bunches"] = "at", here.bunches, {"units": "1"}
        coords = {
            "path": list(self.paths),
            "run": ("at", here.run),
            "lumisection": ("at", here.lumisection),
        }
        attrs = {"kind": self.kind, "simulated": int(self.simulated)}
        return xarray.Dataset(data, coords, {**attrs, "notes": list(self.notes)})

    def select(
        self, paths: str | Iterable[str] = "*", mask: LumiMask | None = None
    ) -> Cube:
        """The part of some paths, and of the lumisections of a mask.

        Raises:
            NoRowError: There is no such path.
        """
        patterns = patterns_of(paths)
        rows = [i for i, p in enumerate(self.paths) if matches(p, patterns)]
        if not rows:
            message = f"The cube has no path like {', '.join(map(repr, patterns))}."
            raise NoRowError(message)
        here = self.conditions
        keep = np.ones(len(here), dtype=bool)
        if mask is not None:
            keep = np.asarray(mask.contains(here.run, here.lumisection))
        return self._part(np.array(rows), keep)

    def good(self) -> Cube:
        """The part with CMS active, stable beams and luminosity."""
        here = self.conditions
        keep = here.active & here.stable & (here.recorded > 0)
        return self._part(np.arange(len(self.paths)), keep)

    def _part(self, rows: NDArray[Any], keep: NDArray[np.bool_]) -> Cube:
        place = {int(old): new for new, old in enumerate(rows)}
        return replace(
            self,
            paths=tuple(self.paths[i] for i in rows),
            conditions=self.conditions.only(keep),
            counters={n: v[rows][:, keep] for n, v in self.counters.items()},
            prescales=self.prescales and self.prescales.only(rows, keep),
            versions={
                run: {place[r]: name for r, name in names.items() if r in place}
                for run, names in self.versions.items()
            },
            missing=self.missing & self.conditions.mask(keep),
        )

    def __repr__(self) -> str:
        height, width = self.shape
        what = {"hlt": "HLT paths", "l1": "L1 bits"}.get(self.kind, self.kind)
        runs = ", ".join(map(str, self.runs[:4]))
        more = f" and {len(self.runs) - 4} more" if len(self.runs) > 4 else ""
        lines = [f"<{height} {what} x {width} lumisections of {runs}{more}"]
        menus = Counter(
            (row.get("hlt_key"), row.get("l1_menu")) for row in self.keys.values()
        )
        lines += [f"menu {hlt}, {l1} ({n} runs)" for (hlt, l1), n in menus.items()]
        if self.prescales is not None:
            seen = Counter(self.statuses().ravel().tolist())
            parts = ", ".join(f"{n} {status}" for status, n in seen.most_common())
            lines.append(f"prescales: {parts}")
        if self.missing:
            lines.append(f"no counts: {shown(self.missing)}")
        if self.late:
            some = ", ".join(f"{run}:{ls}" for run, ls in self.late[:6])
            lines.append(f"late, left out: {some}")
        lines += self.notes
        lines.append(f"{self.requests} requests")
        if self.simulated:
            lines.append("simulated by the demo")
        return "\n  ".join(lines) + ">"


def _numbers(values: FloatArray) -> pa.Array[Any]:
    """Numbers as a column; NaN is null."""
    return pa.array(values.ravel(), from_pandas=True)


def _words(names: Iterable[str], codes: NDArray[Any]) -> pa.Array[Any]:
    """Texts by their number; null where it is negative."""
    index = pa.array(codes.astype(np.int32), mask=codes < 0)
    return pa.DictionaryArray.from_arrays(index, pa.array(list(names), pa.string()))
