"""The ``get_oms_data`` module of the ML4DQM notebooks, on `omskit.Client`.

Same names, arguments and return shapes, so that a notebook changes one import. What
differs, on purpose:

* when more rows match than ``limit_entries``, a warning says both numbers;
* a run or fill that is neither a number nor a pair raises, and does not ask for all;
* misspelt names of filters and attributes raise, and are not dropped;
* sort keys keep their order.

Values are the service's own, in its units; ``meta.row`` of each row names those.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from omskit.errors import OMSWarning, SelectorError, UsageError, did_you_mean
from omskit.jsonapi.encode import document
from omskit.jsonapi.links import page_links
from omskit.jsonapi.units import RAW_SUFFIX
from omskit.query import Condition
from omskit.schema import UNIT_SUFFIX
from omskit.table import Table

if TYPE_CHECKING:
    from omskit.client import Client
    from omskit.client.bound import BoundQuery

Response = dict[str, Any]


def get_oms_api() -> Client:
    """A client for the service that OMSKIT_INSTANCE names; production by default.

    Login and certificates are found as everywhere in omskit: see "Getting access".
    """
    from omskit.client import Client

    return Client()


def get_oms_data(  # noqa: PLR0913, PLR0917  # the signature of the original
    omsapi: Client,
    api_endpoint: str,
    runnb: int | Sequence[int] | None = None,
    fillnb: int | Sequence[int] | None = None,
    extrafilters: Sequence[Mapping[str, Any]] = [],
    extraargs: Mapping[str, Any] = {},
    sort: str | Sequence[str] | None = None,
    attributes: Sequence[str] = [],
    limit_entries: int = 1000,
) -> Response:
    """Rows of a resource as the JSON:API dict that OMS would have sent.

    Args:
        omsapi: What `get_oms_api` gave.
        api_endpoint: Name of the resource, e.g. ``"lumisections"``.
        runnb: One run, or first and last of a range as a tuple *or list* of two.
        fillnb: The same for fills.
        extrafilters: Dicts with ``attribute_name``, ``operator`` and ``value``.
        extraargs: Other parameters by name, e.g. ``{"group[granularity]": "run"}``.
        sort: One field or several, ``-`` for descending.
        attributes: Only these; all by default.
        limit_entries: At most so many rows. More is a warning, not an error.

    Raises:
        SelectorError: *runnb* or *fillnb* is neither a number nor a pair.
        UsageError: A filter without one of its three keys, or a wrong name.

    Example:
        >>> from omskit import Client
        >>> with Client("demo") as api:
        ...     response = get_oms_data(api, "runs", 297050, attributes=["l1_rate"])
        >>> response["data"][0]["attributes"]
        {'l1_rate': 49130.85}
    """
    query = omsapi.query(api_endpoint).options(units="raw", audit=False, ids=True)
    for name, number in (("run_number", runnb), ("fill_number", fillnb)):
        query = query.where(*_numbers(name, number))
    query = query.where(*map(_condition, extrafilters))
    for key, value in extraargs.items():
        query = _with_argument(query, key, value)
    if sort:
        query = query.sort(*([sort] if isinstance(sort, str) else sort))
    if attributes:
        query = query.select(list(attributes))
    with warnings.catch_warnings():
        # No match is an empty list of data here, and end_lumi the service's own.
        warnings.simplefilter("ignore", OMSWarning)
        table = query.limit(limit_entries).fetch()
    base = omsapi.instance.base_url
    projected = query.query.fields is not None
    response = document(_with_units(table), base_url=base, projected=projected)
    total = response["meta"]["totalResourceCount"]
    response["links"] = page_links(
        f"{base}/{api_endpoint}",
        query.query,
        offset=0,
        limit=limit_entries,
        total=total,
    )
    if total > len(table):
        message = (
            f"{total} rows of {api_endpoint!r} match, and {len(table)} of them are "
            f"kept: limit_entries is {limit_entries}. Try: limit_entries={total}"
        )
        warnings.warn(message, OMSWarning, stacklevel=2)
    return response


def _with_units(table: Table) -> Table:
    """The same rows; what names the units of each row goes by its name on the wire."""
    columns = set(table.columns)
    names = [
        name.removesuffix(RAW_SUFFIX) + UNIT_SUFFIX
        if name.endswith(RAW_SUFFIX) and name.removesuffix(RAW_SUFFIX) in columns
        else name
        for name in table.columns
    ]
    arrow = table.arrow.rename_columns(names)
    return Table(arrow, resource=table.resource, receipt=table.receipt)


def _numbers(name: str, given: Any) -> tuple[Condition, ...]:
    if given is None:
        return ()
    if isinstance(given, (tuple, list)) and len(given) == 2:
        first, last = map(_whole, given)
        if first is not None and last is not None and first <= last:
            return (Condition(name, "GE", first), Condition(name, "LE", last))
    number = _whole(given)
    if number is not None:
        return (Condition(name, "EQ", number),)
    message = (
        f"{given!r} is no {name}. Give one number, or first and last as a pair such as "
        "(297050, 297056)."
    )
    raise SelectorError(message)


def _whole(given: Any) -> int | None:
    """A whole number above 0, numpy's among them; None for anything else."""
    plain = given.item() if hasattr(given, "item") else given
    if isinstance(plain, bool) or not isinstance(plain, int) or plain < 1:
        return None
    return plain


