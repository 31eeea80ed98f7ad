"""``oms serve``: an OMS of one's own."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
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
    token: Annotated[
        str | None,
        typer.Option(
            envvar="OMSKIT_SERVE_TOKEN",
            show_envvar=True,
            help="What requests must send as bearer token; needed beyond loopback. "
            "At least 16 printable ASCII characters, no blanks. "
            "The variable keeps it out of the list of processes.",
        ),
    ] = None,
    faults: Annotated[
        Path | None, typer.Option(help="TOML file of faults to answer with.")
    ] = None,
    login: Annotated[
        Path | None,
        typer.Option(help="TOML file of applications: play the CERN login as well."),
    ] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(help="Show the data as they were then, in UTC."),
    ] = None,
    speed: Annotated[
        float, typer.Option(help="Seconds in the data for one here, with --as-of.")
    ] = 1.0,
    name: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST",
            help="A further name by which the service may be asked, as behind a "
            "proxy; requests for other hosts are refused. Give it again for more.",
        ),
    ] = None,
    certfile: Annotated[
        Path | None, typer.Option(help="Serve https with this certificate (PEM).")
    ] = None,
    keyfile: Annotated[
        Path | None, typer.Option(help="The certificate's key (PEM), with --certfile.")
    ] = None,
) -> None:
    """Serve the API of OMS over HTTP, until Ctrl-C.

    One line on stdout says the URL as soon as questions are answered.

    Example: oms serve --demo --port 8321

    Example: oms serve --demo --as-of 2017-06-16T21:00:00 --speed 60
    """
    if not demo:
        message = "Say what to serve: --demo is what there is so far."
        raise UsageError(message)
    from omskit.demo import tables
    from omskit.engine import engine_at
    from omskit.server import front_of
    from omskit.server import serve as serve_engine

    serve_engine(
        engine_at(tables(), as_of, speed),
        host=host,
        port=port,
        certfile=certfile,
        keyfile=keyfile,
        front=front_of(token=token, faults=faults, login=login, hosts=name or ()),
    )
