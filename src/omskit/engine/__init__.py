"""Queries answered from Arrow tables, by DuckDB, in this process."""

from omskit.engine.engine import Engine, Result

__all__ = ["Engine", "Result"]
