"""The prescales of the paths of a run, one row per path and prescale column in use."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from omskit.errors import NoRowError, UsageError
from omskit.table import Table
from omskit.table.note import Note, NoteKind
from omskit.trigger.names import split_version
from omskit.trigger.prescaling import Rule, exact, seed_prescale, total_prescale
from omskit.trigger.seeds import parse_seed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Values = Mapping[str, Mapping[int, float | None]]


class Asks(Protocol):
    """Who can be asked for rows, as an `omskit.Client` can."""

    def query(self, resource: str, runs: Any = None, /) -> Any:
        """A query of any resource."""
        ...


SCHEMA = pa.schema(
    [
        ("run_number", pa.int64()),
        ("first_lumisection_number", pa.int64()),
        ("path", pa.string()),
        ("prescale", pa.float64()),
        ("status", pa.string()),
        ("prescale_name", pa.string()),
        ("prescale_index", pa.int64()),
        ("hlt_prescale", pa.float64()),
        ("l1_prescale", pa.float64()),
        ("prescale_low", pa.float64()),
        ("prescale_high", pa.float64()),
        ("seed", pa.string()),
        ("why", pa.string()),
        ("path_name", pa.string()),
    ]
)
"""The columns of `prescales`; the bounds hold for independent prescalers."""


_READ = ("prescalechanges", "hltconfigdata", "hltprescalesets", "l1prescalesets")


def prescales(
    client: Asks,
    run: int,
    *,
    paths: str | Iterable[str] = "*",
    rule: Rule = "nested",
) -> Table:
    """The prescales of HLT paths in one run, from each lumisection where they change.

    A row holds from its ``first_lumisection_number`` until the next row of the path.
    Lumisections before the first row have no known prescale.

    Args:
        client: An `omskit.Client`.
        run: One run.
        paths: Names and shell patterns, with or without version.
        rule: Which number stands for a seed of several bits, see `seed_prescale`.

    Raises:
        NoRowError: OMS has no prescale change of the run, or no such path.
        UsageError: A prescale column comes twice with different values.

    Cost: four questions, whatever the number of paths.
    Source: OMS prescalechanges, l1prescalesets, hltprescalesets, hltconfigdata.

    Example:
        >>> from omskit import Client
        >>> with Client("demo") as oms:
        ...     table = prescales(oms, 297050, paths="HLT_ZeroBias")
        >>> table["first_lumisection_number"].to_pylist()
        [1, 12, 431]
    """
    tables = {}
    for name in _READ:
        tables[name] = client.query(name, run).fetch()
        if len(tables[name]) or name != _READ[0]:
            continue
        message = f"OMS has no prescale change of run {run}. Is the number right?"
        raise NoRowError(message)
    rows = {name: table.to_records() for name, table in tables.items()}
    configured = {r["path_name"]: r["l1_prerequisite"] for r in rows["hltconfigdata"]}
    patterns = patterns_of(paths)
    chosen = [name for name in sorted(configured) if matches(name, patterns)]
    if not chosen:
        message = f"Run {run} has no path like {', '.join(map(repr, patterns))}."
        raise NoRowError(message)
    l1 = columns_of(rows["l1prescalesets"], "algo_name")
    numbers = numbers_of(rows["l1prescalesets"])
    hlt = columns_of(rows["hltprescalesets"], "path_name", numbers)
    changes = sorted(rows["prescalechanges"], key=lambda r: r["lumisection_number"])
    found = [
        _row(run, change, (name, configured[name]), (l1, hlt), rule)
        for name in chosen
        for change in changes
    ]
    made_up = any(table.simulated for table in tables.values())
    notes = [Note(NoteKind.SIMULATED, "Simulated by the demo.")] if made_up else []
    rows_of_all = pa.Table.from_pylist(found, SCHEMA)
    return Table(rows_of_all, resource="prescales", warnings=notes)


def columns_of(
    rows: Iterable[Mapping[str, Any]],
    key: str,
    numbers: Mapping[str, int] | None = None,
) -> Values:
    """The prescale of each name in each column, joined by the column's own index.

    A masked L1 algorithm (``algo_mask`` false) has prescale 0. A column without an
    index is that of its name; without that it is left out, as its place in the list
    proves nothing.

    Args:
        rows: Of ``l1prescalesets`` or ``hltprescalesets``.
        key: What names a row.
        numbers: The index of each column by its name, see `numbers_of`.

    Raises:
        UsageError: A column comes twice with different values.

    Example:
        >>> text = '[{"prescale_index": 6, "prescale": 15.0}]'
        >>> columns_of([{"algo_name": "L1_A", "prescales": text}], "algo_name")
        {'L1_A': {6: 15.0}}
    """
    found: dict[str, dict[int, float | None]] = {}
    for row in rows:
        columns = found.setdefault(row[key], {})
        for entry in _entries(row):
            index, value = entry.get("prescale_index"), entry.get("prescale")
            if index is None:
                index = (numbers or {}).get(str(entry.get("prescale_name")))
            if index is None:
                continue
            if row.get("algo_mask") is False:
                value = 0.0
            if index in columns and columns[index] != value:
                message = (
                    f"{row[key]} has the prescales {columns[index]} and {value} in "
                    f"column {index}."
                )
                raise UsageError(message)
            columns[index] = value
    return found


def numbers_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """The index of each column by its name; none for a name that several have.

    Example:
        >>> text = '[{"prescale_index": 6, "prescale_name": "2p0E34"}]'
        >>> numbers_of([{"prescales": text}])
        {'2p0E34': 6}
    """
    seen: dict[str, set[int]] = {}
    for row in rows:
        for entry in _entries(row):
            name, index = entry.get("prescale_name"), entry.get("prescale_index")
            if name is not None and index is not None:
                seen.setdefault(name, set()).add(index)
    return {name: min(found) for name, found in seen.items() if len(found) == 1}


def _entries(row: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """The columns of a row; OMS sends a list, a table has it as JSON text."""
    given = row["prescales"]
    return (json.loads(given) if isinstance(given, str) else given) or ()


def patterns_of(given: str | Iterable[str]) -> list[str]:
    """Names and patterns as a list; a text may hold several with commas.

    Example:
        >>> patterns_of("HLT_Mu50, HLT_Iso*")
        ['HLT_Mu50', 'HLT_Iso*']
        >>> patterns_of(["HLT_Mu50,HLT_Iso*", "HLT_PF*"])
        ['HLT_Mu50', 'HLT_Iso*', 'HLT_PF*']
    """
    texts = [given] if isinstance(given, str) else list(given)
    names = [name.strip() for text in texts for name in text.split(",")]
    return [name for name in names if name] or texts


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether a path is meant, by its name with or without version.

    A name without version fits every pattern of versions.

    Example:
        >>> matches("HLT_Mu50_v6", ["HLT_Mu50"]), matches("HLT_Mu50", ["HLT_Mu50_v*"])
        (True, True)
    """
    stem, version = split_version(name)
    names = (name, stem, f"{stem}_v") if version is None else (name, stem)
    return any(fnmatchcase(n, pattern) for pattern in patterns for n in names)


def _row(
    run: int,
    change: Mapping[str, Any],
    configured: tuple[str, str | None],
    values: tuple[Values, Values],
    rule: Rule,
) -> dict[str, Any]:
    """One path from one change on."""
    name, text = configured
    index, (l1, hlt) = change["new_prescale_index"], values
    seed = parse_seed(text)
    own = exact(hlt.get(name, {}).get(index), name)
    bits = {bit: columns.get(index) for bit, columns in l1.items()}
    level_1 = seed_prescale(seed, bits, rule)
    total = total_prescale(level_1, own)
    return {
        "run_number": run,
        "first_lumisection_number": change["lumisection_number"],
        "prescale_index": index,
        "prescale_name": change["new_prescale_name"],
        "path_name": name,
        "path": split_version(name).name,
        "seed": None if seed is None else str(seed),
        "hlt_prescale": own.value,
        "l1_prescale": level_1.value,
        "prescale": total.value,
        "status": total.status.value,
        "prescale_low": total.low,
        "prescale_high": total.high,
        "why": total.why or None,
    }
