"""A training under way: rates by layer and time, and a state that is all the next step depends on."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from smallcraft.models.tuning.losses import Labels
from smallcraft.models.tuning.plan import Budget, TrainPlan
from smallcraft.models.tuning.run import Run, layer_of, n_layers

pytestmark = pytest.mark.torch

PLAN = TrainPlan(
    epochs=1, learning_rate=1e-3, head_rate=1e-2, layer_decay=0.5, averaging=0.9, precision="fp32"
)


def make_run(lesson, plan=PLAN):
    return Run(lesson.learner(), plan, int(lesson.ids.lengths.sum()), Budget())


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("encoder.encoder.layer.4.attention.self.query.weight", 4),
        ("encoder.embeddings.word_embeddings.weight", -1),
        ("head.weight", None),
    ],
)
def test_a_parameter_belongs_to_its_layer(name, layer):
    assert layer_of(name) == layer


def test_lower_layers_learn_slower_and_the_head_at_its_own_rate(lesson):
    run = make_run(lesson)
    rates = {
        name: group["lr"]
        for group in run.optimizer.param_groups
        for name, weight in run.named
        if any(weight is other for other in group["params"])
    }
    assert rates["encoder.encoder.layer.1.output.dense.weight"] == pytest.approx(1e-3)
    assert rates["encoder.encoder.layer.0.output.dense.bias"] == pytest.approx(5e-4)
    assert rates["encoder.embeddings.position_embeddings.weight"] == pytest.approx(2.5e-4)
    assert rates["head.bias"] == pytest.approx(1e-2)


def test_only_matrices_are_drawn_towards_zero(lesson):
    for group in make_run(lesson).optimizer.param_groups:
        for weight in group["params"]:
            assert group["weight_decay"] == (0.01 if weight.ndim > 1 else 0.0)


def test_the_rate_rises_then_falls_to_nothing_where_the_work_ends(lesson):
    run = make_run(lesson)
    shares = np.linspace(0, 1, 101)
    rates = []
    for share in shares:
        run.work = share * run.planned
        rates.append(run.rate())
    assert np.argmax(rates) == 10
    assert rates[10] == pytest.approx(1.0)
    assert rates[0] > 0
    assert rates[-1] == pytest.approx(0.0)
    assert (np.diff(rates[:11]) > 0).all()
    assert (np.diff(rates[10:]) < 0).all()


def test_layers_are_counted_down_to_the_lowest_that_is_trained(lesson):
    module = lesson.learner()
    assert n_layers(module) == 2
    for name, weight in module.named_parameters():
        weight.requires_grad_("layer.0" not in name and "embeddings" not in name)
    assert n_layers(module) == 1
    for name, weight in module.named_parameters():
        weight.requires_grad_("layer.0.attention" in name)
    assert n_layers(module) == 2


def test_a_restored_run_takes_the_same_step(lesson):
    labels = Labels(lesson.labels)
    rows = [np.arange(16), np.arange(16, 32)]
    one = make_run(lesson)
    one.step(lesson.ids, rows[0], labels)
    saved = one.saved()
    two = make_run(lesson)
    two.restore(saved)
    assert one.step(lesson.ids, rows[1], labels) == two.step(lesson.ids, rows[1], labels)
    for after, other in zip(one.weights + one.average, two.weights + two.average, strict=True):
        assert torch.equal(after, other)
    assert (two.steps, two.work) == (one.steps, one.work)


def test_the_average_lies_between_the_start_and_the_last_weights(lesson):
    run = make_run(lesson)
    start = [weight.detach().clone() for weight in run.weights]
    for at in range(0, 96, 16):
        run.step(lesson.ids, np.arange(at, at + 16), Labels(lesson.labels))
    last = [weight.detach().clone() for weight in run.weights]
    run.finish()
    place = [name for name, _ in run.named].index("head.weight")
    kept, moved = run.weights[place].detach() - start[place], last[place] - start[place]
    assert 0 < float(kept.norm()) < float(moved.norm())
