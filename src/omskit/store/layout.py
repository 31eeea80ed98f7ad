"""How rows lie on disk: which table, which columns, which blocks.

A store is a folder::

    omskit-store.json                 what it is, and what the file system can do
    tables/lumisections/              a Delta Lake table for each resource
        run_block=315/part-....parquet
        _delta_log/
    tables/l1triggerrates@run/        rows of another granularity
    coverage/                         what was fetched, when, and whether it is final

Columns are those of the catalogue. A number that OMS scales row by row is stored in its
canonical unit; beside it stand ``X@unit``, the unit text that OMS sent, and ``X@sent``,
the number that it sent where that is another one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pyarrow as pa

from omskit.errors import UsageError
from omskit.schema import UNIT_SUFFIX

if TYPE_CHECKING:
    from omskit.schema import Catalogue, Field, Resource

MARK = "omskit-store.json"
"""The file by which a folder is known to be a store."""

FORMAT = 1
KEEP_DAYS = 7.0
"""Old versions are kept so long: readers may still have them open."""

BLOCK = 1000
"""So many runs, or fills, share a folder."""

SENT_SUFFIX = "@sent"
OPEN = 1 << 62
"""The end of what has no end: all runs that there were when it was asked for."""

KeyName = Literal["run_number", "fill_number", ""]


@dataclass(frozen=True, slots=True)
class Layout:
    """How the rows of one key are kept.

    Attributes:
        name: The resource, with ``@run`` for rows of that granularity.
        column: What rows are fetched, replaced and found by; empty: all at once.
        hidden: OMS filters by that column but does not show it.
    """

    name: str
    resource: Resource
    column: KeyName
    hidden: bool = False

    @property
    def granularity(self) -> str | None:
        """What ``group[granularity]`` must be, or None for the default."""
        return self.name.partition("@")[2] or None

    @property
    def block(self) -> str:
        """The column by which files lie in folders; empty where there are none."""
        return f"{self.column.removesuffix('_number')}_block" if self.column else ""

    @property
    def folder(self) -> str:
        """The folder of the table below ``tables``."""
        return folder_of(self.name)

    @property
    def schema(self) -> pa.Schema:
        """The columns on disk, with units and titles in their metadata."""
        columns = [pa.field(self.block, pa.int64())] if self.block else []
        if self.hidden:
            columns.append(pa.field(self.column, pa.int64()))
        for field in self.resource.fields:
            columns.append(_column(field))
            if field.scaled:
                columns.append(pa.field(field.name + UNIT_SUFFIX, pa.string()))
            if has_sent(field):
                columns.append(pa.field(field.name + SENT_SUFFIX, field.arrow_type))
        return pa.schema(columns)


def has_sent(field: Field) -> bool:
    """Whether OMS may send the number in another unit than the catalogue's."""
    return field.scaled or field.unit_from is not None


def _column(field: Field) -> pa.Field:
    kind = pa.float64() if has_sent(field) else field.arrow_type
    said = {"title": field.title, "path": ".".join(field.path)}
    if field.unit:
        said["unit"] = field.unit
    if pa.types.is_list(kind):
        # The name that Delta Lake gives to what is in a list.
        kind = pa.list_(pa.field("element", kind.value_type))
    return pa.field(field.name, kind, metadata={k: v for k, v in said.items() if v})


def layout_of(key: str, catalogue: Catalogue) -> Layout:
    """How rows of *key* are kept: a resource, with ``@run`` for that granularity.

    Raises:
        UnknownResourceError: There is no such resource.
        UsageError: Its rows cannot be kept; the message says why.

    Example:
        >>> from omskit.schema import bundled
        >>> layout_of("l1triggerrates@run", bundled()).block
        'run_block'
    """
    name, _, granularity = key.partition("@")
    resource = catalogue[name]
    if granularity and granularity not in resource.granularities:
        can = " or ".join(resource.granularities) or "none"
        message = f"{name!r} has no granularity {granularity!r}; it has: {can}."
        raise UsageError(message)
    if granularity in resource.granularities[:1]:
        key = name
    column, hidden = _key_of(resource)
    if not column and not resource.identity:
        message = (
            f"{name!r} cannot be stored: nothing tells its rows apart, so nobody could "
            "say that they are all there."
        )
        raise UsageError(message)
    return Layout(key, resource, column, hidden)


def _key_of(resource: Resource) -> tuple[KeyName, bool]:
    if "run_number" in resource.identity:
        return "run_number", False
    if "fill_number" in resource.identity:
        return "fill_number", False
    if any(f.name == "run_number" for f in resource.filters):
        return "run_number", True
    return "", False


def folder_of(key: str) -> str:
    """The name of a table's folder.

    Example:
        >>> folder_of("l1algorithmtriggers/ratemon")
        'l1algorithmtriggers--ratemon'
    """
    return key.replace("/", "--")


def key_of_folder(folder: str) -> str:
    """The key whose rows are in a folder."""
    return folder.replace("--", "/")
