"""A budget is judged by the calmest of a few measurements, and never by noise alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from smallcraft.evaluate.costs.latency import UNSTEADY
from smallcraft.gates.policy import budget_specs, judge_all
from smallcraft.pipeline.stages.steady_cost import MOST_TIMES, Costs, measure_steadily
from smallcraft.records import CandidateStatus, Evidence, Measurement, Outcome

BUDGET = {"latency_p95_ms": 5.0, "size_mb": 30.0}


def costs(p95: tuple[float, float, float], *, busy: float = 1.0, detail: str = "") -> Costs:
    """A p95 with its bounds, of a machine that gave an answer `1 / busy` of its time."""
    low, value, high = p95
    return (
        Measurement("p95_ms", value, "ms", 1000, "order statistics", low=low, high=high, detail=detail),
        Measurement("mean_ms", busy, "ms", 1000, "mean"),
        Measurement("cpu_s_per_1000", 1.0, "s", 1000, "mean", low=0.9, high=1.1),
    )


def measured(*tries: Costs) -> tuple[Callable[[], Costs], list[Costs]]:
    left, asked = list(tries), []

    def measure() -> Costs:
        asked.append(left.pop(0))
        return asked[-1]

    return measure, asked


def outcome(found: Costs) -> tuple[Outcome, str, str]:
    evidence = Evidence("ngram", CandidateStatus.MEASURED, None, found)
    (verdict,) = judge_all(budget_specs({"latency_p95_ms": 5.0}), evidence)
    return verdict.outcome, verdict.reason, verdict.needs or ""


QUIET, LOUD = (0.9, 1.0, 1.1), (3.0, 9.0, 17.0)


def test_a_cost_that_keeps_its_limit_is_measured_once_however_busy_the_machine():
    measure, asked = measured(costs(QUIET, busy=3.0))
    found = measure_steadily(measure, BUDGET)
    assert len(asked) == 1
    assert (found.measurements, found.is_settled) == (asked[0], True)


def test_noise_is_measured_again_until_it_is_gone():
    measure, asked = measured(costs(LOUD, busy=6.0), costs(QUIET), costs(QUIET))
    found = measure_steadily(measure, BUDGET)
    assert len(asked) == 2
    assert (found.measurements, found.is_settled) == (asked[1], True)
    assert outcome(found.measurements)[0] is Outcome.PASS


def test_noise_that_stays_is_undecided_with_what_to_do_and_not_kept():
    measure, asked = measured(*(costs(LOUD, busy=busy) for busy in (6.0, 4.0, 5.0)))
    found = measure_steadily(measure, BUDGET)
    assert len(asked) == MOST_TIMES
    assert not found.is_settled
    told, reason, needs = outcome(found.measurements)
    assert told is Outcome.UNDECIDED
    assert "measured 3 times" in reason
    assert "busy with something else for 75% of an answer's time" in reason
    assert "quiet machine" in needs


def test_a_limit_broken_only_in_the_noise_does_not_fail():
    measure, _ = measured(*(costs((7.0, 12.0, 17.0), busy=20.0) for _ in range(3)))
    assert outcome(measure_steadily(measure, BUDGET).measurements)[0] is Outcome.UNDECIDED


def test_a_limit_broken_on_a_machine_at_rest_fails_at_once():
    measure, asked = measured(costs((7.0, 8.0, 9.0)))
    found = measure_steadily(measure, BUDGET)
    assert len(asked) == 1
    assert found.is_settled
    assert outcome(found.measurements)[0] is Outcome.FAIL


def test_a_cost_near_its_limit_is_kept_so_that_building_again_does_not_make_it_pass():
    measure, asked = measured(*(costs((4.9, 5.0, 5.1)) for _ in range(3)))
    found = measure_steadily(measure, BUDGET)
    assert len(asked) == MOST_TIMES
    assert found.is_settled
    assert outcome(found.measurements)[0] is Outcome.UNDECIDED


def test_the_calmest_measurement_is_kept_and_not_the_best_looking_one():
    calm, lucky = costs((4.0, 6.0, 8.0), busy=1.5), costs((4.0, 5.0, 6.0), busy=9.0)
    measure, _ = measured(lucky, calm, lucky)
    found = measure_steadily(measure, BUDGET)
    assert found.measurements[0].value == 6.0


def test_halves_that_do_not_agree_are_measured_again():
    measure, asked = measured(costs((4.0, 4.5, 5.5), detail=f"{UNSTEADY} halves"), costs(QUIET))
    assert measure_steadily(measure, BUDGET).is_settled
    assert len(asked) == 2


@pytest.mark.parametrize("budget", [{}, {"size_mb": 1.0}, {"train_cpu_s": 0.1}])
def test_what_is_not_timed_is_never_measured_again(budget):
    measure, asked = measured(costs(LOUD, busy=9.0))
    assert measure_steadily(measure, budget).is_settled
    assert len(asked) == 1
