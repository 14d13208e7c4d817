"""What training makes small: cross entropy, several labels a row, and distillation from a teacher.

Always: a loss is a mean over the batch's rows, in float32.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from smallcraft.models.tuning.learner import Output

Objective = Callable[[Output, NDArray[np.intp]], Any]


@dataclass(frozen=True)
class Labels:
    """Cross entropy with the labels; binary cross entropy where a row may have several.

    Attributes:
        targets: `(n,)` int64 codes, or `(n, k)` bool.
        smoothing: Share of a label's probability that is spread over all classes.
    """

    targets: NDArray[np.int64] | NDArray[np.bool_]
    smoothing: float = 0.0

    def __call__(self, output: Output, rows: NDArray[np.intp]) -> Any:  # noqa: ANN401 - a tensor
        """The loss of a batch."""
        return self.follow(output.logits, self.wanted(rows, output.logits.shape[1]))

    def wanted(self, rows: NDArray[np.intp], k: int) -> NDArray[np.float32]:
        """`(m, k)` probabilities that rows should get."""
        if self.targets.ndim == 2:
            wanted = self.targets[rows] * (1 - self.smoothing) + self.smoothing / 2
        else:
            wanted = np.eye(k)[self.targets[rows]] * (1 - self.smoothing) + self.smoothing / k
        return np.asarray(wanted, np.float32)

    def follow(self, logits: Any, wanted: NDArray[np.float32]) -> Any:  # noqa: ANN401 - tensors
        """Cross entropy with probabilities."""
        if self.targets.ndim == 2:
            return functional.binary_cross_entropy_with_logits(logits, torch.from_numpy(wanted))
        return functional.cross_entropy(logits, torch.from_numpy(wanted))


@dataclass(frozen=True)
class Distillation:
    """A teacher's probabilities, the labels, and the teacher's embeddings, weighed.

    Attributes:
        labels: The loss with the labels.
        probs: `(n, k)` float32; rows of NaN are those the teacher did not answer: labels alone count there.
        share: Weight of the teacher's probabilities, in [0, 1]; the labels have the rest.
        embeddings: `(n, width)` float32 of the teacher; None for none.
        embedding_share: Weight of one minus the cosine of both embeddings, added.
    """

    labels: Labels
    probs: NDArray[np.float32]
    share: float = 0.5
    embeddings: NDArray[np.float32] | None = None
    embedding_share: float = 1.0

    def __call__(self, output: Output, rows: NDArray[np.intp]) -> Any:  # noqa: ANN401 - a tensor
        """The loss of a batch."""
        wanted = self.labels.wanted(rows, output.logits.shape[1])
        probs = np.asarray(self.probs[rows], np.float32)
        answered = ~np.isnan(probs).any(axis=1)
        wanted[answered] = (1 - self.share) * wanted[answered] + self.share * probs[answered]
        loss = self.labels.follow(output.logits, wanted)
        if self.embeddings is not None:
            teacher = torch.from_numpy(np.asarray(self.embeddings[rows], np.float32))
            cosine = functional.cosine_similarity(output.embedding, teacher, dim=1)
            loss = loss + self.embedding_share * (1 - cosine).mean()
        return loss
