"""Tests without a service: record a conversation once, play it ever after.

A conversation is a JSON file::

    {"format": "omskit conversation 1",
     "service": "https://host/agg/api/v1",
     "exchanges": [{"method": "GET", "url": "runs?page[limit]=1", "status": 200,
                    "headers": {"content-type": "..."}, "body": "{...}"}]}

URLs are relative to the service. Of the headers of answers only those that say how to
read them are kept, of those of requests none; logins are left out. A body that is no
text is ``body_base64``. Where the service repeats a token or secret, it is ``***``.

As a pytest plugin, omskit brings the fixtures ``oms_demo``, a client of the demo, and
``oms_conversation``: see ``docs/how-to/login.md``.
"""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from omskit.client import AsyncClient, Client
from omskit.drivers.senders import Through
from omskit.effects import Request, Response
from omskit.errors import ConfigError, UsageError
from omskit.files import read_file, write_whole
from omskit.login.nobody import Anonymous
from omskit.redact import scrubbed, secrets_of

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping

    from omskit.drivers import Sender
    from omskit.drivers.cancel import CancelToken

FORMAT = "omskit conversation 1"
KEPT = frozenset({"content-type", "date", "retry-after", "server", "x-omskit-source"})
"""Headers of answers that are recorded."""


@dataclass(slots=True)
class Recorder(Through):
    """A sender that writes down what goes through it.

    Attributes:
        service: Base URL; what goes elsewhere (logins) is not written down.
        exchanges: What was said so far.
    """

    service: str
    exchanges: list[dict[str, Any]] = field(default_factory=list, repr=False)
    _secrets: set[str] = field(default_factory=set, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def send(
        self,
        request: Request,
        headers: Mapping[str, str],
        waiting: CancelToken | None = None,
    ) -> Response:
        """Send, and write it down."""
        answer = self.inner.send(request, headers, waiting)
        return self._noted(request, headers, answer)

    async def asend(self, request: Request, headers: Mapping[str, str]) -> Response:
        """Send, and write it down."""
        answer = await self.inner.asend(request, headers)
        return self._noted(request, headers, answer)

    def _noted(
        self, request: Request, headers: Mapping[str, str], answer: Response
    ) -> Response:
        with self._lock:
            self._secrets |= secrets_of(headers)
            if request.url.startswith(f"{self.service}/"):
                url = request.url.removeprefix(f"{self.service}/")
                self.exchanges.append(
                    {
                        "method": request.method,
                        "url": url,
                        "status": answer.status,
                        "headers": {
                            k: v for k, v in answer.headers.items() if k in KEPT
                        },
                        **_body(answer.body),
                    }
                )
        return answer

    def text(self) -> str:
        """The conversation as JSON, without secrets."""
        document = {
            "format": FORMAT,
            "service": self.service,
            "exchanges": [self._clean(entry) for entry in self.exchanges],
        }
        return json.dumps(document, indent=1) + "\n"

    def _clean(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {k: self._clean(v) for k, v in value.items()}
        return scrubbed(value, self._secrets) if isinstance(value, str) else value


def _body(body: bytes) -> dict[str, str]:
    try:
        return {"body": body.decode("utf-8")}
    except UnicodeDecodeError:
        return {"body_base64": base64.b64encode(body).decode("ascii")}


@contextmanager
def record(
    client: Client | AsyncClient, path: str | os.PathLike[str]
) -> Iterator[None]:
    """Write down what *client* says and hears, until the block ends.

    The file is written in the end, whole, also where the block fails.

    Example:
        >>> import tempfile
        >>> from omskit import Client
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "runs.json"
        ...     with Client("demo") as oms, record(oms, path):
        ...         rows = oms.runs(297050)
        ...     with replaying(path) as oms:
        ...         oms.runs(297050) == rows
        True
    """
    recorders: list[Recorder] = []

    def wrap(sender: Sender) -> Sender:
        recorders.append(Recorder(sender, client.instance.base_url))
        return recorders[-1]

    try:
        with client.sending_through(wrap):
            yield
    finally:
        _write(Path(path), recorders[-1].text())


def _write(path: Path, text: str) -> None:
    """A file for its owner alone: the rows may not be for everybody."""
    write_whole(path, lambda out: out.write(text.encode()), ConfigError, mode=0o600)


@dataclass(slots=True)
class Player:
    """A sender that answers from a conversation, without a service.

    The same question is answered with its answers in order; the last one stays.

    Attributes:
        service: Base URL.
        answers: By method and URL, relative to the service.
    """

    service: str
    answers: dict[tuple[str, str], list[Response]] = field(repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def send(
        self,
        request: Request,
        headers: Mapping[str, str],
        waiting: CancelToken | None = None,
    ) -> Response:
        """The recorded answer.

        Raises:
            UsageError: There is none.
        """
        del headers, waiting
        url = unquote(request.url.removeprefix(f"{self.service}/"))
        with self._lock:
            found = self.answers.get((request.method, url))
            if found is None:
                message = (
                    f"The conversation has no answer to {request.method} {url}. Record "
                    "it again, with this question."
                )
                raise UsageError(message)
            return found.pop(0) if len(found) > 1 else found[0]

    async def asend(self, request: Request, headers: Mapping[str, str]) -> Response:
        """The recorded answer."""
        await asyncio.sleep(0)
        return self.send(request, headers)

    def close(self) -> None:
        """Nothing to let go of."""

    async def aclose(self) -> None:
        """Nothing to let go of."""


def player(path: str | os.PathLike[str]) -> Player:
    """The sender that plays a recorded conversation.

    Raises:
        ConfigError: The file holds none.
    """
    try:
        document = json.loads(read_file(Path(path)))
        written = document["format"]
        answers: dict[tuple[str, str], list[Response]] = {}
        for entry in document["exchanges"]:
            packed = entry.get("body_base64")
            body = (
                entry["body"].encode() if packed is None else base64.b64decode(packed)
            )
            answer = Response(int(entry["status"]), dict(entry["headers"]), body)
            key = (str(entry["method"]), unquote(entry["url"]))
            answers.setdefault(key, []).append(answer)
        found = Player(str(document["service"]), answers)
    except (
        ArithmeticError,
        AttributeError,
        KeyError,
        OSError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        message = f"{path} holds no conversation ({type(error).__name__})."
        raise ConfigError(message) from error
    if written != FORMAT:
        message = f"{path} is a conversation of another omskit: {written!r:.40}."
        raise ConfigError(message)
    return found


def replaying(path: str | os.PathLike[str], **options: Any) -> Client:
    """A client that hears what was recorded; options as for `Client`.

    Raises:
        ConfigError: The file holds no conversation.
    """
    return Client(**_played(path, options))


def replaying_async(path: str | os.PathLike[str], **options: Any) -> AsyncClient:
    """An `AsyncClient` that hears what was recorded.

    Raises:
        ConfigError: The file holds no conversation.
    """
    return AsyncClient(**_played(path, options))


def _played(path: str | os.PathLike[str], options: dict[str, Any]) -> dict[str, Any]:
    found = player(path)
    options.setdefault("credentials", Anonymous())
    return {"instance": found.service, "sender": found, **options}
