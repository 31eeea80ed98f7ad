"""Queries answered from Arrow tables, by DuckDB, in this process."""

from omskit.engine.clock import Clock, ClockEngine, engine_at
from omskit.engine.engine import Engine, Result
from omskit.engine.stopping import Stop

__all__ = ["Clock", "ClockEngine", "Engine", "Result", "Stop", "engine_at"]
