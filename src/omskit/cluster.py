"""The same work on more machines, or more processes: Dask does it.

Everything here takes a ``distributed.Client``, whatever cluster is behind it. A worker
is sent no secret: a client that was given one refuses to be pickled, so each worker
logs in for itself, with ``OMSKIT_CLIENT_ID`` and ``OMSKIT_CLIENT_SECRET`` of its own
environment or the token cache of its own home.
"""

from __future__ import annotations

import datetime as dt
import pickle
import uuid
import warnings
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Unpack

from omskit._extras import load
from omskit.drivers import LocalSender
from omskit.drivers.senders import Through
from omskit.errors import (
    IncompleteError,
    OMSWarning,
    SelectorError,
    StoreError,
    UsageError,
)
from omskit.query import Condition, Query
from omskit.store.parts import Part, read_part

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from omskit.client import Client
    from omskit.drivers.cancel import CancelToken
    from omskit.drivers.senders import Sender
    from omskit.effects import Request, Response
    from omskit.flow.settings import SettingOptions
    from omskit.store import Report, Store
    from omskit.store.pieces import Done, Piece
    from omskit.store.store import SyncOptions
    from omskit.table import Table

_PURPOSE = "work on a cluster"
_RUNS_A_TASK = 10


def sync(
    cluster: Any,
    store: Store,
    client: Client,
    resources: str | Iterable[str],
    runs: Any = None,
    *,
    in_flight: int = 4,
    **which: Unpack[SyncOptions],
) -> Report:
    """`omskit.Store.sync`, its pieces done by the workers of a cluster.

    Each worker commits to the store itself, so all must see its folder. A worker that
    dies loses what it had not committed; another does that again.

    Args:
        cluster: A ``distributed.Client``.
        in_flight: Requests at once, of all workers together.

    Raises:
        StoreError: The store cannot be written, or workers die again and again.
        UsageError: The client holds a secret, which no worker is sent.

    Cost: one message to the scheduler and back for each request, about 1 ms.
    """
    job = _job(cluster, in_flight, pickle.dumps((store, client)))

    def carry(pieces: Iterable[Piece]) -> Iterator[Done]:
        now = dt.datetime.now(dt.UTC)
        sent = [piece.alone(now) for piece in pieces]
        yield from _done(cluster, partial(_carry_out, job), sent)

    return store.sync(client, resources, runs, carry=carry, **which)


