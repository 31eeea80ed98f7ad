"""The options of the commands around stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from omskit.store import Store

StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="PATH",
        help="The folder of the store; else OMSKIT_STORE, or the configuration file.",
        show_default=False,
    ),
]
StoreArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="PATH",
        help="The folder of the store; else OMSKIT_STORE, or the configuration file.",
        show_default=False,
    ),
]


def store_at(path: str | None) -> Store:
    """The store that is meant.

    Raises:
        ConfigError: None is named.
    """
    from omskit.config import find_store
    from omskit.store import Store

    return Store(find_store(path))
