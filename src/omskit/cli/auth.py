"""``oms auth``: log in, see who is logged in, log out, and find out why it fails."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import typer

from omskit.cli.exits import AUTH, SERVICE
from omskit.cli.options import InstanceOption
from omskit.errors import LoginNeededError

if TYPE_CHECKING:
    from omskit.config import Instance
    from omskit.tokencache import TokenCache

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Log in to OMS, and find out why that fails.",
)


def _found(name: str | None) -> tuple[Instance, TokenCache | None]:
    from omskit.config import find_instance
    from omskit.tokencache import TokenCache

    instance = find_instance(name)
    if instance.audience is None:
        return instance, None
    return instance, TokenCache(instance.audience, instance.token_url)


@app.command("login")
def login(
    *,
    instance: InstanceOption = None,
    device: Annotated[
        bool, typer.Option("--device", help="With a browser, even with id and secret.")
    ] = False,
) -> None:
    """Log in, and keep the token for later commands.

    With id and secret in the environment or the configuration file, or else at a
    terminal with a browser. The token is kept in a file that only you can read, until
    it expires; id and secret are not kept.

    Example: oms auth login --instance production
    """
    where, cache = _found(instance)
    if cache is None:
        typer.echo(f"{where.name} wants no login.")
        return
    from omskit.credentials import Chain, links_of
    from omskit.drivers import SyncDriver
    from omskit.transport import HttpSender

    _, application, person = links_of(where)
    links = (person,) if device else (application, person)
    chain = Chain(where, links)
    driver = SyncDriver(HttpSender(), chain, 1)
    try:
        credential = driver.run(chain.login())
    finally:
        driver.close()
    kept = cache.write(credential)
    end = "" if not kept else f", until {_when(credential.expires)}"
    word = "kept" if kept else "not kept: it does not say when it ends"
    typer.echo(f"Logged in to {where.name} by {chain.taken}; the token is {word}{end}.")


@app.command("status")
def status(*, instance: InstanceOption = None) -> None:
    """Which way to log in would be taken; the exit code is 3 where there is none.

    Example: oms auth status --instance demo
    """
    where, cache = _found(instance)
    if cache is None:
        typer.echo(f"{where.name} wants no login.")
        return
    from omskit.credentials import links_of

    now = dt.datetime.now(dt.UTC).timestamp()
    taken = False
    for link in links_of(where):
        why = link.lacks()
        if why is None and link.name == "token cache":
            held = cache.read(now)
            why = "the token has expired" if held is None else None
            good = "" if held is None else f"good until {_when(held.expires)}"
        else:
            good = "ready"
        first = why is None and not taken
        taken = taken or why is None
        mark = "->" if first else "  "
        typer.echo(f"{mark} {link.name}: {why or good}")
    if not taken:
        message = f"There is no login for {where.name}: see 'Getting access'."
        raise LoginNeededError(message)


@app.command("logout")
def logout(*, instance: InstanceOption = None) -> None:
    """Remove the token that 'oms auth login' kept.

    Example: oms auth logout --instance demo
    """
    where, cache = _found(instance)
    removed = cache is not None and cache.remove()
    typer.echo(
        f"The token for {where.name} is removed." if removed else "None was kept."
    )


@app.command("doctor")
def doctor(*, instance: InstanceOption = None) -> None:
    """Try each link between here and the rows; name what is wrong, and its remedy.

    One line each. The exit code is 3 where the login is at fault, 4 where the way to
    the service or the service is, and 0 where nothing is.

    Example: oms auth doctor --instance demo
    """
    from omskit.config import DEMO
    from omskit.doctor import diagnose

    where, _ = _found(instance)
    if where.name == DEMO:
        typer.echo("ok    answer: the demo is in this process")
        return
    codes = []
    for finding in diagnose(where):
        typer.echo(str(finding))
        if finding.fault is not None:
            codes.append(AUTH if finding.fault == "auth" else SERVICE)
    if codes:
        raise typer.Exit(codes[0])


def _when(expires: float | None) -> str:
    moment = dt.datetime.fromtimestamp(expires or 0.0, dt.UTC)
    return f"{moment:%Y-%m-%d %H:%M} UTC"
