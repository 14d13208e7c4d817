"""Experts of requests: what their number costs, and what they gain over a dense top of the same active size.

1. The stage of experts with 1, 2, 4 and 8 of them: CPU time of a request, of opening an expert, size.
2. Experts trained on four folds of banking77's train; the fifth is answered by them alone, and by `fast` and
   them together, mixed by weights fitted on one half and used on the other. The dense control is one expert:
   the same layers, start and training, all rows.
"""

from __future__ import annotations

import shutil
import statistics
import time
from pathlib import Path

import numpy as np

from benchmarks.experiments.held_out import N_FOLDS, HeldOut, read_held_out, say, softmax
from smallcraft.bundle.decoder import mix_logits
from smallcraft.bundle.inputs import InputSpec, read_inputs
from smallcraft.bundle.layout import read_description
from smallcraft.evaluate.audits.sparsity import entropy_bits
from smallcraft.models.backbone import find_backbone
from smallcraft.models.calibrate import fit_mix
from smallcraft.models.experts import ExpertsPlan, ExpertsTrainer, make_routing, route_rows
from smallcraft.models.parts.experts import Expert, Routing, make_experts_stage, write_graphs
from smallcraft.models.rungs.fast import FAST
from smallcraft.models.workshop import Workshop

NUMBERS = (1, 2, 4, 8)
TRAINED = (1, 4)

FIRST_LAYER = 4
_TIMED_TEXTS = 150


def run(work: Path, *, is_quick: bool) -> dict[str, object]:
    """Both parts."""
    data = read_held_out(work, is_quick=is_quick)
    workshop = make_workshop(data, work)
    (router,) = FAST.out_of_fold(workshop)
    quality = measure_quality(data, workshop, router)
    cost = measure_cost(workshop, router, work / "cost", rounds=2 if is_quick else 7)
    return {"cost": cost, "quality": quality}


def make_workshop(data: HeldOut, work: Path) -> Workshop:
    """The rows as the ladder has them; fold 0 is the one held out."""
    rng = np.random.default_rng(1)
    others = rng.integers(1, N_FOLDS, len(data.labels))
    spec = InputSpec(text="text")
    return Workshop(
        classes=data.classes,
        spec=spec,
        parts=((f"train-{len(data.texts)}", read_inputs({"text": data.texts}, spec)),),
        labels=data.labels,
        folds=np.where(data.is_held, 0, others).astype(np.int64),
        seed=0,
        memory=data.memory,
        scratch=work,
        backbone=find_backbone("auto"),
    )


def measure_quality(data: HeldOut, workshop: Workshop, router: np.ndarray) -> dict[str, object]:
    """Held-out accuracy for each number of experts, and differences to one expert, the dense control."""
    held = data.is_held
    trainers = {
        n_experts: ExpertsTrainer(
            workshop, router, ExpertsPlan(n_experts=n_experts, trunk_layers=FIRST_LAYER)
        )
        for n_experts in TRAINED
    }
    tops = {"start": trainers[1].start_out_of_fold(0)}
    found: dict[str, object] = {
        "fast alone": data.score(softmax(router[held])),
        "plan": str(trainers[1].plan),
    }
    for n_experts, trainer in trainers.items():
        before = time.process_time()
        tops[f"{n_experts} experts"] = trainer.out_of_fold()[held]
        routing = trainer.routing(~held)
        found[f"{n_experts} experts, routing"] = {
            "cpu_s from the start on": round(time.process_time() - before, 1),
            **_describe_routing(data, routing, route_rows(routing, router)[held]),
        }
        say(f"experts: {_compare(data, router[held], tops)}")
    return {**found, **_compare(data, router[held], tops)}


def _compare(data: HeldOut, fast: np.ndarray, tops: dict[str, np.ndarray]) -> dict[str, object]:
    """The tops alone and with `fast`, and what they are better by than the one that all rows trained."""
    labels, found = data.labels[data.is_held], {}
    for how in ("alone", "with fast"):
        answers = {
            name: softmax(logits if how == "alone" else mixed_by_halves((fast, logits), labels))
            for name, logits in tops.items()
        }
        for name, probs in answers.items():
            control = answers["1 experts"]
            found[f"{name} {how}"] = {**data.score(probs), "minus 1 expert": data.difference(probs, control)}
    return found


