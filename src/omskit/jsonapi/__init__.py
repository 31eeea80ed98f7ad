"""JSON:API pages, in both directions: bytes -> Arrow and Arrow -> bytes."""

from omskit.jsonapi.decode import decode
from omskit.jsonapi.encode import document, encode_page
from omskit.jsonapi.error_document import error_detail, error_title
from omskit.jsonapi.rows import Rows
from omskit.jsonapi.shape import ID, MIXED

__all__ = [
    "ID",
    "MIXED",
    "Rows",
    "decode",
    "document",
    "encode_page",
    "error_detail",
    "error_title",
]
