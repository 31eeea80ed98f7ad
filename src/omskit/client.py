"""The client: one API, over a network or in this process, sync and async.

Both faces offer the same names; each only chooses a flow and runs it in its driver.
"""

from __future__ import annotations

import contextlib
from collections.abc import Coroutine, Iterable
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from omskit import flow
from omskit.auth import Anonymous, as_login
from omskit.bound import AsyncBoundQuery, BoundQuery, Where, warn
from omskit.config import DEMO, Instance, find_instance
from omskit.credentials import find_login
from omskit.dcs import DcsCheck, compare_dcs
from omskit.drivers import AsyncDriver, LocalSender, Sender, SyncDriver
from omskit.errors import (
    ConfigError,
    SelectorError,
    UsageError,
    did_you_mean,
)
from omskit.flow import Following, Options, Policy, Replayed
from omskit.flow.trigger import by_name, patterns_of
from omskit.progress import reporter
from omskit.query import Condition, MaskLike, Query, field
from omskit.query.selectors import is_mask, numbers, selection
from omskit.query.text import parse_condition
from omskit.receipt import Receipt
from omskit.schema import Catalogue, Resource, bundled
from omskit.settings import Settings
from omskit.transport import HttpSender

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from omskit.table import Table

Answer = TypeVar("Answer")


@cache
def _demo_sender() -> Sender:
    """The demo service, once per process."""
    from omskit.demo import tables  # heavy, and only for the demo
    from omskit.engine import Engine
    from omskit.server import Service, respond

    base_url = find_instance(DEMO).base_url
    service = Service(Engine(tables()), base_url=base_url)
    return LocalSender(lambda request: respond(request, service))


