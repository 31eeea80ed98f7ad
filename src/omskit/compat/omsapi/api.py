"""The client: who is asked, and as whom."""

from __future__ import annotations

import warnings
import weakref
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from omskit._extras import load
from omskit.client import Client
from omskit.compat.omsapi.answer import Answer
from omskit.compat.omsapi.query import OMSMetaQuery, OMSQuery
from omskit.config import INSTANCES, TOKEN_URL, Instance, find_instance
from omskit.effects import Request
from omskit.errors import (
    ConfigError,
    DecodeError,
    NotFoundError,
    OMSError,
    OMSWarning,
)
from omskit.flow.exchange import Policy, exchange
from omskit.login.chain import Chain, Kerberos, Person
from omskit.login.kinds import ClientCredentials
from omskit.login.nobody import Anonymous
from omskit.schema import bundled

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from omskit.client.options import Credentials
    from omskit.compat.omsapi.answer import Json
    from omskit.effects import Response
    from omskit.schema import Resource

OMSApiException = OMSError
"""What ``except OMSApiException`` catches: every error of omskit."""

cern_api_url = TOKEN_URL
"""Where applications log in; read when they do."""

FOREVER = 100
"""How often is tried again where the script says without end."""


class _Asker(Client):
    """A client that gives answers as they come."""

    def get(self, url: str, policy: Policy) -> Response:
        found: Response = self._driver.run(exchange(Request("GET", url), policy))
        return found


