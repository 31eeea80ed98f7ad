"""A service of pre-built pages, in a process of its own, that is no bottleneck.

It answers any page by `page[offset]` and `page[limit]` and knows no filter, sort or
login. One listener for each pair of (plain or TLS, latency). Latency is added to
every request, not to connecting.

Run by the benchmarks; by hand: `python _service.py FOLDER PAGES ROWS [--tls CERT]`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from _pages import BENCH, RESOURCE, Shape, envelope

PREFIX = f"/agg/api/v1/{RESOURCE}"
META_TYPES = {
    "int": "INTEGER",
    "float": "FLOAT",
    "str": "STRING",
    "bool": "BOOLEAN",
    "time": "DATETIME",
}


class Pages:
    """Bodies by offset and limit; pages of the usual size are in memory already."""

    def __init__(self, folder: Path, shape: Shape) -> None:
        self.shape = shape
        names = [f"{page:05d}.json" for page in range(shape.pages)]
        self.plain = [(folder / name).read_bytes() for name in names]
        self.packed = [(folder / f"{name}.gz").read_bytes() for name in names]

    def body(self, offset: int, limit: int, *, gzip: bool) -> tuple[bytes, bool]:
        """The page, and whether it is gzipped."""
        page, rest = divmod(offset, self.shape.rows)
        if limit == self.shape.rows and rest == 0 and page < self.shape.pages:
            return (self.packed if gzip else self.plain)[page], gzip
        return self._other(offset, limit), False

    def _other(self, offset: int, limit: int) -> bytes:
        """A page of another size, put together from the rows of the usual ones."""
        size, total = self.shape.rows, self.shape.total
        first, stop = min(offset, total), min(offset + limit, total)
        rows: list[str] = []
        for page in range(first // size, -(-stop // size)):
            data = json.loads(self.plain[page])["data"]
            chosen = data[max(first - page * size, 0) : stop - page * size]
            rows += map(json.dumps, chosen)
        return envelope(rows, offset, limit, total)


def meta() -> bytes:
    """The `/meta` document, which the official client asks for first."""
    fields = {
        f.name: {
            "title": f.name,
            "type": META_TYPES[f.kind],
            "units": None,
            "searchable": True,
            "sortable": True,
        }
        for f in BENCH.fields
    }
    return json.dumps({"meta": {"fields": fields}}).encode()


def respond(pages: Pages, target: str, *, gzip: bool) -> tuple[int, bytes, bool]:
    """Status, body, and whether the body is gzipped."""
    url = urlsplit(target)
    path = url.path.rstrip("/")
    if path == f"{PREFIX}/meta":
        return 200, meta(), False
    if path != PREFIX:
        error = {"status": "404", "title": "NOT_FOUND", "detail": path}
        return 404, json.dumps({"errors": [error]}).encode(), False
    query = parse_qs(url.query)
    offset = int(query.get("page[offset]", ["0"])[0])
    limit = int(query.get("page[limit]", ["100"])[0])
    return 200, *pages.body(offset, limit, gzip=gzip)


class Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive for GET, one request at a time."""

    def __init__(self, pages: Pages, latency_s: float, *, gzip: bool) -> None:
        self.pages = pages
        self.latency_s = latency_s
        self.gzip = gzip
        self.received = b""
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self.transport = transport  # type: ignore[assignment]  # TCP is a Transport

    def data_received(self, data: bytes) -> None:
        """Answer as soon as a head is whole."""
        self.received += data
        while b"\r\n\r\n" in self.received:
            head, self.received = self.received.split(b"\r\n\r\n", 1)
            if self.latency_s:
                loop = asyncio.get_running_loop()
                loop.call_later(self.latency_s, self.answer, head)
            else:
                self.answer(head)

    def answer(self, head: bytes) -> None:
        """Send the answer, unless the client has gone."""
        if self.transport.is_closing():
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(":", 1) for line in lines)
        accepted = self.gzip and "gzip" in headers.get("accept-encoding", "")
        status, body, packed = respond(self.pages, first.split(" ")[1], gzip=accepted)
        close = "close" in headers.get("connection", "")
        answer = [
            f"HTTP/1.1 {status} {'OK' if status == 200 else 'Not Found'}",
            "Content-Type: application/vnd.api+json",
            f"Content-Length: {len(body)}",
            *(["Content-Encoding: gzip"] if packed else []),
            *(["Connection: close"] if close else []),
        ]
        self.transport.write("\r\n".join(answer).encode() + b"\r\n\r\n" + body)
        if close:
            self.transport.close()


async def serve(options: argparse.Namespace) -> None:
    """Listen until the parent closes our standard input."""
    pages = Pages(options.folder, Shape(options.pages, options.rows))
    context = None
    if options.tls:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(options.tls)
    loop = asyncio.get_running_loop()
    ports: dict[str, int] = {}
    listeners = []
    for scheme, tls in (("plain", None), ("tls", context)):
        if scheme == "tls" and tls is None:
            continue
        for latency in options.latency:
            listener = await loop.create_server(
                lambda ms=latency: Connection(
                    pages, ms / 1000, gzip=not options.no_gzip
                ),
                "127.0.0.1",
                ssl=tls,
            )
            listeners.append(listener)
            ports[f"{scheme}-{latency}"] = listener.sockets[0].getsockname()[1]
    sys.stdout.write(json.dumps(ports) + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)


def main() -> None:
    """Read the options and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("pages", type=int)
    parser.add_argument("rows", type=int)
    parser.add_argument("--latency", type=int, nargs="+", default=[0])
    parser.add_argument("--tls", type=Path)
    parser.add_argument("--no-gzip", action="store_true")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