class _Base:
    """What the two faces share: who is asked, and how a question is made."""

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
            message = (
                "A client with credentials= is not pickled: secrets stay where they "
                "are. Use OMSKIT_CLIENT_ID and OMSKIT_CLIENT_SECRET."
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

    def _question(
        self,
        resource: str,
        which: Any = None,
        *,
        key: str | None = None,
        fields: str | Iterable[str] | None = None,
        where: Where | Iterable[Where] = (),
        sort: str | Iterable[str] = (),
        limit: int | None = None,
        granularity: str | None = None,
        **selectors: Any,
    ) -> Query:
        """A query from what a user gives to a shortcut."""
        query = Query(resource)
        if is_mask(which):
            if selectors.get("mask") is not None:
                message = "Two masks were given; combine them first, with & or |."
                raise SelectorError(message)
            selectors["mask"] = which
        elif which is not None:
            key = key or _KEYS.get(resource, "run_number")
            query = query.where(*self._numbered(resource, which, key))
        query = replace(query, selection=selection(**selectors))
        conditions: Iterable[Any] = [where]
        if isinstance(where, Iterable) and not isinstance(where, str):
            conditions = where
        query = query.where(*(self._condition(c, resource) for c in conditions))
        if fields is not None:
            query = query.select(fields)
        query = query.sort(sort) if isinstance(sort, str) else query.sort(*sort)
        if limit is not None:
            query = query.limit(limit)
        return query if granularity is None else query.group(granularity)

    def _numbered(self, resource: str, which: Any, key: str) -> tuple[Condition, ...]:
        if key == "name":
            names = [which] if isinstance(which, str) else which
            return (field(key).is_in(names),)
        if resource in self._catalogue and key not in self._catalogue[resource]:
            message = f"{resource!r} has no {key}; use where() or another selector."
            raise UsageError(message)
        return numbers(which, key)

    def _condition(self, given: Where, resource: str) -> Any:
        if not isinstance(given, str):
            return given
        return parse_condition(given, self._catalogue[resource])

    def _known(self, resource: str) -> Resource:
        if resource in self._catalogue:
            return self._catalogue[resource]
        return self._learnt.get(resource, Resource(resource, ()))


def _remade(face: type[_Base], name: str, details: dict[str, Any]) -> _Base:
    return face(name, **details)


class _Faces(_Base, Generic[Answer]):
    """The shortcuts, written once: a face returns a table or something to await."""

    def _table(self, steps: flow.Flow[Table], settings: Settings) -> Answer:
        raise NotImplementedError

    def _fetch(self, resource: str, which: Any, options: dict[str, Any]) -> Answer:
        settings, asked = self._split(options)
        query = self._question(resource, which, **asked)
        return self._table(flow.fetch(query, self._context(settings)), settings)

    def _split(self, options: dict[str, Any]) -> tuple[Settings, dict[str, Any]]:
        """The options that are settings of the client, and those of the question."""
        names = set(Settings.__dataclass_fields__) & options.keys()
        settings = self._settings.adjusted(**{n: options[n] for n in names})
        rest = {k: v for k, v in options.items() if k not in names}
        unknown = rest.keys() - _QUESTION
        if unknown:
            name = min(unknown)
            known = [*_QUESTION, *Settings.__dataclass_fields__]
            message = f"There is no option {name!r}.{did_you_mean(name, known)}"
            raise UsageError(message)
        return settings, rest

    def runs(self, runs: Any = None, **options: Any) -> Answer:
        """One row per run, 43 columns.

        Args:
            runs: ``297050``; ``(first, last)``, ends included; a list; a mask; or
                text such as ``"297050,315190-315290"``.
            options: ``fields=, where=, sort=, limit=, fill=, era=, since=, until=,
                last=`` and any of `Settings`.

        Example:
            >>> from omskit import Client
            >>> with Client("demo") as oms:
            ...     oms.runs(297050)["l1_menu"].to_pylist()
            ['L1Menu_Collisions2017_dev_r5']
        """
        return self._fetch("runs", runs, options)

    def lumisections(self, runs: Any = None, **options: Any) -> Answer:
        """One row per lumisection, 53 columns; options as for `runs`.

        ``delivered_lumi`` and ``recorded_lumi`` are cumulative over the fill; the
        luminosity of the lumisection itself is in ``*_per_lumisection``.
        """
        return self._fetch("lumisections", runs, options)

    def fills(self, fills: Any = None, **options: Any) -> Answer:
        """One row per fill; *fills* and options as for `runs`."""
        return self._fetch("fills", fills, options)

    def eras(self, names: Any = None, **options: Any) -> Answer:
        """One row per era; *names* is one name or a list."""
        return self._fetch("eras", names, options)

    def l1_rates(self, runs: Any = None, **options: Any) -> Answer:
        """Level-1 counters and rates, one row per lumisection.

        Args:
            runs: As for `runs`.
            options: As for `runs`, and ``granularity="run"`` for one row per run.
        """
        options.setdefault("granularity", "lumisection")
        return self._fetch("l1triggerrates", runs, options)

    def hlt_paths(
        self,
        runs: Any = None,
        *,
        paths: str | Iterable[str] | None = None,
        **options: Any,
    ) -> Answer:
        """HLT paths with counters and mean rates, one row per run and path.

        Args:
            runs: As for `runs`.
            paths: Names and shell patterns, e.g. ``"HLT_ZeroBias_v*"``; None for all.
            options: As for `runs`.
        """
        return self._named("hltpathinfo", "path_name", runs, paths, options)

    def hlt_rates(
        self,
        runs: Any = None,
        *,
        paths: str | Iterable[str] | None = None,
        **options: Any,
    ) -> Answer:
        """HLT rates, one row per lumisection and path.

        Args:
            runs: As for `runs`; OMS is too slow without.
            paths: Names and shell patterns, e.g. ``"HLT_ZeroBias_v*"``; None for all
                of the run, which are hundreds.
            options: As for `runs`, and ``granularity="run"`` for one row per run.

        Raises:
            SelectorError: No run, fill, era or time was given.
        """
        options.setdefault("granularity", "lumisection")
        return self._named("hltpathrates", "path_name", runs, paths, options)

    def l1_algorithms(
        self,
        runs: Any = None,
        *,
        bits: int | Iterable[int] | None = None,
        names: str | Iterable[str] | None = None,
        **options: Any,
    ) -> Answer:
        """Rates of level-1 algorithms, one row per bit and lumisection.

        Args:
            runs: As for `runs`; OMS is too slow without.
            bits: Bit numbers, 0 to 511; None for all.
            names: Names and shell patterns, e.g. ``"L1_SingleMu*"``; None for all.
            options: As for `runs`, and ``granularity="run"`` for means over the run.

        Raises:
            SelectorError: No run, fill, era or time was given, or a bit is none.
        """
        options.setdefault("granularity", "lumisection")
        if bits is not None:
            chosen = [bits] if isinstance(bits, int) else list(bits)
            bad = [b for b in chosen if isinstance(b, bool) or not 0 <= b < L1_BITS]
            if bad or not chosen:
                message = f"bits={bits!r}: level-1 bits are whole numbers, 0 to 511."
                raise SelectorError(message)
            given = options.pop("where", ())
            where = [given] if isinstance(given, (str, Condition)) else list(given)
            options["where"] = [*where, field("bit").is_in(chosen)]
        return self._named("l1algorithmtriggers", "name", runs, names, options)

    def _named(
        self, resource: str, column: str, runs: Any, names: Any, options: dict[str, Any]
    ) -> Answer:
        patterns = patterns_of(names, "names" if column == "name" else "paths")
        settings, asked = self._split(options)
        query = self._question(resource, runs, **asked)
        chosen = any(c.field == "run_number" for c in query.conditions)
        if not chosen and not query.selection:
            message = (
                f"{resource!r} is asked run by run: give runs, fill=, era=, since= or "
                "last=. Without, OMS would walk through every run it has."
            )
            raise SelectorError(message)
        lister = "hltpathinfo" if column == "path_name" else resource
        context = self._context(settings)
        return self._table(by_name(query, column, patterns, lister, context), settings)

    def _again(self, receipt: Receipt | str | bytes) -> flow.Flow[Replayed]:
        from omskit.lumi import LumiMask

        if isinstance(receipt, (str, bytes)):
            receipt = Receipt.from_json(receipt)
        return flow.replay(receipt, self._context(), LumiMask.from_json)

    def _followed(self, run: int, policy: dict[str, float]) -> flow.Flow[None]:
        known = Following.__dataclass_fields__
        for name in policy.keys() - known.keys():
            message = f"There is no option {name!r}.{did_you_mean(name, known)}"
            raise UsageError(message)
        number = self._one_run(run, "follow")
        return flow.follow(number, self._context(), Following(**policy))  # type: ignore[arg-type]  # whole numbers are floats too

    @staticmethod
    def _one_run(run: int, method: str) -> int:
        chosen = numbers(run, "run_number")
        if [c.op for c in chosen] != ["EQ"]:
            message = f"{method}() takes one run, not {run!r}."
            raise SelectorError(message)
        return int(chosen[0].value)  # type: ignore[arg-type]  # one number, see above

    def _dcs_query(self, run: int) -> Query:
        fields = ("run_number", "lumisection_number", "cms_active")
        chosen = numbers(run, "run_number")
        if [c.op for c in chosen] != ["EQ"]:
            message = f"dcs_check() takes one run, not {run!r}."
            raise SelectorError(message)
        return Query("lumisections", chosen, fields=fields)


L1_BITS = 512
_KEYS = {"fills": "fill_number", "eras": "name"}
_QUESTION = frozenset(
    {
        "fields", "where", "sort", "limit", "granularity",
        "fill", "era", "since", "until", "last", "mask",
    }
)  # fmt: skip


class Client(_Faces["Table"]):
    """OMS, as typed tables.

    Making one sends nothing; close it, or use ``with``. It may be shared by threads.

    Args:
        instance: ``"production"``, ``"integration"``, ``"development"``, ``"p5"``,
            ``"demo"``, the base URL of a service, or None for ``OMSKIT_INSTANCE``, the
            configuration file, and else production.
        credentials: `ClientCredentials`, or any auth object of tsgauth; None takes
            the token of ``oms auth login``, ``OMSKIT_CLIENT_ID`` and
            ``OMSKIT_CLIENT_SECRET``, or asks a person at a terminal.
        verify: File or folder of CA certificates, or an ``ssl.SSLContext``; None takes
            the system's trust store. Verification is never off.
        options: Any of `Settings`.

    Raises:
        UnknownInstanceError: No such service.
        ConfigError: Environment or configuration file are wrong.

    Example:
        >>> with Client("demo") as oms:
        ...     len(oms.lumisections((315190, 315290)))
        4655
    """

    def __init__(self, instance: str | None = None, **options: Any) -> None:
        super().__init__(instance, **options)
        concurrency = self._settings.concurrency
        self._driver = SyncDriver(self._sender, self._login, concurrency)

    def _table(self, steps: flow.Flow[Table], settings: Settings) -> Table:
        return warn(self._driver.run(steps, reporter(settings.progress)))

    def query(self, resource: str, which: Any = None, **options: Any) -> BoundQuery:
        """A question to build on; nothing is asked yet.

        Args:
            resource: As OMS names it, e.g. ``"deadtimes"``.
            which: Runs (fills for ``fills``, names for ``eras``), as for `runs`; also
                as ``runs=``.
            options: As for `runs`.
        """
        if which is None:
            which = options.pop("runs", None)
        settings, asked = self._split(options)
        return BoundQuery(self, self._question(resource, which, **asked), settings)

    def dcs_check(self, run: int, mask: MaskLike) -> DcsCheck:
        """Whether ``cms_active`` of a run is what a DCS-only mask says.

        Cost: one request.
        """
        settings = self._settings.changed(audit=False)
        steps = flow.fetch(self._dcs_query(run), self._context(settings))
        return compare_dcs(self._table(steps, settings), mask, int(run))

    def replay(self, receipt: Receipt | str | bytes) -> Replayed:
        """Ask again what a receipt says was asked, and tell what is different.

        Args:
            receipt: Of a table, ``table.receipt``; or as `Receipt.to_json` wrote it.

        Raises:
            UsageError: It does not say what was asked.

        Cost: the requests of the receipt.
        """
        bar = reporter(self._settings.progress)
        return self._driver.run(self._again(receipt), bar)

    def follow(self, run: int, **policy: float) -> Iterator[Table]:
        """Tables of the lumisections of a run as they come, until the run has ended.

        A column ``news`` says why a row is told: ``new``; ``late``, after a later one;
        ``revised``, told before and not the same any more. Each lumisection is told
        once, when it is over, and again only where OMS revises it. Those that never
        come are named in the ``gaps`` of the last table.

        Args:
            run: One run.
            policy: Any of `Following`, such as ``every_s=60``.

        Raises:
            NoRowError: There is no such run.
            OMSError: The service failed for too long.

        Cost: two requests for each look.
        """
        tables = self._driver.iterate(self._followed(run, policy))
        with contextlib.closing(tables):
            for table in tables:
                yield warn(table)

    def meta(self, resource: str) -> Resource:
        """A resource as the service itself describes it; later queries know it too.

        Cost: one request.
        """
        merged: Resource = self._driver.run(flow.learn(resource, self._context()))
        self._catalogue = self._catalogue.with_resource(merged)
        return merged

    def close(self) -> None:
        """Let go of threads and connections; the client can be used again."""
        self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()


class AsyncClient(_Faces[Coroutine[Any, Any, "Table"]]):
    """OMS, as typed tables, in an event loop; the same names as `Client`, awaited.

    Making one sends nothing; ``await aclose()`` it, or use ``async with``. It belongs
    to one event loop.

    Example:
        >>> import asyncio
        >>> async def menu():
        ...     async with AsyncClient("demo") as oms:
        ...         return (await oms.runs(297050))["l1_menu"].to_pylist()
        >>> asyncio.run(menu())
        ['L1Menu_Collisions2017_dev_r5']
    """

    def __init__(self, instance: str | None = None, **options: Any) -> None:
        super().__init__(instance, **options)
        concurrency = self._settings.concurrency
        self._driver = AsyncDriver(self._sender, self._login, concurrency)

    async def _table(self, steps: flow.Flow[Table], settings: Settings) -> Table:
        return warn(await self._driver.run(steps, reporter(settings.progress)))

    def query(
        self, resource: str, which: Any = None, **options: Any
    ) -> AsyncBoundQuery:
        """A question to build on; nothing is asked yet.

        Args:
            resource: As OMS names it, e.g. ``"deadtimes"``.
            which: Runs (fills for ``fills``, names for ``eras``), as for `runs`; also
                as ``runs=``.
            options: As for `runs`.
        """
        if which is None:
            which = options.pop("runs", None)
        settings, asked = self._split(options)
        return AsyncBoundQuery(self, self._question(resource, which, **asked), settings)

    async def dcs_check(self, run: int, mask: MaskLike) -> DcsCheck:
        """Whether ``cms_active`` of a run is what a DCS-only mask says.

        Cost: one request.
        """
        settings = self._settings.changed(audit=False)
        steps = flow.fetch(self._dcs_query(run), self._context(settings))
        return compare_dcs(await self._table(steps, settings), mask, int(run))

    async def replay(self, receipt: Receipt | str | bytes) -> Replayed:
        """Ask again what a receipt says was asked, and tell what is different.

        Args:
            receipt: Of a table, ``table.receipt``; or as `Receipt.to_json` wrote it.

        Raises:
            UsageError: It does not say what was asked.

        Cost: the requests of the receipt.
        """
        bar = reporter(self._settings.progress)
        return await self._driver.run(self._again(receipt), bar)

    async def follow(self, run: int, **policy: float) -> AsyncIterator[Table]:
        """Tables of the lumisections of a run as they come, until the run has ended.

        A column ``news`` says why a row is told: ``new``; ``late``, after a later one;
        ``revised``, told before and not the same any more. Each lumisection is told
        once, when it is over, and again only where OMS revises it. Those that never
        come are named in the ``gaps`` of the last table.

        Args:
            run: One run.
            policy: Any of `Following`, such as ``every_s=60``.

        Raises:
            NoRowError: There is no such run.
            OMSError: The service failed for too long.

        Cost: two requests for each look.
        """
        tables = self._driver.iterate(self._followed(run, policy))
        async with contextlib.aclosing(tables):
            async for table in tables:
                yield warn(table)

    async def meta(self, resource: str) -> Resource:
        """A resource as the service itself describes it; later queries know it too.

        Cost: one request.
        """
        steps = flow.learn(resource, self._context())
        merged: Resource = await self._driver.run(steps)
        self._catalogue = self._catalogue.with_resource(merged)
        return merged

    async def aclose(self) -> None:
        """Let go of connections; the client can be used again."""
        await self._driver.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *details: object) -> None:
        await self.aclose()
