"""The guardrail of losses: raises an alarm when labelled answers are worse than promised.

Each batch of labels is a bet against "the mean loss is at most the bound plus the tolerance", of everyone and
of each group, whatever the inputs do; an e-detector adds the bets up and raises an alarm at
`T/B`, as that of the inputs does.
Leaves to others: the bets (`stats.sequences.betting`), when it began and whether it goes on (`observe.harm`).
Always: labels may come late and in any order, each counts once, when it comes; T counts windows, and there
are no more batches than windows.
Not covered: labels that come the sooner the worse the answer was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.observe.harm import EVERYONE, HarmBaseline, LossCounts
from smallcraft.stats.sequences.betting import FRACTIONS, LOSS_CELLS, log_capitals
from smallcraft.stats.sequences.detectors import (
    DetectorState,
    advance,
    change_began,
    log_evidence,
    log_mixture,
    restart,
    start_detectors,
)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LossState:
    """Where the guardrail of losses stands.

    Attributes:
        groups: `g` names, `all` first.
        limits: `(g,)` mean losses above which a group is harmed.
        log_level: Logarithm of the evidence that raises an alarm.
        horizon: Windows that the budget of false alarms is for.
        evidence: Of every bet, a group's together.
        last_at: Number of the last window with labels; None before the first.
    """

    groups: tuple[str, ...]
    limits: Floats
    log_level: float
    horizon: int
    evidence: DetectorState
    last_at: int | None = None


@dataclass(frozen=True)
class LossTurn:
    """After a batch of labels.

    Attributes:
        state: Evidence is gone after an alarm.
        log_e: Logarithm of the evidence.
        is_alarm: Whether it reached the level.
        began_at: Number of the window that the change is likely to have begun in; None without an alarm.
        groups: Those that most of the evidence is about, most first; empty without an alarm.
    """

    state: LossState
    log_e: float
    is_alarm: bool
    began_at: int | None = None
    groups: tuple[str, ...] = ()


def begin_losses(baseline: HarmBaseline, *, log_level: float, horizon: int = 720) -> LossState:
    """A guardrail of losses before the first label.

    Args:
        baseline: Of the release; everyone and each of its groups are watched, half of the weight on everyone.
        log_level: Logarithm of the evidence that raises an alarm.
        horizon: Windows that the budget of false alarms is for.
    """
    groups = (EVERYONE, *sorted(baseline.group_bounds))
    limits = np.array([baseline.limit(group) for group in groups])
    evidence = start_detectors((), len(groups) * len(FRACTIONS))
    return LossState(groups, limits, log_level, horizon, evidence)


def weigh_losses(state: LossState, losses: Mapping[str, LossCounts], *, at: int) -> LossTurn:
    """Weigh labels that came.

    Args:
        state: So far.
        losses: `count_losses` of each group and of `all`, of labels that were not weighed before.
        at: Number of the window that they came in, larger than that of the batch before.

    Raises:
        InvalidInputError: A batch came in this window, or a later one, before.
    """
    if state.last_at is not None and at <= state.last_at:
        raise InvalidInputError(
            f"labels are weighed once a window, got window {at} after {state.last_at}; gather them"
            " until the next"
        )
    counts = np.stack([losses.get(group, np.zeros(LOSS_CELLS, np.int64)) for group in state.groups])
    logs = log_capitals(counts, state.limits).ravel()
    evidence = advance(state.evidence, logs, at=at)
    weights = _weights(len(state.groups))
    log_e = float(log_mixture(evidence, weights))
    after = replace(state, evidence=evidence, last_at=at)
    if log_e < state.log_level:
        return LossTurn(after, log_e, is_alarm=False)
    by_group = log_evidence(evidence, horizon=state.horizon).reshape(len(state.groups), -1).max(axis=1)
    order = np.argsort(-by_group, kind="stable")
    return LossTurn(
        replace(after, evidence=restart(evidence, np.array(True))),
        log_e,
        is_alarm=True,
        began_at=int(change_began(evidence, weights)),
        groups=tuple(state.groups[place] for place in order.tolist() if by_group[place] > 0),
    )


def _weights(groups: int) -> Floats:
    shares = np.full(groups, 0.5 / max(groups - 1, 1))
    shares[0] = 0.5 if groups > 1 else 1.0
    return np.repeat(shares, len(FRACTIONS)) / len(FRACTIONS)
