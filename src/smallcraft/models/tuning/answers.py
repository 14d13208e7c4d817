"""What a trained module says about rows, as numpy arrays in the rows' own order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from smallcraft.models.tuning.batches import Rows, even_batches
from smallcraft.models.tuning.plan import Precision
from smallcraft.models.tuning.threads import one_thread, products_in


@dataclass(frozen=True)
class Said:
    """A module's answers.

    Attributes:
        logits: `(n, k)` float32.
        embeddings: `(n, width)` float32.
    """

    logits: NDArray[np.float32]
    embeddings: NDArray[np.float32]


def answer(module: nn.Module, inputs: Rows, rows: NDArray[np.intp], *, precision: Precision = "fp32") -> Said:
    """Ask a module about rows.

    Args:
        module: From a `Batch` to an `Output`.
        inputs: The rows there are.
        rows: Those to ask about, at least one.
        precision: Of the products, `bf16` or `fp32`.
    """
    module.eval()
    batches = list(even_batches(np.arange(len(rows)), inputs.lengths[rows]))
    with one_thread(), torch.no_grad(), products_in(precision):
        outputs = [module(inputs.batch(rows[chosen])) for chosen in batches]
    back = np.argsort(np.concatenate(batches))
    return Said(
        np.concatenate([output.logits.numpy() for output in outputs])[back],
        np.concatenate([output.embedding.numpy() for output in outputs])[back],
    )
