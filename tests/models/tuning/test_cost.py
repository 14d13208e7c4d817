"""Unit costs come from steps really taken, counted by the clock of the process."""

from __future__ import annotations

import pytest

from smallcraft.models.tuning import cost
from smallcraft.models.tuning.cost import measure_unit_cost
from smallcraft.models.tuning.losses import Labels
from smallcraft.models.tuning.plan import TrainPlan
from smallcraft.models.tuning.run import Run

pytestmark = pytest.mark.torch


def test_a_units_cost_is_time_by_tokens_and_layers(lesson, monkeypatch):
    """On a clock that a step moves by three seconds and an answer by none; the first pass is not counted."""
    now = [0.0]
    take_step = Run.step

    def step(run, inputs, rows, objective):
        now[0] += 3.0
        return take_step(run, inputs, rows, objective)

    monkeypatch.setattr(Run, "step", step)
    monkeypatch.setattr(cost.time, "process_time", lambda: now[0])
    plan = TrainPlan(batch_rows=50, precision="fp32")
    found = measure_unit_cost(lesson.learner(), lesson.ids, Labels(lesson.labels), plan=plan)
    assert now[0] == 2 * 3 * 3.0
    assert found.train_s == pytest.approx(3 * 3.0 / (lesson.ids.lengths.sum() * 2))
    assert found.answer_s == 0


def test_learning_costs_more_than_answering(lesson):
    plan = TrainPlan(batch_rows=60, precision="fp32")
    found = measure_unit_cost(lesson.learner(), lesson.ids, Labels(lesson.labels), plan=plan)
    assert found.train_s > found.answer_s > 0
