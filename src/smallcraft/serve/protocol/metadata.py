"""What a server says about itself and its models: metadata, liveness and readiness.

Source: open-inference-protocol, "Server Metadata" to "Model Ready"; `properties` of a model, all of them
texts, as the protocol's later drafts have them.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from smallcraft.serve.protocol.interface import FEATURES, ModelInterface, TensorSpec
from smallcraft.serve.protocol.messages import Message, json_message

EXTENSIONS = ("binary_tensor_data", "classification")
PLATFORM = "smallcraft_bundle"


def server_metadata(version: str) -> Message:
    """Name, version and extensions of the server."""
    return json_message({"name": "smallcraft", "version": version, "extensions": EXTENSIONS})


def model_metadata(
    interface: ModelInterface, *, versions: Sequence[str], heads: Sequence[str] = ()
) -> Message:
    """A model's tensors, and in `properties` what the protocol has no field for.

    Args:
        interface: Of the model.
        versions: Which may be asked for by path now.
        heads: Which `parameters.head` may name.
    """
    facts = interface.facts
    properties = {
        "release": facts.label,
        "digest": facts.digest,
        "task": facts.task,
        "classes": _listed(facts.classes),
        "columns": _listed(facts.spec.names),
    }
    if interface.width:
        properties["order"] = (
            f"'{FEATURES}' holds the columns in this order; each may come as a tensor of its own instead"
        )
    if heads:
        properties["heads"] = _listed(heads)
    return json_message(
        {
            "name": facts.name,
            "versions": list(versions),
            "platform": PLATFORM,
            "inputs": [_tensor(spec) for spec in interface.inputs],
            "outputs": [_tensor(spec) for spec in interface.outputs.values()],
            "properties": properties,
        }
    )


def server_live() -> Message:
    """The server reads requests."""
    return json_message({"live": True})


def server_ready(*, why_not: str = "") -> Message:
    """Whether every model answers.

    Args:
        why_not: What is missing; empty when nothing is.
    """
    return _ready({"live": True}, why_not)


def model_ready(name: str, *, why_not: str = "") -> Message:
    """Whether a model answers.

    Args:
        name: The model's.
        why_not: What is missing; empty when nothing is.
    """
    return _ready({"name": name}, why_not)


def _ready(content: dict[str, object], why_not: str) -> Message:
    if not why_not:
        return json_message(content | {"ready": True})
    return json_message(content | {"ready": False, "error": why_not}, status=503)


def _tensor(spec: TensorSpec) -> dict[str, object]:
    return {"name": spec.name, "datatype": spec.datatype, "shape": list(spec.shape)}


def _listed(names: Sequence[str]) -> str:
    return orjson.dumps(list(names)).decode()
