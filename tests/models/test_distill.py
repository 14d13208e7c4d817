"""What teachers say: mixed by how right they are, and never more sure of one row for another's sake."""

from __future__ import annotations

import numpy as np
import pytest

from smallcraft.bundle.decoder import softmax
from smallcraft.errors import InvalidInputError
from smallcraft.models.calibrate import log_loss
from smallcraft.models.distill import gather_answers, mix_teachers, plan_lessons


def teachers(n: int = 400, k: int = 4) -> tuple[list[np.ndarray], np.ndarray]:
    """Two that are right about different rows, the second more often."""
    rng = np.random.default_rng(3)
    labels = rng.integers(k, size=n)
    truth = np.eye(k)[labels]
    return [strength * truth + rng.normal(size=(n, k)) for strength in (1.0, 2.0)], labels


def test_the_mix_is_no_worse_than_the_best_teacher_alone():
    logits, labels = teachers()
    mixed = log_loss(np.log(mix_teachers(logits, labels).astype(np.float64)), labels)
    assert mixed < min(log_loss(stage, labels) for stage in logits)


def test_rows_sum_to_one_and_a_teacher_of_noise_hardly_counts():
    logits, labels = teachers()
    noise = np.random.default_rng(9).normal(size=logits[0].shape)
    with_noise = mix_teachers([*logits, noise], labels)
    assert np.allclose(with_noise.sum(axis=1), 1, atol=1e-5)
    assert np.abs(with_noise - mix_teachers(logits, labels)).mean() < 0.02


def test_logged_answers_count_as_much_as_the_rungs_and_only_where_there_are_any():
    logits, labels = teachers()
    logged = np.full(logits[0].shape, np.nan)
    logged[:10] = np.eye(4)[labels[:10]]
    own, both = mix_teachers(logits, labels), mix_teachers(logits, labels, logged=logged)
    assert np.allclose(both[:10], (own[:10] + logged[:10]) / 2, atol=1e-6)
    assert np.array_equal(both[10:], own[10:])


def test_answers_for_other_rows_or_classes_are_refused_with_what_was_wanted():
    logits, labels = teachers()
    with pytest.raises(InvalidInputError, match=r"must be \(rows, classes\) = \(400, 4\), got \(400, 3\)"):
        mix_teachers(logits, labels, logged=np.zeros((400, 3)))


def test_the_callers_logits_are_left_as_they_are():
    logits, labels = teachers()
    before = [stage.copy() for stage in logits]
    mix_teachers(logits, labels, logged=softmax(logits[0]))
    assert all(np.array_equal(stage, old) for stage, old in zip(logits, before, strict=True))


FOLDS = np.array([0, 1, 2, 0, 1, 2, 3])


def test_each_lesson_hides_its_own_fold_and_the_judged_one_from_the_teacher():
    lessons = plan_lessons(FOLDS)
    assert [lesson.fold for lesson in lessons] == [1, 2, 3]
    for lesson in lessons:
        assert set(FOLDS[lesson.held]) == {0, lesson.fold}


def test_a_row_is_answered_by_the_lesson_of_its_fold_and_the_judged_fold_by_all():
    lessons = plan_lessons(FOLDS)
    answers = [np.full((lesson.held.sum(), 2), float(lesson.fold)) for lesson in lessons]
    gathered = gather_answers(lessons, answers, FOLDS)
    assert gathered[:, 0].tolist() == [2.0, 1.0, 2.0, 2.0, 1.0, 2.0, 3.0]


def test_two_folds_are_too_few_to_teach_from_and_the_refusal_says_so():
    with pytest.raises(InvalidInputError, match="at least 3 folds, got 2"):
        plan_lessons(np.array([0, 1, 1]))


def test_labels_of_judged_rows_do_not_reach_the_mix():
    logits, labels = teachers()
    judged = np.arange(len(labels)) < 100
    other = np.where(judged, (labels + 1) % 4, labels)
    one, two = (mix_teachers(logits, each, judged=judged) for each in (labels, other))
    assert np.array_equal(one, two)
