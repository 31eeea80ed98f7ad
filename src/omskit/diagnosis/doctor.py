"""Why there is no answer: each link between here and the rows, tried in order.

What a link says is one line with the fault and its remedy. The doctor asks nobody
first, to see the way and the clock, and then as a client would, once each and without
retries. It changes nothing, but that a person's login is kept, as any is.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from omskit.diagnosis.route import (
    AUTH,
    SERVICE,
    WAIT_S,
    Finding,
    Way,
    ca_remedy,
    cert_error,
    cert_remedy,
    speaks_tls,
    untrusted,
)
from omskit.drivers import SyncDriver
from omskit.effects import Request
from omskit.errors import (
    AuthError,
    ConfigError,
    LoginNeededError,
    NotAuthorisedError,
    OMSError,
    ServiceError,
)
from omskit.flow.exchange import GOOD, Policy, refuse
from omskit.jsonapi import error_detail
from omskit.login.chain import (
    Application,
    Chain,
    find_login,
    lacking_kerberos,
    lacking_ticket,
)
from omskit.login.kinds import claims_of
from omskit.login.sources import takes_fixed_token
from omskit.redact import one_line, scrubbed, secrets_of
from omskit.transport import HttpSender, Timeouts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omskit.config import Instance
    from omskit.effects import Credential, Response
    from omskit.login.nobody import Anonymous

_SKEW_S = 60.0


class _Stop(Exception):  # noqa: N818  # no error: the last finding says it all
    """What follows cannot be tried."""


@dataclass(slots=True)
class _Visit:
    """One service, one visit.

    Attributes:
        taken: The way in which we logged in, or None.
        ill: There was a fault already that may be the cause of later ones.
    """

    instance: Instance
    sender: HttpSender
    credential: Credential | None = field(default=None, repr=False)
    taken: str | None = None
    ill: bool = False

    @property
    def way(self) -> Way:
        """To the service."""
        return Way(self.instance.base_url)

    def clean(self, finding: Finding) -> Finding:
        """A finding without what we logged in with: who answers may repeat it."""
        secrets = secrets_of(self.credential.headers if self.credential else {})
        said = one_line(scrubbed(finding.said, secrets))
        return replace(finding, said=said, remedy=scrubbed(finding.remedy, secrets))


def diagnose(instance: Instance) -> Iterator[Finding]:
    """Try each link between here and the rows of a service."""
    try:
        sender = HttpSender(timeouts=Timeouts(WAIT_S, WAIT_S, WAIT_S))
    except ConfigError as error:
        yield Finding("CA bundle", str(error), SERVICE, ca_remedy())
        return
    visit = _Visit(instance, sender)
    try:
        for finding in visit.way.links():
            yield finding
            if finding.fault is not None:
                return
        for step in (_clock, _login, _audience, _answers):
            for finding in step(visit):
                yield visit.clean(finding)
                visit.ill = visit.ill or finding.fault is not None
    except _Stop:
        return
    finally:
        sender.close()


def _clock(visit: _Visit) -> Iterator[Finding]:
    """The clock here, held against the service's, before anything rests on it."""
    try:
        answer = visit.sender.send(_question(visit), {})
    except (ServiceError, ConfigError) as error:
        yield _unanswered(error, visit)
        raise _Stop from None
    yield from clock_of(answer)


def clock_of(answer: Response) -> Iterator[Finding]:
    """How far the clock here is from that of an answer; nothing where it tells none."""
    try:
        there = parsedate_to_datetime(answer.headers["date"])
        if there.tzinfo is None:
            there = there.replace(tzinfo=dt.UTC)
        apart = (dt.datetime.now(dt.UTC) - there).total_seconds()
    except (KeyError, ValueError, OverflowError):  # A year may have any digits.
        return
    if abs(apart) < _SKEW_S:
        yield Finding("clock", "right")
        return
    way = "ahead of" if apart > 0 else "behind"
    said = f"this machine is {abs(apart):.0f} s {way} the service"
    remedy = "set the clock (NTP): tokens and tickets are good for a certain time"
    yield Finding("clock", said, AUTH, remedy)


