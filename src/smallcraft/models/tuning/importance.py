"""What a layer or a feed-forward neuron is worth: the loss without the one, its slope by the other.

A layer is taken out for real, and the loss of what is left is measured; whichever is missed least goes first.
There are thousands of neurons, so each gets a gate that is 1 and the loss's slope by it: its square, batch by
batch, is to first order what the neuron's absence would change.
Always: the module's weights and mode are as before.
Left to others: which rows (such that neither encoder nor head has learned), what is then taken
(`models.prune`).

Source:
    Molchanov et al. (2019), Importance estimation for neural network pruning, section 3.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from smallcraft.models.tuning.batches import Rows, even_batches
from smallcraft.models.tuning.learner import Learner
from smallcraft.models.tuning.losses import Objective
from smallcraft.models.tuning.threads import one_thread

_BATCH_ROWS = 32


@dataclass(frozen=True)
class Measured:
    """Rows on which a module is judged.

    Attributes:
        inputs: The rows there are.
        rows: Those that are asked about.
        objective: The loss.
    """

    inputs: Rows
    rows: NDArray[np.intp]
    objective: Objective

    def losses(self, module: Learner) -> Iterator[tuple[Any, int]]:
        """The loss of each batch, a tensor, and its rows."""
        for chosen in even_batches(self.rows, self.inputs.lengths, size=_BATCH_ROWS):
            yield self.objective(module(self.inputs.batch(chosen)), chosen), len(chosen)


def loss_without(module: Learner, measured: Measured, dropped: Sequence[int] = ()) -> float:
    """The mean loss with some layers taken out.

    Args:
        module: Its encoder starts at the embeddings.
        measured: The rows.
        dropped: Numbers of layers.
    """
    module.eval()
    with one_thread(), torch.no_grad(), ExitStack() as stack:
        for layer in dropped:
            stack.enter_context(_skipped(layers_of(module)[str(layer)]))
        told = [(float(loss), n) for loss, n in measured.losses(module)]
    return sum(loss * n for loss, n in told) / sum(n for _, n in told)


def drop_layers(module: Learner, measured: Measured, *, keep: int) -> tuple[int, ...]:
    """Take layers out one at a time, always the one that is missed least; those that stay.

    Args:
        module: Its encoder starts at the embeddings.
        measured: The rows.
        keep: How many stay, at least 1.
    """
    left = sorted(int(layer) for layer in layers_of(module))
    everything = list(left)
    while len(left) > max(keep, 1):
        gone = [layer for layer in everything if layer not in left]
        losses = [loss_without(module, measured, [*gone, layer]) for layer in left]
        left.pop(int(np.argmin(losses)))
    return tuple(left)


def neuron_importance(module: Learner, measured: Measured) -> dict[int, NDArray[np.float64]]:
    """Of every feed-forward neuron of every layer, `(m,)` by the layer's number.

    Args:
        module: A learner.
        measured: The rows.
    """
    module.eval()
    gates = {
        name: torch.ones(layer.intermediate["dense"].out_features, requires_grad=True)
        for name, layer in layers_of(module).items()
    }
    total = {name: np.zeros(len(gate)) for name, gate in gates.items()}
    with one_thread(), ExitStack() as stack:
        for name, layer in layers_of(module).items():
            stack.enter_context(_gated(layer.output["dense"], gates[name]))
        for loss, n in measured.losses(module):
            slopes = torch.autograd.grad(loss * n, list(gates.values()))
            for name, slope in zip(gates, slopes, strict=True):
                total[name] += slope.double().numpy() ** 2
    return {int(name): values / max(len(measured.rows), 1) for name, values in total.items()}


def layers_of(module: Learner) -> Any:  # noqa: ANN401 - modules by name
    """The encoder's layers by their numbers."""
    return module.encoder.encoder["layer"]


@contextmanager
def _skipped(layer: Any) -> Iterator[None]:  # noqa: ANN401 - a module
    handle = layer.register_forward_hook(lambda _module, given, _made: given[0])
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def _gated(product: Any, gate: Any) -> Iterator[None]:  # noqa: ANN401 - a module, a tensor
    handle = product.register_forward_pre_hook(lambda _module, given: (given[0] * gate,))
    try:
        yield
    finally:
        handle.remove()