def mixed_by_halves(logits: tuple[np.ndarray, np.ndarray], labels: np.ndarray) -> np.ndarray:
    """The mix of two stages' logits, its weights fitted on the half of the rows that they are not used on."""
    result, is_even = np.empty_like(logits[0]), np.arange(len(labels)) % 2 == 0
    for half in (is_even, ~is_even):
        mix = fit_mix([part[~half] for part in logits], labels[~half])
        result[half] = mix_logits(mix, [part[half] for part in logits])
    return result


def _describe_routing(data: HeldOut, routing: Routing, taken: np.ndarray) -> dict[str, object]:
    counts = np.bincount(taken, minlength=routing.n_experts)
    return {
        "classes": np.bincount(routing.clusters).tolist(),
        "share of rows": [round(count / len(taken), 3) for count in counts.tolist()],
        "router entropy, bits": round(entropy_bits(counts), 3),
        "rows sent to the expert of their class": float(
            np.mean(routing.clusters[data.labels[data.is_held]] == taken)
        ),
    }


def measure_cost(workshop: Workshop, router: np.ndarray, work: Path, *, rounds: int) -> dict[str, object]:
    """CPU-milliseconds a request of the second stage, the numbers of experts taking turns.

    The experts are the backbone's own top layers, since weights do not change what products cost.
    """
    texts = workshop.texts[:: max(1, len(workshop.texts) // _TIMED_TEXTS)]
    inputs = [read_inputs({"text": [text]}, workshop.spec) for text in texts]
    shutil.rmtree(work, ignore_errors=True)
    stages, found = {}, {}
    for n_experts in NUMBERS:
        routing = make_routing(router, workshop.labels, n_experts=n_experts)
        stage, size = _untrained_stage(workshop, routing, work / str(n_experts))
        stages[n_experts] = stage
        before = time.process_time()
        stage.blocks[0].expert(0)
        first_ms = 1000 * (time.process_time() - before)
        found[f"{n_experts} experts"] = {"graphs_mb": size, "opening_an_expert_cpu_ms": round(first_ms, 1)}
        stage.logits(read_inputs({"text": texts}, workshop.spec))
    times: dict[int, list[float]] = {n_experts: [] for n_experts in NUMBERS}
    for _ in range(rounds):
        for n_experts, stage in stages.items():
            before = time.process_time()
            for one in inputs:
                stage.logits(one)
            times[n_experts].append(1000 * (time.process_time() - before) / len(inputs))
    for n_experts, taken in times.items():
        spread = {"median": round(statistics.median(taken), 3), "least": round(min(taken), 3)}
        found[f"{n_experts} experts"]["cpu_ms_a_request"] = spread
    return found


def _untrained_stage(workshop: Workshop, routing: Routing, target: Path):
    source, encoder = workshop.backbone_source(), workshop.encoder_files()
    rng = np.random.default_rng(0)
    experts = [
        Expert(
            {
                name: (array + rng.normal(0, 1e-3, array.shape)).astype(np.float32)
                for name, array in source.weights.items()
                if name.startswith(tuple(f"encoder.layer.{layer}." for layer in range(FIRST_LAYER, 6)))
            },
            rng.normal(size=(source.width + 1, len(workshop.classes))),
        )
        for _ in range(routing.n_experts)
    ]
    graphs = write_graphs(
        *(source, experts, target),
        first_layer=FIRST_LAYER,
        form="int8",
        encoder=read_description(encoder.root)[0]["encoder"],
    )
    (fast,) = FAST.stages(workshop)
    stage = make_experts_stage(
        *("experts", fast, routing, experts), graphs=graphs, encoder=encoder, gain=4.0, form="int8"
    )
    size = sum(path.stat().st_size for path in target.iterdir()) / 1e6
    return stage, round(size, 2)
