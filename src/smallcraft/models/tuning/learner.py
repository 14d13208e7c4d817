"""An encoder under a linear head, as one module that training and answering share.

The head reads the pooled embedding scaled to a fixed length, as the bundle's encoder block gives it, and the
features beside the text where a batch has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from smallcraft.models.tuning.batches import Batch

GAIN = 4.0


@dataclass(frozen=True)
class Output:
    """What a learner says about a batch of `n` rows.

    Attributes:
        logits: `(n, k)` float32 tensor.
        embedding: `(n, width)` float32 tensor, of length `GAIN`.
    """

    logits: Any
    embedding: Any


class Learner(nn.Module):  # type: ignore[misc]  # torch is Any to mypy
    """An encoder and a head.

    Args:
        encoder: From a `Batch` to `(n, width)`; usually `tuning.encoder.Encoder`.
        head: `(width + m + 1, k)` weights to start from, those of the `m` features after the embedding's, the
            bias last.
        gain: Length that an embedding is scaled to.
    """

    def __init__(self, encoder: nn.Module, head: NDArray[np.floating], *, gain: float = GAIN) -> None:
        super().__init__()
        self.encoder, self.gain = encoder, gain
        self.head = nn.utils.skip_init(nn.Linear, head.shape[0] - 1, head.shape[1])
        with torch.no_grad():
            self.head.weight.copy_(torch.from_numpy(np.asarray(head[:-1].T, np.float32)))
            self.head.bias.copy_(torch.from_numpy(np.asarray(head[-1], np.float32)))

    def forward(self, batch: Batch) -> Output:
        """Logits and embeddings."""
        embedding = functional.normalize(self.encoder(batch).float(), dim=1) * self.gain
        read = embedding if batch.features is None else torch.cat([embedding, batch.features], dim=1)
        return Output(self.head(read).float(), embedding)

    def head_weights(self) -> NDArray[np.float64]:
        """`(width + m + 1, k)`, the bias last."""
        weight = self.head.weight.detach().numpy().T
        return np.vstack([weight, self.head.bias.detach().numpy()[None]]).astype(np.float64)
