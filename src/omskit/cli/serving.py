"""``oms serve``: an OMS of one's own."""

from __future__ import annotations

from typing import Annotated

import typer

from omskit.errors import UsageError


def serve(
    *,
    demo: Annotated[
        bool, typer.Option("--demo", help="Serve simulated data taking.")
    ] = False,
    host: Annotated[
        str, typer.Option(help="Address to listen on; loopback by default.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")
    ] = 8321,
) -> None:
    """Serve the API of OMS over HTTP, until Ctrl-C.

    One line on stdout says the URL as soon as questions are answered.

    Example: oms serve --demo --port 8321
    """
    if not demo:
        message = "Say what to serve: --demo is what there is so far."
        raise UsageError(message)
    from omskit.demo import tables
    from omskit.engine import Engine
    from omskit.server import serve as serve_engine

    serve_engine(Engine(tables()), host=host, port=port)
