"""Tuning on a workshop: nothing leaks into a fold, and what was trained is kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.models.toys import MIXED, TEXT, toy_workshop

from smallcraft.bundle.inputs import read_inputs
from smallcraft.models.memory import Memory
from smallcraft.models.tuning import trainer as trainer_module
from smallcraft.models.tuning.answers import answer
from smallcraft.models.tuning.cost import UnitCost
from smallcraft.models.tuning.encoder import Encoder
from smallcraft.models.tuning.learner import Learner
from smallcraft.models.tuning.plan import TrainPlan, TuningPlan
from smallcraft.models.tuning.trainer import EncoderTrainer

pytestmark = pytest.mark.torch

TRAIN = TrainPlan(epochs=15, batch_rows=16, learning_rate=3e-3, head_rate=3e-2, precision="fp32")
PLAN = TuningPlan(layers=1, train=TRAIN)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory, tiny_backbone):
    return toy_workshop(tmp_path_factory.mktemp("tuned"), TEXT, backbone=tiny_backbone, n=120)


@pytest.fixture(scope="module")
def trainer(workshop):
    return EncoderTrainer("tuned", workshop, PLAN)


def elsewhere(workshop, folder, **changes):
    return replace(workshop, memory=Memory(folder), scratch=folder, _made={}, **changes)


def test_logits_are_of_the_first_folds_and_right_more_often_than_not(workshop, trainer):
    logits = trainer.out_of_fold()
    known = np.isin(workshop.folds, [0, 1])
    assert np.array_equal(np.isnan(logits).any(axis=1), ~known)
    assert (logits[known].argmax(axis=1) == workshop.labels[known]).mean() > 0.6


def test_more_folds_leave_those_trained_before_as_they_are(workshop, trainer):
    two, three = trainer.out_of_fold(2), trainer.out_of_fold(3)
    known = ~np.isnan(two).any(axis=1)
    assert np.array_equal(two[known], three[known])
    assert (~np.isnan(three).any(axis=1)).sum() > known.sum()


def test_labels_of_a_fold_never_reach_its_logits(workshop, trainer, tmp_path):
    held = workshop.folds == 0
    labels = np.where(held, (workshop.labels + 1) % 3, workshop.labels)
    other = EncoderTrainer("tuned", elsewhere(workshop, tmp_path, labels=labels), PLAN)
    assert np.array_equal(trainer.out_of_fold(1)[held], other.out_of_fold(1)[held])


def test_only_the_upper_layers_differ_from_the_backbone(trainer):
    tuned = trainer.tuned()
    for name, array in trainer.source.weights.items():
        is_trained = name.startswith("encoder.layer.1.")
        assert np.array_equal(tuned.source.weights[name], array) != is_trained, name
    assert tuned.source.name != trainer.source.name
    assert tuned.adapter is None
    assert tuned.done is not None
    assert (tuned.done.ended_by, tuned.done.precision) == ("epochs", "fp32")
    assert len(tuned.done.losses) == TRAIN.epochs
    assert tuned.done.work == trainer.tokens.lengths.sum() * TRAIN.epochs


def test_the_same_rows_and_seed_give_the_same_bytes_and_are_trained_once(
    workshop, trainer, tmp_path, monkeypatch
):
    again = EncoderTrainer("tuned", elsewhere(workshop, tmp_path), PLAN).tuned()
    assert again.source.digest == trainer.tuned().source.digest
    assert np.array_equal(again.head, trainer.tuned().head)
    monkeypatch.setattr(trainer_module, "train", lambda *_, **__: pytest.fail("it is trained"))
    kept = EncoderTrainer("tuned", elsewhere(workshop, tmp_path), PLAN).tuned()
    assert kept.source.digest == again.source.digest


def test_the_encoder_of_a_fold_is_the_one_that_answered_it(workshop, trainer):
    held = np.flatnonzero(workshop.folds == 1)
    tuned = trainer.tuned_without(1)
    module = Learner(Encoder(tuned.source.weights, tuned.source.config, first_layer=1), tuned.head)
    assert np.allclose(answer(module, trainer.inputs, held).logits, trainer.out_of_fold(2)[held], atol=1e-5)
    assert tuned.source.digest != trainer.tuned().source.digest


def test_features_beside_the_text_reach_the_head(tmp_path, tiny_backbone):
    workshop = toy_workshop(tmp_path, MIXED, backbone=tiny_backbone, n=120)
    trainer = EncoderTrainer("tuned", workshop, PLAN)
    assert trainer.features is not None
    tuned = trainer.tuned()
    assert len(tuned.head) == trainer.source.width + trainer.features.width + 1
    known = ~np.isnan(logits := trainer.out_of_fold(1)).any(axis=1)
    assert (logits[known].argmax(axis=1) == workshop.labels[known]).mean() > 0.6


def test_a_class_that_no_training_row_has_is_never_answered(workshop, tmp_path):
    labels = np.where(workshop.labels == 2, 0, workshop.labels)
    labels[np.flatnonzero(workshop.folds == 0)[0]] = 2
    logits = EncoderTrainer("tuned", elsewhere(workshop, tmp_path, labels=labels), PLAN).out_of_fold(1)
    held = logits[workshop.folds == 0]
    assert np.isfinite(held).all()
    assert (held.argmin(axis=1) == 2).all()


def test_empty_texts_break_nothing(workshop, tmp_path):
    texts = ["" if row % 3 else text for row, text in enumerate(workshop.texts)]
    parts = (("train", read_inputs(texts, TEXT)),)
    other = EncoderTrainer("tuned", elsewhere(workshop, tmp_path, parts=parts), PLAN)
    assert np.isfinite(other.out_of_fold(1)[workshop.folds == 0]).all()


def test_several_labels_a_row_are_learned(workshop, tmp_path):
    labels = np.stack([workshop.labels == 0, workshop.labels != 1, workshop.labels == 2], axis=1)
    other = elsewhere(workshop, tmp_path, labels=labels.astype(np.int64), task="multilabel")
    logits = EncoderTrainer("tuned", other, PLAN).out_of_fold(1)
    known = ~np.isnan(logits).any(axis=1)
    assert ((logits[known] > 0) == labels[known]).mean() > 0.7


def test_low_rank_changes_are_merged_and_kept_apart(workshop, tmp_path):
    plan = TuningPlan(layers=2, rank=2, train=replace(TRAIN, epochs=1, learning_rate=1e-2))
    tuned = EncoderTrainer("lora", elsewhere(workshop, tmp_path), plan).tuned()
    assert tuned.adapter is not None
    assert set(tuned.adapter.changes) == {
        f"encoder.layer.{layer}.attention.self.{part}" for layer in (0, 1) for part in ("query", "value")
    }
    name = "encoder.layer.0.attention.self.query"
    change = tuned.adapter.changes[name]
    source = workshop.backbone_source()
    expected = source.weights[f"{name}.weight"] + (change.down @ change.up).T
    assert np.allclose(tuned.source.weights[f"{name}.weight"], expected, atol=1e-6)


def test_the_estimate_counts_every_training(workshop, tmp_path, monkeypatch):
    """With a unit of a second forward and backward and nothing else, it is the work that is then done."""
    monkeypatch.setattr(trainer_module, "_HEAD_S", 0.0)
    monkeypatch.setattr(trainer_module, "measure_unit_cost", lambda *_, **__: UnitCost(1.0, 0.0))
    other = EncoderTrainer("tuned", elsewhere(workshop, tmp_path), PLAN)
    rows = [np.ones(120, bool), workshop.folds != 0, workshop.folds != 1]
    lengths = other.tokens.lengths
    expected = sum(lengths.mean() * taken.sum() for taken in rows) * TRAIN.epochs
    assert other.estimate_cpu_s() == pytest.approx(expected)


def test_the_budget_is_shared_by_the_trainings(workshop, tmp_path, monkeypatch):
    seen = []

    def note(*_, budget, **__):
        seen.append(budget.cpu_s)
        raise InterruptedError

    monkeypatch.setattr(trainer_module, "train", note)
    for trained in ("tuned", "out_of_fold"):
        other = EncoderTrainer("tuned", elsewhere(workshop, tmp_path, budget_cpu_s=100.0), PLAN)
        with pytest.raises(InterruptedError):
            getattr(other, trained)()
    assert seen == pytest.approx([100 * 120 / 300, 100 * 90 / 300], rel=0.02)