def _login(visit: _Visit) -> Iterator[Finding]:
    instance = visit.instance
    try:
        login = _hasty(find_login(instance))
        driver = SyncDriver(visit.sender, login, 1)
        visit.credential = driver.run(login.login())
    except ServiceError as error:
        yield _login_service(error, instance)
        raise _Stop from None
    except NotAuthorisedError as error:
        remedy = (
            "the application is not registered for this service: ask for the audience "
            f"{instance.audience!r} in the Application Portal, or mend audience= in "
            "the configuration file"
        )
        yield Finding("login", str(error), AUTH, remedy)
        raise _Stop from None
    except (AuthError, ConfigError) as error:
        refused = error.status is not None
        yield Finding("login", str(error), AUTH, _login_remedy(error, refused=refused))
        if isinstance(error, LoginNeededError) and not refused:
            yield _ticket()
        raise _Stop from None
    visit.taken = login.taken if isinstance(login, Chain) else None
    yield Finding("login", f"by {visit.taken}" if visit.taken else "none is needed")


def _login_remedy(error: OMSError, *, refused: bool) -> str:
    if isinstance(error, ConfigError):
        return "mend what it names, in the environment or the configuration file"
    if refused:
        return (
            "take id and secret anew from the Application Portal: one of them has a "
            "typing error, or the secret was renewed there"
        )
    return (
        "at a terminal: 'oms auth login'; in a job: OMSKIT_CLIENT_ID and "
        "OMSKIT_CLIENT_SECRET of your application"
    )


def _hasty(login: Anonymous | Chain) -> Anonymous | Chain:
    """The same login, which gives up at the first failure."""
    if isinstance(login, Chain):
        login.links = tuple(
            Application(replace(link.credentials, policy=Policy(retries=0)))
            if isinstance(link, Application) and link.credentials
            else link
            for link in login.links
        )
    return login


def _login_service(error: ServiceError, instance: Instance) -> Finding:
    """What is wrong on the way to the login service."""
    host = urlsplit(instance.token_url).netloc
    if error.status is None:
        for finding in Way(instance.token_url).links():
            if finding.fault is not None:
                said = f"{host}, {finding.link}: {finding.said}"
                return Finding("login", said, AUTH, finding.remedy)
        cause = cert_error(error)
        if cause is not None:
            said = f"{host}, certificate: {untrusted(cause).said}"
            return Finding("login", said, AUTH, cert_remedy(cause))
    remedy = f"{host} does not play the login service now: is token_url right?"
    return Finding("login", str(error), AUTH, remedy)


def _ticket() -> Finding:
    """Whether there is a Kerberos ticket, which would have spared all this."""
    why = lacking_kerberos()
    if why is not None:
        return Finding("ticket", f"no Kerberos here: {why}")
    why = lacking_ticket()
    if why is None:
        return Finding("ticket", "there is one, but the login service did not take it")
    said, _, _ = why.partition(":")
    return Finding("ticket", said, AUTH, "run: kinit YOUR-CERN-NAME@CERN.CH")


def _audience(visit: _Visit) -> Iterator[Finding]:
    claims = claims_of(visit.credential)
    wanted = visit.instance.audience
    if claims is None or wanted is None:
        return
    given = claims.get("aud")
    if wanted in (given if isinstance(given, list) else [given]):
        yield Finding("audience", f"{wanted}, as it should be")
        return
    said = f"the token is for {given!r:.100}, the service is {wanted!r}"
    yield Finding("audience", said, AUTH, _anew(visit))


def _anew(visit: _Visit) -> str:
    """How to come by a token for the audience that the service has."""
    mend = "mend audience= of the instance in the configuration file"
    if visit.taken == "token cache":
        return f"'oms auth logout', then 'oms auth login'; if that is no help, {mend}"
    return mend


