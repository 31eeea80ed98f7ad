"""Receipts: how a table was obtained, without any secret."""

from __future__ import annotations

import base64
import datetime as dt  # noqa: TC003  # msgspec reads the types
import json
from dataclasses import dataclass, field, fields
from typing import Any

import msgspec

from omskit.errors import UsageError

FORMAT = "omskit receipt 1"
_TIMES = ("started", "finished")


@dataclass(frozen=True, slots=True)
class Receipt:
    """How a table was obtained.

    Attributes:
        service: Base URL of the service, or the name of a service in this process.
        urls: What was asked, relative to *service*, in order.
        total: How many rows match the questions in *urls*, as the service counted
            them; more than the table holds where a limit was asked for, or where it is
            one page of several. A list of runs is one question for each run.
        rows: How many rows the table holds.
        started, finished: When, in UTC.
        version: The omskit that asked.
        service_version: What the service says that it is, as its ``server`` header has
            it; None: it does not say.
        service_source: Where its rows come from, which only services of omskit say:
            ``simulated``, or None.
        resource: What the rows are of.
        question: The query as JSON, to ask it again; empty where it cannot be said so.
        identity, columns: Names of the columns that tell rows apart, and of all.
        sha256: Hash of the rows, whatever their order and however they came in pages.
        prints: A digest of each row, packed, with its identity.
    """

    service: str
    urls: tuple[str, ...]
    total: int
    rows: int
    started: dt.datetime
    finished: dt.datetime
    version: str
    service_version: str | None = None
    resource: str = ""
    question: str = field(default="", repr=False)
    identity: tuple[str, ...] = ()
    columns: tuple[str, ...] = field(default=(), repr=False)
    sha256: str = ""
    prints: bytes = field(default=b"", repr=False)
    service_source: str | None = None

    @property
    def simulated(self) -> bool:
        """The rows were made up, as the service itself says, or as the demo's are."""
        said = "simulated" in (self.service_source or "").split(", ")
        return said or self.service == "demo" or "//demo.invalid/" in self.service

    def to_json(self) -> str:
        """The receipt as JSON text; `from_json` reads it.

        Example:
            >>> now = dt.datetime(2024, 5, 1, tzinfo=dt.UTC)
            >>> receipt = Receipt("demo", ("runs",), 1, 1, now, now, "0")
            >>> Receipt.from_json(receipt.to_json()) == receipt
            True
        """
        found = {f.name: getattr(self, f.name) for f in fields(self)}
        found |= {name: found[name].isoformat() for name in _TIMES}
        found["prints"] = base64.b64encode(self.prints).decode("ascii")
        return json.dumps({"format": FORMAT, **found}, indent=1)

    @classmethod
    def from_json(cls, text: str | bytes) -> Receipt:
        """What `to_json` wrote.

        Raises:
            UsageError: It is no receipt, or one of another omskit.
        """
        try:
            written, receipt = _read(text)
        except (ValueError, RecursionError) as error:
            message = f"This is no receipt that omskit wrote ({error})."
            raise UsageError(message) from error
        if written != FORMAT:
            message = f"This is a receipt of another omskit: {written!r:.40}."
            raise UsageError(message)
        return receipt


def _read(text: str | bytes) -> tuple[object, Receipt]:
    """The format that a receipt names, and the receipt.

    Raises:
        ValueError: A fact is missing, of another type, or not known.
        RecursionError: It is nested too deeply.
    """
    found = msgspec.json.decode(text, type=dict[str, Any])
    if "format" not in found:
        raise ValueError("it names no format")
    written = found.pop("format")
    unknown = found.keys() - {f.name for f in fields(Receipt)}
    if unknown:
        message = f"it holds {min(unknown)!r:.40}"
        raise ValueError(message)
    receipt = msgspec.convert(found, Receipt)
    for name in _TIMES:
        if getattr(receipt, name).tzinfo is None:
            message = f"the time {name} has no zone"
            raise ValueError(message)
    return written, receipt
