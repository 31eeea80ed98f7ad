"""Cubes from a service: few questions, pages as large as it answers quickly.

A run of 665 paths x 3259 lumisections is 2.2 million rows. They are read page by page,
several at once, and only their counts are kept: 8 bytes each.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from omskit.errors import NoRowError, StatusError
from omskit.query import field as column
from omskit.query.selectors import is_mask
from omskit.trigger.columns import columns_of, matches, patterns_of
from omskit.trigger.conditions import (
    MANY_ROWS,
    Asked,
    Conditions,
    Live,
    conditions,
    place,
)
from omskit.trigger.cube import Cube
from omskit.trigger.menu import NO_MENU, hlt_prescales, l1_prescales, menu_of
from omskit.trigger.names import split_version
from omskit.trigger.questions import FEW_PATHS, questions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from omskit.client.options import Selector
    from omskit.trigger.columns import Asks
    from omskit.trigger.counting import FloatArray
    from omskit.trigger.prescaling import Rule
    from omskit.trigger.quantities import Kind


@dataclass(slots=True)
class _Grid:
    """Counters that are filled row by row.

    Attributes:
        names: The columns of numbers to keep.
        rows: The row of each path.
        versions: Full names by run and row.
        late: Lumisections that are no conditions.
    """

    found: Conditions
    names: tuple[str, ...]
    rows: dict[str, int] = field(default_factory=dict)
    versions: dict[int, dict[int, str]] = field(default_factory=dict)
    values: dict[str, list[FloatArray]] = field(default_factory=dict)
    late: set[tuple[int, int]] = field(default_factory=set)

    def row(self, run: int, label: str, full: str) -> int:
        """The row of a path, made where it is new."""
        if label not in self.rows:
            self.rows[label] = len(self.rows)
            for name in self.names:
                empty = np.full(len(self.found), np.nan)
                self.values.setdefault(name, []).append(empty)
        self.versions.setdefault(run, {})[self.rows[label]] = full
        return self.rows[label]

    def label(self, run: int, full: str) -> str:
        """The name of a path; the full one where another version has it in the run."""
        stem = split_version(full).name
        here = self.versions.get(run, {})
        row = self.rows.get(full)
        if row is not None and here.get(row) == full:
            return full
        other = here.get(self.rows.get(stem, -1), full)
        return stem if other == full else full

    def fill(self, run: int, full: str, label: str, page: Mapping[str, Any]) -> None:
        """Put the rows of one path of one run in their place."""
        row = self.row(run, label, full)
        at = place(self.found, run, page["number"])
        known = at >= 0
        self.late |= {(run, int(ls)) for ls in page["number"][~known]}
        for name in self.names:
            self.values[name][row][at[known]] = page[name][known]

    def counters(self) -> tuple[tuple[str, ...], dict[str, FloatArray]]:
        """Paths in order, and their counters as paths x lumisections."""
        paths = sorted(self.rows)
        order = [self.rows[path] for path in paths]
        renamed = {old: new for new, old in enumerate(order)}
        for run, names in self.versions.items():
            moved = {renamed[row]: full for row, full in names.items()}
            self.versions[run] = dict(sorted(moved.items()))
        shape = (len(paths), len(self.found))
        made = {}
        for name in self.names:
            made[name] = np.empty(shape)
            rows = self.values.pop(name, [])
            for new, old in enumerate(order):
                made[name][new] = rows[old]
                rows[old] = np.empty(0)  # 2.2 million counts are not held twice
        return tuple(paths), made


def hlt(
    client: Asks,
    runs: Selector,
    *,
    paths: str | Iterable[str] = "*",
    live: Live = "luminosity",
    rule: Rule = "nested",
    prescales: bool = True,
) -> Cube:
    """Counts, rates and prescales of HLT paths x lumisections.

    Paths are joined over runs by their name without version, and lumisections by their
    number, never by position.

    Args:
        client: An `omskit.Client`.
        runs: As for ``client.runs``; with a mask, its lumisections.
        paths: Names and shell patterns, with or without version.
        live: What unprescaled rates are corrected by: the live fraction by
            ``"luminosity"`` (recorded / delivered) or by ``"deadtime"`` (crossings with
            beam); ``"none"`` leaves the dead time in.
        rule: Which number stands for a seed of several bits, see `seed_prescale`.
        prescales: Read the menus of the runs. Counts and rates need none.

    Raises:
        NoRowError: OMS has no such runs or paths.

    Cost: three questions per run for menus, three in all for lumisections, runs and
    fills, and the counts in pages of 20 000 rows, several at once. `explain` tells how
    many. 8 bytes of memory per path and lumisection.

    Example:
        >>> from omskit import Client
        >>> with Client("demo") as oms:
        ...     cube = hlt(oms, 297050, paths="HLT_Mu50_v*")
        >>> cube.paths, cube.shape, cube.versions[297050]
        (('HLT_Mu50',), (1, 793), {0: 'HLT_Mu50_v6'})
    """
    asked, patterns = Asked(client), patterns_of(paths)
    found, keys = conditions(asked, runs, live)
    grid = _Grid(found, ("counter",))
    menus = {run: menu_of(asked, run) if prescales else NO_MENU for run in keys}
    for run, menu in menus.items():
        chosen = [name for name in menu.seeds if matches(name, patterns)]
        labels = labels_of(menu.seeds)
        for name in chosen:
            grid.row(run, labels[name], name)
        if menu.seeds and not chosen:
            continue
        query = client.query("hltpathrates", run).group("lumisection")
        query = _within(query, runs, found, run)
        _read_chosen(asked, query, grid, run, (chosen, list(menu.seeds), patterns))
    _some(grid, "path", patterns, keys)
    names, counters = grid.counters()
    made = None
    if prescales:
        made = hlt_prescales(found, menus, grid.versions, len(names), rule)
    _tell_menus(asked, keys)
    return _cube("hlt", asked, grid, (names, counters), keys, made)


def l1(
    client: Asks,
    runs: Selector,
    *,
    names: str | Iterable[str] = "*",
    live: Live = "luminosity",
) -> Cube:
    """Counts, rates and prescales of L1 algorithms x lumisections.

    Unprescaled rates are those that L1 counts before prescale and dead time: no
    prescale or live fraction plays a part. ``"rate"`` is after dead time.

    Args:
        client: An `omskit.Client`.
        runs: As for `hlt`.
        names: Names and shell patterns. A bit number means another algorithm in
            another menu, so bits are joined by name.
        live: As for `hlt`; only for the column ``live_fraction``.

    Raises:
        NoRowError: OMS has no such runs or algorithms.

    Cost: as for `hlt`, with one question per run for its menu.

    Example:
        >>> from omskit import Client
        >>> with Client("demo") as oms:
        ...     cube = l1(oms, 297050, names="L1_ZeroBias")
        >>> f"{cube.matrix('unprescaled_rate')[0, 100] / 1213:.0f}"
        '11245'
    """
    asked, patterns = Asked(client), patterns_of(names)
    found, keys = conditions(asked, runs, live)
    stages = ("pre_dt_before_prescale", "pre_dt", "post_dt")
    grid = _Grid(found, stages)
    sets = {}
    for run in keys:
        rows = asked.rows("l1prescalesets", run).to_records()
        sets[run] = columns_of(rows, "algo_name")
        query = client.query("l1algorithmtriggers", run).group("lumisection")
        chosen = [name for name in sets[run] if matches(name, patterns)]
        if sets[run] and len(chosen) <= FEW_PATHS:
            if not chosen:
                continue
            query = query.where(column("name").is_in(chosen))
        query = _within(query, runs, found, run)
        _read(asked, query, grid, run, "name", patterns)
    _some(grid, "algorithm", patterns, keys)
    known, counters = grid.counters()
    made = l1_prescales(found, sets, known)
    _tell_menus(asked, keys)
    return _cube("l1", asked, grid, (known, counters), keys, made)


def streams(client: Asks, runs: Selector, *, names: str | Iterable[str] = "*") -> Cube:
    """Events, size (GB) and bandwidth (MB/s) of HLT streams x lumisections.

    Cost: as for `hlt`, without menus.
    """
    return _output(client, runs, names, "streams")


def datasets(client: Asks, runs: Selector, *, names: str | Iterable[str] = "*") -> Cube:
    """Events of primary datasets x lumisections; also those that begin late.

    Cost: as for `hlt`, without menus.
    """
    return _output(client, runs, names, "datasets")


def _output(
    client: Asks, runs: Selector, names: str | Iterable[str], kind: Kind
) -> Cube:
    asked, patterns = Asked(client), patterns_of(names)
    found, keys = conditions(asked, runs)
    streams = kind == "streams"
    resource, name = ("streams", "stream_name") if streams else _DATASETS
    kept = ("n_events", "file_size", "bandwidth") if streams else ("events",)
    grid = _Grid(found, kept)
    for run in keys:
        query = client.query(resource, run).group("lumisection")
        query = _within(query, runs, found, run)
        _read(asked, query, grid, run, name, patterns)
    _some(grid, name.replace("_", " "), patterns, keys)
    return _cube(kind, asked, grid, grid.counters(), keys, None)


_DATASETS = ("datasetrates", "dataset_name")


def _within(query: Any, runs: Any, found: Conditions, run: int) -> Any:
    """The part of a question between the first and last lumisection of a mask."""
    if not is_mask(runs):
        return query
    numbers = found.lumisection[found.run == run]
    number = column("first_lumisection_number")
    first, last = int(numbers.min()), int(numbers.max())
    return query.where(number >= first, number <= last)


def labels_of(names: Iterable[str]) -> dict[str, str]:
    """The name of each path over menus; the full one where two share it in a run."""
    stems: dict[str, list[str]] = {}
    for name in names:
        stems.setdefault(split_version(name).name, []).append(name)
    return {
        name: stem if len(them) == 1 else name
        for stem, them in stems.items()
        for name in them
    }


def _read_chosen(
    asked: Asked,
    query: Any,
    grid: _Grid,
    run: int,
    which: tuple[list[str], list[str], list[str]],
) -> None:
    """Read some paths of a run; a service that refuses patterns is asked for all."""
    patterns = which[2]
    try:
        for one, _ in questions(query, *which):
            _read(asked, one, grid, run, "path_name", patterns)
    except StatusError as error:
        if error.status != REFUSED:
            raise
        _read(asked, query, grid, run, "path_name", patterns)


REFUSED = 400
"""The status of a filter that a service does not have."""


def _read(
    asked: Asked, query: Any, grid: _Grid, run: int, by: str, patterns: list[str]
) -> None:
    """Read the rows of one run into the grid, page by page."""
    ending = "_counter" if by == "name" else ""
    number = "first_lumisection_number"
    wanted = [by, number, *(f"{name}{ending}" for name in grid.names)]
    query = query.select(*wanted).options(audit=False, page_size=MANY_ROWS)
    for page in query.pages():
        asked.heard(page)
        arrow = page.arrow.combine_chunks()
        if not arrow.num_rows:
            continue
        encoded = arrow[by].combine_chunks().cast(pa.string()).dictionary_encode()
        codes = encoded.indices.to_numpy(zero_copy_only=False)
        order = np.argsort(codes, kind="stable")
        edges = np.flatnonzero(np.diff(codes[order])) + 1
        columns = {n: _floats(arrow[f"{n}{ending}"]) for n in grid.names}
        numbers = arrow[number].to_numpy()
        for part in np.split(order, edges):
            full = encoded.dictionary[int(codes[part[0]])].as_py()
            if full is None or not matches(full, patterns):
                continue
            label = grid.label(run, full)
            rows = {n: values[part] for n, values in columns.items()}
            grid.fill(run, full, label, {**rows, "number": numbers[part]})


def _floats(values: Any) -> FloatArray:
    return np.asarray(values.cast(pa.float64()).to_numpy(), dtype=np.float64)


def _some(grid: _Grid, what: str, patterns: list[str], keys: Iterable[int]) -> None:
    if grid.rows:
        return
    runs = list(map(str, keys))
    which = (
        f"Run {runs[0]} has" if len(runs) == 1 else f"Runs {', '.join(runs[:4])} have"
    )
    message = f"{which} no {what} like {', '.join(map(repr, patterns))}."
    raise NoRowError(message)


def _tell_menus(asked: Asked, keys: Mapping[int, Mapping[str, Any]]) -> None:
    """Say where the menu changes between runs."""
    seen = {run: row.get("hlt_key") for run, row in sorted(keys.items())}
    if len(set(seen.values())) > 1:
        starts = []
        last: object = ()
        for run, menu in seen.items():
            if menu != last:
                starts.append(f"{menu} from run {run}")
            last = menu
        asked.say(f"The HLT menu changes: {', '.join(starts)}.")


def _cube(
    kind: Kind,
    asked: Asked,
    grid: _Grid,
    made: tuple[tuple[str, ...], dict[str, FloatArray]],
    keys: Mapping[int, Mapping[str, Any]],
    prescales: Any,
) -> Cube:
    paths, counters = made
    first = next(iter(counters.values()))
    lost = np.ones(len(grid.found), dtype=bool)
    for row in first:
        lost &= np.isnan(row)
    return Cube(
        kind=kind,
        paths=paths,
        conditions=grid.found,
        counters=counters,
        prescales=prescales,
        versions=grid.versions,
        keys=keys,
        missing=grid.found.mask(lost),
        late=tuple(sorted(grid.late)),
        notes=asked.notes,
        requests=asked.requests,
        simulated=asked.simulated,
    )