def fetch(
    cluster: Any,
    client: Client,
    query: Query | str,
    runs: Any,
    *,
    in_flight: int = 4,
    runs_a_task: int = _RUNS_A_TASK,
    **options: Unpack[SettingOptions],
) -> Any:
    """The rows of a query as a ``dask.dataframe`` in the memory of the workers.

    Args:
        cluster: A ``distributed.Client``.
        query: What is asked of each run; a name is all rows of that resource.
        runs: As everywhere; they are looked up first.
        in_flight: Requests at once, of all workers together.
        runs_a_task: So many make one partition, in order.
        options: Any of `omskit.Settings`.

    Raises:
        SelectorError: There is no such run.
        OMSError: A worker could not have its rows; none are left out.
    """
    load("distributed", _PURPOSE)
    frames: Any = load("dask.dataframe", _PURPOSE)
    packed = pickle.dumps(client)
    asked = Query(query) if isinstance(query, str) else query
    listed = client.query("runs", runs, fields=["run_number"], sort=["run_number"])
    numbers = listed.fetch()["run_number"].to_pylist()
    if not numbers:
        message = "No run matches: there is nothing to fetch."
        raise SelectorError(message)
    pieces = [
        asked.where(Condition("run_number", "IN", tuple(numbers[i : i + runs_a_task])))
        for i in range(0, len(numbers), runs_a_task)
    ]
    nothing = asked.where(Condition("run_number", "EQ", 0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OMSWarning)  # that no row matches
        meta = _frame(client.bind(nothing, **options).fetch())
    fetching = partial(_fetch, _job(cluster, in_flight, packed), options)
    found = frames.from_map(fetching, pieces, meta=meta, label="omskit-fetch")
    return cluster.persist(found)


def frame(
    store: Store,
    resource: str,
    runs: Any = None,
    *,
    columns: Sequence[str] | None = None,
) -> Any:
    """Rows of a store as a ``dask.dataframe``, a partition for each file; read lazily.

    Columns are those of the catalogue, in canonical units, typed by Arrow. It shows
    what there is, as SQL does: `Store.info` says which runs those are.

    Args:
        resource: With ``@run`` for rows of that granularity.
        runs: Numbers of runs (of fills, for what belongs to fills); None: all.
        columns: Only these.

    Raises:
        NotSyncedError: There are no rows of it.

    Example:
        >>> import tempfile
        >>> from omskit import Client, Store
        >>> store = Store(tempfile.mkdtemp())
        >>> with Client("demo") as oms:
        ...     _ = store.sync(oms, "runs", (297050, 297056))
        >>> int(frame(store, "runs")["run_number"].max().compute(scheduler="sync"))
        297056
    """
    frames: Any = load("dask.dataframe", _PURPOSE)
    parts = store.parts(resource, runs, columns)
    meta = _pandas(parts[0].schema.empty_table())
    return frames.from_map(_read, parts, meta=meta, label="omskit-store")


def _job(cluster: Any, in_flight: int, packed: bytes) -> _Job:
    """What workers are sent, with turns for the requests of all of them."""
    distributed: Any = load("distributed", _PURPOSE)
    if not isinstance(cluster, distributed.Client):
        message = (
            f"A cluster is given as a distributed.Client, not {cluster!r:.60}. "
            "Try: distributed.Client(cluster)"
        )
        raise UsageError(message)
    if not 1 <= in_flight <= 64:
        message = f"in_flight={in_flight!r}; it is a whole number, 1 to 64."
        raise UsageError(message)
    name = f"omskit-{uuid.uuid4().hex}"
    turns = distributed.Semaphore(
        max_leases=in_flight,
        name=name,
        scheduler_rpc=cluster.scheduler,
        loop=cluster.loop,
    )
    return _Job(name, packed, turns)


def _done(cluster: Any, function: Any, pieces: list[Piece]) -> Iterator[Done]:
    """What becomes of the pieces, as workers have done them."""
    distributed: Any = load("distributed", _PURPOSE)
    calls = cluster.map(function, pieces, pure=False, key="omskit-sync")
    try:
        for call in distributed.as_completed(calls):
            yield call.result()
    except distributed.KilledWorker as error:
        message = (
            f"Workers of the cluster died again and again at {error.task}: have they "
            "too little memory? What was committed stays; start it again."
        )
        raise StoreError(message) from error
    finally:
        cluster.cancel(calls)


@dataclass(slots=True)
class Turned(Through):
    """Sends a request when the cluster has a turn for it."""

    turns: Any

    def send(
        self,
        request: Request,
        headers: Mapping[str, str],
        waiting: CancelToken | None = None,
    ) -> Response:
        """The answer; waits for a turn first."""
        with self.turns:
            return self.inner.send(request, headers, waiting)

    async def asend(self, request: Request, headers: Mapping[str, str]) -> Response:
        """The answer, in an event loop; waits for a turn first."""
        async with self.turns:
            return await self.inner.asend(request, headers)


@dataclass(frozen=True, slots=True)
class _Job:
    """What a worker is sent: equal for all pieces of a sync or fetch.

    Attributes:
        name: By which it is known again: the turns themselves are made anew each time.
    """

    name: str
    packed: bytes
    turns: Any = field(compare=False)


@lru_cache(maxsize=8)
def _made(job: _Job) -> tuple[Any, ExitStack]:
    """What was pickled, once a process: so a worker logs in once, and keeps sockets.

    Returns:
        With it, what keeps its client waiting for turns.
    """
    turns = job.turns
    found = pickle.loads(job.packed)  # noqa: S301  # ours, through the scheduler
    client: Client = found[1] if isinstance(found, tuple) else found
    turns.register()

    def turned(sender: Sender) -> Sender:
        # What answers in this process needs no turn. The pace is taken inside: waiting
        # for a turn is no fault of the service.
        return sender if isinstance(sender, LocalSender) else Turned(sender, turns)

    stack = ExitStack()
    stack.enter_context(client.paced())
    stack.enter_context(client.sending_through(turned))
    return found, stack


def _carry_out(job: _Job, piece: Piece) -> Done:
    (store, client), _ = _made(job)
    with warnings.catch_warnings():
        # What pages have to say is in the report.
        warnings.simplefilter("ignore", OMSWarning)
        return store.carry_out(client, piece)


def _fetch(job: _Job, options: SettingOptions, query: Query) -> Any:
    client, _ = _made(job)
    table = client.bind(query, **options).options(progress=False).fetch()
    if not table.complete:
        message = f"Not all rows came: {'; '.join(table.warnings)}"
        raise IncompleteError(message)
    return _frame(table)


def _read(part: Part) -> Any:
    return _pandas(read_part(part))


def _frame(table: Table) -> Any:
    return _pandas(table.arrow)


def _pandas(rows: Any) -> Any:
    pandas: Any = load("pandas", _PURPOSE)
    return rows.to_pandas(types_mapper=pandas.ArrowDtype)