class OMSAPI:
    """OMS, with the names and arguments of the official client.

    Args:
        api_url: The address without its version, or a name of omskit, e.g. ``"demo"``.
        verbose: Print addresses and warnings.
        cert_verify: A file of CA certificates. True and False are the same: the
            certificates that the system trusts; verification is never off.
        throw_on_err: Makes no difference: errors are always raised.
        retry_on_err_sec: Before the first of the retries; doubles with each.
        retry_on_err_attempts: How many there are; -1: up to a hundred.
        proxies: Proxy by scheme, as for ``requests``.

    Raises:
        UnknownInstanceError: The address is none.
        ConfigError: It is that of DIALS, which has a form of its own.

    Making one sends nothing. Without one of the ``auth_`` methods the login is found
    as everywhere in omskit.

    Example:
        >>> q = OMSAPI("demo", verbose=False).query("eras").paginate(per_page=100)
        >>> q.data().json()["meta"]["totalResourceCount"]
        82
    """

    def __init__(  # noqa: PLR0917  # the signature of the original
        self,
        api_url: str = "https://cmsoms.cern.ch/agg/api",
        api_version: str = "v1",
        verbose: bool = True,
        cert_verify: bool | str | os.PathLike[str] = True,
        throw_on_err: bool = False,
        retry_on_err_sec: float = 10,
        retry_on_err_attempts: int = 1,
        proxies: Mapping[str, str] | None = None,
    ) -> None:
        if api_url in INSTANCES:
            api_url, _, api_version = INSTANCES[api_url].base_url.rpartition("/")
        self.api_url = api_url.rstrip("/")
        self.api_version = api_version
        self.base_url = f"{self.api_url}/{api_version}"
        self.instance = _instance(self.base_url)
        if self.instance.through_dials:
            message = (
                "The proxy of DIALS has no addresses like those of OMS. Ask it with "
                "omskit.Client('dials')."
            )
            raise ConfigError(message)
        self.verbose = verbose
        self.cert_verify = cert_verify
        self.throw_on_err = throw_on_err
        self.err_sec = retry_on_err_sec
        self.err_attempts = retry_on_err_attempts
        self.proxies = dict(proxies or {})
        self._credentials: Credentials | None = None
        self._asker: _Asker | None = None
        self._fields: dict[str, dict[str, Json] | None] = {}
        if cert_verify is False:
            message = (
                "cert_verify=False: certificates are verified all the same. Where the "
                "CA of CERN is not trusted, give its file: cert_verify='bundle.pem'."
            )
            warnings.warn(message, OMSWarning, stacklevel=2)

    def query(self, resource: str, query_validation: bool = True) -> OMSQuery:
        """A query of a resource; nothing is asked yet."""
        return OMSQuery(
            self, resource, verbose=self.verbose, validation=query_validation
        )

    def query_metadata(self, query_validation: bool = True) -> OMSMetaQuery:
        """A query of documents beside the resources; nothing is asked yet."""
        del query_validation
        return OMSMetaQuery(self, self.api_url)

    def auth_oidc(
        self,
        client_id: str,
        client_secret: str,
        audience: str = "cmsoms-prod",
        proxies: Mapping[str, str] | None = None,
    ) -> None:
        """Ask as a registered application; the login is made with the first question.

        Raises:
            ConfigError: One of them is empty.
        """
        self.proxies |= proxies or {}
        self._as(ClientCredentials(client_id, client_secret, audience, cern_api_url))

    def auth_krb(self) -> None:
        """Ask with the Kerberos ticket, and a second factor where one is wanted.

        Where the service wants no login (P5, a service of one's own), there is none.
        """
        if self.instance.audience is None:
            self._as(Anonymous())
            return
        links = (Kerberos(self.instance), Person(self.instance))
        self._as(Chain(self.instance, links))

    def auth_krb_2fa(self) -> None:
        """The same as `auth_krb`, as older versions named it."""
        self.auth_krb()

    def auth_cert(self) -> None:
        """Refuse: CERN's login takes no grid certificates any more.

        Raises:
            ConfigError: Always; the message says what to use.
        """
        message = (
            "auth_cert(): logins with grid certificates have ended. Use auth_krb(), or "
            "auth_oidc() with a registered application; see 'Getting access'."
        )
        raise ConfigError(message)

    def auth_device(
        self,
        client_id: str = "cmsoms-prod-public",
        client_secret: str | None = None,
        audience: str = "cmsoms-prod",
        use_auth_file: bool = True,
    ) -> None:
        """Ask as a person with a browser, through tsgauth.

        Raises:
            MissingExtraError: tsgauth is not installed.
        """
        oidcauth = load("tsgauth.oidcauth", "log in with a browser")
        self._as(
            oidcauth.DeviceAuth(
                client_id=client_id,
                client_secret=client_secret,
                target_client_id=audience,
                use_auth_file=use_auth_file,
            )
        )

    def close(self) -> None:
        """Let go of connections; it can be used again."""
        if self._asker is not None:
            self._asker.close()

    def get(self, url: str) -> Answer:
        """The answer to a request.

        Raises:
            OMSError: There is none, or it is no document.
        """
        found = self._client().get(url, self._policy())
        if not found.body.lstrip().startswith(b"{"):
            kind = found.headers.get("content-type", "something without a type")
            message = f"{url} is answered with {kind}, not with a JSON document."
            raise DecodeError(message)
        return Answer(url, found.status, found.body, found.headers)

    def known(self, resource: str) -> Resource | None:
        """A resource that omskit knows."""
        catalogue = bundled()
        found: Resource | None = None
        if resource in catalogue:
            found = catalogue[resource]
        return found

    def fields(self, resource: str) -> dict[str, Json] | None:
        """What the service says of a resource; asked once."""
        if resource not in self._fields:
            self._fields[resource] = self._asked_fields(resource)
        return self._fields[resource]

    def _asked_fields(self, resource: str) -> dict[str, Json] | None:
        try:
            document = self.get(f"{self.base_url}/{resource}/meta").json()
        except NotFoundError:
            return None
        meta = document.get("meta")
        found = meta.get("fields") if isinstance(meta, dict) else None
        return found if isinstance(found, dict) else None

    def _as(self, credentials: Credentials) -> None:
        self.close()
        self._asker, self._credentials = None, credentials

    def _client(self) -> _Asker:
        if self._asker is None:
            bundle = self.cert_verify
            self._asker = _Asker(
                self.instance.name,
                credentials=self._credentials,
                verify=None if isinstance(bundle, bool) else bundle,
                proxy=self._proxy(),
                progress=False,
            )
            # Scripts of the official client close nothing.
            weakref.finalize(self, self._asker.close)
        return self._asker

    def _policy(self) -> Policy:
        tries = self.err_attempts if self.err_attempts >= 0 else FOREVER
        return Policy(retries=min(tries, FOREVER), first_wait_s=self.err_sec)

    def _proxy(self) -> str | None:
        """The proxy for this service; one without a scheme is spoken to by HTTP."""
        scheme = urlsplit(self.base_url).scheme
        found = self.proxies.get(scheme) or self.proxies.get("all")
        if not found:
            return None
        return found if "://" in found else f"http://{found}"


def _instance(base_url: str) -> Instance:
    """The service at an address: by its name, where omskit has one for it."""
    for instance in INSTANCES.values():
        if instance.base_url == base_url:
            return instance
    return find_instance(base_url)
