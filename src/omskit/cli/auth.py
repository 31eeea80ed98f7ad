"""``oms auth``: log in, see who is logged in, log out, and find out why it fails."""

from __future__ import annotations

import datetime as dt
import shutil
import textwrap
from typing import TYPE_CHECKING, Annotated

import typer

from omskit.cli.exits import AUTH, SERVICE
from omskit.cli.options import InstanceOption
from omskit.errors import LoginNeededError

if TYPE_CHECKING:
    from omskit.config import Instance
    from omskit.diagnosis.route import Finding
    from omskit.login.cache import TokenCache

_NARROWEST = 40
_INDENT = " " * 6

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Log in to OMS, and find out why that fails.",
)


def _found(name: str | None) -> tuple[Instance, TokenCache | None]:
    from omskit.config import find_instance
    from omskit.login.cache import TokenCache

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

    With id and secret in the environment or the configuration file, or else with a
    Kerberos ticket, or else at a terminal with a browser. The token is kept in a file
    that only you can read, until it expires; id and secret are not kept.

    Example: oms auth login --instance production
    """
    where, cache = _found(instance)
    if cache is None:
        _refuse_without_token(where)
        typer.echo(_no_login(where))
        return
    from omskit.drivers import SyncDriver
    from omskit.login.chain import Application, Chain, Kerberos, Person, links_of
    from omskit.transport import HttpSender

    kinds = (Person,) if device else (Application, Kerberos, Person)
    links = tuple(link for link in links_of(where) if isinstance(link, kinds))
    chain = Chain(where, links)
    driver = SyncDriver(HttpSender(), chain, 1)
    try:
        credential = driver.run(chain.login())
    finally:
        driver.close()
    if credential is None:  # None of these links gives nothing; the type allows it.
        typer.echo(_no_login(where))
        return
    kept = cache.write(credential)
    end = "" if not kept else f", until {_when(credential.expires)}"
    word = "kept" if kept else "not kept: it does not say when it ends"
    typer.echo(f"Logged in to {where.name} by {chain.taken}; the token is {word}{end}.")


@app.command("status")
def status(*, instance: InstanceOption = None) -> None:
    """Which way to log in would be taken; the exit code is 3 where there is none.

    No service is asked: 'oms auth doctor' does that.

    Example: oms auth status --instance demo
    """
    where, _ = _found(instance)
    from omskit.login.chain import CachedToken, links_of

    links = list(links_of(where))
    if not links:
        typer.echo(_no_login(where))
        return
    now = dt.datetime.now(dt.UTC).timestamp()
    taken = False
    for link in links:
        why, good = link.lacks(), "ready"
        if why is None and isinstance(link, CachedToken):
            held = link.cache.read(now)
            why = "the token has expired" if held is None else None
            good = "" if held is None else f"good until {_when(held.expires)}"
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

    What to do is after the arrow. The exit code is 3 where the login is at fault, 4
    where the way to the service or the service is, and 0 where nothing is.

    Example: oms auth doctor --instance demo
    """
    from omskit.config import DEMO
    from omskit.diagnosis.doctor import diagnose

    where, _ = _found(instance)
    if where.name == DEMO:
        typer.echo("ok    answer: the demo is in this process")
        return
    faults = []
    for finding in diagnose(where):
        typer.echo(_told(finding))
        if finding.fault is not None:
            faults.append(finding)
    if len(faults) > 1:
        typer.echo(f"There are {len(faults)} faults. Mend {faults[0].link!r} first.")
    if not faults:
        typer.echo("All is well.")
        return
    raise typer.Exit(AUTH if faults[0].fault == "auth" else SERVICE)


def _refuse_without_token(where: Instance) -> None:
    """A job that goes on after 'oms auth login' must not take no login for one."""
    from omskit.login.sources import find_token, takes_fixed_token

    if takes_fixed_token(where) and find_token(where) is None:
        raise LoginNeededError(_no_login(where))


def _no_login(where: Instance) -> str:
    """What there is to say of a service that no login is known for."""
    from omskit.login.sources import find_token, takes_fixed_token

    if not takes_fixed_token(where):
        return f"{where.name} wants no login."
    if find_token(where) is not None:
        return f"{where.name} is sent its fixed token; there is nothing to keep."
    return (
        f"{where.name} has no audience, so there is nothing to log in to. If it was "
        "started with --token, set OMSKIT_TOKEN; if it wants no login, all is well."
    )


def _told(finding: Finding) -> str:
    """What was found, as wide as the terminal; the remedy begins a line of its own."""
    width = max(shutil.get_terminal_size().columns, _NARROWEST)
    mark = "ok   " if finding.fault is None else "FAULT"
    texts = [(f"{mark} ", f"{finding.link}: {finding.said}")]
    if finding.remedy:
        texts.append(("   -> ", finding.remedy))
    return "\n".join(
        textwrap.fill(
            text,
            width,
            initial_indent=first,
            subsequent_indent=_INDENT,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for first, text in texts
    )


def _when(expires: float | None) -> str:
    moment = dt.datetime.fromtimestamp(expires or 0.0, dt.UTC)
    return f"{moment:%Y-%m-%d %H:%M} UTC"
