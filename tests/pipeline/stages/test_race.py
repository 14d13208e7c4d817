"""A dear rung is stopped when it is shown that it cannot win, and only then."""

from __future__ import annotations

import numpy as np
import pytest

from smallcraft.models.ladder import Attempt, HeldOut
from smallcraft.pipeline.stages.measure import Measured
from smallcraft.pipeline.stages.race import Rules, why_it_cannot_win
from smallcraft.records import CandidateStatus, Evidence, Measurement, Predictions

N = 2000
RULES = Rules("accuracy", margin=0.01, confidence=0.95, seed=0)


def answers(wrong: int, *, start: int = 0, rows: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Rows and probabilities, `wrong` of them on the other class, from a row on."""
    rows = np.arange(N) if rows is None else rows
    said = np.arange(len(rows)) % 2
    said[start : start + wrong] ^= 1
    return rows, np.eye(2)[said]


def train(clusters: np.ndarray | None = None) -> Predictions:
    return Predictions(("a", "b"), np.arange(N) % 2, np.empty((0, 2)), clusters)


def candidate(rung: str, wrong: int, *, cost: float | None, start: int = 0) -> Measured:
    held_out = HeldOut(rung, None, *answers(wrong, start=start))
    attempt = Attempt(rung, CandidateStatus.MEASURED, held_out=held_out)
    measured = Measurement("cpu_s_per_1000", cost, "s", 1, "measured")
    predictions = Predictions(("a", "b"), np.array([0]), np.eye(2)[[0]])
    return Measured(attempt, Evidence(rung, CandidateStatus.MEASURED, None, (measured,)), predictions)


def runner(wrong: int, *, start: int = 0, no_cheaper_than: str | None = "frozen") -> HeldOut:
    return HeldOut("tuned", no_cheaper_than, *answers(wrong, start=start))


def test_a_rung_shown_to_be_worse_by_more_than_the_margin_is_stopped_whatever_it_costs() -> None:
    reason = why_it_cannot_win(
        runner(200, no_cheaper_than=None), [candidate("fast", 60, cost=1.0)], train(), RULES
    )
    assert reason is not None
    assert "below that of 'fast'" in reason
    assert "on 2,000 rows that neither had seen" in reason


def test_a_rung_shown_to_gain_less_than_the_margin_is_stopped_where_it_cannot_be_cheaper() -> None:
    frozen, cascade = candidate("frozen", 100, cost=3.0), candidate("cascade", 60, cost=0.5)
    reason = why_it_cannot_win(runner(58), [frozen, cascade], train(), RULES)
    assert reason is not None
    assert "above that of 'cascade'" in reason
    assert "cannot be cheaper" in reason


def test_a_rung_that_may_be_cheaper_is_not_stopped_for_gaining_little() -> None:
    rivals = [candidate("frozen", 100, cost=3.0), candidate("cascade", 60, cost=0.5)]
    assert why_it_cannot_win(runner(58, no_cheaper_than=None), rivals, train(), RULES) is None
    # ... and only a rival that costs no more than the rung must can beat it by being cheap
    dear = [candidate("frozen", 100, cost=3.0), candidate("slow", 60, cost=9.0)]
    assert why_it_cannot_win(runner(58), dear, train(), RULES) is None


def test_a_rung_that_may_still_gain_more_than_the_margin_goes_on() -> None:
    rivals = [candidate("frozen", 100, cost=3.0), candidate("cascade", 100, cost=0.5)]
    assert why_it_cannot_win(runner(70), rivals, train(), RULES) is None


def test_few_rows_stop_nothing() -> None:
    few = HeldOut("tuned", "frozen", *answers(2, rows=np.arange(40)))
    rivals = [candidate("frozen", 1, cost=3.0), candidate("cascade", 1, cost=0.5)]
    assert why_it_cannot_win(few, rivals, train(), RULES) is None


def test_nothing_measured_stops_nothing() -> None:
    unmeasured = candidate("cascade", 60, cost=None)
    assert why_it_cannot_win(runner(58), [], train(), RULES) is None
    assert why_it_cannot_win(runner(58), [unmeasured], train(), RULES) is None


@pytest.mark.parametrize("true_gain", [0.011, 0.02])
def test_a_rung_that_gains_more_than_the_margin_is_rarely_stopped(true_gain: float) -> None:
    """At 95 % confidence, one in twenty may be stopped wrongly; the bound of the simulation is 8 %."""
    rng = np.random.default_rng(5)
    truth = np.arange(N) % 2
    stopped = 0
    for _ in range(300):
        rival_right = rng.random(N) < 0.93
        gained = rng.random(N) < true_gain / 0.07
        runner_right = rival_right | gained
        floor = candidate("frozen", 400, cost=3.0)
        rival = candidate("cascade", 0, cost=0.5)
        rows = np.arange(N)
        held = HeldOut("cascade", None, rows, np.eye(2)[np.where(rival_right, truth, 1 - truth)])
        rival = Measured(
            Attempt("cascade", CandidateStatus.MEASURED, held_out=held), rival.evidence, rival.predictions
        )
        mine = HeldOut("tuned", "frozen", rows, np.eye(2)[np.where(runner_right, truth, 1 - truth)])
        stopped += why_it_cannot_win(mine, [floor, rival], train(), RULES) is not None
    assert stopped / 300 <= 0.08


def test_rows_of_one_key_count_as_less_than_a_row_each() -> None:
    rivals = [candidate("frozen", 100, cost=3.0), candidate("cascade", 60, cost=0.5)]
    one_key = np.arange(N) // 100
    assert why_it_cannot_win(runner(58), rivals, train(), RULES) is not None
    assert why_it_cannot_win(runner(90, start=900), rivals, train(one_key), RULES) is None
