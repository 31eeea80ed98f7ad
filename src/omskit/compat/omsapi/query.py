"""Queries, as the official client has them: built in steps, one page at a time."""

from __future__ import annotations

import datetime as dt
import sys
import warnings
from typing import TYPE_CHECKING, Protocol, Self, TypeAlias
from urllib.parse import quote

from omskit.errors import (
    NotFilterableError,
    NotSortableError,
    OMSError,
    OMSWarning,
    UnknownFieldError,
    UsageError,
    did_you_mean,
)
from omskit.flow.settings import MOST_ROWS_PER_PAGE
from omskit.query.url import wire_text
from omskit.server.meta import meta_fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from omskit.compat.omsapi.answer import Answer
    from omskit.schema import Resource

OMS_FILTER_OPERATORS = ["EQ", "NEQ", "LT", "GT", "LE", "GE", "LIKE", "CT"]
OMS_INCLUDES = ["meta", "presentation_timestamp", "data_only"]

Value: TypeAlias = str | int | float | bool | dt.date | dt.datetime | None

FIRST_ROWS = 10
"""Rows of a page, where no page is chosen; as the official client has it."""


class Service(Protocol):
    """Who is asked, as an `OMSAPI` knows how to."""

    base_url: str

    def get(self, url: str) -> Answer:
        """The answer to a request."""

    def known(self, resource: str) -> Resource | None:
        """A resource that omskit knows."""

    def fields(self, resource: str) -> Mapping[str, object] | None:
        """What the service says of a resource; None: nothing that can be read."""


