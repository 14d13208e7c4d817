"""The guardrail of losses: the budget holds, and harm is found soon, in whom it is."""

from __future__ import annotations

import numpy as np
import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.observe.harm import HarmBaseline
from smallcraft.observe.harm_guard import begin_losses, weigh_losses
from smallcraft.stats.sequences.betting import count_losses

BASELINE = HarmBaseline(loss_bound=0.1, group_bounds={"sex=f": 0.1})
LEVEL = float(np.log(720 / 0.1))


def batch(rng, share: float, *, share_f: float | None = None, n: int = 60) -> dict[str, np.ndarray]:
    women = (rng.random(n // 2) < (share if share_f is None else share_f)).astype(float)
    men = (rng.random(n // 2) < share).astype(float)
    return {"all": count_losses(np.concatenate([women, men])), "sex=f": count_losses(women)}


def run(shares, *, share_f=None, seed=0):
    rng, state, turns = np.random.default_rng(seed), begin_losses(BASELINE, log_level=LEVEL), []
    for at, share in enumerate(shares):
        turns.append(weigh_losses(state, batch(rng, share, share_f=share_f), at=at))
        state = turns[-1].state
    return turns


def test_losses_at_the_limit_raise_no_more_alarms_than_the_budget():
    # 2,880 windows at the very limit: 0.4 false alarms are allowed.
    alarms = sum(turn.is_alarm for seed in range(8) for turn in run([0.12] * 360, seed=seed))
    assert alarms <= 2


def test_harm_is_found_soon_and_dated():
    turns = run([0.08] * 100 + [0.35] * 20)
    first = next(at for at, turn in enumerate(turns) if turn.is_alarm)
    assert 100 <= first <= 106
    assert abs(turns[first].began_at - 100) <= 2
    assert turns[first].groups[0] == "all"


def test_harm_to_one_group_names_it_first():
    turns = run([0.02] * 40, share_f=0.4)
    first = next(turn for turn in turns if turn.is_alarm)
    assert first.groups[0] == "sex=f"


def test_an_alarm_leaves_no_evidence_behind():
    turns = run([0.9] * 3)
    first = next(at for at, turn in enumerate(turns) if turn.is_alarm)
    assert np.isneginf(turns[first].state.evidence.log_level).all()


def test_labels_are_weighed_once_a_window():
    turn = run([0.1])[0]
    with pytest.raises(InvalidInputError, match="once a window"):
        weigh_losses(turn.state, {}, at=0)


def test_windows_without_labels_change_nothing_but_the_time():
    state = begin_losses(BASELINE, log_level=LEVEL)
    turn = weigh_losses(state, {}, at=3)
    assert (turn.is_alarm, turn.state.last_at) == (False, 3)
