"""The operators of OMS, as one table: symbol, wire word, meaning, SQL.

``IN`` and ``GLOB`` are ours: OMS cannot say them, and a plan turns them into several
requests or a wider one (`omskit.query.plan`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Operator:
    """One way to compare a field with a value.

    Attributes:
        word: On the wire, ``filter[field][WORD]=value``.
        symbol: In texts and on the command line.
        meaning: For humans.
        sql: Template over ``{column}`` and ``{value}``, with SQL's three-valued logic.
        kinds: Type words of the fields it fits.
        python: How it is written in Python, for a field ``x``.
        nullable: It may compare with null.
    """

    word: str
    symbol: str
    meaning: str
    sql: str
    kinds: frozenset[str]
    python: str
    nullable: bool = False


_ANY = frozenset({"int", "float", "str", "bool", "time"})
_ORDERED = frozenset({"int", "float", "str", "time"})

OPERATORS: Mapping[str, Operator] = {
    operator.word: operator
    for operator in (
        Operator(
            "EQ",
            "=",
            "equal",
            "{column} = {value}",
            _ANY,
            "field.x == v",
            nullable=True,
        ),
        Operator(
            "NEQ",
            "!=",
            "not equal",
            "{column} <> {value}",
            _ANY,
            "field.x != v",
            nullable=True,
        ),
        Operator("LT", "<", "less than", "{column} < {value}", _ORDERED, "field.x < v"),
        Operator(
            "GT", ">", "greater than", "{column} > {value}", _ORDERED, "field.x > v"
        ),
        Operator(
            "LE", "<=", "at most", "{column} <= {value}", _ORDERED, "field.x <= v"
        ),
        Operator(
            "GE", ">=", "at least", "{column} >= {value}", _ORDERED, "field.x >= v"
        ),
        Operator(
            "LIKE",
            "~",
            "text matches: % stands for anything, _ for one character",
            "{column} LIKE {value}",
            frozenset({"str"}),
            "field.x.like('%v%')",
        ),
        Operator(
            "CT",
            "has",
            "contains: an element of a list, a part of a text",
            "contains({column}, {value})",
            frozenset({"str", "list"}),
            "field.x.contains('v')",
        ),
        Operator(
            "IN",
            "in",
            "one of several values",
            "{column} IN {value}",
            _ORDERED,
            "field.x.is_in([v, w])",
        ),
        Operator(
            "GLOB",
            "matches",
            "text matches: * stands for anything, ? for one character",
            "regexp_matches({column}, {value})",
            frozenset({"str"}),
            "field.x.matches('v*')",
        ),
    )
}
"""Every operator by its word."""

WIRE = frozenset(OPERATORS) - {"IN", "GLOB"}
"""The words that the service understands."""
