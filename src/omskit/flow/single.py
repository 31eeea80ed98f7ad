"""One run, or one fill, where a question is about just one: a number, or a word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omskit.errors import NoRowError, SelectorError
from omskit.flow.fetch import fetch
from omskit.query import Query
from omskit.query.selectors import numbers, selection
from omskit.query.spoken import word_of

if TYPE_CHECKING:
    from omskit.effects import Flow
    from omskit.flow.context import Context


def single(given: object, key: str, method: str, context: Context) -> Flow[int]:
    """The number of the one run, or fill, that is given.

    Args:
        given: A number, or ``latest``, ``today``, ``last fill`` where that is one.
        key: ``run_number`` or ``fill_number``.
        method: Who asks, for messages.

    Raises:
        SelectorError: It is none, or several.
        NoRowError: There is none, of a word.

    Cost: one or two requests for a word, else none.
    """
    what = key.removesuffix("_number")
    word = word_of(given)
    if word is None:
        chosen = numbers(given, key)
        if [c.op for c in chosen] != ["EQ"]:
            message = f"{method}() takes one {what}, not {given!r:.60}."
            raise SelectorError(message)
        return int(str(chosen[0].value))
    query = Query(f"{what}s", fields=(key,), selection=selection(runs=word))
    found = (yield from fetch(query, context))[key].to_pylist()
    if not found:
        message = f"There is no {what} of {word!r}."
        raise NoRowError(message)
    if len(found) > 1:
        message = (
            f"{method}() takes one {what}, and {word!r} is {len(found)} of them: "
            f"{min(found)} to {max(found)}. Name one, or 'latest'."
        )
        raise SelectorError(message)
    return int(found[0])
