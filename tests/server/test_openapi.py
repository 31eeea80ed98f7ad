"""The OpenAPI document of the service."""

import json

from omskit.effects import Request
from omskit.query.url import parse_parameters
from omskit.server import respond
from omskit.server.openapi import openapi


def test_it_is_served(service):
    """The document is answered like everything else, and says where the service is."""
    url = f"{service.base_url}/openapi.json"
    answer = respond(Request("GET", url), service)
    document = json.loads(answer.body)
    assert (answer.status, document) == (200, openapi(service))
    assert document["servers"] == [{"url": service.base_url}]


def test_every_resource_that_is_held(service):
    """A page, one row and the meta document of each resource, and no other."""
    paths = openapi(service)["paths"]
    held = [n for n in service.engine.catalogue if service.engine.holds(n)]
    assert set(paths) == {f"/{n}{t}" for n in held for t in ("", "/meta", "/{id}")}
    assert "group[granularity]" in names(paths["/l1triggerrates"])
    assert "group[granularity]" not in names(paths["/runs"])


def names(path):
    """The parameters of a path."""
    return {parameter["name"] for parameter in path["get"]["parameters"]}


def test_every_filter_can_be_asked(service):
    """What the document offers, the service understands."""
    samples = {"integer": "5", "number": "5.5", "boolean": "true", "string": "x"}
    for path, operation in openapi(service)["paths"].items():
        if path.count("/") > 1:
            continue
        resource = service.engine.resource(path[1:])
        for parameter in operation["get"]["parameters"]:
            schema = parameter["schema"]
            schema = schema.get("anyOf", [schema])[0]  # The other is null.
            name, value = parameter["name"], samples.get(schema["type"])
            if schema.get("format") == "date-time":
                value = "2017-06-16T20:50:33Z"
            if schema["type"] == "array":
                value = ",".join(schema["items"]["enum"])
            if "enum" in schema:
                value = schema["enum"][0]
            parse_parameters(f"{name}={value}", resource)


def test_references_lead_somewhere(service):
    """Every schema that is referred to is there."""
    text = json.dumps(openapi(service))
    schemas = openapi(service)["components"]["schemas"]
    for piece in text.split('"#/components/schemas/')[1:]:
        assert piece.partition('"')[0] in schemas
