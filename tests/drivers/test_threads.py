"""Threads of the drivers: results, errors, and what the end of a process waits for."""

from __future__ import annotations

import asyncio
import contextvars
import os
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


def test_a_free_thread_is_used_again():
    """One after the other needs one; two at once need two."""
    threads = Threads()
    first = threads.submit(threading.current_thread).result()
    while not threads._free:
        time.sleep(0.001)
    came, gate = threading.Event(), threading.Event()

    def hold():
        came.set()
        gate.wait()
        return threading.current_thread()

    held = threads.submit(hold)
    came.wait()
    other = threads.submit(threading.current_thread).result()
    gate.set()
    assert held.result() is first
    assert other is not first
    threads.join()
    assert not first.is_alive()
    assert not other.is_alive()


def test_what_is_beyond_the_most_waits_for_its_turn():
    """It is done once a thread is free; none is lost."""
    threads = Threads(2)
    gate = threading.Event()
    held = [threads.submit(gate.wait) for _ in range(2)]
    later = [threads.submit(threading.get_ident) for _ in range(50)]
    assert not any(future.done() for future in later)
    gate.set()
    assert len({future.result() for future in later}) <= 2
    assert all(future.result() for future in held)
    threads.join()


def test_closing_still_does_what_was_submitted():
    """It was promised before."""
    threads = Threads(1)
    gate = threading.Event()
    threads.submit(gate.wait)
    later = threads.submit(len, "abc")
    threads.close()
    gate.set()
    assert later.result(60) == 3
    threads.join()


def test_a_thread_that_nobody_needs_ends(monkeypatch):
    """A client that is never closed keeps none for long."""
    monkeypatch.setattr("omskit.drivers.threads._FREE_S", 0.0)
    threads = Threads()
    thread = threads.submit(threading.current_thread).result()
    thread.join(60)
    assert not thread.is_alive()
    assert threads.submit(threading.current_thread).result() is not thread
    threads.join()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own():
    """Those that were free stayed in the other one."""
    in_thread(len, "abc").result()
    child = os.fork()
    if not child:
        os._exit(0 if in_thread(len, "ab").result(60) == 2 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


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
