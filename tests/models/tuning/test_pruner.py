"""Pruning a tuned encoder: less of it, no row of a fold has a say in what answers that fold; it repeats."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.models.toys import TEXT, toy_workshop

from smallcraft.models.memory import Memory
from smallcraft.models.prune import PruningPlan, inner_widths
from smallcraft.models.tuning.plan import TrainPlan, TuningPlan
from smallcraft.models.tuning.pruner import Pruner
from smallcraft.models.tuning.trainer import EncoderTrainer

pytestmark = pytest.mark.torch

QUICK = TrainPlan(epochs=5, batch_rows=16, learning_rate=3e-3, head_rate=3e-2, precision="fp32")
PLAN = PruningPlan(
    keep_layers=1, keep_neurons_share=1.0, vocabulary_margin=0, train=QUICK, judged_rows=30, folds_trained=1
)


@pytest.fixture(scope="module")
def workshop(tiny_backbone, tmp_path_factory):
    return toy_workshop(tmp_path_factory.mktemp("pruner"), TEXT, backbone=tiny_backbone, n=120)


def pruner_of(workshop, plan=PLAN):
    parent = EncoderTrainer("tuned", workshop, TuningPlan(layers=1, train=QUICK, folds_trained=1))
    return Pruner("pruned", workshop, plan, parent)


@pytest.fixture(scope="module")
def pruner(workshop):
    return pruner_of(workshop)


def test_what_is_left_is_smaller_and_was_trained(pruner):
    parent, pruned = pruner.parent.tuned(), pruner.pruned()
    assert (parent.source.layers, pruned.source.layers) == (2, 1)
    assert inner_widths(pruned.source) == (32,)
    assert len(pruned.source.token_table) <= len(parent.source.token_table)
    (kept,) = pruner.structure(None).layers
    at = "attention.output.dense.weight"
    before, after = (
        parent.source.weights[f"encoder.layer.{kept}.{at}"],
        pruned.source.weights[f"encoder.layer.0.{at}"],
    )
    assert before.shape == after.shape
    assert not np.array_equal(before, after)
    assert not np.array_equal(parent.head, pruned.head)
    assert "recovered" in pruned.source.name


def test_only_the_rows_of_trained_folds_are_answered(pruner, workshop):
    logits = pruner.out_of_fold()
    answered = ~np.isnan(logits).any(axis=1)
    assert np.array_equal(answered, workshop.folds == 0)
    right = logits[answered].argmax(axis=1) == workshop.labels[answered]
    assert right.mean() > 0.5


def test_no_label_of_a_fold_has_a_say_in_what_answers_it(pruner, workshop, tmp_path):
    """Other labels in the held-out fold: the structure and every logit stay the same, to the byte."""
    labels = workshop.labels.copy()
    held = workshop.folds == 0
    labels[held] = (labels[held] + 1) % 3
    other = pruner_of(replace(workshop, labels=labels, memory=Memory(tmp_path / "m"), _made={}))
    assert np.array_equal(other.out_of_fold(), pruner.out_of_fold(), equal_nan=True)
    one, two = (p.structure(0) for p in (pruner, other))
    assert one.layers == two.layers
    assert all(np.array_equal(*pair) for pair in zip(one.neurons, two.neurons, strict=True))


def test_it_repeats_to_the_byte(pruner, workshop, tmp_path):
    again = pruner_of(replace(workshop, memory=Memory(tmp_path / "m"), _made={})).pruned()
    first = pruner.pruned()
    assert again.source.digest == first.source.digest
    assert np.array_equal(again.head, first.head)


def test_a_second_pruner_trains_nothing(pruner, workshop, monkeypatch):
    pruner.pruned()

    def refuse(*_, **__):
        raise AssertionError("trained again")

    monkeypatch.setattr("smallcraft.models.tuning.pruner.train", refuse)
    monkeypatch.setattr("smallcraft.models.tuning.trainer.train", refuse)
    assert pruner_of(workshop).pruned().source.digest == pruner.pruned().source.digest


def test_another_plan_is_remembered_apart(pruner, workshop):
    whole = pruner_of(workshop, replace(PLAN, vocabulary_margin=None, keep_layers=2)).pruned()
    assert whole.source.layers == 2
    assert len(whole.source.token_table) == len(pruner.parent.source.token_table)
    assert whole.source.digest != pruner.pruned().source.digest


def test_the_estimate_is_more_than_the_parents(pruner):
    parent, whole = pruner.parent.estimate_cpu_s(), pruner.estimate_cpu_s()
    # One layer beside one layer, for as many epochs: twice as much.
    assert whole == pytest.approx(2 * parent)
