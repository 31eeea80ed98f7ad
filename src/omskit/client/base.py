"""What both clients are: who is asked, with which settings and which login."""

from __future__ import annotations

import os
import ssl
from functools import cache
from typing import Any

from omskit import flow
from omskit._arguments import NOTHING, Wants, check_types, shown
from omskit.client.settings import Settings
from omskit.config import DEMO, Instance, find_instance
from omskit.drivers import LocalSender, Sender
from omskit.errors import ConfigError, UsageError
from omskit.flow import Options, Policy
from omskit.login.chain import find_login
from omskit.login.kinds import Anonymous, BearerToken, as_login
from omskit.schema import Catalogue, Resource, bundled
from omskit.transport import HttpSender
from omskit.transport.proxies import read_proxy
from omskit.transport.tls import tls_context

_WANTS: Wants = {
    "instance": ((str, NOTHING), "the name or the URL of a service"),
    "verify": (
        (str, os.PathLike, ssl.SSLContext, bool, NOTHING),
        "a file or folder of CA certificates, or an ssl.SSLContext",
    ),
    "proxy": ((str, NOTHING), "an address as in http://host:port"),
    "catalogue": ((Catalogue, NOTHING), "an omskit.schema.Catalogue"),
    "settings": ((Settings, NOTHING), "a Settings, e.g. Settings(page_size=100)"),
}


@cache
def _demo_sender() -> Sender:
    """The demo service, once per process."""
    from omskit.demo import tables  # heavy, and only for the demo
    from omskit.engine import Engine
    from omskit.server import Service, respond

    base_url = find_instance(DEMO).base_url
    service = Service(Engine(tables()), base_url=base_url)
    return LocalSender(lambda request: respond(request, service))


class BaseClient:
    """A client without questions: who is asked, how, and as whom."""

    def __init__(
        self,
        instance: str | None = None,
        *,
        credentials: Any = None,
        verify: Any = None,
        proxy: str | None = None,
        catalogue: Catalogue | None = None,
        sender: Sender | None = None,
        settings: Settings | None = None,
        **options: Any,
    ) -> None:
        given = {"instance": instance, "verify": verify, "proxy": proxy}
        check_types(given | {"catalogue": catalogue, "settings": settings}, _WANTS)
        if sender is not None and not hasattr(sender, "send"):
            message = f"sender={shown(sender)}; it is a Sender, e.g. a LocalSender."
            raise UsageError(message)
        if verify is False or verify is True:
            message = (
                f"verify={verify}: certificates are always verified. Pass the file of "
                "the CA certificates, e.g. verify='/etc/pki/tls/certs/CERN-bundle.pem'."
            )
            raise ConfigError(message)
        self._instance = find_instance(instance)
        self._settings = (settings or Settings()).changed(**options)
        self._catalogue = catalogue or bundled()
        self._learnt: dict[str, Resource] = {}
        self._credentials, self._verify, self._proxy = credentials, verify, proxy
        self._given = sender
        self._sender = sender or self._find_sender()
        _check_way(self._sender, verify, proxy)
        if credentials is None:
            credentials = find_login(self._instance)
        self._login = as_login(credentials, self._instance.base_url)

    def _find_sender(self) -> Sender:
        if self._instance.name == DEMO:
            return _demo_sender()
        return HttpSender(
            verify=self._verify,
            timeouts=self._settings.timeouts,
            proxy=self._proxy,
            connections=self._settings.concurrency,
        )

    @property
    def instance(self) -> Instance:
        """The service that is asked."""
        return self._instance

    @property
    def catalogue(self) -> Catalogue:
        """What is known of the resources; `meta` adds what the service says."""
        return self._catalogue

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._instance.name!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as what it was asked to be; connections are made anew.

        Raises:
            UsageError: It was given a secret.
        """
        if not isinstance(self._credentials, (Anonymous, type(None))):
            instead = "OMSKIT_CLIENT_ID and OMSKIT_CLIENT_SECRET"
            if isinstance(self._credentials, BearerToken):
                instead = "OMSKIT_TOKEN"
            message = (
                "A client with credentials= is not pickled: secrets stay where they "
                f"are. Set {instead} where it is needed, and leave credentials= out."
            )
            raise UsageError(message)
        if self._proxy is not None and "@" in self._proxy:
            message = (
                "A client with a password in proxy= is not pickled: secrets stay where "
                "they are. Use HTTPS_PROXY."
            )
            raise UsageError(message)
        details = {
            "credentials": self._credentials,
            "verify": self._verify,
            "proxy": self._proxy,
            "settings": self._settings,
            "sender": self._given,
            "catalogue": None if self._catalogue is bundled() else self._catalogue,
        }
        return (_remade, (type(self), self._instance.name, details))

    def _context(self, settings: Settings | None = None) -> flow.Context:
        chosen = settings or self._settings
        options = Options(
            base_url=self._instance.base_url,
            page_size=chosen.page_size,
            concurrency=chosen.concurrency,
            policy=Policy(retries=chosen.retries),
            raw=chosen.units == "raw",
            audit=chosen.audit,
            allow_partial=chosen.allow_partial,
        )
        return flow.Context(
            catalogue=self._catalogue,
            options=options,
            service=self._instance.base_url,
            unchecked=chosen.unchecked,
            learnt=self._learnt,
        )

    def _known(self, resource: str) -> Resource:
        if resource in self._catalogue:
            return self._catalogue[resource]
        return self._learnt.get(resource, Resource(resource, ()))


def _check_way(sender: Sender, verify: Any, proxy: str | None) -> None:
    """Refuse what no connection can be made with, whether or not one is needed.

    Raises:
        ConfigError: No certificates there, or no address of a proxy.
    """
    if verify is not None and not isinstance(sender, HttpSender):
        tls_context(verify)  # 20 ms for a large bundle, which an HttpSender has spent.
    if proxy is not None:
        read_proxy(proxy)


def _remade(face: type[BaseClient], name: str, details: dict[str, Any]) -> BaseClient:
    return face(name, **details)
