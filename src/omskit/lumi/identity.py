"""Which certification file is this: canonical hash, counts, and files known by them.

The canonical hash is the SHA-256 of the mask as CMSSW prints it (`LumiMask.to_json`),
so that two files with the same lumisections have the same one, however they are
written. The registry (``registry.toml``) holds facts of files that circulate: names,
counts and hashes, no content.
"""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from omskit.lumi.tables import RUN, as_arrow, counts, integers
from omskit.table.shown import Told

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omskit.lumi.mask import LumiMask


@dataclass(frozen=True, slots=True)
class Known:
    """A file of the registry.

    Attributes:
        name: The official name.
        also: Other names that it goes by.
        canonical: Canonical hash.
        sha256: Hash of the bytes of the copy that was seen.
        runs, lumisections: Counts.
        source: Where it was seen.
    """

    name: str
    also: tuple[str, ...]
    canonical: str
    sha256: str
    runs: int
    lumisections: int
    source: str


@dataclass(frozen=True, slots=True)
class Counted:
    """A content that was seen under an official name, of which only counts are known.

    Attributes:
        name: The official name.
        lumisections: How many.
        source: Where it was seen.
        runs: In how many runs; None: not known.
    """

    name: str
    lumisections: int
    source: str
    runs: int | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """A year of data taking, as the names of its official files bound it."""

    name: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Identity(Told):
    """What is known of a mask.

    Attributes:
        name: The name of the file, "" where it has none.
        canonical: Canonical hash.
        sha256: Hash of its bytes, None where there are none.
        runs, ranges, lumisections: Counts; lumisections is None with an open end.
        first, last: The first and last (run, lumisection); None where there is none.
        periods: Years of data taking, with their share of the runs.
        eras: Eras with their lumisections, where runs of OMS were given.
        known: The file of the registry with this content, or None.
        statement: Whether name and content go together, in plain words.
    """

    name: str
    canonical: str
    sha256: str | None
    runs: int
    ranges: int
    lumisections: int | None
    first: tuple[int, int] | None
    last: tuple[int, int | None] | None
    periods: tuple[tuple[str, int], ...]
    eras: tuple[tuple[str | None, int | None], ...]
    known: Known | None
    statement: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        known = None if self.known is None else self.known.name
        plain = {n: getattr(self, n) for n in self.__slots__ if n != "known"}
        return {**plain, "known": known}

    def __str__(self) -> str:
        """A few lines for humans."""
        count = "open" if self.lumisections is None else self.lumisections
        head = f"{self.name or 'This mask'}: {count} lumisections in "
        lines = [f"{head}{self.ranges} ranges of {self.runs} runs"]
        if self.first and self.last:
            a, b = self.first, self.last
            lines.append(f"from {a[0]}:{a[1]} to {b[0]}:{b[1] or 'open'}")
        if self.periods:
            lines.append("years: " + _listed(self.periods, "runs"))
        if self.eras:
            lines.append("eras: " + _listed(self.eras, "lumisections"))
        lines.append(f"canonical hash {self.canonical}")
        if self.sha256:
            lines.append(f"hash of the file {self.sha256}")
        return "\n".join([*lines, self.statement])


def _listed(pairs: tuple[tuple[Any, Any], ...], what: str) -> str:
    return ", ".join(f"{name or 'no era'} ({count} {what})" for name, count in pairs)


def canonical_hash(mask: LumiMask) -> str:
    """SHA-256 of the good lumisections as CMSSW prints them; open ends as ``[a, 0]``.

    Cost: O(ranges).

    Example:
        >>> from omskit import LumiMask
        >>> canonical_hash(LumiMask.from_ranges([(7, 1, 3)]))[:12]
        '9134ba69e926'
    """
    return hashlib.sha256(mask.to_json(strict=False).encode()).hexdigest()


@cache
def registry() -> tuple[Known, ...]:
    """The files that omskit knows."""
    return tuple(
        Known(**{**entry, "also": tuple(entry["also"])}) for entry in _facts()["file"]
    )


@cache
def counted() -> tuple[Counted, ...]:
    """Further contents of official names, of which only counts are known."""
    return tuple(Counted(**entry) for entry in _facts()["counted"])


@cache
def periods() -> tuple[Period, ...]:
    """The years that omskit knows."""
    return tuple(Period(**entry) for entry in _facts()["period"])


def _facts() -> Mapping[str, Any]:
    text = (files("omskit.lumi") / "registry.toml").read_text("utf-8")
    return tomllib.loads(text)


