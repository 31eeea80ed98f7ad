"""Who asks, and how a credential is obtained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omskit._homes import late

if TYPE_CHECKING:
    from omskit.login.kinds import (
        BearerToken,
        ClientCredentials,
        as_login,
    )
    from omskit.login.nobody import Anonymous
    from omskit.login.token_request import client_credentials

__all__ = [
    "Anonymous",
    "BearerToken",
    "ClientCredentials",
    "as_login",
    "client_credentials",
]

__getattr__ = late(
    __name__,
    {
        "as_login": "omskit.login.kinds",
        "client_credentials": "omskit.login.token_request",
        "Anonymous": "omskit.login.nobody",
        "BearerToken": "omskit.login.kinds",
        "ClientCredentials": "omskit.login.kinds",
    },
)
