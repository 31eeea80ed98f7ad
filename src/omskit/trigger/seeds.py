"""The level-1 seed of a path: an expression of L1 bits, as hltconfigdata has it.

The grammar, with the usual precedence (NOT before AND before OR)::

    seed   = either
    either = both ("OR" both)*
    both   = one ("AND" one)*
    one    = "NOT" one | "(" either ")" | name

Names may be quoted. OMS quotes whole expressions, too: a quoted text with a blank in it
is an expression, since no L1 name has a blank.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from omskit.errors import UsageError

DEEPEST = 50
"""Brackets and NOTs inside one another; real seeds have two."""
_TOKEN = re.compile(r"\s*(?:([()])|\"([^\"]*)\"|'([^']*)'|([^\s()\"']+))")
_WORDS = ("AND", "OR", "NOT")


@dataclass(frozen=True, slots=True)
class Bit:
    """One L1 algorithm."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Not:
    """The veto of a part."""

    part: Seed

    def __str__(self) -> str:
        inner = f"({self.part})" if isinstance(self.part, And | Or) else f"{self.part}"
        return f"NOT {inner}"


@dataclass(frozen=True, slots=True)
class And:
    """Every part is required; no part is an `And` itself."""

    parts: tuple[Seed, ...]

    def __str__(self) -> str:
        return " AND ".join(
            f"({p})" if isinstance(p, Or) else f"{p}" for p in self.parts
        )


@dataclass(frozen=True, slots=True)
class Or:
    """Any part is enough; no part is an `Or` itself."""

    parts: tuple[Seed, ...]

    def __str__(self) -> str:
        return " OR ".join(map(str, self.parts))


Seed: TypeAlias = Bit | Not | And | Or


def parse_seed(text: str | None) -> Seed | None:
    """A seed from its text; None where the path has none.

    Raises:
        UsageError: The text is no expression; the message says where.

    Example:
        >>> str(parse_seed('"L1_A OR (L1_B AND NOT L1_C)"'))
        'L1_A OR L1_B AND NOT L1_C'
    """
    if text is None or not text.strip(" \t\n\r\"'"):
        return None
    return _Reader(text, 0).whole()


def bits_of(seed: Seed) -> list[str]:
    """The L1 names in a seed, each once, in order.

    Example:
        >>> bits_of(parse_seed("L1_A OR L1_B AND L1_A"))
        ['L1_A', 'L1_B']
    """
    if isinstance(seed, Bit):
        return [seed.name]
    parts = (seed.part,) if isinstance(seed, Not) else seed.parts
    return list(dict.fromkeys(name for part in parts for name in bits_of(part)))


class _Reader:
    """Recursive descent over the tokens of one text."""

    def __init__(self, text: str, depth: int) -> None:
        self.text = text
        self.depth = depth
        self.at = 0
        self.tokens = list(self._split())

    def _split(self) -> list[tuple[str, str, int]]:
        """Kind ("(", ")", a word, "name", "quoted"), text and place of each token."""
        found, at = [], 0
        text = self.text.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise self._error("an opening quote that is never closed", at)
            bracket, double, single, bare = match.groups()
            quoted = double if double is not None else single
            if bracket:
                found.append((bracket, bracket, at))
            elif quoted is not None:
                found.append(("quoted", quoted, at))
            else:
                kind = bare.upper() if bare.upper() in _WORDS else "name"
                found.append((kind, bare, at))
            at = match.end()
        return found

    def whole(self) -> Seed:
        seed = self._either()
        if self.at < len(self.tokens):
            _, text, place = self.tokens[self.at]
            raise self._error(f"{text!r} where AND, OR or the end belongs", place)
        return seed

    def _next(self) -> str:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else "end"

    def _either(self) -> Seed:
        parts = [self._both()]
        while self._next() == "OR":
            self.at += 1
            parts.append(self._both())
        return either(*parts)

    def _both(self) -> Seed:
        parts = [self._one()]
        while self._next() == "AND":
            self.at += 1
            parts.append(self._one())
        return both(*parts)

    def _one(self) -> Seed:
        kind = self._next()
        if kind not in {"NOT", "(", "name", "quoted"}:
            given, place = "the end", len(self.text)
            if kind != "end":
                _, word, place = self.tokens[self.at]
                given = repr(word)
            raise self._error(f"{given} where an L1 name belongs", place)
        _, text, place = self.tokens[self.at]
        self.at += 1
        if kind == "name":
            return Bit(text)
        if kind == "quoted" and text and not re.search(r"\s", text):
            return Bit(text)
        self.depth += 1
        if self.depth > DEEPEST:
            raise self._error(f"more than {DEEPEST} brackets inside one another", place)
        if kind == "quoted":
            seed = _Reader(text, self.depth).whole()
        elif kind == "NOT":
            seed = Not(self._one())
        else:
            seed = self._either()
            if self._next() != ")":
                raise self._error("a bracket that is never closed", place)
            self.at += 1
        self.depth -= 1
        return seed

    def _error(self, what: str, place: int) -> UsageError:
        return UsageError(
            f"No L1 seed: {self.text!r:.200} has {what}, at character {place + 1}."
        )


def either(*parts: Seed) -> Seed:
    """The OR of parts, flat; one part alone is itself."""
    flat = [q for p in parts for q in (p.parts if isinstance(p, Or) else (p,))]
    return flat[0] if len(flat) == 1 else Or(tuple(flat))


def both(*parts: Seed) -> Seed:
    """The AND of parts, flat; one part alone is itself."""
    flat = [q for p in parts for q in (p.parts if isinstance(p, And) else (p,))]
    return flat[0] if len(flat) == 1 else And(tuple(flat))
