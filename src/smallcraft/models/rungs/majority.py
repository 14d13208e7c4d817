"""Always answers with the shares of the classes: what every other rung must beat."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.heads.linear import LinearHead
from smallcraft.bundle.stage import Stage
from smallcraft.contracts import Need
from smallcraft.models.workshop import Workshop


class Majority:
    """No blocks; the head's bias is the log share of each class, one row added to each."""

    name: ClassVar[str] = "majority"
    needs: ClassVar[frozenset[Need]] = frozenset()

    def stages(self, workshop: Workshop) -> tuple[Stage, ...]:
        """One stage without blocks."""
        shares = _log_shares(workshop.labels, len(workshop.classes))
        return (Stage(self.name, (), LinearHead(shares.astype(np.float32), ())),)

    def out_of_fold(self, workshop: Workshop) -> tuple[NDArray[np.float64], ...]:
        """The shares outside each row's fold."""
        logits = np.empty((len(workshop.labels), len(workshop.classes)))
        for fold in np.unique(workshop.folds):
            held = workshop.folds == fold
            logits[held] = _log_shares(workshop.labels[~held], len(workshop.classes))
        return (logits,)


def _log_shares(labels: NDArray[np.int64], n_classes: int) -> NDArray[np.float64]:
    counts = np.bincount(labels, minlength=n_classes) + 1
    shares: NDArray[np.float64] = np.log(counts / counts.sum())
    return shares
