import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from smallcraft.errors import InvalidInputError
from smallcraft.gates.bounds import are_as_measured, bounds_at
from smallcraft.records import Measurement
from smallcraft.stats.intervals import clopper_pearson_interval, mean_interval
from smallcraft.stats.share_gaps import share_gap_bounds

CONFIDENCES = st.floats(0.6, 0.9999)


def share(hits, trials):
    return Measurement("accuracy", hits / trials, "fraction", trials, "", hits=hits, trials=trials)


def gap(hits, trials, rest_hits, rest_trials):
    return Measurement(
        "tpr_gap",
        hits / trials - rest_hits / rest_trials,
        "fraction",
        trials,
        "",
        hits=hits,
        trials=trials,
        rest_hits=rest_hits,
        rest_trials=rest_trials,
    )


@given(st.integers(1, 400), st.floats(0, 1), CONFIDENCES)
def test_a_share_is_bounded_as_the_exact_interval_of_its_counts(trials, part, confidence):
    found = bounds_at(share(round(part * trials), trials), confidence)
    two_sided = clopper_pearson_interval(round(part * trials), trials, level=2 * confidence - 1)
    assert found.low == pytest.approx(two_sided.low, abs=1e-12)
    assert found.high == pytest.approx(two_sided.high, abs=1e-12)


@given(st.integers(1, 60), st.integers(1, 400), st.floats(0, 1), st.floats(0, 1), CONFIDENCES)
def test_a_gap_has_the_bounds_of_its_mirror_and_lies_in_them(
    trials, rest_trials, part, rest_part, confidence
):
    hits, rest_hits = round(part * trials), round(rest_part * rest_trials)
    found = bounds_at(gap(hits, trials, rest_hits, rest_trials), confidence)
    mirrored = bounds_at(gap(rest_hits, rest_trials, hits, trials), confidence)
    assert (found.low, found.high) == pytest.approx((-mirrored.high, -mirrored.low))
    assert -1 <= found.low <= hits / trials - rest_hits / rest_trials <= found.high <= 1


@pytest.mark.parametrize(
    "measurement",
    [
        share(14, 15),
        gap(14, 15, 500, 620),
        Measurement("macro_f1", 0.8, "fraction", 12, "", low=0.7, high=0.85, level=0.95),
        Measurement("p95_ms", 3.0, "ms", 900, "", low=2.8, high=3.3, level=0.98),
    ],
)
@given(confidences=st.lists(CONFIDENCES, min_size=2, max_size=2).map(sorted))
def test_bounds_at_a_higher_confidence_contain_those_at_a_lower_one(measurement, confidences):
    narrow, wide = (bounds_at(measurement, confidence) for confidence in confidences)
    assert wide.low <= narrow.low <= measurement.value <= narrow.high <= wide.high


def test_a_gap_is_bounded_from_the_counts_of_both_shares():
    expected = share_gap_bounds(14, 15, 500, 620, confidence=0.97)
    assert bounds_at(gap(14, 15, 500, 620), 0.97) == expected


def test_stretched_bounds_of_a_mean_hold_at_every_confidence():
    """Means of 12 normal values, bounds of level 0.95 stretched to others; 4,000 draws, seed 12."""
    draws = np.random.default_rng(12).standard_normal((4000, 12))
    found = [mean_interval(row, level=0.95) for row in draws]
    measured = [
        Measurement("m", float(row.mean()), "", 12, "", low=i.low, high=i.high, level=0.95)
        for row, i in zip(draws, found, strict=True)
    ]
    for confidence in (0.9, 0.99, 0.999):
        missed = np.mean([bounds_at(one, confidence).low > 0 for one in measured])
        assert missed <= 1.1 * (1 - confidence) + 0.0005
    normal = stats.norm.ppf(0.999) / stats.norm.ppf(0.975)
    narrow = np.mean([one.value - (one.value - one.low) * normal > 0 for one in measured])
    assert narrow >= 2 * 0.001


def test_without_a_level_bounds_are_taken_as_they_are_and_without_bounds_the_value_is_known():
    unknown = Measurement("p95_ms", 3.0, "ms", 500, "", low=2.8, high=3.3)
    assert [bounds_at(unknown, c) for c in (0.9, 0.999)] == [bounds_at(unknown, 0.95)] * 2
    assert are_as_measured(unknown)
    assert not are_as_measured(share(9, 10))
    size = Measurement("size_mb", 12.0, "MB", 3, "bytes")
    assert (bounds_at(size, 0.95).low, bounds_at(size, 0.95).high) == (12.0, 12.0)
    assert not are_as_measured(size)


def test_a_side_without_a_bound_is_not_known():
    bounds = bounds_at(Measurement("m", 0.5, "", 10, "", low=0.4, level=0.9), 0.95)
    assert bounds.low == pytest.approx(0.4)
    assert bounds.high == math.inf


def test_a_confidence_that_is_none_is_refused():
    with pytest.raises(InvalidInputError, match=r"confidence must be a fraction in \(0, 1\), got 95"):
        bounds_at(share(9, 10), 95)
