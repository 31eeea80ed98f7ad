"""``oms`` in a process of its own, without what an interpreter costs to begin.

A shell needs a command with descriptors, a folder and variables of its own; it does not
need all imports to be done once more. One process imports what the command needs and
forks for each call: `bin_of` makes a folder for the PATH whose ``oms`` asks it. How a
process begins and ends is shown elsewhere, by the command itself (``test_ends.py``).

This file is run by each of the two, with as few imports as they need.
"""

import json
import os
import signal
import socket
import sys
import threading
from functools import cache

ENCODING = "utf-8"


@cache
def bin_of():
    """The folder with an ``oms`` for the PATH; the process behind it ends with us."""
    import atexit
    import shlex
    import subprocess
    import tempfile
    from pathlib import Path

    folder = tempfile.TemporaryDirectory()
    path = f"{folder.name}/socket"
    child = subprocess.Popen(
        [sys.executable, __file__, "serve", path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd="/",
    )
    assert child.stdout.readline() == b"ready\n"
    line = shlex.join([sys.executable, "-I", "-S", __file__, "call", path])
    command = Path(folder.name, "oms")
    command.write_text(f'#!/bin/sh\nexec {line} "$@"\n', encoding=ENCODING)
    command.chmod(0o700)

    def end():
        child.communicate()
        folder.cleanup()

    atexit.register(end)
    return folder.name


def call(path, arguments):
    """Have a command run on the descriptors of this process; its exit code."""
    folder = os.getcwd()  # noqa: PTH109  # pathlib is no quick import
    asked = {"arguments": arguments, "folder": folder, "environment": {**os.environ}}
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(path)
        socket.send_fds(link, [b"+"], [0, 1, 2])
        link.sendall(json.dumps(asked).encode() + b"\n")
        # Nothing is said by a process that was killed.
        return int(link.recv(16) or b"70")


def serve(path):
    """Fork for each call, until standard input ends."""
    import select
    import subprocess  # noqa: F401  # as all the following: here once, not in each

    import duckdb  # noqa: F401

    import omskit.cli.app
    import omskit.client
    import omskit.demo
    import omskit.drivers
    from omskit.schema import bundled

    bundled()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(32)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        if sys.stdin in select.select([listener, sys.stdin], [], [])[0]:
            return
        link, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            answer(link, omskit.cli.app.run)
        link.close()
        while _ended():
            pass


def _ended():
    """Whether a call had ended, which is forgotten then."""
    try:
        return os.waitpid(-1, os.WNOHANG)[0]
    except ChildProcessError:
        return 0


def end_with(link):
    """Be told to end when who called was."""
    link.recv(1)
    os.kill(os.getpid(), signal.SIGTERM)


def answer(link, run):
    """Be the command that is asked for, and end."""
    _, given, _, _ = socket.recv_fds(link, 1, 3)
    asked = json.loads(link.makefile("rb").readline())
    threading.Thread(target=end_with, args=(link,), daemon=True).start()
    for number, descriptor in enumerate(given):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    told = {"encoding": ENCODING, "closefd": False}
    sys.stdin = open(0, **told)  # noqa: SIM115
    sys.stdout = open(1, "w", buffering=1 if os.isatty(1) else -1, **told)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, **told)  # noqa: SIM115
    sys.argv = ["oms", *asked["arguments"]]
    code = 70
    try:
        code = run(asked["arguments"])
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        link.sendall(str(code).encode())
        os._exit(code)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2])
    else:
        sys.exit(call(sys.argv[2], sys.argv[3:]))
