"""JSON:API pages, in both directions: bytes -> Arrow and Arrow -> bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omskit._homes import late

if TYPE_CHECKING:
    from omskit.jsonapi.decoding import decode
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

__getattr__ = late(
    __name__,
    {
        "decode": "omskit.jsonapi.decoding",
        "document": "omskit.jsonapi.encode",
        "encode_page": "omskit.jsonapi.encode",
        "error_detail": "omskit.jsonapi.error_document",
        "error_title": "omskit.jsonapi.error_document",
        "ID": "omskit.jsonapi.shape",
        "MIXED": "omskit.jsonapi.shape",
        "Rows": "omskit.jsonapi.rows",
    },
)