def identify(
    mask: LumiMask,
    *,
    name: str = "",
    content: bytes | None = None,
    runs: Any = None,
) -> Identity:
    """What mask this is.

    Args:
        mask: The mask; what is good counts.
        name: The name of its file, without folders: is it what it says it is?
        content: The bytes of the file, to hash.
        runs: Rows of ``runs`` with run_number and era, for the eras.

    Cost: O(ranges).

    Example:
        >>> from omskit import LumiMask
        >>> print(identify(LumiMask.from_ranges([(297050, 12, 137)])).statement)
        The content is of no file that omskit knows.
    """
    ranges = list(mask.ranges())
    hashed = canonical_hash(mask)
    return Identity(
        name=name,
        canonical=hashed,
        sha256=None if content is None else hashlib.sha256(content).hexdigest(),
        runs=int(mask.runs.size),
        ranges=len(ranges),
        lumisections=None if mask.good.is_open else len(mask),
        first=ranges[0][:2] if ranges else None,
        last=(ranges[-1][0], ranges[-1][2]) if ranges else None,
        periods=_periods(mask),
        eras=() if runs is None else _eras(mask, runs),
        known=next((k for k in registry() if k.canonical == hashed), None),
        statement=_statement(mask, name, hashed),
    )


def _periods(mask: LumiMask) -> tuple[tuple[str, int], ...]:
    runs = mask.runs
    found = [
        (p.name, int(np.count_nonzero((runs >= p.first) & (runs <= p.last))))
        for p in periods()
    ]
    rest = int(runs.size) - sum(count for _, count in found)
    return (*((n, c) for n, c in found if c), *((("other", rest),) if rest else ()))


def _eras(mask: LumiMask, runs: Any) -> tuple[tuple[str | None, int | None], ...]:
    """The lumisections of each era, in order of its first run."""
    arrow = as_arrow(runs)
    of_run = dict(
        zip(integers(arrow, RUN).tolist(), arrow["era"].to_pylist(), strict=True)
    )
    found: dict[str | None, int | None] = {}
    for run, count in counts(mask._good).items():  # noqa: SLF001  # of our own kind
        era = of_run.get(run)
        before = found.get(era, 0)
        found[era] = None if count is None or before is None else before + count
    return tuple(found.items())


def _statement(mask: LumiMask, name: str, hashed: str) -> str:
    """Whether name and content go together.

    Official files were replaced under the same name, so a content that omskit does not
    know is not called wrong.
    """
    content = next((k for k in registry() if k.canonical == hashed), None)
    named = [k for k in registry() if name and name in (k.name, *k.also)]
    called = named[0].name if named else name
    counts_only = [c for c in counted() if called == c.name]
    count = None if mask.good.is_open else len(mask)
    told = []
    if content is not None and (not name or name in (content.name, *content.also)):
        told.append(f"It is {content.name} as seen in {content.source}.")
    elif content is not None and not named:
        told.append(f"It has the content of {content.name}, seen in {content.source}.")
    elif content is not None:
        told.append(
            f"Its name is that of {called}, its content that of {content.name} as "
            f"seen in {content.source}."
        )
    elif not named and not counts_only:
        told.append("The content is of no file that omskit knows.")
    else:
        told.append(_newcomer(mask, called, named, counts_only))
    if content is not None:
        called = content.name
    bearers = _bearers(called, hashed, None if content is not None else count)
    if len(bearers) > 1:
        told.append(
            f"{len(bearers)} different files bear the name {called}: "
            f"{'; '.join(bearers)}. Say which by its hash."
        )
    return " ".join(told)


def _newcomer(
    mask: LumiMask, name: str, named: list[Known], counts_only: list[Counted]
) -> str:
    """What is said of a content that has an official name and no hash that we know."""
    if mask.good.is_open:
        return f"It has the name {name}, and open ends, which no official file has."
    same = [
        c
        for c in counts_only
        if c.lumisections == len(mask) and c.runs in {None, mask.runs.size}
    ]
    if same:
        return (
            f"It has the name {name}, and as many lumisections as the copy seen in "
            f"{same[0].source}, of which omskit knows no hash."
        )
    other = "".join(f", and {k.lumisections} in {k.runs}" for k in named[:1])
    seen = f" in the copy seen in {named[0].source}" if named else ""
    return (
        f"It has the name {name}, and a content that omskit does not know: "
        f"{len(mask)} lumisections in {mask.runs.size} runs{other}{seen}. Files were "
        "replaced under this name, so it may be another edition."
    )


def _bearers(name: str, hashed: str, count: int | None) -> list[str]:
    """Every content that is known to bear a name, the one at hand marked."""
    told = [
        f"{k.lumisections} lumisections in {k.runs} runs "
        f"({k.canonical[:12]}{', this one' if k.canonical == hashed else ''})"
        for k in registry()
        if k.name == name
    ]
    for one in counted():
        if one.name == name:
            runs = "" if one.runs is None else f" in {one.runs} runs"
            mark = " (as many as here)" if one.lumisections == count else ""
            told.append(f"{one.lumisections} lumisections{runs}{mark}")
    return told
