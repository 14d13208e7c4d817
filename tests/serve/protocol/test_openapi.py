"""The OpenAPI document."""

from __future__ import annotations

import json
import re

import pytest
from jsonschema import Draft202012Validator
from tests.serve.protocol.models import MIXED, NUMBERS, PRICES, TEXT, predicted

from smallcraft.errors import InvalidInputError
from smallcraft.serve.protocol.openapi import describe_server
from smallcraft.serve.protocol.routes import Route, find_route

DOCUMENT = describe_server([TEXT], version="1.2.3")


def walk(value):
    yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from walk(inner)


def test_the_document_is_json_and_every_reference_leads_somewhere():
    assert json.loads(json.dumps(DOCUMENT)) == DOCUMENT
    references = {value["$ref"] for value in walk(DOCUMENT) if isinstance(value, dict) and "$ref" in value}
    assert references
    known = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}
    assert references <= known


def test_every_path_of_the_document_is_answered():
    for path, operations in DOCUMENT["paths"].items():
        named = re.sub(r"\{(\w+)\}", "a", path)
        for method in operations.keys() & {"get", "post"}:
            assert isinstance(find_route(method.upper(), named), Route), path
        asked = {parameter["name"] for parameter in operations.get("parameters", ())}
        assert asked == set(re.findall(r"\{(\w+)\}", path))


def test_operations_have_names_of_their_own():
    names = [v["operationId"] for v in walk(DOCUMENT) if isinstance(v, dict) and "operationId" in v]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("models", [[], [TEXT], [TEXT, NUMBERS]])
def test_any_number_of_models_can_be_described(models):
    document = describe_server(models, version="1")
    assert {f"rows_{model.facts.name}" for model in models} <= set(document["components"]["schemas"])
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


ROW = {"message": "a", "age": 31, "job": None, "is_new": True}


@pytest.mark.parametrize(
    ("model", "content"),
    [
        *((TEXT, content) for content in ({"text": "a"}, {"message": "a"}, {"rows": ["a", {"text": "a"}]})),
        *((TEXT, content) for content in ({}, {"text": 1}, {"rows": [1]}, {"rows": []}, {"mesage": "a"})),
        *((MIXED, content) for content in (ROW, {"rows": [ROW]}, {"message": "a"}, ROW | {"age": "31"})),
        *((PRICES, content) for content in ({"age": 1.5}, {"age": None}, {"age": "a"}, {"rows": ["a"]})),
        (TEXT, {"text": "a", "parameters": {"key": "k"}}),
        (TEXT, {"text": "a", "parameters": {"key": 1.5}}),
    ],
)
def test_what_the_document_allows_is_what_the_server_reads(model, content):
    try:
        predicted(model, content)
        is_read = True
    except InvalidInputError:
        is_read = False
    whole = {"$ref": "#/components/schemas/rows_helpdesk", **describe_server([model], version="1")}
    assert Draft202012Validator(whole).is_valid(content) == is_read
