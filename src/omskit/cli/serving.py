"""``oms serve``: an OMS of one's own."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omskit.errors import UsageError

if TYPE_CHECKING:
    from omskit.engine import Engine


def serve(
    *,
    demo: Annotated[
        bool, typer.Option("--demo", help="Serve simulated data taking.")
    ] = False,
    store: Annotated[
        str | None,
        typer.Option("--store", metavar="PATH", help="Serve the store in this folder."),
    ] = None,
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
    access_log: Annotated[
        bool,
        typer.Option(
            "--access-log",
            help="Write a line for each request to stderr, without its parameters.",
        ),
    ] = False,
    workers: Annotated[
        int,
        typer.Option(
            min=1, max=64, help="Processes that answer; not with --as-of and the like."
        ),
    ] = 1,
) -> None:
    """Serve the API of OMS over HTTP, until Ctrl-C.

    One line on stdout says the URL as soon as questions are answered.

    Example: oms serve --demo --port 8321

    Example: oms serve --store ~/oms --workers 4

    Example: oms serve --demo --as-of 2017-06-16T21:00:00 --speed 60
    """
    if demo == (store is not None):
        message = "Say what to serve: --demo, or --store PATH; one of them."
        raise UsageError(message)
    from omskit.engine import engine_at
    from omskit.server import Served, front_of, serve_many
    from omskit.server import serve as serve_engine

    served = Served(
        what="the demo" if store is None else f"the store {store}",
        host=host,
        port=port,
        certfile=certfile,
        keyfile=keyfile,
        front=front_of(
            token=token,
            faults=faults,
            login=login,
            hosts=name or (),
            access_log=access_log,
        ),
    )
    if workers > 1:
        alone = {"--as-of": as_of, "--faults": faults, "--login": login}
        for option, given in alone.items():
            if given is not None:
                message = f"{option} goes with one process: leave --workers out."
                raise UsageError(message)
        if store is not None:
            _rows_of(store, clocked=False)  # Whether there is one is said once.
        serve_many(partial(_engine_of, store), workers, served)
        return
    rows = _rows_of(store, clocked=as_of is not None)
    serve_engine(engine_at(rows, as_of, speed), served)


def _engine_of(store: str | None) -> Engine:
    """What answers, made anew in each process."""
    from omskit.engine import engine_at

    return engine_at(_rows_of(store, clocked=False), None)


def _rows_of(store: str | None, *, clocked: bool) -> Any:
    """What is served: the tables of the demo, or a store that is there.

    Raises:
        StoreError: There is no store.
    """
    if store is None:
        from omskit.demo import tables

        return tables()
    from omskit.cli.store.options import store_at

    kept = store_at(store)
    kept.info()
    # A clock looks at other tables beside the one that is asked for, where there are.
    return kept.relations(only_held=clocked)
