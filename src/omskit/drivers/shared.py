"""What both drivers keep and do alike."""

from __future__ import annotations

import datetime as dt
import logging
import random
import time
from typing import TYPE_CHECKING, Any, Protocol

from omskit.effects import (
    Credential,
    Flow,
    Jitter,
    Now,
    Progress,
    Request,
    Response,
    Send,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from omskit.drivers.senders import Sender

log = logging.getLogger("omskit")
log.addHandler(logging.NullHandler())


class Login(Protocol):
    """What gives credentials; see `omskit.login.kinds`."""

    def login(self, rejected: Credential | None = None) -> Flow[Credential | None]:
        """The flow that logs in; its result is None where no login is needed.

        Args:
            rejected: What it gave before and the service has just refused.
        """


class Reporter(Protocol):
    """Who is told how far a fetch is."""

    def update(self, done: int, total: int | None, label: str) -> None:
        """*done* of *total* rows of *label* are here."""

    def finish(self) -> None:
        """The fetch is over."""


class Shared:
    """What both drivers keep: the sender, the login, the present credential.

    Attributes:
        opening: What is to be carried out before any flow; None: nothing.
    """

    def __init__(self, sender: Sender, login: Login, concurrency: int) -> None:
        self.sender = sender
        self.login = login
        self.concurrency = concurrency
        self.opening: Callable[[], Flow[None] | None] = lambda: None
        self.credential: Credential | None = None
        self.logged_in = False

    def usable(self, rejected: Credential | None) -> bool:
        """The present credential will do."""
        held = self.credential
        if not self.logged_in or (rejected is not None and held is rejected):
            return False
        if held is None or held.expires is None:
            return True
        return time.time() < held.expires

    def headers(self, effect: Send) -> Mapping[str, str]:
        """What opens the door; kept apart from the request, which is logged."""
        return effect.credential.headers if effect.credential else {}

    def answer_at_once(self, effect: Any, reporter: Reporter | None) -> Any:
        """The result of an effect that takes no time."""
        if isinstance(effect, Now):
            return dt.datetime.now(dt.UTC)
        if isinstance(effect, Jitter):
            return random.random()  # noqa: S311  # spreads retries, guards nothing
        if isinstance(effect, Progress):
            if reporter is not None:
                reporter.update(effect.done, effect.total, effect.label)
            return None
        message = f"no driver carries out {effect!r}"
        raise AssertionError(message)


def logged(request: Request, response: Response) -> Response:
    """The response, with a word in the log."""
    log.debug("%s %s -> %d", request.method, request.url, response.status)
    return response
