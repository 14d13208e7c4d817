"""The OpenAPI document of a running server, from what its models read and answer.

Leaves to others: what the messages look like (`schemas`).
Not covered: raw tensors, which OpenAPI cannot describe; the document names them in words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from smallcraft.serve.protocol.interface import ModelInterface
from smallcraft.serve.protocol.plain import TEXT
from smallcraft.serve.protocol.schemas import COMPONENTS, list_of, refer

_VERSION = "3.1.0"
_KIND_SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "text": {"type": "string"},
    "number": {"type": ["number", "boolean", "null"]},
    "category": {"type": ["string", "number", "boolean", "null"]},
}
_REFUSALS: Mapping[str, str] = {
    "400": "What was sent does not fit; the error says what to change.",
    "404": "No such model or version.",
    "413": "The body is too large.",
    "503": "Too much to do; Retry-After says when to come back.",
}
_MODEL_PATHS = ("/v2/models/{model}", "/v2/models/{model}/versions/{version}")


def describe_server(interfaces: Sequence[ModelInterface], *, version: str) -> dict[str, Any]:
    """The document that `GET /openapi.json` answers with.

    Args:
        interfaces: Of every model that is served; the first one's is what `/predict` alone asks.
        version: Of smallcraft.

    Returns:
        Plain values, OpenAPI 3.1.
    """
    paths: dict[str, Any] = {
        "/v2": _get("Server metadata", "server_metadata", "server"),
        "/v2/health/live": _get("Whether the server reads requests", "server_live", "live"),
        "/v2/health/ready": _get("Whether every model answers", "server_ready", "ready"),
        "/metrics": {"get": _operation("Counters for Prometheus", "metrics", {"200": _text("Counters.")})},
    }
    for path, suffix in zip(_MODEL_PATHS, ("", "_version"), strict=True):
        names = _path_parameters(path)
        paths[path] = _get("Model metadata", f"model_metadata{suffix}", "model") | names
        paths[f"{path}/ready"] = _get("Whether a model answers", f"model_ready{suffix}", "ready") | names
        paths[f"{path}/infer"] = (
            _post(
                "Ask with tensors, as JSON or as raw bytes behind it",
                f"infer{suffix}",
                refer("infer_request"),
                "infer_reply",
            )
            | names
        )
    paths |= _predict_paths(interfaces)
    rows = {f"rows_{interface.facts.name}": _rows_schema(interface) for interface in interfaces}
    return {
        "openapi": _VERSION,
        "info": {
            "title": "smallcraft",
            "version": version,
            "description": "Open Inference Protocol v2 and a plain face.",
        },
        "paths": paths,
        "components": {"schemas": {**COMPONENTS, **rows}},
    }


def _rows_schema(interface: ModelInterface) -> dict[str, Any]:
    """What `/predict` takes for a model: its columns by name, alone or as a list of rows."""
    properties = {name: _KIND_SCHEMAS[kind] for name, kind in interface.kinds.items()}
    text = interface.facts.spec.text
    row: dict[str, Any] = {"type": "object", "properties": properties, "required": list(properties)}
    if text is not None and TEXT not in properties:
        row["properties"] = {**properties, TEXT: _KIND_SCHEMAS["text"]}
        row["required"] = [name for name in properties if name != text]
        row["anyOf"] = [{"required": [text]}, {"required": [TEXT]}]
    is_only_text = text is not None and len(properties) == 1
    item = {"anyOf": [row, {"type": "string"}]} if is_only_text else row
    with_parameters = {**row, "properties": {**row["properties"], "parameters": refer("parameters")}}
    rows = {
        "type": "object",
        "properties": {"rows": {**list_of(item), "minItems": 1}, "parameters": refer("parameters")},
        "required": ["rows"],
    }
    return {"anyOf": [with_parameters, rows]}


def _predict_paths(interfaces: Sequence[ModelInterface]) -> dict[str, Any]:
    names = list(dict.fromkeys(interface.facts.name for interface in interfaces))
    refs = [refer(f"rows_{name}") for name in names]
    paths = {}
    for path, suffix, wanted in (
        ("/predict", "", refs[:1]),
        ("/predict/{model}", "_model", refs),
        ("/predict/{model}/versions/{version}", "_version", refs),
    ):
        body = wanted[0] if len(wanted) == 1 else {"anyOf": wanted} if wanted else {"type": "object"}
        paths[path] = _post("Ask plainly", f"predict{suffix}", body, "predict_reply") | _path_parameters(path)
    return paths


def _path_parameters(path: str) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in ("model", "version")
        if f"{{{name}}}" in path
    ]
    return {"parameters": parameters} if parameters else {}


def _get(summary: str, operation: str, reply: str) -> dict[str, Any]:
    return {"get": _operation(summary, operation, {"200": _json("As asked.", reply)})}


def _post(summary: str, operation: str, body: Mapping[str, Any], reply: str) -> dict[str, Any]:
    refusals = {status: _json(reason, "error") for status, reason in _REFUSALS.items()}
    told = _operation(summary, operation, {"200": _json("The answer.", reply)} | refusals)
    told["requestBody"] = {"required": True, "content": {"application/json": {"schema": dict(body)}}}
    told["parameters"] = [
        {
            "name": "x-key",
            "in": "header",
            "required": False,
            "description": "Who asks; one key always meets the same arm of a rollout.",
            "schema": {"type": "string"},
        }
    ]
    return {"post": told}


def _operation(summary: str, operation: str, responses: Mapping[str, Any]) -> dict[str, Any]:
    return {"summary": summary, "operationId": operation, "responses": dict(responses)}


def _json(description: str, schema: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": refer(schema)}}}


def _text(description: str) -> dict[str, Any]:
    return {"description": description, "content": {"text/plain": {"schema": {"type": "string"}}}}
