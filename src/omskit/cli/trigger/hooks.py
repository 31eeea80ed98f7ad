"""Hooks of ``oms trigger watch``: a command or a URL that is told of every alert.

A hook that fails is told on stderr and never ends the watch. The path of a URL is
mostly a secret (that is how chat services do it): no message and no log shows it.
"""

from __future__ import annotations

import logging
import shlex
import shutil
import subprocess
from contextlib import contextmanager
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from omskit.effects import Request, Secret
from omskit.errors import OMSError, UsageError
from omskit.redact import scrubbed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import TypeAlias

    Hook: TypeAlias = Callable[[Mapping[str, Any]], str | None]
    """Given an alert; what went wrong, or None."""

COMMAND_S = 60.0
"""So long a command may take: the next look waits for it."""
CONNECT_S, SILENT_S, REQUEST_S = 10.0, 20.0, 30.0
_LOGGERS = ("httpx2", "httpcore2")


def hook_of(text: Secret) -> Hook:
    """The hook that *text* names: a URL, or a command with its arguments.

    Raises:
        UsageError: It is neither; told before anything is watched.
    """
    if urlsplit(text.text).scheme.lower() in {"http", "https"}:
        return _posting(text)
    return _running(text.text)


def sentence(alert: Mapping[str, Any]) -> str:
    """An alert in words, as people read it in a chat.

    Example:
        >>> sentence({"path": "HLT_A", "kind": "low", "run_number": 5,
        ...     "first_lumisection_number": 1, "last_lumisection_number": 10,
        ...     "counts": 3.0, "expected": 40.2, "significance": -6.81})
        'HLT_A is low in run 5, lumisections 1-10: 3 counts, 40.2 expected (-6.8 sigma)'
    """
    where = "lumisections {first_lumisection_number}-{last_lumisection_number}"
    return (
        "{path} is {kind} in run {run_number}, " + where + ": "
        "{counts:.0f} counts, {expected:.1f} expected ({significance:.1f} sigma)"
    ).format_map(alert)


def _running(text: str) -> Hook:
    """Run a command, without a shell; it reads the alert as JSON from stdin."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        message = f"--hook {text!r} is no command: {error}."
        raise UsageError(message) from error
    if not words:
        message = "--hook is empty: give a command or an https:// address."
        raise UsageError(message)
    if shutil.which(words[0]) is None:
        message = f"Cannot run the hook {words[0]!r}: there is no such command."
        raise UsageError(message)

    def call(alert: Mapping[str, Any]) -> str | None:
        line = msgspec.json.encode(alert)
        try:
            ended = subprocess.run(words, input=line, check=False, timeout=COMMAND_S)  # noqa: S603  # the user's own command
        except subprocess.TimeoutExpired:
            return f"was stopped after {COMMAND_S:.0f} s"
        except OSError as error:
            return f"cannot be run: {error.strerror}"
        return f"ended with {ended.returncode}" if ended.returncode else None

    return call


def _posting(address: Secret) -> Hook:
    """POST the alert as JSON, with ``text`` beside it: chat services show that."""
    from omskit.flow.settings import Timeouts
    from omskit.transport import HttpSender

    parts = urlsplit(address.text)
    host = parts.hostname
    if not host:
        message = "--hook is no address: it is as in https://HOST/PATH."
        raise UsageError(message)
    if parts.username or parts.password:
        message = f"--hook holds a name or password for {host}; give it without."
        raise UsageError(message)
    if parts.scheme.lower() == "http" and not _is_here(host):
        message = (
            f"--hook to {host} goes over http://, where anybody may read its address. "
            "Give https://."
        )
        raise UsageError(message)
    times = Timeouts(connect_s=CONNECT_S, read_s=SILENT_S, request_s=REQUEST_S)
    sender = HttpSender(timeouts=times, connections=1)
    hidden = {address.text, f"{parts.path}?{parts.query}", parts.path, parts.query}

    def call(alert: Mapping[str, Any]) -> str | None:
        body = msgspec.json.encode({"text": sentence(alert), **alert})
        request = Request(
            "POST", address.text, {"content-type": "application/json"}, body
        )
        try:
            with _unlogged():
                answer = sender.send(request, {})
        except OMSError as error:
            return f"failed: {scrubbed(str(error), hidden)}"
        refused = not 200 <= answer.status < 300
        return f"was refused by {host} with {answer.status}" if refused else None

    return call


def _is_here(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


@contextmanager
def _unlogged() -> Iterator[None]:
    """Nobody writes addresses into a log meanwhile, whatever its level is."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
