"""Queries answered by DuckDB, in this process, wherever the rows are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omskit._homes import late

if TYPE_CHECKING:
    from omskit.engine.clock import AsOfRelations, Clock, engine_at
    from omskit.engine.execute import Engine, Result
    from omskit.engine.memory import MemoryRelations
    from omskit.engine.relations import Relation, Relations
    from omskit.engine.stopping import Stop

__all__ = [
    "AsOfRelations",
    "Clock",
    "Engine",
    "MemoryRelations",
    "Relation",
    "Relations",
    "Result",
    "Stop",
    "engine_at",
]

__getattr__ = late(
    __name__,
    {
        "engine_at": "omskit.engine.clock",
        "AsOfRelations": "omskit.engine.clock",
        "Clock": "omskit.engine.clock",
        "Engine": "omskit.engine.execute",
        "MemoryRelations": "omskit.engine.memory",
        "Relation": "omskit.engine.relations",
        "Relations": "omskit.engine.relations",
        "Result": "omskit.engine.execute",
        "Stop": "omskit.engine.stopping",
    },
)
