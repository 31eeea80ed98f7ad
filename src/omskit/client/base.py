"""What both clients are: who is asked, with which settings and which login."""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

from omskit import flow
from omskit._arguments import NOTHING, Wants, check_types, shown
from omskit.config import DEMO, STORE, Instance, find_instances
from omskit.drivers import LocalSender, Sender
from omskit.effects import Secret
from omskit.errors import ConfigError, UsageError
from omskit.flow import HttpSource, Settings
from omskit.login.nobody import Anonymous
from omskit.schema import Catalogue, Resource, bundled

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Sequence

    from omskit.client.options import ClientOptions, Credentials
    from omskit.client.ways import Switch, Ways
    from omskit.drivers.paced import Pacer
    from omskit.drivers.shared import Login, Shared
    from omskit.effects import Flow, Request, Response
    from omskit.flow import Source
    from omskit.flow.settings import SettingOptions, Timeouts
    from omskit.server import Service

_WANTS: Wants = {
    "instance": (
        (str, list, tuple, NOTHING),
        "the name or the URL of a service, or a list of them",
    ),
    "proxy": ((Secret, NOTHING), "an address as in http://host:port"),
    "store": ((str, os.PathLike, NOTHING), "the folder of a store"),
    "catalogue": ((Catalogue, NOTHING), "an omskit.schema.Catalogue"),
    "settings": ((Settings, NOTHING), "a Settings, e.g. Settings(page_size=100)"),
}


class BaseClient:
    """A client without questions: who is asked, how, and as whom."""

    def __init__(
        self,
        instance: str | Sequence[str] | None = None,
        *,
        credentials: Credentials | None = None,
        verify: str | os.PathLike[str] | ssl.SSLContext | None = None,
        proxy: str | Secret | None = None,
        catalogue: Catalogue | None = None,
        sender: Sender | None = None,
        settings: Settings | None = None,
        store: str | os.PathLike[str] | None = None,
        **options: Unpack[SettingOptions],
    ) -> None:
        if isinstance(proxy, str):
            proxy = Secret(proxy)  # It may hold a password.
        given = {"instance": instance, "proxy": proxy, "store": store}
        check_types(given | {"catalogue": catalogue, "settings": settings}, _WANTS)
        if verify is not None:
            _check_certificates(verify)
        if sender is not None and not hasattr(sender, "send"):
            message = f"sender={shown(sender)}; it is a Sender, e.g. a LocalSender."
            raise UsageError(message)
        said: object = verify
        if isinstance(said, bool):  # what the types forbid
            message = (
                f"verify={verify}: certificates are always verified. Pass the file of "
                "the CA certificates, e.g. verify='/etc/pki/tls/certs/CERN-bundle.pem'."
            )
            raise ConfigError(message)
        instances = find_instances(instance)
        self._instance = instances[0]
        self._settings = (settings or Settings()).changed(**options)
        self._catalogue = catalogue or bundled()
        self._learnt: dict[str, Resource] = {}
        self._credentials, self._verify, self._proxy = credentials, verify, proxy
        self._given = sender
        self._service: Service | None = None
        self._store = store
        self._first = None
        if store is not None:
            from omskit.client.stored import first_of  # as what follows, for few

            stand_before = [first_of(store, one) for one in instances]
            self._first = stand_before[0]
        self._ways: Ways | None = None
        self._switch: Switch | None = None
        if len(instances) > 1:
            self._go_ways(instances)
            return
        self._service = self._find_service()
        self._sender = sender or self._find_sender()
        _check_way(self._sender, verify, proxy)
        self._login = self._find_login()

    def _go_ways(self, instances: tuple[Instance, ...]) -> None:
        """Be a client of several services, until one of them has answered."""
        if self._given is not None:
            message = "sender= is one way to one service; name only that service."
            raise UsageError(message)
        from omskit.client.ways import Switch, Ways

        self._ways = Ways(instances, self._take, self._http)
        self._switch = Switch(self._http(self._settings.timeouts), Anonymous())
        self._sender, self._login = self._switch, self._switch
        _check_way(self._sender, self._verify, self._proxy)

    def _take(self, instance: Instance) -> None:
        """Be a client of this service from now on."""
        self._instance = instance
        self._service = self._find_service()
        if self._switch is None:
            return
        if self._service is not None:
            self._switch.here[instance.base_url] = self._find_sender()
        self._switch.who = self._find_login()

    def _find_login(self) -> Login:
        credentials = self._credentials
        if credentials is None and self._service is not None:
            return Anonymous()  # It is in this process.
        # Ways to log in take 0.03 s, and a store and the demo want none.
        from omskit.login.chain import find_login
        from omskit.login.kinds import as_login

        if credentials is None:
            credentials = find_login(self._instance)
        return as_login(credentials, self._instance.base_url)

    def _opening(self) -> Flow[None] | None:
        """What is to be done before a question; None: nothing."""
        return None if self._ways is None else self._ways.opening()

    def _find_sender(self) -> Sender:
        if self._service is not None:
            return LocalSender(partial(_respond, self._service))
        return self._http(self._settings.timeouts)

    def _http(self, timeouts: Timeouts) -> Sender:
        from omskit.transport import HttpSender  # not for what answers in this process

        return HttpSender(
            verify=self._verify,
            timeouts=timeouts,
            proxy=self._proxy,
            connections=self._settings.concurrency,
        )

    @property
    def instance(self) -> Instance:
        """The service that is asked; of several the first, until one has answered."""
        return self._instance

    @property
    def catalogue(self) -> Catalogue:
        """What is known of the resources; `meta` adds what the service says."""
        return self._catalogue

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._made_for!r})"

    @property
    def _made_for(self) -> str | tuple[str, ...]:
        """What it was asked to be a client of."""
        if self._ways is None:
            return self._instance.name
        return tuple(one.name for one in self._ways.instances)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as what it was asked to be; connections are made anew.

        Raises:
            UsageError: It was given a secret.
        """
        if not isinstance(self._credentials, (Anonymous, type(None))):
            from omskit.login.kinds import BearerToken  # as for logins above

            instead = "OMSKIT_CLIENT_ID and OMSKIT_CLIENT_SECRET"
            if isinstance(self._credentials, BearerToken):
                instead = "OMSKIT_TOKEN"
            message = (
                "A client with credentials= is not pickled: secrets stay where they "
                f"are. Set {instead} where it is needed, and leave credentials= out."
            )
            raise UsageError(message)
        if self._proxy is not None and "@" in self._proxy.text:
            message = (
                "A client with a password in proxy= is not pickled: secrets stay where "
                "they are. Use HTTPS_PROXY."
            )
            raise UsageError(message)
        details = {
            "credentials": self._credentials,
            "verify": self._verify,
            "proxy": None if self._proxy is None else self._proxy.text,
            "settings": self._settings,
            "sender": self._given,
            "store": self._store,
            "catalogue": None if self._catalogue is bundled() else self._catalogue,
        }
        return (_remade, (type(self), self._made_for, details))

    def _find_service(self) -> Service | None:
        """The service in this process that answers, if one does."""
        name = self._instance.name
        if self._given is not None:
            return None
        if name.startswith(STORE):
            from omskit.store import Store  # heavy, and only for stores

            return Store(name.removeprefix(STORE)).service(self._instance.base_url)
        if name != DEMO:
            return None
        # It brings an engine, which nobody needs who asks over a network.
        from omskit.drivers.engine_source import demo_service

        return demo_service(self._instance.base_url)

    def _source(self, settings: Settings) -> Source:
        """Who is asked for rows: an engine in this process, or a service by requests.

        Whoever listens to the requests, such as a recorder, gets to hear all of them.
        """
        if self._ways is None:
            return self._present_source(settings)
        from omskit.client.ways import LateSource

        return LateSource(self._ways, lambda: self._present_source(settings))

    def _present_source(self, settings: Settings) -> Source:
        """The source of the service that is asked now."""
        found: Source = HttpSource(self._instance.base_url, settings.policy)
        if self._service is not None and self._shared.sender is self._sender:
            from omskit.drivers import EngineSource

            found = EngineSource(self._service, settings.policy)
        elif self._instance.through_dials:
            from omskit.flow.dials import DialsSource  # for that service alone

            found = DialsSource(self._instance.base_url, settings.policy)
        return (
            found
            if self._first is None
            else self._first.before(found, raw=settings.raw)
        )

    @property
    def _shared(self) -> Shared:
        """What the client's driver keeps."""
        raise NotImplementedError

    @contextmanager
    def sending_through(self, wrap: Callable[[Sender], Sender]) -> Iterator[None]:
        """A block in which requests go through what *wrap* makes of the sender.

        In it, a service in this process is asked by requests too, so that there is
        something to hear.
        """
        before = self._shared.sender
        self._shared.sender = wrap(before)
        try:
            yield
        finally:
            self._shared.sender = before

    @contextmanager
    def paced(self) -> Iterator[Pacer]:
        """A block in which a service over a network is asked as fast as it likes.

        Requests at once grow from one while answers keep coming quickly, and halve
        where the service is busy (429, 503) or ever later; never more than
        ``concurrency``.
        """
        from omskit.drivers.paced import Pacer  # for syncs alone

        pacer = Pacer(self._settings.concurrency)
        with self.sending_through(pacer.before):
            yield pacer

    def _context(self, settings: Settings | None = None) -> flow.Context:
        chosen = settings or self._settings
        return flow.Context(
            catalogue=self._catalogue,
            source=self._source(chosen),
            settings=chosen,
            learnt=self._learnt,
        )

    def _known(self, resource: str) -> Resource:
        if resource in self._catalogue:
            return self._catalogue[resource]
        return self._learnt.get(resource, Resource(resource, ()))


