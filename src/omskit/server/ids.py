"""Row ids, read back: which row ``297050_18`` is."""

from __future__ import annotations

import re
from string import Formatter
from typing import TYPE_CHECKING

from omskit.errors import OperatorError
from omskit.query import Condition
from omskit.query.bind import cast_value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from omskit.schema import Field, Resource

_FORMS = {"int": r"-?\d+"}


def template_of(
    resource: Resource, granularity: str | None, hidden: Iterable[Field] = ()
) -> str:
    """The form of the ids; rows of a whole run have no lumisection in theirs.

    Example:
        >>> from omskit.schema import bundled
        >>> template_of(bundled()["l1algorithmtriggers"], "run")
        '{run_number}_{bit}'
    """
    usual = resource.row_id
    unknown = set(id_columns(usual)) - set(resource.names) - {f.name for f in hidden}
    if unknown:
        # Rows that come from elsewhere may lack what only ids are made of.
        usual = "__".join(f"{{{name}}}" for name in resource.identity)
    if granularity is None or granularity in resource.granularities[:1]:
        return usual
    return re.sub(rf"_*\{{{resource.lumisection}\}}", "", usual)


def id_columns(template: str) -> tuple[str, ...]:
    """The columns that a form of ids is made of."""
    return tuple(name for _, name, _, _ in Formatter().parse(template) if name)


def conditions_of(
    text: str, template: str, resource: Resource, hidden: Iterable[Field] = ()
) -> tuple[Condition, ...] | None:
    """What holds for the row of this id and no other; None: no row can have it.

    Args:
        hidden: Columns that ids may be made of although rows do not show them.

    Example:
        >>> from omskit.schema import bundled
        >>> conditions_of("315190_1", "{run_number}_{lumisection_number}",
        ...               bundled()["lumisections"])[1]
        Condition('lumisection_number', 'EQ', 1)
    """
    unseen = {field.name: field for field in hidden}

    def column(name: str) -> Field:
        return unseen[name] if name in unseen else resource.field(name)

    pattern = ""
    for literal, name, _, _ in Formatter().parse(template):
        form = _FORMS.get(column(name).kind, ".+") if name else ""
        pattern += re.escape(literal) + (f"(?P<{name}>{form})" if name else "")
    match = re.fullmatch(pattern, text, re.DOTALL | re.ASCII)
    if match is None or not match.groupdict():
        return None
    try:
        return tuple(
            Condition(name, "EQ", cast_value(value, column(name)))
            for name, value in match.groupdict().items()
        )
    except OperatorError:
        return None
