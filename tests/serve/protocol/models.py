"""Interfaces of one model a task, and what such models say, decided by the bundle's own deciders."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.decoders.abstain import Abstain
from smallcraft.bundle.decoders.conformal import Conformal
from smallcraft.bundle.decoders.decider import Decider
from smallcraft.bundle.decoders.thresholds import Thresholds
from smallcraft.bundle.decoders.value import Value
from smallcraft.bundle.inputs import InputSpec
from smallcraft.errors import InvalidInputError
from smallcraft.records import Task
from smallcraft.serve.protocol.interface import ModelInterface, interface_of
from smallcraft.serve.protocol.opening import Opened, open_infer, open_predict
from smallcraft.serve.protocol.reading import read_question
from smallcraft.serve.questions import ModelFacts, Question, Reply

CLASSES = ("cancel", "card: lost", "größe")


def interface(
    spec: InputSpec, *, task: Task = "multiclass", classes: Sequence[str] = CLASSES, **facts: bool
) -> ModelInterface:
    return interface_of(
        ModelFacts("helpdesk", "3", "sha256:00", task, spec, tuple(classes), has_stages=False, **facts)
    )


TEXT = interface(InputSpec("message", (), ()))
NUMBERS = interface(InputSpec(None, ("age", "hours", "gain"), ()))
MIXED = interface(InputSpec("message", ("age",), ("job", "is_new")))
TAGS = interface(InputSpec("message", (), ()), task="multilabel")
PRICES = interface(InputSpec(None, ("age",), ()), task="regression", classes=["price"], has_intervals=True)
SETS = interface(InputSpec("message", (), ()), has_sets=True)

PROBS = np.array([[0.1, 0.7, 0.2], [0.4, 0.35, 0.25]])


def said(decider: Decider, probs: NDArray[np.float64] = PROBS, classes: Sequence[str] = CLASSES) -> Reply:
    """What a model says, the last row escalated."""
    escalated = np.arange(len(probs)) == len(probs) - 1
    return Reply(probs, decider.decide(probs, classes), escalated)


# The second row is too unsure.
LABELS = said(Abstain(0.5))
LABELLED_SETS = said(Conformal("lac", (0.65,), 0.9))
TAGGED = said(Thresholds((0.5, 0.35, 0.2)))
PRICED = said(Value(2.0, 0.9), np.array([[10.0], [20.5]]), ["price"])
SAID: Mapping[str, tuple[ModelInterface, Reply]] = {
    "multiclass": (TEXT, LABELS),
    "sets": (SETS, LABELLED_SETS),
    "multilabel": (TAGS, TAGGED),
    "regression": (PRICES, PRICED),
}


def tensor(
    name: str, values: Sequence[Any], datatype: str = "BYTES", shape: Sequence[int] | None = None
) -> Any:
    return {"name": name, "shape": list(shape or [len(values)]), "datatype": datatype, "data": list(values)}


def opened(*tensors: Any, **fields: Any) -> Opened:
    return open_infer(json.dumps({"inputs": list(tensors), **fields}).encode())


def asked(model: ModelInterface, *tensors: Any, **fields: Any) -> Question:
    return read_question(opened(*tensors, **fields), model)


def raw_asked(model: ModelInterface, name: str, datatype: str, shape: Sequence[int], raw: bytes) -> Question:
    """A question whose one tensor comes behind the JSON."""
    entry = {"name": name, "shape": shape, "datatype": datatype, "parameters": {"binary_data_size": len(raw)}}
    head = json.dumps({"inputs": [entry]}).encode()
    return read_question(open_infer(head + raw, json_length=b"%d" % len(head)), model)


def assert_clear(refusal: InvalidInputError) -> None:
    """Wanted, got, next step; and no longer than people read, whatever was sent."""
    assert re.search(r".+; .+", str(refusal), re.DOTALL)
    assert len(str(refusal)) < 1500


def predicted(model: ModelInterface, content: Any) -> Question:
    return read_question(open_predict(json.dumps(content).encode()), model)
