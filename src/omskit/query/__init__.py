"""Queries as values, their operators, their plans and their URLs."""

from omskit.query.bind import bind
from omskit.query.model import Condition, MaskLike, Query, Selection, field
from omskit.query.operators import OPERATORS, WIRE, Operator

__all__ = [
    "OPERATORS",
    "WIRE",
    "Condition",
    "MaskLike",
    "Operator",
    "Query",
    "Selection",
    "bind",
    "field",
]
