"""Several processes on one socket."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx2
import pytest

from omskit.cli.app import run
from omskit.errors import ConfigError
from omskit.server import Front, Served, serve_many
from omskit.server import workers as module
from omskit.server.watch import Board, Tally

WAIT_S = 60
PROC = Path("/proc")


def children(pid):
    """The workers that a process started; multiprocessing has a process of its own."""
    found = []
    for place in PROC.iterdir():
        if not place.name.isdigit():
            continue
        try:
            parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            command = (place / "cmdline").read_text()
        except OSError:
            continue
        if parent == pid and "spawn_main" in command:
            found.append(int(place.name))
    return found


def eventually(found):
    """What *found* gives, as soon as it is true."""
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        answer = found()
        if answer:
            return answer
        time.sleep(0.05)
    raise AssertionError(found)


@pytest.fixture(scope="module")
def served():
    """``oms serve --demo --workers 2``: the process, and its address."""
    command = [sys.executable, "-m", "omskit", "serve", "--demo", "--workers", "2"]
    process = subprocess.Popen(
        [*command, "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    line = process.stdout.readline()
    url = re.search(r"at (http://127\.0\.0\.1:\d+/agg/api/v1)$", line.strip())
    assert url, line + process.stderr.read()
    yield process, url[1]
    if process.poll() is None:
        process.kill()
    process.stdout.close()
    process.stderr.close()
    process.wait(WAIT_S)


@pytest.mark.skipif(not PROC.is_dir(), reason="looks into /proc")
def test_several_processes_answer_on_one_socket(served):
    """All of them answer, count together, are replaced, and end without a word."""
    process, url = served
    top = url.removesuffix("/agg/api/v1")
    assert len(children(process.pid)) == 2
    for _ in range(20):
        assert httpx2.get(f"{url}/runs/297050", timeout=WAIT_S).status_code == 200
    text = httpx2.get(f"{top}/metrics", timeout=WAIT_S).text
    assert 'omskit_requests_total{status="200"} 20' in text

    victim = children(process.pid)[0]
    os.kill(victim, signal.SIGKILL)
    eventually(
        lambda: victim not in children(process.pid) and len(children(process.pid)) == 2
    )
    assert httpx2.get(f"{url}/runs/297050", timeout=WAIT_S).status_code == 200
    text = httpx2.get(f"{top}/metrics", timeout=WAIT_S).text
    assert 'omskit_requests_total{status="200"} 21' in text

    left = children(process.pid)
    process.send_signal(signal.SIGTERM)
    assert process.wait(WAIT_S) == 0
    assert not [pid for pid in left if (PROC / str(pid)).exists()]
    said = process.stderr.read()
    assert "Traceback" not in said
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"{url}/runs/297050", timeout=WAIT_S)


def broken():
    """What answers nothing: it cannot be made."""
    raise SystemExit(3)


def test_a_worker_that_cannot_begin_is_told():
    """Where a process ends as it begins, all do, and the message says so."""
    with pytest.raises(ConfigError, match="exit code 3"):
        serve_many(broken, 1, Served(port=0))


class Ended:
    """A process that has ended, or goes on until it is killed."""

    exitcode = 1

    def __init__(self, *, alive=False):
        self.alive = alive
        self.sentinel = os.open(os.devnull, os.O_RDONLY)
        self.did = []

    def is_alive(self):
        return self.alive

    def terminate(self):
        self.did.append("terminate")

    def kill(self):
        self.did.append("kill")

    def join(self, seconds=None):
        pass


class Pipe:
    """A pipe on which nothing comes."""

    closed = 0

    def poll(self, seconds):
        return False

    def close(self):
        self.closed += 1


def test_who_dies_is_replaced_and_who_does_not_end_is_killed(monkeypatch, caplog):
    """One log line says which worker died, and with what."""
    monkeypatch.setattr(module, "wait", lambda *_: [])
    made = [Ended(), Ended(alive=True)]
    pipes = [Pipe(), Pipe()]
    team = module._Team(lambda _: (made.pop(0), pipes.pop(0)), 1)
    team.look_after()
    team.look_after()
    assert "worker 0 ended with exit code 1" in caplog.text
    assert len(caplog.records) == 1
    ((process, pipe),) = team._members.values()
    ending = threading.Event()
    ending.set()
    assert not team.began(ending)
    team.end()
    assert process.did == ["terminate", "kill"]
    assert pipe.closed == 1


def test_a_worker_answers_and_says_so(engine, monkeypatch):
    """What runs in a worker: it serves on the socket, and ends when it is alone."""
    said, ended = [], []

    def serve_on(bound, service, front, *, ready, end, **options):
        ready()
        end(lambda: ended.append(True))

    class Parent:
        def join(self):
            pass

    class Thread:
        def __init__(self, target, args, daemon):
            self.start = lambda: target(*args)

    class Said:
        def send(self, text):
            said.append(text)

    monkeypatch.setattr(module, "serve_on", serve_on)
    monkeypatch.setattr(module.signal, "signal", lambda *_: None)
    monkeypatch.setattr(module.threading, "Thread", Thread)
    monkeypatch.setattr(module.multiprocessing, "parent_process", Parent)
    with Served(port=0).listening() as bound:
        module._work(bound, lambda: engine, Served(), Said())
    assert said[0].startswith("http://127.0.0.1:")
    assert ended == [True]
    monkeypatch.setattr(module.multiprocessing, "parent_process", lambda: None)
    module._until_alone(lambda: ended.append(True))
    assert ended == [True]


def test_what_died_is_still_counted():
    """A process that takes the place of another goes on with its numbers."""
    numbers = [0.0] * Board.size(2)
    old = Tally(seconds=1.5, bytes=10, under_way=2)
    old.answers[404] = 3
    Board(numbers, 1).show(old, 404)
    found = Board(numbers, 1).before()
    assert (found.answers[404], found.seconds, found.under_way) == (3, 1.5, 0)
    assert Board(numbers, 0).together().bytes == 10


@pytest.mark.parametrize(
    "more",
    [
        ["--as-of", "2017-06-16T21:00:00"],
        ["--faults", "faults.toml"],
        ["--login", "login.toml"],
    ],
    ids=lambda more: more[0],
)
def test_what_one_process_keeps_goes_with_one(more, capsys, monkeypatch):
    """A clock, faults and logins are kept in one process; the message names them."""
    monkeypatch.setattr("omskit.server.front_of", lambda **_: Front())
    assert run(["serve", "--demo", "--workers", "2", *more]) == 2
    assert f"{more[0]} goes with one process" in capsys.readouterr().err


def test_the_command_starts_workers(monkeypatch):
    """``--workers`` is how many, and each makes its own engine."""
    given = []
    monkeypatch.setattr(
        "omskit.server.serve_many",
        lambda make, workers, _: given.append((make, workers)),
    )
    assert run(["serve", "--demo", "--workers", "3"]) == 0
    ((make, workers),) = given
    assert workers == 3
    with make() as engine:
        assert "runs" in engine.keys if hasattr(engine, "keys") else engine.source
