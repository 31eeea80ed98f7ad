"""A client of either face over real sockets, called without await."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
import time

import pytest
from tests.support.bothways import Plain
from tests.support.smallservice import page

from omskit import AsyncClient, Client
from omskit.errors import OMSError

ROW = {"id": "297050", "type": "runs", "attributes": {"run_number": 297050}}
GOOD = page(data=[ROW], meta={"totalResourceCount": 1})
TRUST = ssl.create_default_context()  # once: it takes longer than most tests
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


@contextlib.contextmanager
def plain(face, base, **options):
    """A client of either face, called without await."""
    options = {"verify": TRUST, **options}
    if face == "sync":
        with Client(base, **options) as oms:
            yield oms
        return
    oms = AsyncClient(base, **options)
    loop = asyncio.new_event_loop()
    try:
        yield Plain(oms, loop)
    finally:
        loop.run_until_complete(oms.aclose())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


def ask(face, base, **options):
    with plain(face, base, **{"retries": 0, **options}) as oms:
        return oms.runs(297050)


def fail(face, base, **options):
    with pytest.raises(OMSError) as caught:
        ask(face, base, **options)
    return caught.value


def threads_since(before):
    """Threads of omskit that are new, and still there when all had time to end."""
    ours = [t for t in threading.enumerate() if t.name.startswith("omskit")]
    new = [thread for thread in ours if thread not in before]
    until = time.monotonic() + 10
    for thread in new:
        thread.join(max(0.0, until - time.monotonic()))
    return [thread for thread in new if thread.is_alive()]


def many(asked):
    """Five pages of ten runs each."""
    offset = int(asked.path.split("page[offset]=")[1].split("&")[0])
    rows = [
        {"id": str(n), "attributes": {"run_number": n}}
        for n in range(offset, offset + 10)
    ]
    return page(data=rows, meta={"totalResourceCount": 50})
