"""From arrays to the coordinates of SVG: paths, strips and ticks.

A drawing is `WIDTH` x `HEIGHT` units and is stretched to the place it has; its text
stands beside it in HTML, so that it can be read at any width.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from omskit.plot.rows import OFF, ON, UNKNOWN
from omskit.reports.timeline import NOT_THERE, slots_of
from omskit.reports.words import number, unit_text

if TYPE_CHECKING:
    from omskit.reports.timeline import Curve, Flag, Timeline, Values

WIDTH, HEIGHT = 1000, 100
MOST_STEPS = 1000
"""Steps of a curve; longer ones are drawn as the band between the lowest and highest
of each step."""
LABELS = 9
"""Labels below the axis."""

WORDS = {ON: "on", OFF: "off", UNKNOWN: "unknown", NOT_THERE: "absent"}


@dataclass(frozen=True, slots=True)
class Tick:
    """A label at a place: a percentage from the left, or from the top."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """A curve as SVG.

    Attributes:
        name, unit: What it is.
        path: The ``d`` of a path; "" where there is no value.
        band: The same for a filled band, of a long curve.
        ticks: Labels of the values, from the top.
        span: The lowest and highest value in words, or what the values are called.
        named: What stretches of values are called, at their left ends.
    """

    name: str
    unit: str | None
    path: str
    band: str
    ticks: tuple[Tick, ...]
    span: str
    named: tuple[Tick, ...] = ()


@dataclass(frozen=True, slots=True)
class Bar:
    """A piece of a strip: left edge and width in units, and the state in a word."""

    x: float
    width: float
    state: str
    text: str


@dataclass(frozen=True, slots=True)
class Strip:
    """A flag as SVG; where it is on, there is no bar.

    Attributes:
        name: The flag.
        bars: Where it is not on.
        words: How often it is off or unknown.
    """

    name: str
    bars: tuple[Bar, ...]
    words: str


def draw(curve: Curve) -> Drawn:
    """A curve as steps, or as a band where it is long; NaN leaves a gap."""
    known = curve.values[np.isfinite(curve.values)]
    if not known.size:
        return Drawn(curve.name, curve.unit, "", "", (), "no value")
    low, high = min(0.0, float(known.min())), float(known.max())
    marks = marks_of(low, high)
    low, high = min(low, marks[0]), max(high, marks[-1])
    scale = HEIGHT / ((high - low) or 1.0)
    path = band = ""
    if curve.values.size <= MOST_STEPS:
        path = _steps(curve.values, low, scale)
    else:
        band = _band(curve.values, low, scale)
    ticks = tuple(
        Tick(round(100 - (m - low) * scale * 100 / HEIGHT, 3), number(m)) for m in marks
    )
    named = tuple(
        Tick(round(100 * a / curve.values.size, 3), text)
        for a, b, text in called(curve)
        if b - a + 1 >= curve.values.size / LABELS / 2
    )
    return Drawn(curve.name, curve.unit, path, band, ticks, span_of(curve), named)


def called(curve: Curve) -> list[tuple[int, int, str]]:
    """Stretches of one value that has a name: first and last slot, value and name."""
    if curve.names is None:
        return []
    found: list[tuple[int, int, str]] = []
    values = curve.values.tolist()
    for slot, (value, name) in enumerate(zip(values, curve.names, strict=True)):
        if not name or math.isnan(value):
            continue
        text = f"{number(value)}: {name}"
        if found and found[-1][1:] == (slot - 1, text):
            found[-1] = (found[-1][0], slot, text)
        else:
            found.append((slot, slot, text))
    return found


def span_of(curve: Curve) -> str:
    """The lowest and highest value of a curve in words, or what they are called."""
    known = curve.values[np.isfinite(curve.values)]
    if not known.size:
        return "no value"
    names = list(dict.fromkeys(text for _, _, text in called(curve)))
    if names and len(names) <= LABELS:
        return ", ".join(names)
    return f"{number(float(known.min()))} to {number(float(known.max()))}"


def marks_of(low: float, high: float) -> list[float]:
    """Three to six round numbers that begin at or below *low* and reach *high*.

    Example:
        >>> marks_of(0, 38.9)
        [0.0, 10.0, 20.0, 30.0, 40.0]
    """
    width = (high - low) or abs(high) or 1.0
    power = 10 ** math.floor(math.log10(width / 4))
    step = next(s * power for s in (1, 2, 2.5, 5, 10) if s * power >= width / 4.5)
    first, last = math.floor(low / step), math.ceil(high / step - 1e-9)
    return [float(f"{n * step:.12g}") for n in range(first, max(last, first + 1) + 1)]


def _steps(values: Values, low: float, scale: float) -> str:
    unit = WIDTH / values.size
    pieces = []
    for a, b in slots_of(np.isfinite(values)):
        y = HEIGHT - (values[a : b + 1] - low) * scale
        told = [f"M{a * unit:.2f} {y[0]:.2f}"]
        last = None
        for slot, height in enumerate(y, start=a):
            text = f"{height:.2f}"
            if text != last and last is not None:
                told.append(f"H{slot * unit:.2f}V{text}")
            last = text
        told.append(f"H{(b + 1) * unit:.2f}")
        pieces.append("".join(told))
    return "".join(pieces)


def binned(values: Values, bins: int) -> tuple[Values, Values]:
    """The lowest and the highest of each of *bins* stretches; NaN where all are."""
    edges = np.linspace(0, values.size, bins + 1).astype(np.int64)[:-1]
    filled_low = np.where(np.isnan(values), np.inf, values)
    filled_high = np.where(np.isnan(values), -np.inf, values)
    low = np.minimum.reduceat(filled_low, edges)
    high = np.maximum.reduceat(filled_high, edges)
    empty = np.isinf(low)
    return np.where(empty, np.nan, low), np.where(empty, np.nan, high)


def _band(values: Values, low: float, scale: float) -> str:
    lows, highs = binned(values, MOST_STEPS)
    unit = WIDTH / MOST_STEPS
    pieces = []
    for a, b in slots_of(np.isfinite(lows)):
        top = HEIGHT - (highs[a : b + 1] - low) * scale
        bottom = HEIGHT - (lows[a : b + 1] - low) * scale
        x = (np.arange(a, b + 1) + 0.5) * unit
        there = [f"{p:.1f} {q - 0.25:.2f}" for p, q in zip(x, top, strict=True)]
        back = [
            f"{p:.1f} {q + 0.25:.2f}"
            for p, q in zip(x[::-1], bottom[::-1], strict=True)
        ]
        pieces.append(f"M{'L'.join([*there, *back])}Z")
    return "".join(pieces)


def strip(flag: Flag, line: Timeline) -> Strip:
    """A flag as bars where it is not on."""
    unit = WIDTH / max(len(line), 1)
    bars = []
    told = []
    for state in (OFF, UNKNOWN, NOT_THERE):
        which = flag.values == state
        if which.any() and state != NOT_THERE:
            told.append(f"{WORDS[state]} in {number(int(which.sum()))}")
        for a, b in slots_of(which):
            numbers = f"{line.numbers[a]}\N{EN DASH}{line.numbers[b]}"
            text = f"{flag.name} {WORDS[state]}: {line.runs[a]}:{numbers}"
            width = max((b - a + 1) * unit, 1.0)
            bars.append(Bar(round(a * unit, 2), round(width, 2), WORDS[state], text))
    return Strip(flag.name, tuple(bars), ", ".join(told) or "on")


def axis_of(line: Timeline) -> tuple[Tick, ...]:
    """Labels of lumisections for one run, of runs for several."""
    size = max(len(line), 1)
    starts = line.boundaries()
    if len(starts) > 1:
        return tuple(
            Tick(round(100 * slot / size, 3), str(run))
            for slot, run in _apart(starts, size)
        )
    if not len(line):
        return ()
    first, final = int(line.numbers[0]), int(line.numbers[-1])
    wanted = [round(m) for m in marks_of(first, final) if first <= m <= final]
    return tuple(
        Tick(round(100 * (n - first + 0.5) / size, 3), str(n))
        for n in dict.fromkeys(wanted)
    )


def _apart(starts: list[tuple[int, int]], size: int) -> list[tuple[int, int]]:
    """The runs whose labels have room: long runs come first."""
    ends = [slot for slot, _ in starts[1:]] + [size]
    lengths = [end - slot for (slot, _), end in zip(starts, ends, strict=True)]
    kept: list[tuple[int, int]] = []
    for at in sorted(range(len(starts)), key=lambda n: -lengths[n]):
        if all(abs(starts[at][0] - slot) >= size / LABELS for slot, _ in kept):
            kept.append(starts[at])
    return sorted(kept)


def bounds_of(line: Timeline) -> list[float]:
    """Where one run ends and the next begins, in units from the left."""
    unit = WIDTH / max(len(line), 1)
    return [round(slot * unit, 2) for slot, _ in line.boundaries()[1:]]


def hover_data(line: Timeline) -> dict[str, Any]:
    """What a script needs to say the numbers of a lumisection."""
    return {
        "run": line.runs.tolist(),
        "ls": line.numbers.tolist(),
        "curves": [
            {
                "name": c.name,
                "unit": unit_text(c.unit),
                "values": _plain(c.values),
                "called": called(c),
            }
            for c in line.curves
        ],
        "off": _off(line),
    }


def _plain(values: Values) -> list[float | None]:
    """Numbers with six digits; NaN, which JSON has not, as null."""
    return [float(f"{v:.6g}") if math.isfinite(v) else None for v in values.tolist()]


def _off(line: Timeline) -> list[list[Any]]:
    """Stretches of each flag that is not on: [name, word, first slot, last slot]."""
    return [
        [flag.name, WORDS[state], a, b]
        for flag in line.flags
        for state in (OFF, UNKNOWN)
        for a, b in slots_of(flag.values == state)
    ]
