"""What users give: masks by their path, bits, and options by the names of others."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeGuard

from omskit.errors import Remedy, SelectorError
from omskit.query import Condition, Query, field
from omskit.query.model import plain_value

if TYPE_CHECKING:
    from omskit.lumi import LumiMask

L1_BITS = 512
HABITS = {
    "path": ("paths",), "path_name": ("paths",), "bit": ("bits",), "name": ("names",),
    "run": ("runs",), "columns": ("fields",), "field": ("fields",),
    "attributes": ("fields",), "select": ("fields",), "filter": ("where",),
    "filters": ("where",), "query": ("where",), "sort_by": ("sort",),
    "order_by": ("sort",), "order": ("sort",), "n": ("limit",), "max_rows": ("limit",),
    "head": ("limit",), "fills": ("fill",), "eras": ("era",), "start": ("since",),
    "end": ("until",), "json": ("mask",), "masks": ("mask",),
    "per_page": ("page_size",),
}  # fmt: skip
"""What others call an option, and what it is called here."""

_NAME_OF_FILE = re.compile(r"(?=.*[A-Za-z]).*[./\\\\].*", re.DOTALL)


def is_file(given: object) -> TypeGuard[str | os.PathLike[str]]:
    """Whether what stands where runs could is the name of a file.

    Example:
        >>> is_file("Cert_2017.json"), is_file("297050,315190-"), is_file(297050)
        (True, False, False)
    """
    if isinstance(given, str):
        return _NAME_OF_FILE.fullmatch(given) is not None
    return isinstance(given, os.PathLike)


def as_mask(given: Any) -> Any:
    """The mask in a file, where a path is given; anything else as it is.

    Raises:
        MaskError: It cannot be read, or is no mask.
    """
    if not isinstance(given, (str, os.PathLike)):
        return given
    from omskit.lumi.files import read_mask

    mask: LumiMask = read_mask(given)
    return mask


def bits_condition(bits: int | Iterable[int] | None) -> tuple[Condition, ...]:
    """The condition on level-1 bits, where any are named."""
    if bits is None:
        return ()
    several = isinstance(bits, Iterable) and not isinstance(bits, (str, bytes))
    chosen: list[Any] = list(bits) if several else [bits]  # type: ignore[arg-type]  # see above
    plain = [plain_value(b) if getattr(b, "shape", None) == () else b for b in chosen]
    if not plain or not all(type(b) is int and 0 <= b < L1_BITS for b in plain):
        message = f"bits={bits!r:.80}: level-1 bits are whole numbers, 0 to 511."
        raise SelectorError(message)
    return (field("bit").is_in(plain),)


def check_selects_runs(query: Query) -> None:
    """Refuse a question that would walk through every run."""
    if selects_runs(query):
        return
    message = (
        f"{query.resource!r} is asked run by run: without runs, OMS would walk through "
        "every run it has."
    )
    remedy = Remedy(
        "Give runs, fill=, era=, since= or last=.",
        "Give RUNS, --fill, --era, --since or --last.",
    )
    raise SelectorError(message, remedy=remedy)


def selects_runs(query: Query) -> bool:
    """Whether a query is of some runs, and not of all that there are."""
    return bool(query.selection) or any(
        c.field == "run_number" for c in query.conditions
    )
