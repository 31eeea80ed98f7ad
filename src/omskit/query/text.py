"""Conditions as people type them: ``l1_rate > 1000``, ``hlt_key ~ '%2017%'``.

One condition a text, since OMS can only AND them: the command line takes several.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NoReturn

from omskit.errors import OperatorError
from omskit.query.bind import bind
from omskit.query.model import Condition, Query, Scalar
from omskit.query.operators import OPERATORS

if TYPE_CHECKING:
    from omskit.schema import Resource

_NAME = re.compile(r"[A-Za-z_][\w.]*")
_SYMBOL = re.compile(r"[=!<>~&|]+|[A-Za-z]+\b")
_WORD = re.compile(r"""\s*("[^"]*"|'[^']*'|[^,]*?)\s*(?:,|$)""")
_JOINED = re.compile(r"\s(?:and|or)\s|&&|\|\|", re.IGNORECASE)

_BY_SYMBOL = {o.symbol: o.word for o in OPERATORS.values()}
_BY_SYMBOL |= {"==": "EQ", "<>": "NEQ", "contains": "CT", "like": "LIKE"}

FORMS = "field = != < <= > >= value, ~ '%part%', has x, in a,b, matches 'a*', = null"
"""What a condition may look like, in a few words."""


def parse_condition(
    text: str, resource: Resource, *, unchecked: bool = False
) -> Condition:
    """The condition that *text* means for rows of *resource*.

    Values are taken in the type of their field; ``null``, without quotes, is a missing
    value. Text that holds commas or spaces at its ends wants quotes.

    Args:
        text: ``FIELD OPERATOR VALUE``, see `FORMS`.
        unchecked: Let names pass that the catalogue does not know.

    Raises:
        OperatorError: It is no condition; the message names the piece that is wrong.
        UnknownFieldError: No such field; the message names the nearest.
        NotFilterableError: The service cannot filter by this field.

    Example:
        >>> from omskit.schema import bundled
        >>> parse_condition("l1_rate > 1000", bundled()["runs"])
        Condition('l1_rate', 'GT', 1000.0)
    """
    name = _NAME.match(text, len(text) - len(text.lstrip()))
    if name is None:
        _refuse(
            text,
            f"{text.split(maxsplit=1)[0]!r} is no field"
            if text.strip()
            else "it is empty",
        )
    symbol = _SYMBOL.match(text, _skip_blanks(text, name.end()))
    word = _BY_SYMBOL.get(symbol[0].lower()) if symbol else None
    if symbol is None or word is None:
        after = text[name.end() :].split(maxsplit=1)
        piece = symbol[0] if symbol else after[0] if after else ""
        _refuse(
            text,
            f"{piece!r} is no operator" if piece else f"no operator after {name[0]!r}",
        )
    rest = text[symbol.end() :].strip()
    if not rest:
        _refuse(text, f"no value after {symbol[0]!r}; an empty text matches nothing")
    value = _values(text, rest) if word == "IN" else _value(text, rest)
    condition = Condition(name[0], word, value)
    query = Query(resource.name, (condition,))
    bound = bind(query, resource, unchecked=unchecked, whole=False)
    return bound.conditions[0]


def _skip_blanks(text: str, start: int) -> int:
    return start + len(text[start:]) - len(text[start:].lstrip())


def _refuse(text: str, why: str) -> NoReturn:
    message = f"The condition {text!r} cannot be read: {why}. Write {FORMS}."
    raise OperatorError(message)


def _value(text: str, piece: str) -> Scalar:
    """One value: text to be cast by its field, or None for ``null``."""
    if piece[0] in "'\"":
        end = piece.find(piece[0], 1)
        if end < 0:
            _refuse(text, f"the quote before {piece[1:]!r} is never closed")
        if end != len(piece) - 1:
            _refuse(text, f"{piece[end + 1 :].strip()!r} follows the value")
        return piece[1:end]
    joined = _JOINED.search(piece)
    if joined:
        _refuse(
            text,
            f"{joined[0].strip()!r} joins two conditions: give each of them on its own",
        )
    if piece[0] in "=!<>~":
        _refuse(text, f"{piece!r} is no value; put quotes around it if it is")
    return None if piece.lower() == "null" else piece


def _values(text: str, rest: str) -> tuple[Scalar, ...]:
    """The values of a list, with or without brackets around it."""
    for first, last in ("()", "[]"):
        if rest.startswith(first) and rest.endswith(last):
            rest = rest[1:-1]
    found: list[Scalar] = []
    position = 0
    while position < len(rest):
        match = _WORD.match(rest, position)
        if match is None:
            _refuse(text, f"{rest[position:]!r} is no list of values")
        if not match[1]:
            _refuse(text, "a value is missing beside a comma")
        found.append(_value(text, match[1]))
        position = match.end()
    if not found:
        _refuse(text, "the list is empty")
    return tuple(found)