def _respond(service: Service, request: Request) -> Response:
    """The answer of a service in this process, where it is asked by requests."""
    from omskit.server.answering import respond  # rows are read without it

    return respond(request, service)


def _check_certificates(verify: object) -> None:
    """Refuse what can be no certificates.

    Raises:
        UsageError: It is neither a path nor an ``ssl.SSLContext``.
    """
    import ssl  # 0.01 s, for a network

    kinds = (str, os.PathLike, ssl.SSLContext, bool)
    words = "a file or folder of CA certificates, or an ssl.SSLContext"
    check_types({"verify": verify}, {"verify": (kinds, words)})


def hide_proxy(options: ClientOptions) -> None:
    """Hide the proxy's address, which may hold a password, from tracebacks."""
    proxy = options.get("proxy")
    if isinstance(proxy, str):
        options["proxy"] = Secret(proxy)


def _check_way(sender: Sender, verify: Any, proxy: Secret | None) -> None:
    """Refuse what no connection can be made with, whether or not one is needed.

    Raises:
        ConfigError: No certificates there, or no address of a proxy.
    """
    if verify is None and proxy is None:
        return
    from omskit.transport import HttpSender, tls_context
    from omskit.transport.proxies import read_proxy

    if verify is not None and not isinstance(sender, HttpSender):
        tls_context(verify)  # 20 ms for a large bundle, which an HttpSender has spent.
    if proxy is not None:
        read_proxy(proxy)


def _remade(
    face: type[BaseClient], name: str | tuple[str, ...], details: dict[str, Any]
) -> BaseClient:
    return face(name, **details)
