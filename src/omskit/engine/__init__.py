"""Queries answered by DuckDB, in this process, wherever the rows are."""

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
