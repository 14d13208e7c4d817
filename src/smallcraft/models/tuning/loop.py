"""Trains a module within a budget, epoch by epoch, and goes on after a kill.

Work is counted in token-layers, forward and backward: tokens read times layers gone back through.
Always: one thread; the same module, rows, plan, seed and work budget give the same bytes, killed between or
not. A budget of CPU-seconds ends where the clock says, and the result says so.
Not covered: stopping early on held-out rows; the plan is carried out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from smallcraft.models.memory import Arrays
from smallcraft.models.tuning.batches import Rows, shuffled_batches
from smallcraft.models.tuning.checkpoints import Checkpoints
from smallcraft.models.tuning.losses import Objective
from smallcraft.models.tuning.plan import Budget, Trained, TrainPlan
from smallcraft.models.tuning.run import Run
from smallcraft.models.tuning.threads import one_thread

Progress = Callable[[float], None]


def train(
    module: nn.Module,
    inputs: Rows,
    rows: NDArray[np.intp],
    objective: Objective,
    *,
    plan: TrainPlan,
    seed: int,
    budget: Budget | None = None,
    checkpoints: Checkpoints | None = None,
    progress: Progress | None = None,
) -> Trained:
    """Train the parameters of a module that want a gradient, in place.

    Args:
        module: From a `Batch` to an `Output`, such as `tuning.learner.Learner`.
        inputs: The rows there are.
        rows: Those trained on.
        objective: The loss; called with the output and the batch's rows.
        plan: How.
        seed: Of the order of rows and of dropout.
        budget: What it may use; None for what the plan wants.
        checkpoints: Where an unfinished training is kept; None for nowhere.
        progress: Told the share of the work that is done.

    Returns:
        What was done; the module holds the weights and is in `eval` mode.
    """
    lesson = _Lesson(inputs, rows, objective, seed, checkpoints, progress)
    with one_thread():
        run = Run(module, plan, int(inputs.lengths[rows].sum()), budget or Budget())
        saved = checkpoints.read() if checkpoints else None
        if saved is not None:
            run.restore(saved)
        for epoch in range(plan.epochs):
            if checkpoints is not None:
                # Remembered for what it cost; the weights are in the checkpoint.
                done = partial(_train_epoch, run, lesson, epoch)
                checkpoints.memory.recall(checkpoints.record(epoch), done)
            _train_epoch(run, lesson, epoch)
        return run.finish()


@dataclass(frozen=True)
class _Lesson:
    inputs: Rows
    rows: NDArray[np.intp]
    objective: Objective
    seed: int
    checkpoints: Checkpoints | None
    progress: Progress | None


def _train_epoch(run: Run, lesson: _Lesson, epoch: int) -> Arrays:
    """One pass, unless it is done already or a budget has ended the training."""
    if run.epochs > epoch or run.ended_by != "epochs":
        return {}
    run.module.train()
    losses = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(np.random.default_rng([lesson.seed, epoch, 1]).integers(2**62)))
        for chosen in shuffled_batches(
            lesson.rows,
            lesson.inputs.lengths,
            size=run.plan.batch_rows,
            seed=lesson.seed,
            epoch=epoch,
        ):
            losses.append(run.step(lesson.inputs, chosen, lesson.objective))
            if lesson.progress is not None:
                lesson.progress(min(run.work / run.planned, 1.0))
            if run.is_spent():
                break
    run.losses.append(float(np.mean(losses)))
    run.epochs = epoch + 1
    if lesson.checkpoints is not None:
        lesson.checkpoints.write(run.saved())
    return {}