class OMSQuery:
    """One resource, and what is asked of it; made by ``OMSAPI.query()``.

    Attributes:
        page, per_page: Which page is asked for, and how many rows it has.
        verbose: Print addresses and warnings.
        attribute_validation: Refuse names that the resource does not have.
    """

    def __init__(
        self, service: Service, resource: str, *, verbose: bool, validation: bool
    ) -> None:
        self.base_url = service.base_url
        self.resource = resource.strip("/")
        self.verbose = verbose
        self.attribute_validation = validation
        self.page = 1
        self._service = service
        self._per_page: int | None = None
        self._attrs: list[str] = []
        self._filter: list[tuple[str, str, str]] = []
        self._sort: list[str] = []
        self._include: list[str] = []
        self._custom: list[tuple[str, str]] = []

    @property
    def per_page(self) -> int:
        """Rows of a page; 10 where nobody says otherwise."""
        return FIRST_ROWS if self._per_page is None else self._per_page

    @per_page.setter
    def per_page(self, rows: int) -> None:
        self._per_page = rows

    @property
    def metadata(self) -> Mapping[str, object] | None:
        """What is known of the attributes: name -> title, type, units and more."""
        known = self._service.known(self._named)
        if known is not None:
            return meta_fields(known)
        return self._service.fields(self._named)

    def meta(self) -> Mapping[str, object] | None:
        """The same as `metadata`."""
        return self.metadata

    def set_verbose(self, verbose: bool) -> None:
        """Print addresses and warnings, or do not."""
        self.verbose = verbose

    def set_validation(self, attribute_validation: bool) -> None:
        """Refuse names that the resource does not have, or send them as they are."""
        self.attribute_validation = attribute_validation

    def attrs(self, attributes: list[str] | None = None) -> Self:
        """Only these attributes, in this order.

        Raises:
            UsageError: It is no list of names.
        """
        if not isinstance(attributes, list | tuple):
            message = "attrs() takes a list of names, e.g. attrs(['run_number'])."
            raise UsageError(message)
        self._attrs = list(dict.fromkeys(map(_name, attributes)))
        for name in self._attrs:
            self._warn_of(name, "attrs")
        return self

    def filter(self, attribute: str, value: Value, operator: str = "EQ") -> Self:
        """Only rows in which an attribute compares with *value*.

        Args:
            operator: One of `OMS_FILTER_OPERATORS`, in any case.

        Raises:
            UsageError: No such operator, or a value that no attribute can have.
        """
        if str(operator).upper() not in OMS_FILTER_OPERATORS:
            message = (
                f"filter(): {operator!r} is no operator of OMS; those are "
                f"{', '.join(OMS_FILTER_OPERATORS)}."
            )
            raise UsageError(message)
        self._filter.append((_name(attribute), operator.upper(), _text(value)))
        self._warn_of(attribute, "filter")
        return self

    def filters(self, filters: Iterable[Mapping[str, Value]]) -> Self:
        """Several filters: dicts with attribute_name, value and operator."""
        for given in filters:
            lacking = [k for k in ("attribute_name", "value") if k not in given]
            if lacking:
                message = f"The filter {dict(given)!r} lacks {', '.join(lacking)}."
                raise UsageError(message)
            operator = given.get("operator", "EQ")
            self.filter(
                str(given["attribute_name"]), given["value"], operator=str(operator)
            )
        return self

    def clear_filter(self) -> Self:
        """Forget all filters."""
        self._filter = []
        return self

    def sort(self, attribute: str, asc: bool = True) -> Self:
        """Sort by one more attribute, after those named before."""
        key = _name(attribute) if asc else f"-{_name(attribute)}"
        if key not in self._sort:
            self._sort.append(key)
        self._warn_of(attribute, "sort")
        return self

    def paginate(self, page: int = 1, per_page: int = FIRST_ROWS) -> Self:
        """Ask for a page; pages count from 1."""
        self.page, self.per_page = page, per_page
        return self

    def include(self, key: str) -> Self:
        """Ask for more, or for less: one of `OMS_INCLUDES`.

        Raises:
            UsageError: None of them.
        """
        if key not in OMS_INCLUDES:
            message = (
                f"include({key!r}): it is one of {', '.join(OMS_INCLUDES)}."
                f"{did_you_mean(str(key), OMS_INCLUDES)}"
            )
            raise UsageError(message)
        if key not in self._include:
            self._include.append(key)
        return self

    def custom(self, key: str, value: Value = None) -> Self:
        """Any parameter, such as ``group[granularity]``; said again, it replaces."""
        self._custom = [pair for pair in self._custom if pair[0] != key]
        self._custom.append((key, _text(value)))
        return self

    def data_query(self) -> str:
        """The address that `data` asks for.

        Raises:
            UsageError: There is no such page.
        """
        bounds = {"page": sys.maxsize, "per_page": MOST_ROWS_PER_PAGE}
        for name, most in bounds.items():
            number = getattr(self, name)
            whole = isinstance(number, int) and not isinstance(number, bool)
            if not whole or not 1 <= number <= most:
                message = f"{name}={number!r}; it is a whole number, 1 to {most}."
                raise UsageError(message)
        offset = self.per_page * (self.page - 1)
        pairs = [("fields", ",".join(self._attrs))] if self._attrs else []
        pairs += [(f"filter[{name}][{op}]", text) for name, op, text in self._filter]
        pairs += [("sort", ",".join(self._sort))] if self._sort else []
        pairs += [("include", ",".join(self._include))] if self._include else []
        pairs += [("page[offset]", str(offset)), ("page[limit]", str(self.per_page))]
        pairs += self._custom
        tail = "&".join(f"{_quoted(k)}={_quoted(v)}" for k, v in pairs)
        return f"{self.base_url}/{quote(self.resource)}?{tail}"

    def data(self) -> Answer:
        """Ask.

        Raises:
            UnknownFieldError: A name that the resource does not have; nothing is sent.
            NotFilterableError, NotSortableError: The same, for what it cannot do.
            OMSError: The service failed, or refused.

        Warns:
            OMSWarning: No page was chosen, and there are more than its ten rows.

        Cost: one request; one more for names that omskit does not know, once.
        """
        self._refuse_unknown()
        url = self.data_query()
        if self.verbose:
            _say(url)
        answer = self._service.get(url)
        if self._per_page is None:
            self._warn_of_more(answer)
        return answer

    @property
    def _named(self) -> str:
        """The resource that the path begins with."""
        if self._service.known(self.resource) is not None:
            return self.resource
        return self.resource.split("/", maxsplit=1)[0]

    def _problem(self, name: str, use: str) -> UsageError | None:
        """Why an attribute cannot be used so; None: it can."""
        known = self._service.known(self._named)
        if known is not None and use == "filter":
            unseen = known.filtered_by(name)
            if unseen is not None and unseen in known.filters:
                return None
        entries: Mapping[str, object] = meta_fields(known) if known else {}
        if name not in entries:
            said = self._service.fields(self._named)
            if said is None and known is None:
                return None  # Nobody knows.
            entries = {**entries, **(said or {})}
        if name not in entries:
            names = list(entries)
            return UnknownFieldError(
                f"{self._named} has no attribute {name!r}.{did_you_mean(name, names)} "
                f"It has: {', '.join(names)}."
            )
        return self._misuse(name, use, entries[name])

    def _misuse(self, name: str, use: str, entry: object) -> UsageError | None:
        """Why an attribute that is there cannot be filtered by, or sorted."""
        kinds = {"filter": "searchable", "sort": "sortable"}
        if not isinstance(entry, dict) or entry.get(kinds.get(use, "")) is not False:
            return None
        if use == "filter":
            return NotFilterableError(f"{self._named} cannot be filtered by {name!r}.")
        return NotSortableError(f"{self._named} cannot be sorted by {name!r}.")

    def _warn_of(self, name: str, use: str) -> None:
        """Say at once what `data` will refuse."""
        if self.attribute_validation and self.verbose:
            problem = self._problem(name, use)
            if problem is not None:
                _say(f"Warning: {problem}")

    def _refuse_unknown(self) -> None:
        if not self.attribute_validation:
            return
        used = [(name, "attrs") for name in self._attrs]
        used += [(name, "filter") for name, _, _ in self._filter]
        used += [(key.removeprefix("-"), "sort") for key in self._sort]
        for name, use in used:
            problem = self._problem(name, use)
            if problem is not None:
                message = f"{problem} Nothing was sent; see set_validation()."
                raise type(problem)(message)

    def _warn_of_more(self, answer: Answer) -> None:
        document = answer.json()
        rows, meta = document.get("data"), document.get("meta")
        total = meta.get("totalResourceCount") if isinstance(meta, dict) else None
        if isinstance(rows, list) and isinstance(total, int) and total > len(rows):
            message = (
                f"{total} rows of {self.resource!r} match, and {len(rows)} came: no "
                f"page was chosen. Try: .paginate(per_page={total})"
            )
            warnings.warn(message, OMSWarning, stacklevel=3)


class OMSMetaQuery:
    """Documents beside the resources, below the address without its version."""

    def __init__(self, service: Service, api_url: str) -> None:
        self.base_url = api_url
        self._service = service

    def data(self, path: str) -> Answer:
        """The document at *path*.

        Raises:
            OMSError: The service failed, or has nothing there.
        """
        return self._service.get(f"{self.base_url}/{path.lstrip('/')}")


def _say(line: str) -> None:
    """To standard output, as the official client does."""
    sys.stdout.write(f"{line}\n")


def _name(given: object) -> str:
    if not isinstance(given, str) or not given:
        message = f"{given!r} is no name of an attribute."
        raise UsageError(message)
    return given


def _text(value: Value) -> str:
    """A value as OMS reads it; Python's own text where it is none of ours."""
    try:
        return wire_text(getattr(value, "item", lambda: value)())  # numpy's as well
    except (OMSError, AttributeError) as error:
        message = f"{value!r} is no value that an attribute of OMS can have."
        raise UsageError(message) from error


def _quoted(text: str) -> str:
    return quote(text, safe="[],:/")
