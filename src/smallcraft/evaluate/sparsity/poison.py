"""Answers with every expert poisoned that a row was not routed to: not a bit may change.

Poison is NaN in every floating point weight and the largest number in every 8-bit one, in the graphs and in
the head's columns. Anything computed from it is NaN, unless it is thrown away.
Leaves to others: time that is spent without a trace in the answer (`operators.py`).
Always: the router and the trunk stay as they are; poison in the taken expert is tried too, and must show.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.blocks.experts import ExpertsBlock
from smallcraft.bundle.heads.head import Head
from smallcraft.bundle.heads.linear import BlockWeights, LinearHead
from smallcraft.bundle.inputs import Inputs
from smallcraft.bundle.runtimes.runtime import Session
from smallcraft.bundle.stage import Stage

_INT8_POISON = 127
_FLOATS, _BYTES = {1, 10, 11, 16}, {2, 3}  # onnx.proto: float, float16, double, bfloat16; uint8, int8


@dataclass(frozen=True)
class Poisoning:
    """What poison changed.

    Attributes:
        rows: Rows asked.
        changed: Rows whose logits differ in any bit when all other experts are poisoned.
        spoilt: Rows whose logits are no numbers when their own expert is poisoned: all, or poison is weak.
    """

    rows: int
    changed: int
    spoilt: int


def poison_experts(stage: Stage, inputs: Inputs) -> Poisoning:
    """Ask a stage about rows, each with all experts poisoned but its own, then with its own poisoned.

    Args:
        stage: One block, an `ExpertsBlock`, under a linear head.
        inputs: The rows.
    """
    (block,) = stage.blocks
    assert isinstance(block, ExpertsBlock)
    taken, before = block.route(inputs), stage.logits(inputs)
    poisoned = {number: _poisoned_expert(block, number) for number in range(block.n_experts)}
    changed = spoilt = 0
    for number in np.unique(taken).tolist():
        rows = np.flatnonzero(taken == number)
        others = set(poisoned) - {number}
        after = _with_poison(stage, block, poisoned, others).logits(inputs.take(rows))
        changed += int((after.view(np.int64) != before[rows].view(np.int64)).any(axis=1).sum())
        own = _with_poison(stage, block, poisoned, {number}).logits(inputs.take(rows))
        spoilt += int(np.isnan(own).all(axis=1).sum())
    return Poisoning(inputs.n, changed, spoilt)


def _with_poison(
    stage: Stage, block: ExpertsBlock, poisoned: Mapping[int, Session], numbers: set[int]
) -> Stage:
    sound = {number: block.expert(number) for number in poisoned if number not in numbers}
    opened = {**sound, **{number: poisoned[number] for number in numbers}}
    return replace(
        stage, blocks=(replace(block, opened=opened),), head=_poisoned_head(stage.head, block, numbers)
    )


def _poisoned_expert(block: ExpertsBlock, number: int) -> Session:
    import onnx

    from smallcraft.bundle.runtimes.onnxruntime import open_session

    graph = block.spec["experts"][number]
    model = onnx.load_model_from_string(block.files.read(graph["model"]))
    for tensor in model.graph.initializer:
        if _is_weight(tensor):
            _poison_tensor(tensor)
        elif tensor.external_data:
            _bring_in(tensor, {path: block.files.read(path) for path in graph["weights"]})
    session: Session = open_session(model.SerializeToString(), {})
    return session


def _is_weight(tensor: Any) -> bool:  # noqa: ANN401 - onnx carries no types
    """Zero points are 8-bit too, but flat, and the engine wants them as they are."""
    return tensor.data_type in _FLOATS or (tensor.data_type in _BYTES and len(tensor.dims) > 1)


def _poison_tensor(tensor: Any) -> None:  # noqa: ANN401
    from onnx import helper, numpy_helper

    kind = np.dtype(helper.tensor_dtype_to_np_dtype(tensor.data_type))
    value = np.nan if tensor.data_type in _FLOATS else _INT8_POISON
    spoilt = np.full(tuple(tensor.dims), value, dtype=kind)
    tensor.CopyFrom(numpy_helper.from_array(spoilt, tensor.name))


def _bring_in(tensor: Any, weights: Mapping[str, bytes]) -> None:  # noqa: ANN401
    from onnx import TensorProto

    place = {entry.key: entry.value for entry in tensor.external_data}
    start = int(place["offset"])
    tensor.raw_data = weights[place["location"]][start : start + int(place["length"])]
    del tensor.external_data[:]
    tensor.data_location = TensorProto.DEFAULT


def _poisoned_head(head: Head, block: ExpertsBlock, numbers: set[int]) -> Head:
    assert isinstance(head, LinearHead)
    (part,) = head.parts
    width = block.width // block.n_experts
    rows = np.isin(np.arange(block.width) // width, sorted(numbers))
    return replace(head, parts=(BlockWeights(_poisoned_rows(part.values, rows), part.scale),))


def _poisoned_rows(
    values: NDArray[np.int8] | NDArray[np.float32], rows: NDArray[np.bool_]
) -> NDArray[np.int8] | NDArray[np.float32]:
    spoilt = values.copy()
    spoilt[rows] = _INT8_POISON if values.dtype == np.int8 else np.nan
    return spoilt
