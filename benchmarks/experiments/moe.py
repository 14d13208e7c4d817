"""Experts of tokens: what the operators cost, and what MiniLM's top layers gain when they are upcycled.

1. onnxruntime's CPU operators for experts beside the dense block of equal active work.
2. The top two layers, dense or with four experts a layer, tuned on four folds of banking77's train from the
   same start, by the same plan; accuracy on the fifth.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from benchmarks.experiments import moe_cost
from benchmarks.experiments.held_out import HeldOut, read_held_out, say, softmax, spread, tune
from benchmarks.experiments.moe_layer import TokenExperts, upcycle
from smallcraft.models.tuning.answers import answer
from smallcraft.models.tuning.encoder import Encoder
from smallcraft.models.tuning.learner import Learner
from smallcraft.models.tuning.plan import TrainPlan

N_EXPERTS = 4
FIRST_LAYER = 4
SEEDS = (0, 1)
PLAN = TrainPlan(epochs=3, precision="bf16")


def run(work: Path, *, is_quick: bool) -> dict[str, object]:
    """Both parts."""
    say("moe: cost of the operators")
    cost = moe_cost.measure(rounds=3 if is_quick else 15)
    data = read_held_out(work, is_quick=is_quick)
    seeds = SEEDS[:1] if is_quick else SEEDS
    found = {
        kind: [_one(data, kind, seed) for seed in seeds]
        for kind in ("dense", f"{N_EXPERTS} experts a layer, 1 taken")
    }
    return {"cost": cost, "quality": _compare(data, found)}


def _one(data: HeldOut, kind: str, seed: int) -> dict[str, object]:
    say(f"moe: {kind}, seed {seed}")
    encoder = Encoder(data.source.weights, data.source.config, first_layer=FIRST_LAYER)
    if kind != "dense":
        upcycle(encoder, N_EXPERTS, 100 * seed)
    states = data.states(FIRST_LAYER)
    blank = np.zeros((data.source.width + 1, len(data.classes)))
    # Upcycled layers give the same embeddings as dense ones, so both start from one head.
    learner = Learner(encoder, data.head(Learner(encoder, blank), states, name="full-4"))
    start = softmax(answer(learner, states, data.held_rows).logits)
    _forget_load(encoder)
    probs = softmax(tune(data, learner, states, plan=PLAN, seed=seed))
    return {"start": start, "probs": probs, "load": _load(encoder)}


def _experts(encoder: Encoder) -> list[TokenExperts]:
    return [module for module in encoder.modules() if isinstance(module, TokenExperts)]


def _forget_load(encoder: Encoder) -> None:
    for experts in _experts(encoder):
        experts.load.zero_()


def _load(encoder: Encoder) -> list[dict[str, object]]:
    """Each layer's share of held-out tokens an expert, and its entropy in bits."""
    layers = []
    for experts in _experts(encoder):
        shares = experts.load / experts.load.sum()
        entropy = -(shares * torch.log2(shares.clamp_min(1e-12))).sum()
        layers.append(
            {"shares": [round(float(share), 3) for share in shares], "entropy_bits": round(float(entropy), 3)}
        )
    return layers


def _compare(data: HeldOut, found: dict[str, list[dict[str, object]]]) -> dict[str, object]:
    dense, experts = found.values()
    scores = {kind: [data.score(one["probs"]) for one in runs] for kind, runs in found.items()}
    return {
        "rows": {"trained on": len(data.train_rows), "held out": len(data.held_rows)},
        "plan": str(PLAN),
        "untuned": data.score(dense[0]["start"]),
        "untuned, upcycled": data.score(experts[0]["start"]),
        "tuned": {
            kind: {**spread([one["accuracy"] for one in runs]), "first seed": runs[0]}
            for kind, runs in scores.items()
        },
        "experts minus dense, a seed each": [
            data.difference(one["probs"], other["probs"]) for one, other in zip(experts, dense, strict=True)
        ],
        "experts minus dense, mean of probabilities over seeds": data.difference(
            *(np.mean([one["probs"] for one in runs], axis=0) for runs in (experts, dense))
        ),
        "load of experts, a seed each": [one["load"] for one in experts],
    }
