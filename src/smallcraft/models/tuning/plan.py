"""How a module is trained, what that may use, and what it did: values only, read without torch.

Defaults were chosen on held-out folds of banking77's official train set (docs/experiments.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Precision = Literal["auto", "bf16", "fp32"]
EndedBy = Literal["epochs", "work", "cpu_s"]


@dataclass(frozen=True)
class TrainPlan:
    """How a module is trained.

    Attributes:
        epochs: Passes over the rows, when no budget ends them.
        batch_rows: Rows a step.
        learning_rate: Highest, of the encoder's top layer; it rises over `warmup` of the work and falls to 0.
        head_rate: The same, of what is no part of the encoder.
        layer_decay: What the rate is multiplied by from one layer to the one below.
        weight_decay: AdamW's, of matrices.
        warmup: Share of the work.
        averaging: Decay a step of the moving average of weights that is kept in the end; 0 keeps the last.
        largest_gradient: Longer gradients are shortened to this.
        precision: Of products; `auto` takes bf16 where the processor multiplies it in hardware.
    """

    epochs: int = 6
    batch_rows: int = 32
    learning_rate: float = 3e-4
    head_rate: float = 1.2e-2
    layer_decay: float = 1.0
    weight_decay: float = 0.01
    warmup: float = 0.1
    averaging: float = 0.998
    largest_gradient: float = 1.0
    precision: Precision = "auto"


@dataclass(frozen=True)
class Budget:
    """What training may use; None is without end.

    Attributes:
        work: Token-layers, forward and backward.
        cpu_s: CPU-seconds of this training, those before a kill included.
    """

    work: float | None = None
    cpu_s: float | None = None


@dataclass(frozen=True)
class Trained:
    """What training did.

    Attributes:
        losses: Mean loss of each epoch, the last one perhaps unfinished.
        steps: Steps taken.
        work: Token-layers.
        cpu_s: CPU-seconds.
        ended_by: `epochs` when the plan was carried out, else the budget that ended it.
        precision: Of the products: `bf16` or `fp32`.
    """

    losses: tuple[float, ...]
    steps: int
    work: float
    cpu_s: float
    ended_by: EndedBy
    precision: Precision


@dataclass(frozen=True)
class TuningPlan:
    """How an encoder is tuned with its head.

    Attributes:
        layers: How many upper layers are trained; the states below are computed once. All of them where the
            encoder has no more.
        train: How.
        smoothing: Share of a label's probability that is spread over all classes.
        dropout: Share of a layer's outputs that training drops.
        folds_trained: Folds that get out-of-fold logits.
        rank: Of low-rank changes, trained instead of the weights themselves; 0 trains the weights.
        targets: Which products of a layer get a low-rank change, by the last part of their names.
        strength: What a low-rank change is multiplied by, divided by its rank.
    """

    layers: int = 2
    train: TrainPlan = TrainPlan()
    smoothing: float = 0.1
    dropout: float = 0.1
    folds_trained: int = 2
    rank: int = 0
    targets: tuple[str, ...] = ("query", "value")
    strength: float = 16.0
