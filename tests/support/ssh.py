"""A real SSH server and a client of it: a SOCKS proxy and a tunnel, as at CERN."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import asyncssh


@dataclass
class Ways:
    """Ports of this machine from which SSH leads on.

    Attributes:
        socks: A SOCKS proxy, as ``ssh -D`` opens it.
        tunnel: Leads to the port that was asked for, as ``ssh -L`` does.
        reached: Where the SSH server was asked to connect to.
    """

    socks: int
    tunnel: int
    reached: list[tuple[str, int]]


@contextlib.contextmanager
def through_ssh(port: int) -> Iterator[Ways]:
    """Ways to *port* of the loopback through an SSH server."""
    reached: list[tuple[str, int]] = []

    class Open(asyncssh.SSHServer):
        def begin_auth(self, _username: str) -> bool:
            return False

        def connection_requested(
            self, dest_host: str, dest_port: int, _host: str, _port: int
        ) -> bool:
            reached.append((dest_host, dest_port))
            return True

    async def main() -> None:
        key = asyncssh.generate_private_key("ssh-ed25519")
        stop = asyncio.Event()
        server = await asyncssh.create_server(
            Open, "127.0.0.1", 0, server_host_keys=[key]
        )
        async with (
            server,
            asyncssh.connect(
                "127.0.0.1",
                server.get_port(),
                username="shifter",
                known_hosts=([key.convert_to_public()], [], []),
                client_keys=None,
                agent_path=None,
                config=None,
            ) as connection,
            connection.forward_socks("127.0.0.1", 0) as socks,
            connection.forward_local_port("127.0.0.1", 0, "127.0.0.1", port) as tunnel,
        ):
            found.append((socks.get_port(), tunnel.get_port()))
            running.append((asyncio.get_running_loop(), stop))
            ready.set()
            await stop.wait()

    found: list[tuple[int, int]] = []
    running: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
    ready = threading.Event()
    thread = threading.Thread(target=asyncio.run, args=(main(),), name="ssh")
    thread.start()
    try:
        if not ready.wait(20):
            message = "the SSH server did not come up"
            raise RuntimeError(message)
        yield Ways(*found[0], reached)
    finally:
        for loop, stop in running:
            loop.call_soon_threadsafe(stop.set)
        thread.join(20)
