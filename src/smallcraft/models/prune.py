"""Takes layers and feed-forward neurons out of an encoder: arrays in, smaller arrays out, no torch.

Leaves to others: which of them matter (`models.tuning.importance`), the vocabulary (`models.parts.pieces`),
and training what is left (`models.tuning.pruner`).
Always: what is kept keeps its order and its exact weights; layers are numbered anew from 0; each layer keeps
a multiple of 32 neurons, which is what processors multiply at once.
Not covered: attention heads; they are a third of a layer and take part in every product.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.models.encoders import EncoderSource
from smallcraft.models.tuning.plan import TrainPlan

STEP = 32
_RECOVERY = TrainPlan(epochs=6)
_LAYER = re.compile(r"encoder\.layer\.(\d+)\.(.*)")
_GROWN = ("intermediate.dense.weight", "intermediate.dense.bias")
_SHRUNK = "output.dense.weight"


@dataclass(frozen=True)
class PruningPlan:
    """What is taken out of an encoder, and how the rest recovers.

    Defaults were measured on a held-out fold of banking77's official train set (docs/experiments.md).

    Attributes:
        keep_layers: How many layers stay; all of them where the encoder has no more.
        keep_neurons_share: Share of their feed-forward neurons that stay.
        vocabulary_margin: How many pieces stay beside those that the texts need; None keeps them all.
        train: How what is left is trained.
        smoothing: Share of a label's probability that is spread over all classes.
        teacher_share: Weight of the unpruned model's probabilities beside the labels, in [0, 1].
        embedding_share: Weight of one minus the cosine with its embeddings.
        judged_rows: On how many rows layers and neurons are judged, at most.
        folds_trained: Folds that get out-of-fold logits.
    """

    keep_layers: int = 4
    keep_neurons_share: float = 0.5
    vocabulary_margin: int | None = 2000
    train: TrainPlan = _RECOVERY
    smoothing: float = 0.1
    teacher_share: float = 0.5
    embedding_share: float = 1.0
    judged_rows: int = 1000
    folds_trained: int = 2


@dataclass(frozen=True)
class Structure:
    """What stays.

    Attributes:
        layers: Numbers of the layers, ascending.
        neurons: Of each of these layers: `(m,)` int64 feed-forward neurons, ascending.
    """

    layers: tuple[int, ...]
    neurons: tuple[NDArray[np.int64], ...]

    @property
    def widths(self) -> tuple[int, ...]:
        """Neurons of each layer that stays."""
        return tuple(len(kept) for kept in self.neurons)


def inner_widths(source: EncoderSource) -> tuple[int, ...]:
    """Feed-forward neurons of each layer."""
    return tuple(
        len(source.weights[f"encoder.layer.{layer}.intermediate.dense.bias"])
        for layer in range(source.layers)
    )


def choose_neurons(
    importance: Mapping[int, NDArray[np.float64]], *, layers: Sequence[int], share: float
) -> Structure:
    """The most important neurons of the layers that stay, compared across layers.

    Args:
        importance: Of every neuron, `(m,)` by layer; higher is worth more.
        layers: Those that stay, ascending.
        share: Of their neurons that stay, a fraction in (0, 1]; each layer keeps at least 32.

    Raises:
        InvalidInputError: The share is no such fraction, or there is no layer.
    """
    if not 0 < share <= 1 or not layers:
        raise InvalidInputError(
            f"pruning keeps at least one layer and a share of neurons in (0, 1], got {len(layers)} layers "
            f"and {share:g}; write 0.5 for half of them"
        )
    pooled = np.sort(np.concatenate([importance[layer] for layer in layers]))[::-1]
    bar = pooled[min(max(round(share * len(pooled)), 1), len(pooled)) - 1]
    neurons = []
    for layer in layers:
        values = importance[layer]
        count = _rounded(int((values >= bar).sum()), len(values))
        best = np.argsort(-values, kind="stable")[:count]
        neurons.append(np.sort(best).astype(np.int64))
    return Structure(tuple(layers), tuple(neurons))


def _rounded(count: int, most: int) -> int:
    """To the nearest multiple of 32, at least one of them."""
    return min(max(round(count / STEP), 1) * STEP, most)


def take_structure(source: EncoderSource, structure: Structure) -> EncoderSource:
    """The encoder with what stays.

    Args:
        source: Has every layer and neuron that the structure names.
        structure: What stays.
    """
    place = {layer: new for new, layer in enumerate(structure.layers)}
    weights: dict[str, NDArray[np.float32]] = {}
    for name, array in source.weights.items():
        found = _LAYER.fullmatch(name)
        if found is None:
            weights[name] = array
        elif (layer := int(found[1])) in place:
            kept = structure.neurons[place[layer]]
            weights[f"encoder.layer.{place[layer]}.{found[2]}"] = _taken(found[2], array, kept)
    widths = "+".join(str(width) for width in structure.widths)
    return replace(
        source,
        name=f"{source.name}, layers {'+'.join(str(layer) for layer in structure.layers)}, neurons {widths}",
        weights=weights,
        config={**source.config, "num_hidden_layers": len(structure.layers)},
    )


def _taken(part: str, array: NDArray[np.float32], kept: NDArray[np.int64]) -> NDArray[np.float32]:
    if part in _GROWN:
        return array[kept]
    return np.ascontiguousarray(array[:, kept]) if part == _SHRUNK else array