def _condition(given: Mapping[str, Any]) -> Condition:
    keys = ("attribute_name", "operator", "value")
    lacking = [key for key in keys if key not in given]
    if lacking:
        message = (
            f"The filter {dict(given)!r} lacks {', '.join(lacking)}. "
            "A filter is a dict with attribute_name, operator and value."
        )
        raise UsageError(message)
    value = given["value"]
    if isinstance(value, str) and value.lower() == "null":
        value = None
    return Condition(given["attribute_name"], str(given["operator"]).upper(), value)


def _with_argument(query: BoundQuery, key: str, value: Any) -> BoundQuery:
    """One of *extraargs*: those that omskit knows take its own way."""
    words = [w.strip() for w in value.split(",")] if isinstance(value, str) else value
    if key == "group[granularity]":
        return query.group(value)
    if key == "include":
        return query.include(*words)
    if key == "fields":
        return query.select(words)
    if key == "sort":
        return query.sort(*words)
    return query.custom(key, value)


def get_oms_response_attributes(omsresponse: Response) -> list[str]:
    """The names of the attributes in a response; none where it has no rows.

    Example:
        >>> get_oms_response_attributes({"data": [{"attributes": {"era": "2017B"}}]})
        ['era']
    """
    rows = _rows(omsresponse)
    return list(rows[0]["attributes"]) if rows else []


def get_oms_response_attribute(omsresponse: Response, attribute: str) -> list[Any]:
    """The values of one attribute, one for each row.

    Raises:
        UsageError: The rows have no such attribute; the message names the nearest.

    Example:
        >>> response = {"data": [{"attributes": {"era": "2017B"}}]}
        >>> get_oms_response_attribute(response, "era")
        ['2017B']
    """
    rows = _rows(omsresponse)
    if rows and attribute not in rows[0]["attributes"]:
        known = list(rows[0]["attributes"])
        message = (
            f"The response has no attribute {attribute!r}."
            f"{did_you_mean(attribute, known)} It has: {', '.join(known)}."
        )
        raise UsageError(message)
    return [row["attributes"][attribute] for row in rows]


def filter_oms_response(omsresponse: Response, key: str, value: Any) -> Response:
    """A response with only the rows whose attribute *key* equals *value*.

    The response that was given stays as it is.

    Raises:
        UsageError: The rows have no such attribute; the message names the nearest.

    Example:
        >>> response = {"data": [{"attributes": {"era": "2017B"}}]}
        >>> filter_oms_response(response, "era", "2017C")
        {'data': []}
    """
    values = get_oms_response_attribute(omsresponse, key)
    rows = zip(_rows(omsresponse), values, strict=True)
    return {**omsresponse, "data": [row for row, found in rows if found == value]}


def _rows(omsresponse: object) -> list[dict[str, Any]]:
    """The rows of a response; a single row is a list of one."""
    if not isinstance(omsresponse, Mapping) or "data" not in omsresponse:
        message = (
            f"This is no response of OMS but {type(omsresponse).__name__} without "
            "'data'. Give what get_oms_data() returned."
        )
        raise UsageError(message)
    data = omsresponse["data"]
    return data if isinstance(data, list) else [data]
