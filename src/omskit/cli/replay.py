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
    from omskit.receipt import Receipt

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

    The service of the receipt is asked, or the one that is named. The exit code is 0
    where nothing is different and 1 where something is.

    Example: oms replay runs.parquet
    """
    receipt = read_receipt(file)
    given = Output(instance=instance or receipt.service, quiet=quiet, progress=False)
    with client_for(_known(given)) as oms:
        found = oms.replay(receipt)
    typer.echo(json.dumps(as_dict(found), indent=1) if as_json else report(found))
    if not found.same:
        raise typer.Exit(ANSWER_IS_NO)


def read_receipt(path: Path) -> Receipt:
    """The receipt in a file.

    Raises:
        UsageError: There is none.
    """
    from omskit.receipt import FORMAT, Receipt

    try:
        content = path.read_bytes()
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}."
        raise UsageError(message) from error
    if not content.startswith(b"PAR1"):
        return Receipt.from_json(content)
    from pyarrow import ArrowException, parquet

    try:
        kept = parquet.read_schema(path).metadata or {}
        facts = json.loads(kept[b"omskit"])["receipt"]
    except (ArrowException, KeyError, ValueError, TypeError) as error:
        message = f"{path} has no receipt: omskit did not write it."
        raise UsageError(message) from error
    return Receipt.from_json(json.dumps({"format": FORMAT, **(facts or {})}))


def _known(given: Output) -> Output:
    """A service by its name where it has one: the demo has no address."""
    from omskit.config import INSTANCES

    for name, known in INSTANCES.items():
        if known.base_url == given.instance:
            return Output(instance=name, quiet=given.quiet, progress=False)
    return given


def report(found: Replayed) -> str:
    """One line, and one for each row that is different, within bounds."""
    return "\n".join([str(found), *_lines(found)])


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


def as_dict(found: Replayed) -> dict[str, object]:
    """The difference, for JSON."""
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
        "total_before": found.total_before,
        "total_after": found.total_after,
        "identity": found.identity,
        **texts,
        "columns_added": found.columns_added,
        "columns_removed": found.columns_removed,
        "service_before": found.service_before,
        "service_after": found.service_after,
    }
