"""Local and linear attention in place of full: what they cost in the graph, and what they lose.

1. CPU time of the whole INT8 encoder at 16, 64 and 128 tokens, for each pattern.
2. The pattern in the top two layers of MiniLM: untuned, and after a short tuning on four folds of banking77's
   train, by the same plan from the same kind of start; accuracy on the fifth.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.experiments.held_out import HeldOut, read_held_out, say, softmax, tune
from benchmarks.experiments.moe_cost import open_graph, time_calls
from smallcraft.models.graph import build_encoder_graph
from smallcraft.models.parts.attention import BUILTIN
from smallcraft.models.parts.attention.window import Window
from smallcraft.models.quantize import quantize_encoder
from smallcraft.models.tuning.answers import answer
from smallcraft.models.tuning.encoder import Encoder
from smallcraft.models.tuning.learner import Learner
from smallcraft.models.tuning.plan import TrainPlan

FIRST_LAYER = 4
TOKENS = (16, 64, 128)
# Without the moving average, which would lag behind so short a training.
PLAN = TrainPlan(epochs=2, averaging=0.0)
_SHORT = Window().reach + 1


def run(work: Path, *, is_quick: bool) -> dict[str, object]:
    """Both parts."""
    data = read_held_out(work, is_quick=is_quick)
    say("attention: cost")
    cost = measure_cost(data, rounds=3 if is_quick else 9)
    probs = {name: _one(data, name) for name in BUILTIN}
    lengths = data.tokens.lengths
    return {
        "cpu_us_a_text": cost,
        "window's reach": Window().reach,
        "texts that a window changes nothing for": float(np.mean(lengths <= _SHORT)),
        "tokens a text": {"median": float(np.median(lengths)), "95 %": float(np.quantile(lengths, 0.95))},
        "plan": str(PLAN),
        "quality": {name: _describe(data, both, probs["full"]) for name, both in probs.items()},
    }


def measure_cost(data: HeldOut, rounds: int) -> dict[str, object]:
    """CPU-microseconds a text, the patterns taking turns."""
    source, rng = data.source, np.random.default_rng(0)
    sessions = {
        name: open_graph(quantize_encoder(build_encoder_graph(source.weights, source.config, attention=name)))
        for name in BUILTIN
    }
    found = {}
    for tokens in TOKENS:
        ids = rng.integers(1000, 20000, (1, tokens)).astype(np.int32)
        feed = {"input_ids": ids, "mask": np.ones_like(ids)}
        calls = {name: _caller(session, feed) for name, session in sessions.items()}
        found[f"{tokens} tokens"] = time_calls(calls, rounds)
    return found


def _caller(session, feed):
    return lambda: session.run(None, feed)


def _one(data: HeldOut, name: str) -> dict[str, np.ndarray]:
    """Probabilities of the held-out rows before and after tuning; the head is fitted to each start."""
    say(f"attention: {name}")
    config = {**data.source.config, "attention": name}
    encoder = Encoder(data.source.weights, config, first_layer=FIRST_LAYER)
    states = data.states(FIRST_LAYER)
    blank = np.zeros((data.source.width + 1, len(data.classes)))
    head = data.head(Learner(encoder, blank), states, name=f"{name}-{FIRST_LAYER}")
    learner = Learner(encoder, head)
    start = softmax(answer(learner, states, data.held_rows).logits)
    both = {"untuned": start, "tuned": softmax(tune(data, learner, states, plan=PLAN, seed=0))}
    say(f"attention: { ({when: data.score(probs)['accuracy'] for when, probs in both.items()}) }")
    return both


def _describe(data: HeldOut, both: dict[str, np.ndarray], full: dict[str, np.ndarray]) -> dict[str, object]:
    return {
        when: {**data.score(probs), "minus full": data.difference(probs, full[when])}
        for when, probs in both.items()
    }
