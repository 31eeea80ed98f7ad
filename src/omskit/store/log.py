"""What the log of a Delta Lake table says: files, commits, and foreign errors."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc

from omskit._extras import load
from omskit.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

PURPOSE = "read or write a store"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One Parquet file of a version.

    Attributes:
        rows: How many rows it has.
        first, last: The least and the largest key in it; None: not known.
    """

    path: str
    rows: int
    first: int | None
    last: int | None

    def meets(self, first: int, last: int) -> bool:
        """Whether it may have rows of these keys."""
        if self.first is None or self.last is None:
            return True
        return self.first <= last and self.last >= first


def follow(files: Sequence[StoredFile]) -> bool:
    """Whether each file has later keys than the one before, and all keys are known."""
    return all(
        one.last is not None and other.first is not None and one.last < other.first
        for one, other in pairwise(files)
    )


def has_commits(table: Path) -> bool:
    """Whether something was committed; a folder alone may be left by who died."""
    log = table / "_delta_log"
    return log.is_dir() and any(path.suffix == ".json" for path in log.iterdir())


def files_of(
    table: Any, path: Path, column: str, resource: str | None = None
) -> list[StoredFile]:
    """The files of a version, in the order of *column*.

    Args:
        resource: Only those in the folder of this resource.
    """
    actions = _as_table(table.get_add_actions(flatten=True))
    if resource is not None:
        of = actions.column("partition.resource")
        actions = actions.filter(pc.equal(of, pa.scalar(resource)))
    names = actions.column("path").to_pylist()
    nothing: list[int | None] = [None] * len(names)

    def known(kind: str) -> list[int | None]:
        name = f"{kind}.{column}"
        if name not in actions.column_names:
            return nothing
        found: list[int | None] = actions.column(name).to_pylist()
        return found

    rows = actions.column("num_records").to_pylist()
    found = [
        StoredFile(str(path / unquote(name)), int(count or 0), first, last)
        for name, count, first, last in zip(
            names, rows, known("min"), known("max"), strict=True
        )
    ]
    return sorted(found, key=lambda f: (f.first is None, f.first, f.last, f.path))


def _as_table(actions: Any) -> pa.Table:
    """The same in pyarrow; pa.table() would import pandas to see what it was given."""
    if hasattr(actions, "__arrow_c_stream__"):
        return pa.RecordBatchReader.from_stream(actions).read_all()
    return pa.table(actions)


def _entries(log: Path) -> list[Mapping[str, Any]]:
    lines = log.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line]


def added_in(log: Path) -> list[str]:
    """The files that a commit added, as its log entry names them."""
    return [str(e["add"]["path"]) for e in _entries(log) if "add" in e]


def info_of(log: Path) -> Mapping[str, Any]:
    """What a log entry says of its commit; empty where it says nothing."""
    found = (e["commitInfo"] for e in _entries(log) if "commitInfo" in e)
    return next(found, {})


@contextmanager
def translated(path: Path, verb: str) -> Iterator[None]:
    """A block whose foreign errors become a `StoreError` that names the folder."""
    try:
        yield
    except StoreError:
        raise
    except Exception as error:
        if not isinstance(error, (OSError, pa.ArrowException)) and not _is_deltas(
            error
        ):
            raise
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        message = f"Cannot {verb} {path}: {reason:.300}."
        raise StoreError(message) from error


def _is_deltas(error: BaseException) -> bool:
    module = type(error).__module__
    return module.startswith(("deltalake", "_internal")) or isinstance(
        error, load("deltalake", PURPOSE).exceptions.DeltaError
    )
