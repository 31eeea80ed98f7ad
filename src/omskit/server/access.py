"""Who may ask: everybody, whoever has the token, or whom the login service lets in."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from omskit.errors import ConfigError
from omskit.server.answering import refusal
from omskit.server.sso.registry import GROUP
from omskit.server.sso.service import ISSUER
from omskit.server.sso.tokens import BadTokenError

if TYPE_CHECKING:
    from omskit.effects import Response
    from omskit.server.sso.tokens import SigningKey

SHORTEST_TOKEN = 16
"""Characters; what is shorter can be guessed over a network."""

_SCHEME = "bearer "


class Gate(Protocol):
    """Decides who gets in."""

    def refuse(self, authorization: str, now: float) -> Response | None:
        """The answer to who may not ask; None: let them.

        Args:
            authorization: The header of that name, or nothing.
            now: Seconds since 1970.
        """


@dataclass(frozen=True, slots=True)
class TokenGate:
    """One token for all, compared in constant time.

    Example:
        >>> TokenGate("correct-horse-battery").refuse("Bearer guess", 0).status
        401

    Raises:
        ConfigError: No request can carry the token: it has other characters than
            printable ASCII, or blanks. The message does not repeat it.
    """

    token: str = field(repr=False)

    def __post_init__(self) -> None:
        """Check the characters."""
        if not re.fullmatch("[!-~]+", self.token):
            message = (
                "The token that requests must carry (--token, OMSKIT_SERVE_TOKEN) may "
                "have printable ASCII characters only and no blanks: no request could "
                "send this one. Try: openssl rand -hex 32"
            )
            raise ConfigError(message)

    def refuse(self, authorization: str, now: float) -> Response | None:
        """401 to who does not have the token."""
        del now
        given = _bearer(authorization)
        if given is None:
            return _unauthorised("This service wants its token.")
        if not hmac.compare_digest(given.encode(), self.token.encode()):
            return _unauthorised("This is not the token of this service.")
        return None


@dataclass(frozen=True, slots=True)
class LoginGate:
    """Tokens of the login service, for this service, of members of the group.

    Attributes:
        key: What the tokens are signed with.
        audience: What this service is called there.
        group: Whose members may ask.
    """

    key: SigningKey = field(repr=False)
    audience: str = "cmsoms-prod"
    group: str = GROUP

    def refuse(self, authorization: str, now: float) -> Response | None:
        """401 to who has no good token, 403 to who is not in the group."""
        token = _bearer(authorization)
        if token is None:
            return _unauthorised("This service wants a token of the login service.")
        try:
            claims = self.key.read(token)
        except BadTokenError:
            return _unauthorised("The login service did not make this token.")
        if claims["iss"] != ISSUER or claims["exp"] <= now:
            return _unauthorised("The token has expired.")
        if claims["aud"] != self.audience:
            detail = f"The token is for {claims['aud']!r}, not for {self.audience!r}."
            return _unauthorised(detail)
        if self.group not in claims["groups"]:
            detail = f"{claims['azp']!r} is not in the group {self.group}."
            return refusal(403, "Forbidden", detail)
        return None


def _bearer(authorization: str) -> str | None:
    if authorization[: len(_SCHEME)].lower() != _SCHEME:
        return None
    return authorization[len(_SCHEME) :].strip()


def _unauthorised(detail: str) -> Response:
    return refusal(401, "Unauthorized", detail, {"www-authenticate": "Bearer"})
