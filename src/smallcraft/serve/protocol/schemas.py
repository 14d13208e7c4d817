"""JSON Schemas of what goes in and out, for the OpenAPI document and `docs/schemas`.

Always: each describes every message of its kind, for any model; tests hold real messages against them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smallcraft.records import Task
from smallcraft.serve.protocol.datatypes import DATATYPES
from smallcraft.serve.questions import ARMS

Schema = Mapping[str, Any]

_STRING: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "number"}
_TRUTH: Schema = {"type": "boolean"}
_SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
_HOME = "#/components/schemas/"


def list_of(items: Schema) -> Schema:
    """A list whose items are all of one schema."""
    return {"type": "array", "items": items}


def closed(properties: Mapping[str, Schema], *, optional: tuple[str, ...] = ()) -> Schema:
    """An object with these properties and no others."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def _open(properties: Mapping[str, Schema], *required: str) -> Schema:
    """An object with these properties, and room for others."""
    return {"type": "object", "properties": dict(properties), "required": list(required)}


def refer(name: str) -> Schema:
    """A reference to one of `COMPONENTS`, as an OpenAPI document writes it."""
    return {"$ref": f"{_HOME}{name}"}


def standalone(name: str) -> dict[str, Any]:
    """One of `COMPONENTS` as a JSON Schema of its own, with those it refers to.

    >>> list(standalone("predict_row")["$defs"])
    ['alternative', 'row_multiclass', 'row_multilabel', 'row_regression']
    """
    found: dict[str, Any] = {}
    waiting = [name]
    while waiting:
        each = waiting.pop()
        if each not in found:
            found[each] = _moved(COMPONENTS[each], waiting)
    return {"title": name, **found.pop(name), "$defs": dict(sorted(found.items()))}


def _moved(value: Any, names: list[str]) -> Any:  # noqa: ANN401 - JSON
    """A schema whose references stay inside its own document; `names` gets what it refers to."""
    if isinstance(value, Mapping):
        reference = value.get("$ref")
        if isinstance(reference, str):
            names.append(reference.removeprefix(_HOME))
            return {"$ref": f"#/$defs/{names[-1]}"}
        return {key: _moved(inner, names) for key, inner in value.items()}
    return [_moved(inner, names) for inner in value] if isinstance(value, list) else value


_FLAGS: Mapping[str, Schema] = {
    "abstained": {"type": "boolean", "description": "Whether the model is too unsure to answer."},
    "escalated": {"type": "boolean", "description": "Whether further stages of the model were asked."},
}
_RELEASE: Mapping[str, Schema] = {
    "release": {"type": "string", "description": "Which release answered, such as helpdesk@3."},
    "arm": {"type": "string", "enum": list(ARMS)},
}
_SURE: Mapping[str, Schema] = {
    "confidence": {**_SHARE, "description": "How probable the answer is."},
    "set": {**list_of(_STRING), "description": "Labels that hold the true one with the promised coverage."},
    "alternatives": {
        **list_of(refer("alternative")),
        "description": "The most probable labels beside the answer.",
    },
}
_LABEL: Schema = {"type": ["string", "null"], "description": "null when it abstained."}
_ANSWERS: Mapping[Task, Mapping[str, Schema]] = {
    "multiclass": {"label": _LABEL, **_SURE, **_FLAGS},
    "multilabel": {"labels": list_of(_STRING), **_SURE, **_FLAGS},
    "regression": {"value": _NUMBER, "low": _NUMBER, "high": _NUMBER, **_FLAGS},
}
_OPTIONAL = ("set", "low", "high")
_PREDICTIONS: Mapping[str, Schema] = {
    "alternative": closed({"label": _STRING, "probability": _SHARE}),
    **{f"row_{task}": closed(answer, optional=_OPTIONAL) for task, answer in _ANSWERS.items()},
    **{
        f"reply_{task}": closed({**answer, **_RELEASE}, optional=_OPTIONAL)
        for task, answer in _ANSWERS.items()
    },
    "predict_row": {"anyOf": [refer(f"row_{task}") for task in _ANSWERS]},
    "reply_rows": closed({"rows": list_of(refer("predict_row")), **_RELEASE}),
    "predict_reply": {"anyOf": [refer(f"reply_{form}") for form in (*_ANSWERS, "rows")]},
}
_TENSOR: Mapping[str, Schema] = {
    "name": _STRING,
    "datatype": {"type": "string", "enum": list(DATATYPES)},
    "shape": list_of({"type": "integer"}),
}
_TENSORS: Mapping[str, Schema] = {
    "tensor_spec": _open(_TENSOR, *_TENSOR),
    "tensor": _open(
        {**_TENSOR, "parameters": refer("tensor_parameters"), "data": refer("tensor_data")}, *_TENSOR
    ),
    "tensor_parameters": _open(
        {"binary_data_size": {"type": "integer", "minimum": 0, "description": "Raw bytes behind the JSON."}}
    ),
    "tensor_data": {
        **list_of({"anyOf": [_NUMBER, _STRING, _TRUTH, {"type": "null"}, list_of({})]}),
        "description": "Elements in row-major order, flat or one list a row; null where one is not known.",
    },
}
_MODEL: Schema = _open(
    {
        "name": _STRING,
        "versions": list_of(_STRING),
        "platform": _STRING,
        "inputs": list_of(refer("tensor_spec")),
        "outputs": list_of(refer("tensor_spec")),
        "properties": {"type": "object", "additionalProperties": _STRING},
    },
    "name",
    "platform",
)
_INFERENCE: Mapping[str, Schema] = {
    "parameters": _open(
        {
            "key": {
                "anyOf": [_STRING, {"type": "integer"}],
                "description": "Who asks; one key always meets the same arm.",
            },
            "head": {"type": "string", "description": "Which head of a shared encoder answers."},
            "binary_data_output": _TRUTH,
        }
    ),
    "wanted_output": _open({"name": _STRING, "parameters": refer("wanted_parameters")}, "name"),
    "wanted_parameters": _open({"binary_data": _TRUTH, "classification": {"type": "integer", "minimum": 0}}),
    "infer_request": _open(
        {
            "id": _STRING,
            "parameters": refer("parameters"),
            "inputs": {**list_of(refer("tensor")), "minItems": 1},
            "outputs": list_of(refer("wanted_output")),
        },
        "inputs",
    ),
    "infer_reply": _open(
        {
            "model_name": _STRING,
            "model_version": _STRING,
            "id": _STRING,
            "parameters": refer("reply_parameters"),
            "outputs": list_of(refer("tensor")),
        },
        "model_name",
        "outputs",
    ),
    "reply_parameters": _open(_RELEASE, *_RELEASE),
}
COMPONENTS: Mapping[str, Schema] = {
    "error": _open({"error": {"type": "string", "description": "Wanted, got, and the next step."}}, "error"),
    "server": _open({"name": _STRING, "version": _STRING, "extensions": list_of(_STRING)}, "name", "version"),
    "live": _open({"live": _TRUTH}, "live"),
    "ready": _open({"live": _TRUTH, "name": _STRING, "ready": _TRUTH, "error": _STRING}, "ready"),
    "model": _MODEL,
    **_TENSORS,
    **_INFERENCE,
    **_PREDICTIONS,
}
