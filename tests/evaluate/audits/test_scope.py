"""Laws of the out-of-scope audit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from smallcraft.evaluate.audits.audit import AuditSubject
from smallcraft.evaluate.audits.scope import ScopeAudit, accepting_threshold
from smallcraft.records import AuditResult, Predictions


def answer(columns):
    sure = np.asarray(columns["sure"], dtype=float)
    return np.stack([sure, 1 - sure], axis=1)


def audit(inside, outside, **settings) -> AuditResult:
    predictions = Predictions(("a", "b"), np.zeros(len(inside), dtype=np.int64), answer({"sure": inside}))
    given = {"answer": answer, "predictions": predictions, "out_of_scope": {"sure": outside}} | settings
    return ScopeAudit().measure(AuditSubject({"sure": inside}, seed=0, **given))


def test_both_numbers_agree_with_scikit_learn_and_a_count():
    rng = np.random.default_rng(0)
    inside, outside = 0.5 + rng.beta(4, 2, 400) / 2, 0.5 + rng.beta(2, 3, 300) / 2
    area, accepted = audit(inside, outside).measurements
    is_inside = np.arange(700) < 400
    assert area.value == pytest.approx(roc_auc_score(is_inside, np.concatenate([inside, outside])))
    assert area.low < area.value < area.high
    by_count = np.sum(outside >= np.sort(inside)[20])  # 380 of 400 are at or above it
    assert (accepted.hits, accepted.trials) == (by_count, 300)
    assert accepted.value == accepted.hits / accepted.trials
    assert f"a score of {np.sort(inside)[20]:.4g} or more" in accepted.detail


def test_a_perfect_separation_is_not_taken_for_a_perfect_model():
    area, accepted = audit([0.9] * 50, [0.6] * 40).measurements
    assert (area.value, accepted.value) == (1.0, 0.0)
    assert area.low < 1
    assert 0.05 < accepted.high < 0.1


def test_confidence_that_says_nothing_has_an_area_of_one_half():
    rng = np.random.default_rng(1)
    area, accepted = audit(rng.uniform(0.5, 1, 2000), rng.uniform(0.5, 1, 2000)).measurements
    assert area.low < 0.5 < area.high
    assert accepted.value == pytest.approx(0.95, abs=0.02)


@given(st.lists(st.integers(0, 20), min_size=1, max_size=60), st.floats(0.05, 1))
def test_the_threshold_is_the_highest_that_accepts_the_share(values, share):
    scores = np.array(values) / 20
    threshold = accepting_threshold(scores, share)
    assert np.mean(scores >= threshold) >= share - 1e-9
    higher = scores[scores > threshold]
    assert len(higher) == 0 or np.mean(scores >= higher.min()) < share


def test_the_noise_of_the_threshold_is_told():
    rng = np.random.default_rng(2)
    inside, outside = rng.uniform(0.6, 1, 300), rng.uniform(0.5, 0.9, 300)
    told = audit(inside, outside).measurements[1].detail.rpartition("its own interval ")[2]
    low, high = map(float, told.split(" to "))
    assert low < audit(inside, outside).measurements[1].value < high


def test_rows_of_one_key_widen_the_interval_of_the_area():
    rng = np.random.default_rng(3)
    inside, outside = np.repeat(rng.uniform(0.55, 1, 60), 5), rng.uniform(0.5, 0.9, 200)
    keyed = Predictions(
        ("a", "b"), np.zeros(300, dtype=np.int64), answer({"sure": inside}), np.arange(300) // 5
    )
    alone, wide = (
        audit(inside, outside).measurements[0],
        audit(inside, outside, predictions=keyed).measurements[0],
    )
    assert alone.value == wide.value
    assert wide.high - wide.low > 1.3 * (alone.high - alone.low)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"out_of_scope": None}, "collect some questions that belong to none of the classes"),
        ({"out_of_scope": {"sure": []}}, "collect some questions"),
        ({"answer": None}, "a model to ask"),
        ({"predictions": None}, "predictions on rows in scope"),
    ],
)
def test_what_cannot_be_measured_says_what_would_bring_it(settings, reason):
    result = audit([0.9, 0.8], [0.6], **settings)
    assert [(m.name, m.value) for m in result.measurements] == [
        ("oos_auroc", None),
        ("oos_fpr_at_95_tpr", None),
    ]
    assert all(reason in m.detail for m in result.measurements)


def test_a_row_out_of_scope_that_reaches_the_threshold_is_accepted():
    accepted = audit([0.9, 0.8, 0.8], [0.8, 0.8, 0.7, 0.7]).measurements[1]
    assert (accepted.hits, accepted.trials) == (2, 4)
