"""Who gets which rows, and the experts that come of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.models.toys import TEXT, toy_workshop

from smallcraft.errors import InvalidInputError
from smallcraft.models.experts import (
    ExpertsPlan,
    ExpertsTrainer,
    deal_rows,
    make_routing,
    route_rows,
)
from smallcraft.models.parts.experts import Routing
from smallcraft.models.rungs.fast import FAST
from smallcraft.models.tuning.plan import TrainPlan

PLAN = ExpertsPlan(
    n_experts=2,
    trunk_layers=1,
    training=TrainPlan(epochs=2),
    going_on=TrainPlan(epochs=1, learning_rate=1e-4),
)
ROUTING = Routing(np.array([0, 1, 0, 1]), scale=1.0)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 3)), min_size=1, max_size=30))
def test_an_expert_gets_the_rows_routed_to_it_and_its_classes_own(rows):
    taken, labels = (np.array(column) for column in zip(*rows, strict=True))
    dealt = [deal_rows(ROUTING, taken, labels, expert=expert) for expert in (0, 1)]
    for expert, mine in enumerate(dealt):
        assert [bool(one) for one in mine] == [
            expert in (row_taken, label % 2) for row_taken, label in zip(taken, labels, strict=True)
        ]
    assert (dealt[0] | dealt[1]).all()


def test_a_row_goes_to_the_cluster_with_the_largest_mass_not_to_the_likeliest_class():
    logits = np.log([[0.4, 0.3, 0.0001, 0.2999]])
    assert route_rows(Routing(np.array([0, 1, 0, 1]), 1.0), logits).tolist() == [1]


def test_routing_has_a_scale_and_no_more_clusters_than_classes():
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=200)
    logits = 3 * np.eye(3)[labels] + rng.normal(size=(200, 3))
    routing = make_routing(logits, labels, n_experts=8)
    assert routing.n_experts == 3
    assert routing.scale > 0


@pytest.mark.parametrize(
    ("layers", "wanted", "first"), [(6, None, 4), (12, None, 8), (2, None, 1), (6, 9, 5)]
)
def test_the_trunk_leaves_the_experts_a_layer(layers, wanted, first):
    assert ExpertsPlan(trunk_layers=wanted).first_layer(layers) == first


def test_an_encoder_of_one_layer_is_refused_with_the_remedy():
    with pytest.raises(InvalidInputError, match="at least 2 layers, got 1; choose another backbone"):
        ExpertsPlan().first_layer(1)


@pytest.fixture(scope="module")
def trainer(tmp_path_factory, tiny_backbone):
    pytest.importorskip("torch")
    workshop = toy_workshop(tmp_path_factory.mktemp("experts"), TEXT, backbone=tiny_backbone)
    (router,) = FAST.out_of_fold(workshop)
    return ExpertsTrainer(workshop, router, PLAN)


@pytest.mark.torch
def test_held_out_rows_alone_have_logits_and_they_beat_guessing(trainer):
    logits, work = trainer.out_of_fold(), trainer.workshop
    held = work.folds == work.folds.min()
    assert np.array_equal(~np.isnan(logits).any(axis=1), held)
    hits = logits[held].argmax(axis=1) == work.labels[held]
    assert hits.mean() > 0.6


@pytest.mark.torch
def test_labels_of_the_held_out_fold_change_nothing_that_is_said_of_it(trainer, tmp_path, tiny_backbone):
    other = toy_workshop(tmp_path, TEXT, backbone=tiny_backbone)
    held = other.folds == other.folds.min()
    other.labels[held] = (other.labels[held] + 1) % 3
    found = ExpertsTrainer(other, trainer.router, PLAN).out_of_fold()
    assert np.array_equal(found[held], trainer.out_of_fold()[held])


@pytest.mark.torch
def test_the_same_seed_trains_the_same_experts(trainer, tmp_path, tiny_backbone):
    again = ExpertsTrainer(toy_workshop(tmp_path, TEXT, backbone=tiny_backbone), trainer.router, PLAN)
    for first, second in zip(trainer.experts()[1], again.experts()[1], strict=True):
        assert np.array_equal(first.head, second.head)
        assert all(np.array_equal(first.weights[name], second.weights[name]) for name in first.weights)
        assert {name.split(".")[2] for name in first.weights} == {"1"}


@pytest.mark.torch
def test_experts_differ_and_each_starts_from_what_all_rows_trained(trainer):
    _, (first, second) = trainer.experts()
    source = trainer.workshop.backbone_source().weights
    name = "encoder.layer.1.output.dense.weight"
    assert not np.array_equal(first.weights[name], second.weights[name])
    apart, from_backbone = (
        np.abs(first.weights[name] - other).mean() for other in (second.weights[name], source[name])
    )
    assert 0 < apart < from_backbone


@pytest.mark.torch
def test_what_experts_start_from_is_trained_once_however_many_there_are(trainer):
    folder = trainer.workshop.memory.folder
    trainer.out_of_fold()
    before = sorted(folder.rglob("*-start-fold*"))
    replace(trainer, plan=replace(PLAN, n_experts=3)).out_of_fold()
    assert len(before) == 1
    assert sorted(folder.rglob("*-start-fold*.npz")) == before


@pytest.mark.torch
def test_the_estimate_grows_with_the_epochs_and_trains_nothing(trainer, tmp_path, tiny_backbone):
    fresh = toy_workshop(tmp_path, TEXT, backbone=tiny_backbone)
    estimates = [
        ExpertsTrainer(
            fresh, trainer.router[:0], replace(PLAN, training=TrainPlan(epochs=epochs))
        ).estimate_cpu_s()
        for epochs in (2, 200)
    ]
    assert 0 < estimates[0] < estimates[1]
    assert not list(fresh.memory.folder.rglob("*start*"))
