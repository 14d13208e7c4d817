"""Sets of labels that hold the true one with a promised coverage: split conformal prediction.

A label is in the set when its score is no worse than a limit, which `models.decisions` fits out of fold.
Scores: `lac`, one minus the label's probability (smallest sets); `aps`, the probability of all labels at
least as probable (sets adapt to how hard the row is); `raps`, the same with a penalty on unlikely ranks.
Always: the most probable label is in the set, so no set is empty; nothing is drawn at random.
Source: Sadinle, Lei and Wasserman (2019), JASA 114:223-234; Romano, Sesia and Candes (2020), NeurIPS;
Angelopoulos et al. (2021), ICLR.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import BundleFormatError
from smallcraft.records import Decisions

SCORES = ("lac", "aps", "raps")


@dataclass(frozen=True)
class Conformal:
    """Answers with the most probable label, and the set that holds the true one.

    Attributes:
        score: One of `SCORES`.
        limits: Highest score of a label in the set: one for all labels, or one a label; None for no limit.
        coverage: Promised share of rows whose set holds the true label.
        penalty: Of `raps`: added for each rank beyond the free ones.
        free_ranks: Of `raps`: ranks without a penalty.
    """

    score: str
    limits: tuple[float | None, ...]
    coverage: float
    penalty: float = 0.0
    free_ranks: int = 0
    name: ClassVar[str] = "conformal"

    def decide(self, probs: NDArray[np.float64], classes: Sequence[str]) -> Decisions:
        """The most probable label, its probability, and the set, most probable first."""
        limits = np.array([np.inf if limit is None else limit for limit in self.limits])
        order = np.argsort(-probs, axis=1, kind="stable")
        is_in = score_labels(probs, self.score, penalty=self.penalty, free_ranks=self.free_ranks) <= limits
        sorted_in = np.take_along_axis(is_in, order, axis=1)
        sorted_in[:, :1] = True
        return Decisions(
            labels=tuple(classes[row[0]] for row in order),
            confidence=probs.max(axis=1),
            abstained=np.zeros(len(probs), dtype=np.bool_),
            sets=tuple(
                tuple(classes[code] for code in row[chosen])
                for row, chosen in zip(order, sorted_in, strict=True)
            ),
        )

    def describe(self) -> Mapping[str, Any]:
        """Its kind, score, limits and what they promise."""
        return {
            "kind": self.name,
            "score": self.score,
            "limits": list(self.limits),
            "coverage": self.coverage,
            "penalty": self.penalty,
            "free_ranks": self.free_ranks,
        }

    @classmethod
    def read(cls, description: Mapping[str, Any]) -> Conformal:
        """From `bundle.json`.

        Raises:
            BundleFormatError: A value is missing or out of its range.
        """
        try:
            limits = tuple(None if limit is None else float(limit) for limit in description["limits"])
            found = cls(
                str(description["score"]),
                limits,
                float(description["coverage"]),
                float(description["penalty"]),
                int(description["free_ranks"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise _refusal(description) from error
        numbers = (*(limit for limit in limits if limit is not None), found.penalty, found.free_ranks)
        are_finite = all(0 <= number < np.inf for number in numbers)
        if found.score not in SCORES or not limits or not 0 < found.coverage < 1 or not are_finite:
            raise _refusal(description)
        return found


def score_labels(
    probs: NDArray[np.float64], score: str, *, penalty: float = 0.0, free_ranks: int = 0
) -> NDArray[np.float64]:
    """How ill each label fits each row, `(n, k)`, 0 or more; the lower, the sooner it is in the set.

    >>> score_labels(np.array([[0.5, 0.3, 0.2]]), "aps").round(6).tolist()
    [[0.5, 0.8, 1.0]]
    """
    if score == "lac":
        result: NDArray[np.float64] = 1 - probs
        return result
    order = np.argsort(-probs, axis=1, kind="stable")
    sums = np.cumsum(np.take_along_axis(probs, order, axis=1), axis=1)
    if score == "raps":
        sums += penalty * np.maximum(np.arange(1, probs.shape[1] + 1) - free_ranks, 0)
    scores = np.empty_like(sums)
    np.put_along_axis(scores, order, sums, axis=1)
    return scores


def _refusal(description: Mapping[str, Any]) -> BundleFormatError:
    return BundleFormatError(
        f"a conformal decision wants a score of {', '.join(SCORES)}, a coverage in (0, 1) and limits of 0 or "
        f"more, got {dict(description)}; take the bundle from the registry again"
    )
