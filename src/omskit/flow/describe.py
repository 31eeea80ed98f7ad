"""What a resource is: from the catalogue, or as the service describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from omskit.errors import StatusError, UnknownResourceError
from omskit.jsonapi.depth import is_deep
from omskit.jsonapi.twice import refuse_twice
from omskit.schema import Resource, merge_meta

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omskit.effects import Flow
    from omskit.flow.context import Context
    from omskit.flow.source import Source


def describe(name: str, context: Context) -> Flow[Resource]:
    """The resource of that name: from the catalogue, or as the service describes it.

    Raises:
        UnknownResourceError: Neither knows it.
    """
    resource = context.known(name)
    if resource is None:
        resource = context.learnt[name] = yield from learn(name, context)
    return resource


def learn(name: str, context: Context) -> Flow[Resource]:
    """A resource as the service describes it, beside what the catalogue says.

    Raises:
        UnknownResourceError: Neither knows it.
    """
    in_catalogue = name in context.catalogue
    try:
        fields = yield from _meta_fields(name, context.source)
    except StatusError as error:
        if in_catalogue or error.status not in {400, 404}:
            raise
        raise UnknownResourceError(
            context.catalogue.unknown(name),
            request=error.request,
            status=error.status,
            attempts=error.attempts,
        ) from error
    resource = context.catalogue[name] if in_catalogue else Resource(name, ())
    return merge_meta(resource, fields)


def _meta_fields(name: str, source: Source) -> Flow[Mapping[str, Any]]:
    """``meta.fields`` of a resource; empty where the service says nothing usable.

    Raises:
        DecodeError: It says something twice: which units a field has, for one.
    """
    base = quote(name.split("/", maxsplit=1)[0], safe="")
    body = yield from source.document(f"{base}/meta")
    if is_deep(body):
        return {}
    try:
        document = msgspec.json.decode(body)
        fields = document["meta"]["fields"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return {}
    refuse_twice(body, document)
    return fields if isinstance(fields, dict) else {}
