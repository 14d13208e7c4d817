"""Scores, intervals and gates that are off break the promises."""

from __future__ import annotations

from dataclasses import replace

import pytest

from smallcraft.pipeline.selftest import metrics
from smallcraft.pipeline.selftest.promise import BrokenPromiseError
from smallcraft.records import Interval, Outcome, Verdict


@pytest.mark.parametrize("promise", metrics.PROMISES, ids=lambda promise: promise.claim)
@pytest.mark.parametrize("seed", [1, 2])
def test_promises_hold_for_other_seeds_too(promise, seed, tmp_path):
    assert promise.attempt(tmp_path, seed)


@pytest.mark.parametrize(
    "attempt", [metrics.intervals_cover_as_often_as_they_say, metrics.a_gate_at_its_limit_rarely_errs]
)
def test_rates_of_error_are_exact_so_that_no_seed_breaks_a_promise_by_chance(attempt, tmp_path):
    assert len({attempt(tmp_path, seed) for seed in range(5)}) == 1


def test_the_counts_that_are_looked_at_hold_all_the_probability_there_is():
    assert sum(metrics._chances().values()) == pytest.approx(1.0, abs=1e-9)


def test_intervals_that_are_too_narrow_are_noticed(monkeypatch, tmp_path):
    def narrow(successes, trials, *, level=0.95):
        return Interval(successes / trials - 0.01, successes / trials + 0.01)

    monkeypatch.setattr(metrics, "clopper_pearson_interval", narrow)
    with pytest.raises(BrokenPromiseError, match=r"miss the truth with probability 0\.5"):
        metrics.intervals_cover_as_often_as_they_say(tmp_path, 0)


@pytest.mark.parametrize(
    "attempt", [metrics.a_gate_at_its_limit_rarely_errs, metrics.what_was_not_measured_does_not_pass]
)
def test_a_gate_that_judges_the_bare_value_is_noticed(attempt, monkeypatch, tmp_path):
    def naive(gates, evidence):
        measured = evidence.measurements[-1]
        passes = measured.value is not None and measured.value >= gates[0].limit
        return (Verdict(gates[0].name, Outcome.PASS if passes else Outcome.FAIL, ""),)

    monkeypatch.setattr(metrics, "judge_all", naive)
    with pytest.raises(BrokenPromiseError):
        attempt(tmp_path, 0)


def test_a_score_that_is_off_is_noticed(monkeypatch, tmp_path):
    real = metrics.evaluate_predictions

    def off(predictions, **options):
        return tuple(
            replace(m, value=None if m.value is None else m.value + 1e-9)
            for m in real(predictions, **options)
        )

    monkeypatch.setattr(metrics, "evaluate_predictions", off)
    with pytest.raises(BrokenPromiseError, match="differ by 1e-09"):
        metrics.points_are_those_of_a_table_done_by_hand(tmp_path, 0)
