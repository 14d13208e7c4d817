"""Low-rank changes: zero at first, alone in learning, and the merged encoder answers as the changed one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from smallcraft.models.adapters import merge
from smallcraft.models.tuning.answers import answer
from smallcraft.models.tuning.encoder import Encoder
from smallcraft.models.tuning.learner import Learner
from smallcraft.models.tuning.loop import train
from smallcraft.models.tuning.lora import adapter_of, add_adapter
from smallcraft.models.tuning.losses import Labels
from smallcraft.models.tuning.plan import TrainPlan

pytestmark = pytest.mark.torch

ALL = np.arange(120)
PLAN = TrainPlan(epochs=2, batch_rows=16, learning_rate=1e-2, head_rate=3e-2, precision="fp32")


def changed(lesson, *, targets=("query", "value"), seed=0):
    learner = lesson.learner()
    add_adapter(learner.encoder, rank=2, targets=targets, strength=8.0, seed=seed)
    return learner


@pytest.fixture(scope="module")
def trained(lesson):
    learner = changed(lesson, targets=("query", "value", "intermediate.dense"))
    train(learner, lesson.ids, ALL, Labels(lesson.labels), plan=PLAN, seed=0)
    return learner


def test_a_fresh_change_changes_nothing(lesson):
    plain, fresh = (answer(module, lesson.ids, ALL) for module in (lesson.learner(), changed(lesson)))
    assert np.array_equal(plain.embeddings, fresh.embeddings)


def test_the_merged_encoder_answers_as_the_changed_one(lesson, trained):
    source = merge(lesson.source, adapter_of(trained.encoder))
    merged = Learner(Encoder(source.weights, source.config, embeddings=True), trained.head_weights())
    found, expected = (answer(module, lesson.ids, ALL) for module in (merged, trained))
    assert np.abs(found.logits - expected.logits).max() < 1e-4
    plain = answer(replace_head(lesson, trained), lesson.ids, ALL)
    assert np.abs(plain.logits - expected.logits).max() > 1e-2


def replace_head(lesson, trained):
    source = replace(lesson.source, name="plain")
    return Learner(Encoder(source.weights, source.config, embeddings=True), trained.head_weights())


def test_an_adapter_has_a_change_for_each_product_asked_for(trained):
    changes = adapter_of(trained.encoder).changes
    assert set(changes) == {
        f"encoder.layer.{layer}.{part}"
        for layer in (0, 1)
        for part in ("attention.self.query", "attention.self.value", "intermediate.dense")
    }
    change = changes["encoder.layer.1.intermediate.dense"]
    assert (change.down.shape, change.up.shape) == ((16, 2), (2, 32))
    assert change.down.dtype == change.up.dtype == np.float32


def test_nothing_but_the_changes_and_the_head_is_trained(lesson, trained):
    state = trained.encoder.state_dict()
    for name, array in lesson.source.weights.items():
        stem, _, kind = name.rpartition(".")
        found = state.get(name, state.get(f"{stem}.base_layer.{kind}"))
        assert np.array_equal(found.numpy(), array), name


def test_the_seed_decides_where_a_change_starts(lesson):
    one, two, other = (
        next(iter(adapter_of(changed(lesson, seed=seed).encoder).changes.values())).down for seed in (0, 0, 1)
    )
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)
