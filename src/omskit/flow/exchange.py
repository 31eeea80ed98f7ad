"""One request until it is answered: retries, login, and what each status means."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

from omskit.effects import (
    Authorise,
    Compute,
    Credential,
    Flow,
    Jitter,
    Now,
    Request,
    Response,
    Secret,
    Send,
    Sleep,
)
from omskit.errors import (
    NO_REMEDY,
    DecodeError,
    LoginNeededError,
    NotAuthorisedError,
    NotFoundError,
    NotSyncedError,
    OMSError,
    RedirectedError,
    Remedy,
    ServerFailedError,
    StatusError,
    ThrottledError,
    TokenRejectedError,
    TransportError,
)
from omskit.jsonapi.error_document import error_detail, error_title
from omskit.redact import scrub, secrets_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

GOOD = frozenset({200, 201})
"""Statuses of an answer; OMS's own clients take 201 for one too."""

NOT_SYNCED = "NOT_SYNCED"
"""The title of the error document of a service whose store has not fetched a run."""

PASSING = frozenset({429, 502, 503, 504})
"""Statuses that may be gone at the next try."""


@dataclass(frozen=True, slots=True)
class Policy:
    """When to try again, and how long to wait.

    Attributes:
        retries: Tries after the first.
        first_wait_s: Before the first retry; doubles each time.
        longest_wait_s: Never longer than this.
        longest_retry_after_s: ``Retry-After`` is obeyed up to this; beyond, we give up.
    """

    retries: int = 4
    first_wait_s: float = 0.5
    longest_wait_s: float = 20.0
    longest_retry_after_s: float = 60.0


def exchange(
    request: Request,
    policy: Policy,
    read: Callable[..., Any] | None = None,
    *arguments: Any,
) -> Flow[Any]:
    """The answer to *request*, with retries and at most one renewed login.

    Args:
        read: Applied as ``read(body, *arguments)`` where it does not hold up other
            work; its result is returned. Left out, the `Response` is.

    Raises:
        TransportError, StatusError, AuthError, DecodeError: With ``request``,
            ``status`` and ``attempts`` filled in.
    """
    credential: Credential | None = yield Authorise()

    def judge(response: Response) -> Flow[Any]:
        if response.status not in GOOD:
            refuse(request, response, logged_in=credential is not None)
        if read is None:
            return response
        return (yield Compute(read, (response.body, *arguments)))

    try:
        return (yield from persist(request, policy, judge, credential))
    except TokenRejectedError as error:
        refused = error
    tried = refused.attempts
    try:
        credential = yield Authorise(rejected=credential)
    except OMSError as error:
        if error.request is None:  # One that sent no request: name the one refused.
            error.request, error.status = refused.request, refused.status
            error.attempts = tried
        raise
    return (yield from persist(request, policy, judge, credential, tried=tried))


def persist(
    request: Request,
    policy: Policy,
    judge: Callable[[Response], Flow[Any]],
    credential: Credential | None = None,
    *,
    secrets: Collection[Secret] = (),
    tried: int = 0,
) -> Flow[Any]:
    """*request* again and again, until it is answered or that is of no use.

    Args:
        judge: What a response means; its result is returned, its errors are raised,
            or tried again where they may pass.
        secrets: What no error may repeat, beside the credential: what a request holds.
        tried: How often the request was sent before; counted in ``attempts``.
    """
    attempts = 0
    while True:
        attempts += 1
        wait: float | None = None
        response: Response | None = None
        try:
            response = yield Send(request, credential)
            if response.status in PASSING:
                wait = retry_after(response, (yield Now()))
            return (yield from judge(response))
        except OMSError as error:
            # Whoever answers may repeat what it was sent: in an error document, in a
            # value that does not fit, in a header that breaks the protocol.
            scrub(error, _hidden(secrets, credential))
            error.request = f"{request.method} {request.url}"
            error.attempts = tried + attempts
            if error.status is None and response is not None:
                error.status = response.status
            if not _passing(error) or attempts > policy.retries:
                raise
            if wait is not None and wait > policy.longest_retry_after_s:
                raise
        if wait is None:
            jitter: float = yield Jitter()
            wait = backoff(policy, attempts, jitter)
        yield Sleep(wait)


def _hidden(
    secrets: Collection[Secret], credential: Credential | None
) -> frozenset[str]:
    """What no error may say; held nowhere while errors are made."""
    held = secrets_of(credential.headers if credential else {})
    return held | {secret.text for secret in secrets}


def _passing(error: OMSError) -> bool:
    if isinstance(error, TransportError):
        return True
    if isinstance(error, DecodeError):
        return error.broken
    return error.status in PASSING


