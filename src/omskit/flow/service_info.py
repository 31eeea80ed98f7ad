"""What services say of themselves, beside their answers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from omskit.effects import Response, Send, Start
from omskit.redact import scrubbed, secrets_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omskit.effects import Credential, Effect, Flow, Result

VERSION, SOURCE = "server", "x-omskit-source"
"""Headers: what the service is; where its rows come from, which only omskit says."""

LONGEST = 100
"""Characters of a header that are kept."""

_SEVERAL = 3
_OK = 200
_UNSHOWN = re.compile(r"[^ -~]+")


@dataclass(slots=True)
class ServiceInfo:
    """What a service said of itself in its answers.

    Attributes:
        base_url: Of the service; others, such as logins, are not listened to.
    """

    base_url: str
    heard: dict[str, list[str]] = field(default_factory=dict)

    @property
    def version(self) -> str | None:
        """What the service is; several, with commas, where its answers differ."""
        return self._joined(VERSION)

    @property
    def source(self) -> str | None:
        """Where its rows come from, e.g. ``simulated``."""
        return self._joined(SOURCE)

    def hear(self, sent: Send, response: Response) -> None:
        """Keep what an answer says."""
        ours = sent.request.url.startswith(self.base_url)
        if response.status != _OK or not ours:
            return
        for name in (VERSION, SOURCE):
            text = plain(response.headers, name, sent.credential)
            known = self.heard.setdefault(name, [])
            if text is not None and text not in known and len(known) < _SEVERAL:
                known.append(text)

    def _joined(self, name: str) -> str | None:
        words = ", ".join(self.heard.get(name, ())).split(", ")
        return ", ".join(dict.fromkeys(filter(None, words))) or None


def plain(
    headers: Mapping[str, str], name: str, credential: Credential | None = None
) -> str | None:
    """A header's text, short and printable; None where there is nothing to show.

    Who answers may write anything there, what we sent to open the door as well: a text
    that holds some of that, or a piece of it, is not shown at all.

    Example:
        >>> plain({"server": " Apache/2.4" + chr(27) + "[31m "}, "server")
        'Apache/2.4[31m'
    """
    text = _UNSHOWN.sub("", headers.get(name, ""))
    if credential and scrubbed(text, secrets_of(credential.headers)) != text:
        return None
    return text.strip()[:LONGEST].strip() or None


def with_service_info(flow: Flow[Result], said: ServiceInfo) -> Flow[Result]:
    """The same flow; what its answers say of the service is kept in *said*."""
    try:
        effect: Effect = next(flow)
        while True:
            if isinstance(effect, Start):
                effect = Start(with_service_info(effect.flow, said))
            try:
                result = yield effect
            except GeneratorExit:
                raise
            except BaseException as error:  # noqa: BLE001  # for the flow to judge
                effect = flow.throw(error)
                continue
            if isinstance(effect, Send) and isinstance(result, Response):
                said.hear(effect, result)
            effect = flow.send(result)
    except StopIteration as end:
        found: Result = end.value
        return found
    finally:
        flow.close()