def _question(visit: _Visit) -> Request:
    url = f"{visit.instance.base_url}/runs?fields=run_number&page[limit]=1"
    if visit.instance.through_dials:
        url = f"{visit.instance.base_url}/?endpoint=runs&page[limit]=1"
    return Request("GET", url)


def _answers(visit: _Visit) -> Iterator[Finding]:
    request = _question(visit)
    headers = visit.credential.headers if visit.credential else {}
    try:
        answer = visit.sender.send(request, headers)
    except (ServiceError, ConfigError) as error:
        yield _unanswered(error, visit)
        return
    try:
        if answer.status not in GOOD:
            refuse(request, answer, logged_in=visit.credential is not None)
    except OMSError as error:
        fault = AUTH if isinstance(error, AuthError) else SERVICE
        said = _said(answer, visit, str(error))
        yield Finding("answer", said, fault, _remedy(answer, visit, fault))
        return
    yield _judged(answer)


def _said(answer: Response, visit: _Visit, message: str) -> str:
    """What a refusal says, in few words; the remedy says the rest."""
    detail = error_detail(answer.body)
    tail = f": {detail}" if detail else ""
    if answer.status == 403:
        return f"the login is good, but may not read OMS (403{tail})"
    if answer.status == 401 and visit.credential is not None:
        return f"the service refuses this login (401{tail})"
    if answer.status == 401:
        return f"the service wants a login (401{tail})"
    return message


def _unanswered(error: OMSError, visit: _Visit) -> Finding:
    """Why no answer came at all."""
    cause = cert_error(error)
    if cause is not None:
        return untrusted(cause)
    remedy = _scheme_remedy(visit)
    if visit.way.proxy:
        host = urlsplit(visit.instance.base_url).hostname
        remedy = (
            "the proxy does not lead there: unset "
            f"{visit.way.variable}, or add {host} to NO_PROXY"
        )
    return Finding("answer", str(error), SERVICE, remedy)


def _remedy(answer: Response, visit: _Visit, fault: str) -> str:
    if answer.status == 403:
        return _group_remedy(visit)
    if fault == AUTH and visit.credential is None:
        if takes_fixed_token(visit.instance):
            return (
                "set OMSKIT_TOKEN to the token that the service was started with, or "
                "give the instance its audience= in the configuration file"
            )
        return "ask it by its name, such as --instance production: then omskit logs in"
    if answer.status == 401 and visit.taken == "fixed token":
        return "OMSKIT_TOKEN is not the token that the service was started with"
    if answer.status == 401:
        return "mend the fault above first" if visit.ill else _anew(visit)
    if 300 <= answer.status < 400 or answer.status == 400:
        return _scheme_remedy(visit)
    if answer.status == 404:
        return "is the address right? It ends with /agg/api/v1"
    return "the service is ill, not you: try again later, or tell the OMS team"


def _group_remedy(visit: _Visit) -> str:
    claims = claims_of(visit.credential) or {}
    who = claims.get("azp") if visit.taken == "client credentials" else None
    named = f"the application {who!r:.100}" if who else "your application or account"
    return f"ask the OMS team to add {named} to the group oms-api-access"


def _scheme_remedy(visit: _Visit) -> str:
    """Whether the port speaks https where http was asked for."""
    if urlsplit(visit.instance.base_url).scheme == "https" or visit.way.proxy:
        return "is something else listening there?"
    if speaks_tls(visit.way.place):
        return "wrong scheme: try https:// instead of http://"
    return "is something else listening there?"


def _judged(answer: Response) -> Finding:
    try:
        document = json.loads(answer.body)
        total = document["meta"]["totalResourceCount"]
    except (ValueError, KeyError, TypeError, RecursionError):
        total = None
    if not isinstance(total, int):
        said = "status 200, but no rows: a page for people, or another service"
        remedy = "is the address right, and the login not a web page?"
        return Finding("answer", said, SERVICE, remedy)
    return Finding("answer", f"{total} runs are there")
