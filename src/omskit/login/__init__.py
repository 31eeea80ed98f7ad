"""Who asks, and how a credential is obtained."""

from omskit.login.kinds import (
    Anonymous,
    BearerToken,
    ClientCredentials,
    as_login,
)
from omskit.login.token_request import client_credentials

__all__ = [
    "Anonymous",
    "BearerToken",
    "ClientCredentials",
    "as_login",
    "client_credentials",
]
