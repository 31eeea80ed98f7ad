"""``oms replay``: does OMS still say what it said?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omskit.cli.asking import client_for
from omskit.cli.exits import ANSWER_IS_NO
from omskit.cli.options import InstanceOption, Output, QuietOption
from omskit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omskit.flow import Replayed

_SHOWN = 20


def replay(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A receipt (table.receipt.to_json()), or a Parquet file of omskit.",
        ),
    ],
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Write the difference as JSON.")
    ] = False,
    instance: InstanceOption = None,
    quiet: QuietOption = False,
) -> None:
    """Ask again what a receipt says was asked, and tell what is different.

    The service of the receipt is asked where omskit knows it by name or your
    configuration names it; any other only where --instance names it, since a receipt
    may be a stranger's and a token would be sent there. The exit code is 0 where
    nothing is different, and 1 where something is: in OMS, or in the rows of the
    Parquet file, which are held against its receipt.

    Example: oms replay runs.parquet
    """
    from omskit.table.receipt_files import find_receipt

    kept = find_receipt(file)
    chosen = instance or known_service(kept.receipt.service)
    given = Output(instance=chosen, quiet=quiet, progress=False)
    with client_for(given) as oms:
        found = oms.replay(kept.receipt)
    if as_json:
        typer.echo(json.dumps(as_dict(found, kept.altered), indent=1))
    else:
        typer.echo(report(found, kept.altered))
    if kept.altered or not found.same:
        raise typer.Exit(ANSWER_IS_NO)


def known_service(service: str) -> str:
    """The name under which the user knows the service of a receipt.

    Raises:
        UsageError: It is none that omskit or the user's configuration names.
    """
    from omskit.config import INSTANCES, find_instance, read_config

    for name in (None, *read_config().get("instances", {}), *INSTANCES):
        known = find_instance(name)
        if service in {known.base_url, known.name}:
            return known.name
    message = (
        f"The receipt is of {service!r:.200}, which neither omskit nor your "
        "configuration knows, and a token might be sent there. To ask there on "
        "purpose, give --instance URL."
    )
    raise UsageError(message)


def report(found: Replayed, altered: str | None = None) -> str:
    """One line, and one for each row that is different, within bounds.

    Args:
        altered: How the rows of the file are not those of its receipt.
    """
    file = [] if altered is None else [f"  not as written: the file has {altered}"]
    return "\n".join([str(found), *file, *_lines(found)])


def _lines(found: Replayed) -> Iterator[str]:
    named = " ".join(found.identity) or "row"
    for what in ("added", "removed", "changed"):
        rows = getattr(found, what)
        for row in rows[:_SHOWN]:
            yield f"  {what}: {named} {' '.join(map(str, row))}"
        if len(rows) > _SHOWN:
            yield f"  {what}: and {len(rows) - _SHOWN} more"
    for what, columns in (
        ("new column", found.columns_added),
        ("column gone", found.columns_removed),
    ):
        yield from (f"  {what}: {name}" for name in columns)


def as_dict(found: Replayed, altered: str | None = None) -> dict[str, object]:
    """The difference, for JSON; *altered* as for `report`."""
    texts = {
        what: [[str(v) if not isinstance(v, int) else v for v in row] for row in rows]
        for what, rows in (
            ("added", found.added),
            ("removed", found.removed),
            ("changed", found.changed),
        )
    }
    return {
        "same": found.same,
        "file_altered": altered,
        "receipt_of": found.before.service,
        "asked_at": found.asked_at,
        "total_before": found.total_before,
        "total_after": found.total_after,
        "identity": found.identity,
        **texts,
        "columns_added": found.columns_added,
        "columns_removed": found.columns_removed,
        "service_before": found.service_before,
        "service_after": found.service_after,
    }
