"""Losses are what their formulas say, and a teacher that did not answer says nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import expit, log_softmax

from smallcraft.models.tuning.learner import Output
from smallcraft.models.tuning.losses import Distillation, Labels

pytestmark = pytest.mark.torch

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(6, 4)).astype(np.float32)
EMBEDDING = RNG.normal(size=(6, 5)).astype(np.float32)
OUTPUT = Output(torch.from_numpy(LOGITS), torch.from_numpy(EMBEDDING))
# The batch's rows stand elsewhere in the table.
ROWS = np.array([8, 3, 1, 9, 0, 4])
CODES = RNG.integers(4, size=10)
PROBS = RNG.dirichlet(np.ones(4), size=10).astype(np.float32)
CHOSEN = -log_softmax(LOGITS, axis=1)


def test_cross_entropy_reads_the_labels_of_the_batchs_rows():
    expected = CHOSEN[np.arange(6), CODES[ROWS]].mean()
    assert float(Labels(CODES)(OUTPUT, ROWS)) == pytest.approx(expected, rel=1e-5)


def test_smoothing_spreads_its_share_over_all_classes():
    expected = 0.8 * CHOSEN[np.arange(6), CODES[ROWS]].mean() + 0.2 * CHOSEN.mean()
    assert float(Labels(CODES, 0.2)(OUTPUT, ROWS)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_several_labels_a_row_are_each_learned_apart(smoothing):
    targets = RNG.random((10, 4)) < 0.4
    wanted = targets[ROWS] * (1 - smoothing) + smoothing / 2
    probs = expit(LOGITS.astype(np.float64))
    expected = -(wanted * np.log(probs) + (1 - wanted) * np.log(1 - probs)).mean()
    assert float(Labels(targets, smoothing)(OUTPUT, ROWS)) == pytest.approx(expected, rel=1e-5)


def test_distillation_weighs_teacher_and_labels():
    hard = CHOSEN[np.arange(6), CODES[ROWS]].mean()
    soft = (PROBS[ROWS] * CHOSEN).sum(axis=1).mean()
    found = Distillation(Labels(CODES), PROBS, share=0.7)(OUTPUT, ROWS)
    assert float(found) == pytest.approx(0.3 * hard + 0.7 * soft, rel=1e-5)


def test_rows_that_the_teacher_did_not_answer_count_by_their_labels():
    """Each row has weight one: the teacher's share of it, or the label alone."""
    probs = PROBS.copy()
    probs[[3, 9]] = np.nan
    answered = ~np.isnan(probs[ROWS]).any(axis=1)
    hard = CHOSEN[np.arange(6), CODES[ROWS]]
    soft = (np.nan_to_num(probs[ROWS]) * CHOSEN).sum(axis=1)
    expected = np.where(answered, 0.4 * hard + 0.6 * soft, hard).mean()
    found = Distillation(Labels(CODES), probs, share=0.6)(OUTPUT, ROWS)
    assert float(found) == pytest.approx(expected, rel=1e-5)
    nothing = np.full_like(PROBS, np.nan)
    assert float(Distillation(Labels(CODES), nothing)(OUTPUT, ROWS)) == pytest.approx(hard.mean(), rel=1e-5)


def test_the_teachers_embeddings_are_followed_by_their_direction():
    wanted = RNG.normal(size=(10, 5)).astype(np.float32)
    plain = float(Distillation(Labels(CODES), PROBS)(OUTPUT, ROWS))
    unit = [array / np.linalg.norm(array, axis=1, keepdims=True) for array in (wanted[ROWS], EMBEDDING)]
    expected = plain + 2 * (1 - (unit[0] * unit[1]).sum(axis=1)).mean()
    found = Distillation(Labels(CODES), PROBS, embeddings=wanted * 3, embedding_share=2)(OUTPUT, ROWS)
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_a_teacher_of_several_labels_a_row_is_followed_label_by_label():
    targets = RNG.random((10, 4)) < 0.4
    teacher = RNG.random((10, 4)).astype(np.float32)
    found = Distillation(Labels(targets), teacher, share=1.0)(OUTPUT, ROWS)
    probs = expit(LOGITS.astype(np.float64))
    wanted = teacher[ROWS]
    assert float(found) == pytest.approx(
        -(wanted * np.log(probs) + (1 - wanted) * np.log(1 - probs)).mean(), rel=1e-5
    )
