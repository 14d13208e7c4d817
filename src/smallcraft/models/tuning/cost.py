"""What a training will take on this machine, from a few steps of it: CPU-seconds a token-layer."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from smallcraft.models.tuning.batches import Rows
from smallcraft.models.tuning.losses import Objective
from smallcraft.models.tuning.plan import Budget, TrainPlan
from smallcraft.models.tuning.run import Run
from smallcraft.models.tuning.threads import one_thread


@dataclass(frozen=True)
class UnitCost:
    """CPU-seconds for a token through a layer.

    Attributes:
        train_s: Forward and backward, the optimizer's step included.
        answer_s: Forward in float32.
    """

    train_s: float
    answer_s: float


def measure_unit_cost(module: nn.Module, inputs: Rows, objective: Objective, *, plan: TrainPlan) -> UnitCost:
    """Train and answer with a module that is thrown away afterwards.

    Args:
        module: As in `loop.train`; it is changed.
        inputs: A few batches of rows.
        objective: The loss.
        plan: How training will go.
    """
    n = len(inputs.lengths)
    batches = [np.arange(at, min(at + plan.batch_rows, n)) for at in range(0, n, plan.batch_rows)]
    with one_thread():
        run = Run(module, plan, int(inputs.lengths.sum()), Budget())
        # The first pass prepares what later ones find ready.
        _take_steps(run, inputs, batches, objective)
        start, before = time.process_time(), run.work
        _take_steps(run, inputs, batches, objective)
        train_s = (time.process_time() - start) / max(run.work - before, 1.0)
        return UnitCost(train_s, _time_answers(module, inputs, batches, run.layers))


def _take_steps(run: Run, inputs: Rows, batches: list[NDArray[np.intp]], objective: Objective) -> None:
    run.module.train()
    for rows in batches:
        run.step(inputs, rows, objective)


def _time_answers(module: nn.Module, inputs: Rows, batches: list[NDArray[np.intp]], layers: int) -> float:
    module.eval()
    tokens, start = 0, time.process_time()
    with torch.no_grad():
        for rows in batches:
            batch = inputs.batch(rows)
            module(batch)
            tokens += batch.tokens
    return (time.process_time() - start) / max(tokens * layers, 1)
