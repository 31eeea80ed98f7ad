"""A proxy that leads names to this machine: auth.cern.ch is the stand-in behind it.

Old clients have CERN's addresses built in. With ``HTTPS_PROXY`` naming this proxy, and
a certificate for the name that the stand-in serves, they need no change. What it has
no target for, it refuses: nothing goes out.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Target = tuple[str, int]

_LONGEST_HEAD = 16 * 1024
_PIECE = 64 * 1024
_TURNS = 4
_SOON_S = 0.01


@contextmanager
def tunnel(targets: Mapping[str, Target]) -> Iterator[str]:
    """A CONNECT proxy on the loopback, in a thread of its own.

    Args:
        targets: Where ``host:port`` leads to.

    Yields:
        Its URL, for ``HTTPS_PROXY``.

    Example:
        >>> with tunnel({"auth.cern.ch:443": ("127.0.0.1", 8321)}) as url:
        ...     url.startswith("http://127.0.0.1:")
        True
    """
    bound = socket.create_server(("127.0.0.1", 0))
    loop = asyncio.new_event_loop()
    finished = asyncio.Event()

    async def serve() -> None:
        ways: set[asyncio.StreamWriter] = set()

        async def one(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            ways.add(writer)
            with suppress(
                OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError
            ):
                await _connect(reader, writer, targets)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            ways.discard(writer)

        server = await asyncio.start_server(one, sock=bound, limit=_LONGEST_HEAD)
        await finished.wait()
        # asyncio loses a connection that it takes in the turn in which it stops.
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        server.close()
        for way in ways:
            way.transport.abort()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*rest, return_exceptions=True)
        await asyncio.sleep(_SOON_S)  # transports close when the loop comes round

    thread = threading.Thread(
        target=loop.run_until_complete, args=(serve(),), name="omskit-tunnel"
    )
    thread.start()
    try:
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        loop.call_soon_threadsafe(finished.set)
        thread.join()
        loop.close()


async def _connect(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    targets: Mapping[str, Target],
) -> None:
    """One connection: to its target, or an answer that there is none."""
    head = await reader.readuntil(b"\r\n\r\n")
    method, _, rest = head.decode("latin-1").partition(" ")
    target = targets.get(rest.partition(" ")[0])
    if method != "CONNECT" or target is None:
        writer.write(b"HTTP/1.1 502 Nothing There\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        return
    there, back = await asyncio.open_connection(*target)
    writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
    try:
        await asyncio.gather(_copy(reader, back), _copy(there, writer))
    finally:
        back.close()
        with suppress(OSError):
            await back.wait_closed()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Pass on what comes, and the end of it."""
    with suppress(OSError):
        while piece := await source.read(_PIECE):
            target.write(piece)
            await target.drain()
    target.close()
