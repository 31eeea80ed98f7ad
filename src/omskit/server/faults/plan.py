"""Which fault befalls which request: decided here, done to it in `faulty`.

A plan is a value. What it decides depends on the request, on how often it was asked
before, and on its seed: never on a clock, a thread or the order in which connections
happen to come.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from omskit.errors import ConfigError, did_you_mean
from omskit.files import read_file
from omskit.schema import bundled

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DEFAULT_LIMIT = 100
"""Rows of a page whose request does not say, to number pages by."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault.

    Attributes:
        meaning: What it does, for the reference page.
        parameters: What a rule may set for it, with the values taken otherwise.
    """

    meaning: str
    parameters: Mapping[str, float | str | None] = field(default_factory=dict)


KINDS: dict[str, Kind] = {
    "latency": Kind("the answer begins late", {"seconds": 1.0}),
    "drip": Kind(
        "the body comes in small pieces, slowly", {"seconds": 0.2, "size": 256}
    ),
    "drip_head": Kind(
        "the head of the answer comes byte by byte, and never ends", {"seconds": 0.2}
    ),
    "refused": Kind(
        "the connection ends and no new one is taken for a while", {"seconds": 0.5}
    ),
    "reset": Kind("the connection is reset before the answer"),
    "reset_body": Kind("the connection is reset in the middle of the body"),
    "short_body": Kind("the connection ends, in order, in the middle of the body"),
    "truncated_gzip": Kind("a whole answer whose gzip content breaks off"),
    "status": Kind(
        "an error status with an error document", {"status": 500, "retry_after": None}
    ),
    "html": Kind("a page of HTML with status 200"),
    "login": Kind("302 to a login page", {"location": "https://auth.cern.ch/login"}),
    "total": Kind("totalResourceCount is wrong by so many", {"by": 1}),
    "duplicate": Kind("the last row of the page is another page's first row"),
    "moved": Kind("the page begins so many rows later than it says", {"by": 1}),
    "null_identity": Kind(
        "the first row has null in a column of its identity", {"column": None}
    ),
    "huge": Kind(
        "a body of so many bytes is announced, a little of it comes",
        {"size": 2**30, "seconds": 0.5},
    ),
}
"""Every fault; ``docs/reference/faults.md`` shows this table."""

_INTEGERS = frozenset({"status", "by", "size", "page", "offset", "after", "count"})
_MOST = 2**40
_RANGES = {
    "probability": (0, 1),
    "status": (400, 599),
    "size": (1, _MOST),
    "by": (-_MOST, _MOST),
}
_TEXTS = frozenset({"fault", "path", "location", "column"})


@dataclass(frozen=True, slots=True)
class Rule:
    """When which fault happens; the first rule that applies wins.

    Attributes:
        fault: One of `KINDS`.
        path: Pattern for the path below the base URL, e.g. ``runs*``.
        page: Only the page of this number, from 0; None: any, and what has no pages.
        offset: Only the page that begins at this row.
        after: So many requests that match are spared first.
        count: Then so many are hit; None: no end to it.
        each: Count for each URL by itself: ``count = 2`` breaks every page twice.
        probability: Of the requests in question, this part is hit.
        parameters: What `KINDS` lists for the fault.
    """

    fault: str
    path: str = "*"
    page: int | None = None
    offset: int | None = None
    after: int = 0
    count: int | None = None
    each: bool = False
    probability: float = 1.0
    parameters: tuple[tuple[str, Any], ...] = ()

    def __getitem__(self, name: str) -> Any:
        """A parameter of the fault, as set or as `KINDS` has it."""
        return dict(self.parameters).get(name, KINDS[self.fault].parameters[name])

    def concerns(self, asked: Asked) -> bool:
        """Whether a request is one of those that this rule is about."""
        return (
            fnmatchcase(asked.path, self.path)
            and self.page in {None, asked.page}
            and self.offset in {None, asked.offset}
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """What the rules look at in a request.

    Attributes:
        path: Below the base URL, without a slash at either end.
        offset: Of the page; None where no page was asked for.
        url: Path and parameters, the same for every try.
    """

    path: str
    offset: int | None
    limit: int
    url: str

    @property
    def page(self) -> int | None:
        """The number of the page, from 0."""
        return None if self.offset is None else self.offset // self.limit


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to happen, and what is to be counted.

    Attributes:
        rule: The rule whose fault happens; None: the answer is left alone.
        counted: Keys of the tally that grow by one.
    """

    rule: Rule | None
    counted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """All rules and the seed of their probabilities.

    Example:
        >>> plan = FaultPlan((Rule("reset", page=1, count=1),))
        >>> asked = asked_of("/runs", "page[offset]=10&page[limit]=10")
        >>> first = plan.decide(asked, {})
        >>> first.rule.fault, plan.decide(asked, {k: 1 for k in first.counted}).rule
        ('reset', None)
    """

    rules: tuple[Rule, ...] = ()
    seed: int = 0

    def decide(self, asked: Asked, tally: Mapping[str, int]) -> Decision:
        """The fault of a request, given how often things were counted before.

        Every rule that concerns the request counts it, whichever of them hits.
        """
        counted: list[str] = []
        hit: Rule | None = None
        for number, rule in enumerate(self.rules):
            if not rule.concerns(asked):
                continue
            tries = f"{number} {asked.url}"
            met = tries if rule.each else f"{number}"
            counted += dict.fromkeys((tries, met))
            seen = tally.get(met, 0) - rule.after
            in_time = seen >= 0 and (rule.count is None or seen < rule.count)
            if hit is None and in_time:
                drawn = _drawn(self.seed, tries, tally.get(tries, 0))
                hit = rule if drawn < rule.probability else None
        return Decision(hit, tuple(counted))


