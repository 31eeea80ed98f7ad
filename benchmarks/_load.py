"""Clients that read page after page, in a process of their own that costs little.

    python benchmarks/_load.py URL CLIENTS SECONDS PAGES ROWS [FIRST]

They stand for machines that are elsewhere, so they must not take the cores that the
service has: one thread waits for all sockets at once, and a page costs it 2 ms. Each
page is read to its end, its status and its number of rows are checked. The first client
begins at page FIRST, the others spread behind it. Says on stdout
how many pages there were, how many a second, and what of a core the clients took.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from urllib.parse import urlsplit

BUFFER = 1 << 20
HEAD_END = b"\r\n\r\n"
ROW = b'"attributes":'


class Reader:
    """One client, on one connection that it keeps."""

    def __init__(self, url: str, place: int, pages: int, rows: int) -> None:
        parts = urlsplit(url)
        self._path, self._host = parts.path, parts.netloc
        self._place, self._pages, self._rows = place, pages, rows
        self._held = bytearray()
        self.whole = 0
        address = (parts.hostname, parts.port)
        self.socket = socket.create_connection(address, timeout=300)

    def ask(self) -> None:
        """Ask for the next page."""
        offset = self._place % self._pages * self._rows
        self._place += 1
        tail = f"/lumisections?page[limit]={self._rows}&page[offset]={offset}"
        head = f"GET {self._path}{tail} HTTP/1.1\r\nHost: {self._host}\r\n\r\n"
        self._held.clear()
        self.whole = 0
        self.socket.sendall(head.encode())

    def take(self, data: memoryview) -> bool:
        """Take what came; True where the page has come to its end, and is right."""
        self._held += data
        if not self.whole:
            head, found, _ = self._held.partition(HEAD_END)
            if not found:
                return False
            lines = bytes(head).lower().split(b"\r\n")
            if b" 200 " not in lines[0]:
                raise RuntimeError(bytes(self._held[:300]))
            length = next(x for x in lines if x.startswith(b"content-length:"))
            self.whole = len(head) + len(HEAD_END) + int(length.partition(b":")[2])
        if len(self._held) < self.whole:
            return False
        if self._held.count(ROW) != self._rows:
            message = f"a page has {self._held.count(ROW)} rows, not {self._rows}"
            raise RuntimeError(message)
        return True


def load(
    url: str, clients: int, seconds: float, pages: int, rows: int, first: int = 0
) -> tuple[int, float]:
    """Pages of all clients together, in how many seconds; each has a place to begin."""
    ready = selectors.DefaultSelector()
    for number in range(clients):
        reader = Reader(url, first + number * pages // clients, pages, rows)
        ready.register(reader.socket, selectors.EVENT_READ, reader)
        reader.ask()
    room = memoryview(bytearray(BUFFER))
    start, done = time.perf_counter(), 0
    until = start + seconds
    while time.perf_counter() < until:
        for key, _ in ready.select(1.0):
            reader = key.data
            count = reader.socket.recv_into(room)
            if not count:
                raise RuntimeError("the service hung up")
            if reader.take(room[:count]):
                done += 1
                reader.ask()
    return done, time.perf_counter() - start


def main() -> None:
    """Load a service as the command line says."""
    url, *numbers = sys.argv[1:]
    clients, pages, rows = (int(numbers[n]) for n in (0, 2, 3))
    seconds = float(numbers[1])
    first = int(numbers[4]) if len(numbers) > 4 else 0
    done, took = load(url, clients, seconds, pages, rows, first)
    told = {"pages": done, "rate": done / took, "cpu_s": time.process_time()}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
