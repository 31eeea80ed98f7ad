"""``oms dashboard``: what OMS shows, in a browser."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import typer

from omskit.cli.options import InstanceOption, Output, StoreOption
from omskit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from omskit.client import Client

DEMO_START = dt.datetime(2024, 10, 6, 4, 30, tzinfo=dt.UTC)
"""Two hours into run 386694 of the demo."""


def dashboard(
    *,
    instance: InstanceOption = None,
    store: StoreOption = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")
    ] = 8322,
    open_: Annotated[
        bool, typer.Option("--open", help="Open it in the browser.")
    ] = False,
    as_of: Annotated[
        dt.datetime | None,
        typer.Option(
            help="When the demo's clock starts, in UTC; run 386694 is going on then.",
            show_default="2024-10-06T04:30:00",
        ),
    ] = None,
    speed: Annotated[
        float, typer.Option(help="Seconds of the demo for one here.")
    ] = 1.0,
) -> None:
    """What OMS shows, in a browser, until Ctrl-C.

    Pages Now, Fill, Run, Trigger, Masks and Ask. Only this machine can open them, and
    nothing is loaded from the internet. The demo plays run 386694 by the clock.

    Example: oms dashboard --instance demo --open
    """
    from omskit.config import find_instance
    from omskit.dashboard import Asker, serve

    instance = Output(instance=instance, store=store).asks
    found = find_instance(instance)
    is_demo = found.name == "demo"
    if not is_demo and (as_of is not None or speed != 1.0):
        message = "--as-of and --speed are for the demo: others have their own time."
        raise UsageError(message)
    start = as_of or DEMO_START
    start = start.replace(tzinfo=dt.UTC) if start.tzinfo is None else start
    begun = dt.datetime.now(dt.UTC)

    def now() -> dt.datetime:
        real = dt.datetime.now(dt.UTC)
        return start + (real - begun) * speed if is_demo else real

    def ready(url: str) -> None:
        if open_:
            typer.launch(url)

    with _client(instance, start, speed, is_demo=is_demo) as oms:
        asker = Asker(oms, now=now, newest=newest_in(found.base_url))
        serve(asker, port=port, ready=ready)


def newest_in(url: str) -> Callable[[], int | None] | None:
    """Who says the newest run of a store; None where a service is asked."""
    from omskit.config import STORE

    if not url.startswith(STORE):
        return None
    path = url.removeprefix(STORE)

    def newest() -> int | None:
        from omskit.store import Store

        table = Store(path).sql("SELECT max(run_number) AS newest FROM runs")
        number: int | None = table.arrow["newest"][0].as_py()
        return number

    return newest


def _client(
    instance: str | None, start: dt.datetime, speed: float, *, is_demo: bool
) -> Client:
    from omskit.client import Client
    from omskit.dashboard.playing import PlayedClient

    return PlayedClient(start, speed) if is_demo else Client(instance, progress=False)
