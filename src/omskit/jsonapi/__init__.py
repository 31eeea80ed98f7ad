"""JSON:API pages, in both directions: bytes -> Arrow and Arrow -> bytes."""

from omskit.jsonapi.careful import error_detail
from omskit.jsonapi.decode import decode
from omskit.jsonapi.rows import Rows
from omskit.jsonapi.shape import ID, UNIT_SUFFIX

__all__ = ["ID", "UNIT_SUFFIX", "Rows", "decode", "error_detail"]
