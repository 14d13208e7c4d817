"""What asking about a row is worth: chance that it is wrong x that one vote repairs it x weight / cost.

A vote can also break a label that was right; what it breaks on average is taken off. Whether a vote is
believed is decided as the consensus decides: by Bayes' rule from the model, the given label and how well
annotators do.
Always: values are at least 0 and for one unit of cost, so different actions compare.
Not covered: what several votes on one row are worth together; ask again when they are in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.label.pool import ACTIONS, Action
from smallcraft.stats.intervals import require_fraction

_MOST_NUMBERS = 4_000_000


@dataclass(frozen=True)
class Costs:
    """What one vote costs, in the unit of the budget."""

    label: float = 1.0
    relabel: float = 1.0
    adjudicate: float = 3.0

    def of(self, action: Action) -> float:
        """Of one vote for this action."""
        return float({"label": self.label, "relabel": self.relabel, "adjudicate": self.adjudicate}[action])


@dataclass(frozen=True)
class Skill:
    """How often a vote is right: an annotator's, an adjudicator's; fractions in (0, 1)."""

    annotator: float = 0.9
    adjudicator: float = 0.98


@dataclass(frozen=True)
class Rates:
    """What repairs are worth.

    Attributes:
        costs: Of a vote.
        skill: Of those who vote, best as measured on gold rows.
        slope: Accuracy gained by one repaired or new label, as earlier rounds measured it
            (`label.measuring.slope_of`).
    """

    costs: Costs = field(default_factory=Costs)
    skill: Skill = field(default_factory=Skill)
    slope: Mapping[Action, float] = field(default_factory=dict)

    def slope_of(self, action: Action) -> float:
        """What was measured, at least 0; without that the mean of the other actions, 1 without any.

        >>> Rates(slope={"relabel": 0.25}).slope_of("label"), Rates().slope_of("label")
        (0.25, 1.0)
        """
        usual = sum(self.slope.values()) / len(self.slope) if self.slope else 1.0
        return max(0.0, self.slope.get(action, usual))


@dataclass(frozen=True)
class Repair:
    """What one vote does to a row.

    Attributes:
        fixed: `(n,)` float64 chance that it repairs the label, if that is wrong.
        broken: `(n,)` float64 chance that it breaks the label, if that is right.
    """

    fixed: NDArray[np.float64]
    broken: NDArray[np.float64]


def value_rows(
    probs: NDArray[np.float64],
    given: NDArray[np.int64],
    *,
    wrong: NDArray[np.float64],
    action: Sequence[Action],
    weight: NDArray[np.float64] | None = None,
    rates: Rates | None = None,
) -> NDArray[np.float64]:
    """The value of one vote on each row, for one unit of cost.

    Args:
        probs: `(n, k)` float64 out-of-sample probabilities.
        given: `(n,)` int64 codes, -1 for none.
        wrong: `(n,)` float64 calibrated chance that the label is wrong.
        action: `n` actions.
        weight: `(n,)` float64 of each row's slice; None for 1.
        rates: Costs, skill and measured slopes.

    Returns:
        `(n,)` float64, at least 0.

    Raises:
        InvalidInputError: A part is of another number of rows, or a cost is not above 0.
    """
    rates = rates or Rates()
    for name, length in (("given", len(given)), ("wrong", len(wrong)), ("action", len(action))):
        if length != len(probs):
            raise InvalidInputError(
                f"'{name}' holds one entry a row ({len(probs):,}), got {length:,}; take it from the same rows"
            )
    value = np.zeros(len(probs))
    acts = np.array(action, dtype=np.str_)
    for one in ACTIONS:
        rows = np.flatnonzero(acts == one)
        if rates.costs.of(one) <= 0:
            raise InvalidInputError(
                f"the cost of '{one}' is above 0, got {rates.costs.of(one)}; write what a vote takes"
            )
        if not len(rows):
            continue
        right = rates.skill.adjudicator if one == "adjudicate" else rates.skill.annotator
        worth = rates.slope_of(one) / rates.costs.of(one)
        for part in np.array_split(rows, max(1, len(rows) * probs.shape[1] // _MOST_NUMBERS)):
            repair = repair_of(probs[part], given[part], wrong=wrong[part], accuracy=right)
            net = wrong[part] * repair.fixed - (1 - wrong[part]) * repair.broken
            value[part] = np.maximum(net, 0.0) * worth
    return value if weight is None else value * weight


def repair_of(
    probs: NDArray[np.float64], given: NDArray[np.int64], *, wrong: NDArray[np.float64], accuracy: float
) -> Repair:
    """What one vote does: it is believed where it makes its label the most probable one.

    Args:
        probs: `(n, k)` float64.
        given: `(n,)` int64 codes, -1 for none: then any vote is believed.
        wrong: `(n,)` float64 chance that the given label is wrong.
        accuracy: How often a vote is right, in (0, 1); a wrong vote says any other class alike.

    >>> repair = repair_of(
    ...     np.array([[0.1, 0.9, 0.0]]), np.array([0]), wrong=np.array([0.5]), accuracy=0.9)
    >>> repair.fixed.tolist(), repair.broken.round(3).tolist()
    ([0.9], [0.05])
    """
    require_fraction(accuracy, "accuracy")
    n, k = probs.shape
    slip = (1 - accuracy) / max(k - 1, 1)
    has_label = given >= 0
    at, own = np.arange(n), np.maximum(given, 0)
    others = probs.copy()
    others[at[has_label], own[has_label]] = 0.0
    total = others.sum(axis=1, keepdims=True)
    others = np.where(total > 0, others / np.where(total > 0, total, 1), 0.0)
    truth = others * wrong[:, None]
    truth[at[has_label], own[has_label]] = 1 - wrong[has_label]
    best = np.partition(truth, -2, axis=1)[:, -2:]
    rival = np.where(truth == best[:, 1:], best[:, :1], best[:, 1:])
    heard = accuracy * truth > slip * rival
    heard[at[has_label], own[has_label]] = False
    fixed = accuracy * (others * heard).sum(axis=1)
    broken = slip * heard.sum(axis=1)
    return Repair(np.where(has_label, fixed, accuracy), np.where(has_label, broken, 0.0))
