"""Laws of the audit of natural shifts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.evaluate.audits.audit import AuditSubject
from smallcraft.evaluate.audits.shift import ShiftAudit, time_periods
from smallcraft.records import AuditResult, Measurement, Predictions


def predictions(right, confidence=0.8) -> Predictions:
    right = np.asarray(right, dtype=bool)
    probs = np.tile([confidence, 1 - confidence], (len(right), 1))
    return Predictions(("a", "b"), (~right).astype(np.int64), probs)


def audit(given: Predictions | None, times=None, groups=None) -> AuditResult:
    metadata = {} if times is None else {"time": np.asarray(times, dtype=float)}
    subject = AuditSubject({}, seed=0, predictions=given, metadata=metadata, groups=groups or {})
    return ShiftAudit().measure(subject)


def find(result: AuditResult, name: str, slice_: str) -> Measurement:
    (found,) = [m for m in result.measurements if (m.name, m.slice) == (name, slice_)]
    return found


def test_a_fall_over_time_is_found_with_its_counts():
    right = np.ones(400, dtype=bool)
    right[:20] = right[300:360] = False
    order = np.random.default_rng(0).permutation(400)
    result = audit(predictions(right[order]), times=order)
    change = find(result, "accuracy_change", "time=period 4 of 4")
    assert (change.hits, change.trials, change.rest_hits, change.rest_trials) == (40, 100, 80, 100)
    assert change.value == pytest.approx(-0.4)
    assert change.high < 0
    assert find(result, "accuracy", "time=period 2 of 4").value == 1.0
    assert "-0.400" in result.summary


def test_calibration_drifts_with_it():
    right = np.arange(400) < 300
    result = audit(predictions(right), times=np.arange(400))
    first, last = (find(result, "confidence_gap", f"time=period {at} of 4") for at in (1, 4))
    assert (first.value, last.value) == (pytest.approx(-0.2), pytest.approx(0.8))
    drift = find(result, "confidence_gap_change", "time=period 4 of 4")
    assert drift.value == pytest.approx(1.0)


def test_no_change_has_an_interval_around_zero_as_often_as_it_says():
    seed, covered = 4, 0
    rng = np.random.default_rng(seed)
    for _ in range(300):
        found = find(
            audit(predictions(rng.random(400) < 0.8), times=np.arange(400)),
            "accuracy_change",
            "time=period 4 of 4",
        )
        covered += found.low <= 0 <= found.high
    print(f"seed {seed}: covered {covered / 300:.3f} of 0.95")
    assert 0.92 <= covered / 300 <= 0.985


@given(st.lists(st.one_of(st.integers(0, 9), st.none()), max_size=60))
def test_rows_of_one_time_are_never_parted_and_periods_follow_time(values):
    times = np.array([np.nan if value is None else value for value in values], dtype=float)
    periods = time_periods(times)
    known = np.isfinite(times)
    assert np.all(periods.codes[~known] == -1)
    assert np.all(periods.codes[known] >= 0)
    order = np.argsort(times[known], kind="stable")
    assert np.all(np.diff(periods.codes[known][order]) >= 0)
    for time in np.unique(times[known]):
        assert len(np.unique(periods.codes[times == time])) == 1
    assert len(periods.names) <= 4
    assert set(periods.codes[known]) == set(range(len(periods.names)))


def test_groups_have_their_own_calibration():
    result = audit(predictions(np.arange(200) < 100), groups={"g": ["a"] * 100 + ["b"] * 100})
    assert find(result, "confidence_gap", "g=a").value == pytest.approx(-0.2)
    assert find(result, "confidence_gap", "g=b").value == pytest.approx(0.8)
    assert "g=b" in result.summary


def test_a_period_with_few_rows_is_unmeasured_and_says_so():
    found = find(audit(predictions([True] * 40), times=np.arange(40)), "accuracy", "time=period 1 of 4")
    assert found.value is None
    assert "30 are needed" in found.detail


def test_one_time_for_all_rows_is_no_change():
    result = audit(predictions([True] * 40), times=np.ones(40))
    assert find(result, "accuracy_change", "all").value is None
    assert find(result, "accuracy", "time=period 1 of 1").value == 1.0


@pytest.mark.parametrize(
    ("given", "reason"),
    [(None, "predictions beside the truth"), (predictions([True]), "neither a time column nor a group")],
)
def test_what_cannot_be_measured_says_what_would_bring_it(given, reason):
    result = audit(given)
    assert [m.value for m in result.measurements] == [None]
    assert reason in result.summary