def backoff(policy: Policy, attempt: int, jitter: float) -> float:
    """Seconds to wait after try number *attempt*, with *jitter* in [0, 1).

    Example:
        >>> [backoff(Policy(), attempt, 0.5) for attempt in (1, 2, 3)]
        [0.5, 1.0, 2.0]
    """
    wait = policy.first_wait_s * 2.0 ** (attempt - 1) * (0.5 + jitter)
    return min(wait, policy.longest_wait_s)


def retry_after(response: Response, now: dt.datetime) -> float | None:
    """What ``Retry-After`` asks for, in seconds; None where it is absent or unreadable.

    Example:
        >>> retry_after(Response(429, {"retry-after": "7"}), dt.datetime.now(dt.UTC))
        7.0
    """
    text = response.headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return max(0.0, (moment - now).total_seconds())


_STRANGE = {
    204: "it sent an answer without content, where rows were asked for",
    205: "it sent an answer without content, where rows were asked for",
    206: "it sent a part of an answer, where the whole was asked for",
    304: "it says that nothing has changed, though nothing was kept: a cache on the "
    "way is wrong",
    407: "the proxy on the way wants a login of its own. Name user and password in the "
    "address of the proxy, or ask past it with NO_PROXY",
    421: "it does not answer for the host of this address, or was asked through a "
    "wrong tunnel or proxy",
    451: "the answer is kept back for legal reasons",
    511: "the network itself wants a login first, as in a hotel: open any page in a "
    "browser",
}
"""Statuses whose cause is not what their class says, and what it is."""


def refuse(request: Request, response: Response, *, logged_in: bool) -> NoReturn:
    """Raise what a status other than 200 means; `persist` takes secrets out of it."""
    status = response.status
    host = urlsplit(request.url).netloc or "the service"
    said = error_detail(response.body)
    tail = f": {said}" if said else "."
    error: OMSError
    if status == 401:
        error = _unauthorised(host, logged_in=logged_in)
    elif status == 403:
        error = NotAuthorisedError(
            f"{host} knows the login but does not let it read OMS (403){tail} "
            "Applications must be in the group oms-api-access; see 'Getting access'."
        )
    elif status in _STRANGE:
        error = StatusError(f"{host}: {_STRANGE[status]} ({status}){tail}")
    elif 300 <= status < 400:
        error = _redirected(response, host)
    elif status == 404 and error_title(response.body) == NOT_SYNCED:
        # A store behind a service of omskit; its remedy is at the end of the text.
        error = NotSyncedError(error_detail(response.body, 2000) or NOT_SYNCED)
    elif status == 404:
        path = urlsplit(request.url).path
        base = path.count("/") == 1  # Only the name of a resource stands there.
        hint = "The address of an OMS service ends in /agg/api/v1 as a rule."
        remedy = Remedy(hint) if base else NO_REMEDY
        error = NotFoundError(f"{host} has nothing there (404){tail}", remedy=remedy)
    elif status == 429:
        error = ThrottledError(
            f"{host} asks for fewer requests (429){tail}",
            remedy=Remedy(
                "Try a lower concurrency=.", "Try again later, or ask for less."
            ),
        )
    elif status >= 500:
        error = ServerFailedError(f"{host} failed with status {status}{tail}")
    else:
        error = StatusError(f"{host} refused the request with status {status}{tail}")
    error.status = status
    raise error


def _unauthorised(host: str, *, logged_in: bool) -> OMSError:
    if logged_in:
        return TokenRejectedError(
            f"{host} refuses a fresh login (401). Is the audience the one of this "
            "service, and the clock right? See 'Getting access'."
        )
    return LoginNeededError(
        f"{host} wants a login (401). Set OMSKIT_CLIENT_ID and OMSKIT_CLIENT_SECRET, "
        "or OMSKIT_TOKEN for a service of your own, or pass credentials=; see 'Getting "
        "access'."
    )


def _redirected(response: Response, host: str) -> OMSError:
    try:
        target = urlsplit(response.headers.get("location", ""))
    except ValueError:
        target = urlsplit("")
    host_there = target.hostname or ""
    where = f"{target.scheme}://{host_there}" if host_there else "elsewhere"
    if "auth" in host_there or "login" in target.path:
        return LoginNeededError(
            f"{host} sends us to a login page at {where} (302). Set OMSKIT_CLIENT_ID "
            "and OMSKIT_CLIENT_SECRET, or pass credentials=; see 'Getting access'."
        )
    return RedirectedError(
        f"{host} redirects to {where} ({response.status}), which omskit does not "
        "follow. Is it http instead of https, or the other way round?"
    )
