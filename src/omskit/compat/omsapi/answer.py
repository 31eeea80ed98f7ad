"""What a query gives: the parts of a ``requests.Response`` that scripts use."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from omskit.errors import DecodeError
from omskit.jsonapi.depth import is_deep

if TYPE_CHECKING:
    from collections.abc import Mapping

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the service; it is always a good one, failures are raised.

    Attributes:
        url: What was asked.
        status_code: 200 or 201.
        content: The body, as bytes.
        headers: Names in lower case.

    Example:
        >>> Answer("https://host/agg/api/v1/eras", content=b'{"data": []}').json()
        {'data': []}
    """

    url: str
    status_code: int = 200
    content: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def ok(self) -> bool:
        """True: what is not an answer is an error."""
        return True

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode("utf-8", "replace")

    def raise_for_status(self) -> None:
        """Nothing: a bad status was raised before."""

    def json(self) -> dict[str, Json]:
        """The document.

        Raises:
            DecodeError: The body is no JSON object, or says something twice.
        """
        if is_deep(self.content):
            raise DecodeError(self._strange("is nested too deeply"))
        try:
            found = json.loads(self.content, object_pairs_hook=self._once)
        except (ValueError, RecursionError) as error:
            raise DecodeError(self._strange("is no JSON")) from error
        if not isinstance(found, dict):
            raise DecodeError(self._strange("is no JSON object"))
        return found

    def _once(self, pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        """An object, of whose keys none is there twice: the last would win."""
        made = dict(pairs)
        if len(made) < len(pairs):
            names = [name for name, _ in pairs]
            double = next(name for name in names if names.count(name) > 1)
            raise DecodeError(self._strange(f"has {double!r} twice in one object"))
        return made

    def _strange(self, what: str) -> str:
        return f"The answer to {self.url} {what}: it is not used."
