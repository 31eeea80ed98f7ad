"""Trigger paths whose counts leave what the lumisections around them say.

For each path and lumisection the expectation is the median of the counts in a window
around it, taken over lumisections with the same prescale column only, as a change of
prescales is no fault of a path. What is told leaves it by `SIGMA` of its own Poisson
error and of the scatter of the window, and by `SHARE` of the expectation. The median
bears with up to half of the window being odd.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from omskit.reports.model import Outlier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omskit.table import Table

    Numbers = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

WINDOW = 21
SIGMA = 6.0
SHARE = 0.5
MOST = 12
"""Outliers that a report names, the strongest first."""
TOGETHER = 4
"""So many paths that are odd in the same lumisections are told in one line."""
FEWEST = 9
"""Lumisections of one prescale column that a median needs."""
_MAD = 1.4826
"""Standard deviations in a median absolute deviation of a normal distribution."""


def outliers_of(hlt: Table, lumisections: Table) -> tuple[Outlier, ...]:
    """The strongest outliers among the paths of *hlt*, neighbours as one.

    Args:
        hlt: Rows of ``hltpathrates`` per lumisection, with ``counter``.
        lumisections: Of the same runs, with ``prescale_index``; only lumisections with
            stable beams are looked at.

    Cost: O(rows x window).
    """
    stable = _columns(lumisections)
    found: list[tuple[float, Outlier]] = []
    for (path, run), (numbers, counts) in _series(hlt).items():
        index = np.array([stable.get((run, int(n)), -1) for n in numbers])
        for prescale in np.unique(index[index >= 0]):
            chosen = index == prescale
            if chosen.sum() >= FEWEST:
                found += _of_series(path, run, numbers[chosen], counts[chosen])
    told = _together(found)
    told.sort(key=lambda pair: -pair[0])
    return tuple(outlier for _, outlier in told[:MOST])


def _together(found: list[tuple[float, Outlier]]) -> list[tuple[float, Outlier]]:
    """Paths that are odd in the same lumisections as one line: no path is to blame."""
    places: dict[tuple[int, int, int], list[tuple[float, Outlier]]] = {}
    for strength, one in found:
        places.setdefault((one.run, one.first, one.last), []).append((strength, one))
    told: list[tuple[float, Outlier]] = []
    for (run, first, last), group in places.items():
        if len(group) < TOGETHER:
            told += group
            continue
        counted = sum(one.counted for _, one in group)
        expected = sum(one.expected for _, one in group)
        whole = Outlier(f"{len(group)} paths", run, first, last, counted, expected)
        told.append((max(strength for strength, _ in group), whole))
    return told


def _columns(lumisections: Table) -> dict[tuple[int, int], int]:
    """The prescale index of each lumisection with stable beams."""
    names = ("run_number", "lumisection_number", "prescale_index", "beams_stable")
    lists = [lumisections[name].to_pylist() for name in names]
    return {
        (run, number): -1 if prescale is None else prescale
        for run, number, prescale, stable in zip(*lists, strict=True)
        if stable
    }


def _series(hlt: Table) -> dict[tuple[str, int], tuple[Any, Numbers]]:
    """Lumisections and counts of each path and run, in order."""
    arrow = hlt.arrow.select(
        ["path_name", "run_number", "first_lumisection_number", "counter"]
    ).drop_null()
    if not arrow.num_rows:
        return {}
    order = [(n, "ascending") for n in arrow.column_names[:3]]
    arrow = arrow.sort_by(order).combine_chunks()
    coded = arrow.column("path_name").combine_chunks().dictionary_encode()
    codes = coded.indices.to_numpy()
    runs = arrow.column("run_number").to_numpy()
    numbers = arrow.column("first_lumisection_number").to_numpy()
    counts = arrow.column("counter").to_numpy().astype(np.float64)
    new = (codes[1:] != codes[:-1]) | (runs[1:] != runs[:-1])
    starts = np.flatnonzero(np.concatenate(([True], new)))
    ends = np.append(starts[1:], codes.size)
    names = coded.dictionary.to_pylist()
    return {
        (names[codes[a]], int(runs[a])): (numbers[a:b], counts[a:b])
        for a, b in zip(starts, ends, strict=True)
    }


def _of_series(
    path: str, run: int, numbers: Any, counts: Numbers
) -> Iterator[tuple[float, Outlier]]:
    half = min(WINDOW, len(counts) // 2 * 2 - 1) // 2
    padded = np.pad(counts, half, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)
    expected = np.median(windows, axis=1)
    scatter = _MAD * np.median(np.abs(windows - expected[:, None]), axis=1)
    error = np.sqrt(np.maximum(expected, 1) + scatter**2)
    away = np.abs(counts - expected)
    odd = (away > SIGMA * error) & (away > SHARE * expected)
    places = np.flatnonzero(odd)
    if not places.size:
        return
    for group in np.split(places, np.flatnonzero(np.diff(places) > 1) + 1):
        a, b = group[0], group[-1]
        strength = float((away[group] / error[group]).max())
        yield (
            strength,
            Outlier(
                path,
                run,
                int(numbers[a]),
                int(numbers[b]),
                int(counts[group].sum()),
                float(expected[group].sum()),
            ),
        )
