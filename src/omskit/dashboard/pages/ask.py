"""*Ask*: any question, its answer, and the program and command that give the same."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from omskit.dashboard.pages.page import Page
from omskit.errors import OMSError
from omskit.reports.words import cell, identifier, plural, spans

if TYPE_CHECKING:
    from omskit.client import Client
    from omskit.client.bound import BoundQuery
    from omskit.dashboard.asking import Asker
    from omskit.dashboard.parameters import Parameters
    from omskit.table import Table

SHOWN = 200
"""Rows that the page shows; downloads have all."""
MOST = 1_000_000
"""Rows that a question may ask for."""


@dataclass(frozen=True, slots=True)
class Question:
    """What the form says.

    Attributes:
        resource: As OMS names it.
        runs, fields, where, sort: As the command line takes them; "" for none. Several
            conditions stand one a line.
        limit: At most so many rows; None for all.
    """

    resource: str
    runs: str = ""
    fields: str = ""
    where: str = ""
    sort: str = ""
    limit: int | None = None

    @classmethod
    def of(cls, given: Parameters) -> Question:
        """The question in an address."""
        names = ("runs", "fields", "where", "sort")
        found = {name: given.text(name) for name in names}
        return cls(given.text("resource"), limit=given.number("limit"), **found)

    @property
    def conditions(self) -> list[str]:
        """The conditions, one each."""
        return [line.strip() for line in self.where.splitlines() if line.strip()]

    def options(self) -> dict[str, Any]:
        """What a client's ``query()`` takes."""
        found: dict[str, Any] = {}
        if self.fields:
            found["fields"] = self.fields
        if self.conditions:
            found["where"] = self.conditions
        if self.sort:
            found["sort"] = self.sort
        if self.limit is not None:
            found["limit"] = self.limit
        return found

    def bound(self, client: Client) -> BoundQuery:
        """The question, ready to be asked."""
        return client.query(self.resource, self.runs or None, **self.options())

    def python(self, instance: str) -> str:
        """The program that gives the same table.

        Example:
            >>> print(Question("runs", "297050", "l1_rate").python("demo"))
            from omskit import Client
            <BLANKLINE>
            with Client('demo') as oms:
                table = oms.query('runs', '297050', fields='l1_rate').fetch()
        """
        parts = [repr(self.resource), *([repr(self.runs)] if self.runs else [])]
        parts += [f"{name}={value!r}" for name, value in self.options().items()]
        return (
            "from omskit import Client\n\n"
            f"with Client({instance!r}) as oms:\n"
            f"    table = oms.query({', '.join(parts)}).fetch()"
        )

    def command(self, instance: str) -> str:
        """The command that gives the same rows.

        Example:
            >>> Question("runs", where="l1_rate > 1000").command("demo")
            "oms get runs --where 'l1_rate > 1000' --instance demo"
        """
        parts = ["oms", "get", self.resource, *([self.runs] if self.runs else [])]
        for condition in self.conditions:
            parts += ["--where", condition]
        for name in ("fields", "sort"):
            if getattr(self, name):
                # An equals sign, as a sort may begin with a minus.
                parts.append(f"--{name}={getattr(self, name)}")
        if self.limit is not None:
            parts += ["--limit", str(self.limit)]
        return shlex.join([*parts, "--instance", instance])


def ask_page(given: Parameters, asker: Asker) -> Page:
    """The form, and the answer where something is asked."""
    question = Question.of(given)
    catalogue = asker.client.catalogue
    values: dict[str, Any] = {
        "question": question,
        "given": given,
        "resources": sorted(catalogue),
        "table": None,
        "error": "",
    }
    values["fields"] = fields_of(question.resource, asker)
    if not question.resource:
        sentence = "Ask anything that OMS knows: choose a resource."
        return Page("ask.html", "Ask", sentence, values)
    try:
        table = answer(question, asker)
    except OMSError as error:
        values["error"] = str(error)
        sentence = f"This cannot be answered: {error}"
        return Page("ask.html", "Ask", sentence, values, status=400)
    values |= shown(table, question, asker.client.instance.name)
    sentence = f"{plural(len(table), 'row')} of {question.resource}"
    state = "" if table.complete else ", incomplete"
    told = f"{sentence}{state}, {plural(len(table.columns), 'column')}."
    return Page("ask.html", "Ask", told, values, simulated=table.simulated)


def fields_of(resource: str, asker: Asker) -> list[tuple[str, str, str, bool]]:
    """Name, kind, unit and filterability of each field of a resource."""
    catalogue = asker.client.catalogue
    if resource not in catalogue:
        return []
    return [
        (f.name, f.kind, f.unit or "", f.filterable) for f in catalogue[resource].fields
    ]


def answer(question: Question, asker: Asker) -> Table:
    """The table that the question asks for.

    Raises:
        OMSError: It cannot be asked, or not be answered.
    """
    return asker.remembered(
        ("ask", question), lambda: question.bound(asker.client).fetch()
    )


def shown(table: Table, question: Question, instance: str) -> dict[str, Any]:
    """The answer as the page shows it."""
    head = table.arrow.slice(0, SHOWN)
    rows = [
        [_cell(name, value) for name, value in row.items()] for row in head.to_pylist()
    ]
    return {
        "table": table,
        "units": table.units,
        "rows": rows,
        "hidden": max(len(table) - SHOWN, 0),
        "gaps": spans(table.gaps, runs=True, most=20),
        "python": question.python(instance),
        "command": question.command(instance),
        "url": table.receipt and table.receipt.urls[:3],
    }


def _cell(name: str, value: object) -> str:
    """A cell; numbers that name something keep their digits together."""
    names_something = name.endswith(("_number", "_id", "_index", "bit"))
    if names_something and isinstance(value, int):
        return identifier(value)
    return cell(value)
