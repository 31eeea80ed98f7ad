"""The luminosity that a path recorded: with the prescale of each lumisection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from omskit.errors import NoRowError
from omskit.lumi import LumiMask
from omskit.lumi.integral import shown
from omskit.query.selectors import is_mask
from omskit.schema.units import INTEGRATED
from omskit.table import Table, with_unit
from omskit.table.note import Note, NoteKind
from omskit.trigger.building import labels_of
from omskit.trigger.columns import matches, patterns_of
from omskit.trigger.conditions import Asked, conditions
from omskit.trigger.menu import STATUSES, hlt_prescales, menu_of
from omskit.trigger.prescaling import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from omskit.client.options import Selector
    from omskit.trigger.columns import Asks
    from omskit.trigger.conditions import Conditions
    from omskit.trigger.counting import FloatArray
    from omskit.trigger.menu import Prescales
    from omskit.trigger.prescaling import Rule

_UNITS = dict.fromkeys(
    (
        *("recorded_lumi", "effective_lumi", "effective_low", "effective_high"),
        "brilcalc_lumi",
    ),
    INTEGRATED,
)


@dataclass(frozen=True, slots=True, repr=False)
class PathLuminosity:
    """Recorded and effective luminosity of paths.

    Attributes:
        table: One row per path: lumisections that count, recorded and effective
            luminosity of them in /pb, the bounds of the latter, and every status that
            occurs. A sum is null where no lumisection counts.
        by_lumisection: One row per path and lumisection that counts.
        off: Where each path was off, with its luminosity lost.
        unknown: Where its prescale or the luminosity is not known.
        missing: What was asked for and OMS has no lumisection of.
        notes: What else a reader should know.
        simulated: The rows come from the demo.
    """

    table: Table
    by_lumisection: Table
    off: Mapping[str, LumiMask]
    unknown: Mapping[str, LumiMask]
    missing: LumiMask
    notes: tuple[str, ...] = ()
    simulated: bool = False

    def __repr__(self) -> str:
        lines = []
        for row in self.table.to_records():
            name, effective = row["path"], row["effective_lumi"]
            value = "unknown" if effective is None else f"{effective:.6g} /pb"
            line = f"{name}: {value} effective, {row['recorded_lumi']:.6g} /pb recorded"
            line += f" in {row['lumisections']} lumisections ({row['status']})"
            for what, masks in (("off", self.off), ("unknown", self.unknown)):
                if masks[name]:
                    line += f"; {what} in {shown(masks[name], most=3)}"
            lines.append(line)
        if self.missing:
            lines.append(f"OMS has no lumisection {shown(self.missing)}")
        lines += [*self.notes, *(["simulated by the demo"] if self.simulated else [])]
        return "\n".join(lines)


def luminosity(
    client: Asks,
    runs: Selector,
    *,
    paths: str | Iterable[str] = "*",
    rule: Rule = "nested",
) -> PathLuminosity:
    """Recorded and effective luminosity of HLT paths over runs or a mask.

    Effective is the sum of recorded / total prescale over lumisections. Those where the
    path was off, or where prescale or luminosity are not known, are in neither sum, and
    named.

    Args:
        client: An `omskit.Client`.
        runs: As for ``client.runs``; a mask is taken lumisection by lumisection.
        paths: Names and shell patterns, with or without version.
        rule: Which number stands for a seed of several bits, see `seed_prescale`.

    Raises:
        NoRowError: OMS has no such runs or paths.

    Cost: three questions per run, and three in all; no counts are read.

    Example:
        >>> from omskit import Client, LumiMask
        >>> mask = LumiMask.from_ranges([(297050, 1, 100)])
        >>> with Client("demo") as oms:
        ...     print(luminosity(oms, mask, paths="HLT_Mu50_v*"))
        HLT_Mu50: 15.1206 /pb effective, 15.1206 /pb recorded in 100 lumisections
        (exact)
        simulated by the demo
    """
    asked, patterns = Asked(client), patterns_of(paths)
    found, keys = conditions(asked, runs, "none")
    menus = {run: menu_of(asked, run) for run in keys}
    rows: dict[str, int] = {}
    names: dict[int, dict[int, str]] = {}
    for run, menu in menus.items():
        labels = labels_of(menu.seeds)
        for full in sorted(menu.seeds):
            if matches(full, patterns):
                row = rows.setdefault(labels[full], len(rows))
                names.setdefault(run, {})[row] = full
    if not rows:
        message = f"These runs have no path like {', '.join(map(repr, patterns))}."
        raise NoRowError(message)
    made = hlt_prescales(found, menus, names, len(rows), rule)
    missing = _not_there(runs, found)
    return _summed(asked, found, made, list(rows), missing)


def _not_there(runs: Any, found: Conditions) -> LumiMask:
    """What of a mask OMS has no lumisection of."""
    if not is_mask(runs):
        return LumiMask()
    gone: LumiMask = runs - found.mask(np.ones(len(found), dtype=bool))
    return gone.good


def _summed(
    asked: Asked,
    found: Conditions,
    prescales: Prescales,
    paths: list[str],
    missing: LumiMask,
) -> PathLuminosity:
    total, low, high = (prescales.matrix(n) for n in ("total", "low", "high"))
    status = prescales.statuses()
    off = status == STATUSES.index(Status.OFF)
    known = np.isfinite(total) & np.isfinite(found.recorded)
    rows, parts = [], []
    for row, path in enumerate(paths):
        used = known[row]
        recorded = found.recorded[used]
        worst = sorted({int(s) for s in status[row, used]})
        rows.append(
            {
                "path": path,
                "lumisections": int(used.sum()),
                "recorded_lumi": float(recorded.sum()),
                "effective_lumi": _sum(recorded / total[row, used]),
                "effective_low": _sum(recorded / high[row, used]),
                "effective_high": _sum(recorded / low[row, used]),
                "status": ", ".join(STATUSES[s] for s in worst) or "off or unknown",
            }
        )
        parts.append(_each(path, found, used, total[row, used]))
    notes = [Note(NoteKind.OTHER, text) for text in asked.notes]
    if asked.simulated:
        notes.append(Note(NoteKind.SIMULATED, "Simulated by the demo."))
    each = _with_units(pa.concat_tables(parts))
    return PathLuminosity(
        Table(
            _with_units(pa.Table.from_pylist(rows)), resource="paths", warnings=notes
        ),
        Table(each, resource="paths", warnings=notes),
        {path: found.mask(off[row]) for row, path in enumerate(paths)},
        {path: found.mask(~known[row] & ~off[row]) for row, path in enumerate(paths)},
        missing,
        asked.notes,
        asked.simulated,
    )


def _each(path: str, found: Conditions, used: Any, prescale: FloatArray) -> pa.Table:
    recorded = found.recorded[used]
    return pa.table(
        {
            "path": pa.array([path] * recorded.size, pa.string()),
            "run_number": found.run[used],
            "lumisection_number": found.lumisection[used],
            "prescale": prescale,
            "recorded_lumi": recorded,
            "effective_lumi": recorded / prescale,
        }
    )


def _sum(values: FloatArray) -> float | None:
    """A sum; None where there is nothing to sum, or a part is not known."""
    if not values.size or np.isnan(values).any():
        return None
    return float(values.sum())


def _with_units(table: pa.Table) -> pa.Table:
    fields = [with_unit(f, _UNITS.get(f.name)) for f in table.schema]
    return table.cast(pa.schema(fields))


def compare_brilcalc(ours: PathLuminosity, brilcalc: Table) -> Table:
    """The effective luminosity of paths beside what ``brilcalc --hltpath`` printed.

    brilcalc divides by the prescale, and prints its delivered luminosity in the first
    column; what is compared is *recorded*. Only lumisections that both have are summed.

    Args:
        ours: From `luminosity`.
        brilcalc: From `omskit.lumi.brilcalc.read_brilcalc_table`, with ``--byls``.

    Returns:
        One row per path: lumisections in both and in one alone, both sums in /pb, and
        their ratio ours / brilcalc; null where brilcalc's is 0.

    Raises:
        NoRowError: The table has no lumisections of paths.
    """
    wanted = {"run_number", "lumisection_number", "hltpath"}
    name = "recorded_lumi_per_lumisection"
    if not {*wanted, name} <= set(brilcalc.columns):
        message = "This is no output of brilcalc --hltpath --byls with luminosities."
        raise NoRowError(message)
    theirs: dict[str, dict[tuple[int, int], float]] = {}
    for row in brilcalc.to_records():
        pair = (row["run_number"], row["lumisection_number"])
        label = labels_of([row["hltpath"]])[row["hltpath"]]
        theirs.setdefault(label, {})[pair] = row[name]
    mine: dict[str, dict[tuple[int, int], float]] = {}
    for row in ours.by_lumisection.to_records():
        pair = (row["run_number"], row["lumisection_number"])
        mine.setdefault(row["path"], {})[pair] = row["effective_lumi"]
    rows = [_beside(path, mine.get(path, {}), theirs.get(path, {})) for path in theirs]
    return Table(
        pa.Table.from_pylist(
            rows, pa.schema([with_unit(f, _UNITS.get(f.name)) for f in _BESIDE])
        ),
        resource="paths",
    )


_BESIDE = [
    pa.field("path", pa.string()),
    pa.field("both", pa.int64()),
    pa.field("only_ours", pa.int64()),
    pa.field("only_brilcalc", pa.int64()),
    pa.field("effective_lumi", pa.float64()),
    pa.field("brilcalc_lumi", pa.float64()),
    pa.field("ratio", pa.float64()),
]


def _beside(
    path: str,
    mine: dict[tuple[int, int], float],
    theirs: dict[tuple[int, int], float],
) -> dict[str, Any]:
    both = sorted(mine.keys() & theirs.keys())
    a, b = (sum(found[pair] for pair in both) for found in (mine, theirs))
    return {
        "path": path,
        "both": len(both),
        "only_ours": len(mine.keys() - theirs.keys()),
        "only_brilcalc": len(theirs.keys() - mine.keys()),
        "effective_lumi": a if both else None,
        "brilcalc_lumi": b if both else None,
        "ratio": a / b if b else None,
    }
