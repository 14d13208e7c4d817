"""A training under way: weights, optimizer, moving average and counts, as arrays and back.

Always: what `saved` gives and `restore` takes is everything that the next step depends on.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from smallcraft.models.tuning.batches import Rows
from smallcraft.models.tuning.losses import Objective
from smallcraft.models.tuning.plan import Budget, EndedBy, Trained, TrainPlan
from smallcraft.models.tuning.threads import choose_precision, products_in

Saved = Mapping[str, NDArray[np.generic]]


class Run:
    """Weights in training and how far they are.

    Args:
        module: Its parameters that want a gradient are trained.
        plan: How.
        epoch_tokens: Tokens of one pass.
        budget: What may be used.
    """

    def __init__(self, module: nn.Module, plan: TrainPlan, epoch_tokens: int, budget: Budget) -> None:
        self.module, self.plan, self.budget = module, plan, budget
        self.precision = choose_precision(plan.precision)
        self.named = [(name, weight) for name, weight in module.named_parameters() if weight.requires_grad]
        self.weights = [weight for _, weight in self.named]
        self.optimizer = torch.optim.AdamW(_groups(self.named, plan), lr=1.0, fused=True)
        self.rates = [float(group["lr"]) for group in self.optimizer.param_groups]
        self.average = [weight.detach().clone() for weight in self.weights] if plan.averaging else []
        self.layers = n_layers(module)
        self.planned = float(plan.epochs * epoch_tokens * self.layers)
        if budget.work is not None:
            self.planned = min(self.planned, budget.work)
        self.epochs, self.steps, self.work, self.cpu_s = 0, 0, 0.0, 0.0
        self.losses: list[float] = []
        self.ended_by: EndedBy = "epochs"
        self._clock = time.process_time()

    def step(self, inputs: Rows, rows: NDArray[np.intp], objective: Objective) -> float:
        """One step down the loss of a batch; its value before the step."""
        batch = inputs.batch(rows)
        rate = self.rate()
        for group, highest in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = highest * rate
        self.optimizer.zero_grad(set_to_none=True)
        with products_in(self.precision):
            output = self.module(batch)
        loss = objective(output, rows)
        loss.backward()
        nn.utils.clip_grad_norm_(self.weights, self.plan.largest_gradient)
        self.optimizer.step()
        self.steps += 1
        self.work += batch.tokens * self.layers
        if self.average:
            self._follow()
        return float(loss.detach())

    def is_spent(self) -> bool:
        """Whether a budget is used up; notes which."""
        now = time.process_time()
        self.cpu_s, self._clock = self.cpu_s + now - self._clock, now
        if self.budget.work is not None and self.work >= self.budget.work:
            self.ended_by = "work"
        if self.budget.cpu_s is not None and self.cpu_s >= self.budget.cpu_s:
            self.ended_by = "cpu_s"
        return self.ended_by != "epochs"

    def finish(self) -> Trained:
        """Keep the averaged weights where there are any, and say what was done."""
        with torch.no_grad():
            for weight, average in zip(self.weights, self.average, strict=bool(self.average)):
                weight.copy_(average)
        self.module.eval()
        self.optimizer.zero_grad(set_to_none=True)
        return Trained(tuple(self.losses), self.steps, self.work, self.cpu_s, self.ended_by, self.precision)

    def saved(self) -> dict[str, NDArray[np.generic]]:
        """All of it as arrays."""
        arrays: dict[str, NDArray[np.generic]] = {
            "counts": np.array([self.epochs, self.steps], np.int64),
            "amounts": np.array([self.work, self.cpu_s], np.float64),
            "losses": np.array(self.losses, np.float64),
            "ended_by": np.array(self.ended_by),
        }
        for place, (name, weight) in enumerate(self.named):
            arrays[f"weight/{name}"] = weight.detach().numpy().copy()
            for key, value in self.optimizer.state[weight].items():
                arrays[f"{key}/{name}"] = value.numpy().copy()
            if self.average:
                arrays[f"average/{name}"] = self.average[place].numpy().copy()
        return arrays

    def restore(self, arrays: Saved) -> None:
        """Go on from there."""
        self.epochs, self.steps = (int(count) for count in arrays["counts"])
        self.work, self.cpu_s = (float(amount) for amount in arrays["amounts"])
        self.losses = [float(loss) for loss in arrays["losses"]]
        self.ended_by = cast(EndedBy, str(arrays["ended_by"]))
        with torch.no_grad():
            for place, (name, weight) in enumerate(self.named):
                weight.copy_(_tensor(arrays[f"weight/{name}"]))
                keys = ("step", "exp_avg", "exp_avg_sq")
                self.optimizer.state[weight] = {key: _tensor(arrays[f"{key}/{name}"]) for key in keys}
                if self.average:
                    self.average[place].copy_(_tensor(arrays[f"average/{name}"]))
        self._clock = time.process_time()

    def rate(self) -> float:
        """Share of the highest rate: rises from 0 over the warm-up, then falls to 0 where the work ends."""
        share = self.work / max(self.planned, 1.0)
        if share < self.plan.warmup:
            return (share + 1 / max(self.planned, 1.0)) / self.plan.warmup
        return max(1 - share, 0.0) / max(1 - self.plan.warmup, 1e-9)

    def _follow(self) -> None:
        # Early on the average follows faster, or it would remember where training started.
        decay = min(self.plan.averaging, (1 + self.steps) / (10 + self.steps))
        with torch.no_grad():
            torch._foreach_lerp_(self.average, self.weights, 1 - decay)


def n_layers(module: nn.Module) -> int:
    """Layers that a step goes back through: from the lowest one with a parameter to train up to the top."""
    found = {layer_of(name) for name, weight in module.named_parameters() if weight.requires_grad}
    held = {layer_of(name) for name, _ in module.named_parameters()}
    trained = [layer for layer in found if layer is not None]
    if not trained:
        return 1
    return sum(1 for layer in held if layer is not None and layer >= max(min(trained), 0))


def layer_of(name: str) -> int | None:
    """The layer that a parameter belongs to, -1 for the embeddings, None for what is no part of the encoder.

    >>> layer_of("encoder.encoder.layer.4.output.dense.weight"), layer_of("head.weight")
    (4, None)
    """
    parts = name.split(".")
    if "layer" in parts:
        return int(parts[parts.index("layer") + 1])
    return -1 if "embeddings" in parts else None


def _groups(named: Sequence[tuple[str, Any]], plan: TrainPlan) -> list[dict[str, Any]]:
    """One group of the optimizer for each rate and decay."""
    top = max((layer for name, _ in named if (layer := layer_of(name)) is not None), default=0)
    groups: dict[tuple[float, float], list[Any]] = {}
    for name, weight in named:
        layer = layer_of(name)
        rate = plan.head_rate if layer is None else plan.learning_rate * plan.layer_decay ** (top - layer)
        decay = plan.weight_decay if weight.ndim > 1 else 0.0
        groups.setdefault((rate, decay), []).append(weight)
    return [
        {"params": weights, "lr": rate, "weight_decay": decay} for (rate, decay), weights in groups.items()
    ]


def _tensor(array: NDArray[np.generic]) -> Any:  # noqa: ANN401
    return torch.from_numpy(np.array(array))
