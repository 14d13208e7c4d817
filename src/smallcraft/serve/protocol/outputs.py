"""What a model said, as the values of its output tensors.

Always: texts as a list of strings, anything else as an array in row-major order; an abstention's label is the
empty text, and `abstained` tells it from a class of that name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from smallcraft.serve.protocol.interface import ModelInterface
from smallcraft.serve.questions import Reply

Values = list[str] | NDArray[Any]


def output_values(name: str, reply: Reply, interface: ModelInterface) -> Values:
    """The values of one output, `n` rows one after the other.

    Args:
        name: One of `interface.outputs`.
        reply: What the model said.
        interface: Of the model that said it.
    """
    return _OUTPUTS[name](reply, interface)


def top_classes(reply: Reply, interface: ModelInterface, top: int) -> list[str]:
    """Each row's most probable classes as `probability:place:class`, the most probable first.

    Returns:
        `n * top` strings.

    Source: Triton's `extension_classification`.
    """
    order = np.argsort(-reply.probs, axis=1, kind="stable")[:, :top]
    chosen = np.take_along_axis(reply.probs, order, axis=1)
    names = interface.facts.classes
    return [
        f"{probability!r}:{code}:{names[code]}"
        for probability, code in zip(chosen.ravel().tolist(), order.ravel().tolist(), strict=True)
    ]


def _label(reply: Reply, interface: ModelInterface) -> Values:  # noqa: ARG001 - one shape for all outputs
    return [str(label) if label is not None else "" for label in reply.decisions.labels]


def _labels(reply: Reply, interface: ModelInterface) -> Values:  # noqa: ARG001 - one shape for all outputs
    return [orjson.dumps(label or ()).decode() for label in reply.decisions.labels]


def _tags(reply: Reply, interface: ModelInterface) -> Values:
    tags = np.zeros(reply.probs.shape, dtype=np.bool_)
    for row, labels in enumerate(reply.decisions.labels):
        if isinstance(labels, tuple):
            tags[row, [interface.codes[label] for label in labels]] = True
    return tags.reshape(-1)


def _set(reply: Reply, interface: ModelInterface) -> Values:  # noqa: ARG001 - one shape for all outputs
    sets = reply.decisions.sets
    assert sets is not None, "the model's facts say that it has sets"
    return [orjson.dumps(labels).decode() for labels in sets]


def _value(reply: Reply, interface: ModelInterface) -> Values:  # noqa: ARG001 - one shape for all outputs
    return np.array(reply.decisions.labels, dtype=np.float64)


def _probabilities(reply: Reply, interface: ModelInterface) -> Values:  # noqa: ARG001 - one shape for all outputs
    return np.ascontiguousarray(reply.probs).reshape(-1)


def _of_decisions(name: str) -> Callable[[Reply, ModelInterface], Values]:
    def read(reply: Reply, interface: ModelInterface) -> Values:  # noqa: ARG001 - one shape for all outputs
        values: NDArray[Any] | None = getattr(reply.decisions, name)
        assert values is not None, f"the model's facts say that it has {name}"
        return np.ascontiguousarray(values)

    return read


def _escalated(reply: Reply, interface: ModelInterface) -> Values:  # noqa: ARG001 - one shape for all outputs
    return np.ascontiguousarray(reply.escalated)


_OUTPUTS: Mapping[str, Callable[[Reply, ModelInterface], Values]] = {
    "label": _label,
    "labels": _labels,
    "tags": _tags,
    "set": _set,
    "confidence": _of_decisions("confidence"),
    "probabilities": _probabilities,
    "value": _value,
    "low": _of_decisions("low"),
    "high": _of_decisions("high"),
    "abstained": _of_decisions("abstained"),
    "escalated": _escalated,
}
