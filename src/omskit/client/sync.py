"""The client for scripts and notebooks: every answer is waited for."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, NoReturn, Self, SupportsIndex, Unpack

from omskit import flow
from omskit.client.asker import Asker
from omskit.client.base import hide_proxy
from omskit.client.bound import BoundQuery, warn, warn_of
from omskit.client.given import as_mask
from omskit.client.progress import reporter
from omskit.client.shortcuts import Shortcuts
from omskit.drivers import SyncDriver
from omskit.errors import UsageError
from omskit.flow.follow import is_notice
from omskit.query import Query

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    from omskit.client.options import (
        ClientOptions,
        FollowOptions,
        Names,
        Numbers,
        QueryOptions,
        QuestionOptions,
        Selector,
    )
    from omskit.client.shortcuts import Ask
    from omskit.drivers.shared import Shared
    from omskit.flow import Replayed
    from omskit.flow.settings import SettingOptions
    from omskit.lumi import Lost
    from omskit.lumi.dcs import DcsCheck
    from omskit.query import MaskLike
    from omskit.schema import Resource
    from omskit.table import Table
    from omskit.table.receipt_files import ReceiptLike


class Client(Shortcuts["Table"]):
    """OMS, as typed tables.

    Making one sends nothing; close it, or use ``with``. It may be shared by threads.

    Args:
        instance: ``"production"``, ``"integration"``, ``"development"``, ``"p5"``,
            ``"dials"``, ``"demo"``, the base URL of a service, or None for
            ``OMSKIT_INSTANCE``, the configuration file, and else production. Of a list,
            ``["p5", "production", "store:~/oms"]``, the first that answers when the
            first question is asked; its receipts name it, and those that did not.
        credentials: `ClientCredentials`, `BearerToken`, or any auth object of tsgauth;
            None takes ``OMSKIT_TOKEN`` (for services of one's own), the token of ``oms
            auth login``, ``OMSKIT_CLIENT_ID`` and ``OMSKIT_CLIENT_SECRET``, a Kerberos
            ticket, or asks a person at a terminal.
        verify: File or folder of CA certificates, or an ``ssl.SSLContext``; None takes
            the system's trust store. Verification is never off.
        options: Any of `Settings`, and ``store=``: the folder of a store, which answers
            for runs that are final there, so that only others are asked for.

    Raises:
        UnknownInstanceError: No such service.
        ConfigError: Environment or configuration file are wrong.

    Example:
        >>> with Client("demo") as oms:
        ...     len(oms.lumisections((315190, 315290)))
        4655
    """

    def __init__(
        self,
        instance: str | Sequence[str] | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        hide_proxy(options)
        super().__init__(instance, **options)
        concurrency = self._settings.concurrency
        self._driver = SyncDriver(self._sender, self._login, concurrency)
        self._driver.shared.opening = self._opening

    @property
    def _shared(self) -> Shared:
        return self._driver.shared

    def _table(self, ask: Ask) -> Table:
        steps, settings = ask()
        return warn(self._driver.run(steps, reporter(settings.progress)))

    def query(
        self,
        resource: str,
        which: Selector | Names | None = None,
        **options: Unpack[QueryOptions],
    ) -> BoundQuery:
        """A question to build on; nothing is asked yet.

        Args:
            resource: As OMS names it, e.g. ``"deadtimes"``.
            which: Runs (fills for ``fills``, names for ``eras``), as for `runs`; also
                as ``runs=``.
            options: As for `runs`.
        """
        settings, query = self._asked(resource, which, options)
        return BoundQuery(self._asker(), query, settings)

    def bind(self, query: Query, **options: Unpack[SettingOptions]) -> BoundQuery:
        """A `Query`, to be asked by this client; *options* are any of `Settings`."""
        return BoundQuery(self._asker(), query, self._settings.adjusted(**options))

    def _asker(self) -> Asker[SyncDriver]:
        return Asker(self, self._context, self._condition, lambda: self._driver)

    def dcs_check(
        self, run: int | str, mask: MaskLike | str | os.PathLike[str]
    ) -> DcsCheck:
        """Whether ``cms_active`` of a run is what a DCS-only mask says.

        Args:
            run: One run, or ``"latest"``.
            mask: A mask, or the path of its file.

        Cost: one request.
        """
        from omskit.lumi.dcs import compare_dcs  # masks are 0.05 s of a start

        chosen = as_mask(mask)
        settings = self._settings.changed(audit=False)
        number = self._driver.run(self._one_run(run, "dcs_check"))
        steps = flow.fetch(self._dcs_query(number), self._context(settings))
        table = self._table(lambda: (steps, settings))
        return compare_dcs(table, chosen, number)

    def frame_plan(
        self,
        runs: Selector | None = None,
        *,
        rates: Names = (),
        **options: Unpack[QuestionOptions],
    ) -> str:
        """What `frame` would ask, as text; selectors are looked up.

        Args:
            runs: As for `frame`.
            rates: As for `frame`.
            options: As for `frame`.
        """
        bar = reporter(self._settings.progress)
        return self._driver.run(self._frame_plan(runs, rates, options), bar)

    def lost(
        self, run: SupportsIndex | str | None = None, *, fill: Numbers | None = None
    ) -> Lost:
        """Where the delivered luminosity of a run or a fill went.

        Args:
            run: One run, or ``"latest"``.
            fill: One fill, or ``"last"``, instead, with what was lost before, between
                and after runs.

        The causes add up to what was delivered, in /pb; ``str()`` of it is for people,
        ``.table()`` has one row per cause.

        Raises:
            UsageError: Both or neither are given.
            NoRowError: There is no such run or fill.

        Cost: about one request per 1000 lumisections, and two to four more.

        Example:
            >>> from omskit import Client
            >>> with Client("demo") as oms:
            ...     round(oms.lost(297050).ledger.recorded_pb, 1)
            103.2
        """
        from omskit.client.losing import lost as find_lost

        bar = reporter(self._settings.progress)
        found = self._driver.run(find_lost(run, fill, self._context()), bar)
        warn_of(found.warnings)
        return found

    def replay(self, receipt: ReceiptLike) -> Replayed:
        """Ask again what a receipt says was asked, and tell what is different.

        Args:
            receipt: Of a table, ``table.receipt``; its JSON, as `Receipt.to_json`
                wrote it; or the path of a file with that, or of a Parquet file of
                omskit. Text that does not begin with a brace is a path.

        Only the service of this client is asked, whatever service the receipt names:
        ``asked_at`` of the result says which.

        Raises:
            UsageError: There is no receipt, or it does not say what was asked.

        Cost: the requests of the receipt.
        """
        bar = reporter(self._settings.progress)
        return self._driver.run(self._again(receipt), bar)

    def follow(
        self, run: int | str, **policy: Unpack[FollowOptions]
    ) -> Iterator[Table]:
        """Tables of the lumisections of a run as they come, until the run has ended.

        A column ``news`` says why a row is told: ``new``; ``late``, after a later one;
        ``revised``, told before and not the same any more. Each lumisection is told
        once, when it is over, and again only where OMS revises it. Those that never
        come are named in the ``gaps`` of the last table.

        Args:
            run: One run, or ``"latest"``.
            policy: Any of `Following`, such as ``every_s=60``.

        Raises:
            NoRowError: There is no such run.
            OMSError: The service was not there at the first look, or failed for too
                long. An `OMSWarning` says when an outage begins, and when it is over.

        Cost: two requests for each look.
        """
        tables = self._driver.iterate(self._followed(run, policy))
        with contextlib.closing(tables):
            for table in tables:
                warn(table)
                if not is_notice(table):
                    yield table

    def meta(self, resource: str) -> Resource:
        """A resource as the service itself describes it; later queries know it too.

        Cost: one request.
        """
        resource = Query(resource).resource
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

    if not TYPE_CHECKING:  # type checkers shall go on to refuse it

        async def __aenter__(self) -> NoReturn:
            message = "A Client is closed by 'with'; 'async with' takes an AsyncClient."
            raise UsageError(message)

        async def __aexit__(self, *details: object) -> None:
            pass  # Python looks for it before it enters.
