"""Threads of the drivers: results, errors, and what the end of a process waits for."""

from __future__ import annotations

import asyncio
import contextvars
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import Future

import pytest

from omskit.drivers.threads import Threads, fulfil, in_thread

SCRIPT = """
import asyncio, sys, threading
from omskit import AsyncClient, Client

def ask():
    {ask}

thread = threading.Thread(target=ask, daemon=True)
thread.start()
sys.stdin.readline()
sys.exit(0)
"""
FETCH = "Client({url!r}).lumisections((1, 100000))"
PAGES = "list(Client({url!r}).query('lumisections', (1, 100000)).pages())"
META = "Client({url!r}).meta('runs')"
ASYNC = "asyncio.run(AsyncClient({url!r}).lumisections((1, 100000)))"


@pytest.fixture
def silent():
    """A service that takes connections and says nothing; its address, and who came."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        came: list[socket.socket] = []
        there = threading.Event()

        def take():
            while True:
                try:
                    came.append(server.accept()[0])
                except OSError:
                    return
                there.set()

        threading.Thread(target=take, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/api/v1", there
        for connection in came:
            connection.close()


@pytest.mark.parametrize(
    "ask", [FETCH, PAGES, META, ASYNC], ids=["fetch", "pages", "meta", "async"]
)
def test_a_process_ends_while_a_daemon_thread_asks_a_silent_service(silent, ask):
    """sys.exit in the main thread ends it, without last words, whatever is asked."""
    url, there = silent
    script = SCRIPT.format(ask=ask.format(url=url))
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert there.wait(60)
            _, said = process.communicate("\n", timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0
    assert said == ""


def test_a_result_and_an_error_come_from_a_thread():
    """Both are what the function gave; the thread is another one."""
    threads = Threads()
    assert (
        threads.submit(threading.current_thread).result()
        is not threading.current_thread()
    )
    with pytest.raises(ZeroDivisionError):
        threads.submit(divmod, 1, 0).result()
    threads.join()


def test_closed_threads_start_nothing():
    """What runs goes on to its end."""
    threads = Threads()
    gate = threading.Event()
    running = threads.submit(gate.wait)
    threads.close()
    with pytest.raises(RuntimeError, match="closed"):
        threads.submit(print)
    threads.join(time.monotonic())
    assert not running.done()
    gate.set()
    threads.join()
    assert running.result()


def test_a_cancelled_future_is_not_fulfilled():
    """Its function is not called."""
    future: Future[None] = Future()
    future.cancel()
    called = []
    fulfil(future, called.append, 1)
    assert called == []


def test_a_thread_that_cannot_be_started_is_told(monkeypatch):
    """A system without threads to give raises, and leaves nothing to wait for."""

    def refuse(self):
        del self
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    threads = Threads()
    with pytest.raises(RuntimeError, match="start"):
        threads.submit(print)
    threads.join()


def test_a_thread_sees_the_variables_of_its_context():
    """As with asyncio.to_thread."""
    variable = contextvars.ContextVar("variable", default=0)
    variable.set(5)

    async def look():
        return await asyncio.wrap_future(in_thread(variable.get))

    assert asyncio.run(look()) == 5