def _drawn(seed: int, what: str, number: int) -> float:
    """A number in [0, 1) that depends on nothing but the arguments."""
    text = f"{seed} {what} {number}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=7).digest()) / 2**56


def asked_of(path: str, query: str) -> Asked:
    """What the rules see of a request below the base URL.

    Example:
        >>> asked_of("/runs/", "page%5Boffset%5D=20&page[limit]=10").page
        2
    """
    given = dict(parse_qsl(query))
    limit = _whole(given.get("page[limit]")) or DEFAULT_LIMIT
    offset = _whole(given.get("page[offset]"))
    short = path.strip("/")
    if offset is None and "/" not in short:
        offset = 0
    return Asked(short, offset, limit, f"{short}?{query}")


def _whole(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch("[0-9]{1,18}", text) else None


def plan_from_file(path: str | Path) -> FaultPlan:
    """The plan in a TOML file.

    Raises:
        ConfigError: The file cannot be read or says something without meaning.
    """
    try:
        text = read_file(Path(path)).decode()
    except (OSError, UnicodeDecodeError) as error:
        message = f"Cannot read the faults in {path}: {error}."
        raise ConfigError(message) from error
    return plan_from_text(text, str(path))


def plan_from_text(text: str, name: str = "the faults") -> FaultPlan:
    r"""The plan that TOML text describes.

    Raises:
        ConfigError: It is no TOML, or names what is not there.

    Example:
        >>> plan_from_text('[[rule]]\nfault = "total"\nby = 3').rules[0]["by"]
        3
    """
    try:
        document = tomllib.loads(text)
    except RecursionError as error:
        message = f"{name} is nested too deeply to be read."
        raise ConfigError(message) from error
    except ValueError as error:  # An integer may have too many digits, too.
        message = f"{name} is not TOML: {error}."
        raise ConfigError(message) from error
    _known(document, ("seed", "rule"), name)
    seed = document.get("seed", 0)
    found = document.get("rule", [])
    if type(seed) is not int or not isinstance(found, list):
        message = f"{name}: seed is a whole number, and rules begin with [[rule]]."
        raise ConfigError(message)
    rules = (_rule(entry, f"{name}, rule {n}") for n, entry in enumerate(found, 1))
    return FaultPlan(tuple(rules), seed)


def _rule(entry: Any, name: str) -> Rule:
    fault = entry.get("fault") if isinstance(entry, dict) else None
    if fault not in KINDS:
        hint = did_you_mean(str(fault), KINDS)
        message = f"{name}: there is no fault {fault!r}.{hint} There are: "
        raise ConfigError(message + ", ".join(KINDS) + ".")
    own = KINDS[fault].parameters
    general = [f.name for f in fields(Rule) if f.name != "parameters"]
    _known(entry, (*general, *own), name)
    for key, value in entry.items():
        if not _sensible(key, value):
            message = f"{name}: {key} = {value!r} makes no sense there."
            raise ConfigError(message)
    parameters = tuple((key, value) for key, value in entry.items() if key in own)
    rule = Rule(
        **{k: v for k, v in entry.items() if k in general}, parameters=parameters
    )
    if "column" in entry:
        _check_column(rule, name)
    return rule


def _check_column(rule: Rule, name: str) -> None:
    """Refuse a column that no resource has whose rows the rule is about."""
    column = rule["column"]
    catalogue = bundled()
    concerned = [catalogue[one] for one in catalogue if fnmatchcase(one, rule.path)]
    # Other paths (runs/297050/lumisections) are looked at when they are asked.
    known = {f.name for resource in concerned for f in resource.fields}
    known |= {f.attribute for resource in concerned for f in resource.fields}
    if concerned and column not in known:
        hint = did_you_mean(column, known)
        of = concerned[0].name if len(concerned) == 1 else "any resource"
        message = f"{name}: there is no column {column!r} of {of}.{hint}"
        raise ConfigError(message)


def _known(entry: Mapping[str, Any], names: Iterable[str], name: str) -> None:
    names = list(names)
    for key in entry:
        if key not in names:
            hint = did_you_mean(key, names)
            message = f"{name}: {key!r} is unknown.{hint} Known: {', '.join(names)}."
            raise ConfigError(message)


def _sensible(key: str, value: Any) -> bool:
    """Whether *value* has the type and range of what *key* means."""
    if key in _TEXTS:
        return isinstance(value, str)
    if key == "each":
        return isinstance(value, bool)
    kinds = int if key in _INTEGERS else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds):
        return False
    low, high = _RANGES.get(key, (0, _MOST))
    return bool(low <= value <= high)
