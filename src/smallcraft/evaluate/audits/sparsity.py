"""Whether a bundle's experts are really sparse: what was not taken is not run and cannot change an answer.

Every row is sent to its expert, those too that the first stage would have answered alone.
Leaves to others: latency against the number of experts and the dense control (`benchmarks.experiments`).
Always: the proof is run on the bundle's own files; a bundle without experts has no value and says so.
Not covered: experts in several stages of one bundle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.blocks.experts import ExpertsBlock
from smallcraft.bundle.inputs import Inputs, read_inputs
from smallcraft.bundle.runtime import open_bundle
from smallcraft.bundle.stage import Stage
from smallcraft.evaluate.audits.audit import AuditSubject
from smallcraft.evaluate.sparsity.operators import OperatorsRun, profile_request
from smallcraft.evaluate.sparsity.poison import Poisoning, poison_experts
from smallcraft.records import AuditResult, Measurement
from smallcraft.stats.intervals import clopper_pearson_interval

_MOST_POISONED = 200


@dataclass(frozen=True)
class SparsityAudit:
    """Profiles a request to each expert, poisons the experts not taken, and counts who is taken."""

    name: str = "sparsity"

    def measure(self, subject: AuditSubject) -> AuditResult:
        """`foreign_operators`, `poison_changed`, `expert_share` of each, `router_entropy`."""
        if subject.bundle is None:
            return self._nothing("needs a bundle: only a bundle ships")
        bundle = open_bundle(subject.bundle)
        stage = next((stage for stage in bundle.stages if _has_experts(stage)), None)
        if stage is None:
            return self._nothing("the bundle has no experts")
        inputs = read_inputs({name: list(subject.rows[name]) for name in bundle.spec.names}, bundle.spec)
        if not inputs.n:
            return self._nothing("needs at least one row")
        (block,) = stage.blocks
        assert isinstance(block, ExpertsBlock)
        taken = block.route(inputs)
        profiles = _profile_each(block, inputs, taken)
        poisoning = poison_experts(stage, _some_rows(inputs, subject.seed))
        load = _load_measurements(taken, block.n_experts, subject)
        measurements = (_foreign(profiles, block), _changed(poisoning, subject.confidence), *load)
        return AuditResult(self.name, _tell(profiles, poisoning, taken, block.n_experts), measurements)

    def _nothing(self, why: str) -> AuditResult:
        missing = Measurement("foreign_operators", None, "operators", 0, "", detail=why)
        return AuditResult(self.name, f"not measured: {why}", (missing,))


def _has_experts(stage: Stage) -> bool:
    return any(isinstance(block, ExpertsBlock) for block in stage.blocks)


def _some_rows(inputs: Inputs, seed: int) -> Inputs:
    most = min(inputs.n, _MOST_POISONED)
    drawn = np.random.default_rng(seed).choice(inputs.n, most, replace=False)
    return inputs.take(np.sort(drawn).astype(np.intp))


def _profile_each(block: ExpertsBlock, inputs: Inputs, taken: NDArray[np.int64]) -> tuple[OperatorsRun, ...]:
    """The first row of each expert that any row is routed to."""
    firsts = np.unique(taken, return_index=True)[1]
    return tuple(profile_request(block, inputs.take(np.array([first]))) for first in firsts)


def _foreign(profiles: tuple[OperatorsRun, ...], block: ExpertsBlock) -> Measurement:
    own = sorted({profile.experts[profile.taken] for profile in profiles})
    return Measurement(
        "foreign_operators",
        float(sum(profile.foreign for profile in profiles)),
        "operators",
        len(profiles),
        "onnxruntime's profile of one request to each expert, all experts opened",
        detail=(
            f"{block.n_experts} experts; a request runs {profiles[0].trunk} operators of the trunk and "
            f"{' or '.join(map(str, own))} of the expert taken"
        ),
    )


def _changed(found: Poisoning, level: float) -> Measurement:
    """A share; where the taken expert's own poison does not show, nothing was proved."""
    method = "logits compared bit for bit, every expert but the taken one poisoned with NaN"
    shown = f"with the taken expert poisoned, {found.spoilt} of {found.rows} answers are NaN"
    if found.spoilt < found.rows:
        return Measurement(
            "poison_changed", None, "share", found.rows, method, detail=f"weak poison: {shown}"
        )
    bounds = clopper_pearson_interval(found.changed, found.rows, level=level)
    return Measurement(
        "poison_changed",
        found.changed / found.rows,
        "share",
        found.rows,
        method,
        low=bounds.low,
        high=bounds.high,
        detail=shown,
        level=level,
        hits=float(found.changed),
        trials=float(found.rows),
    )


def _load_measurements(
    taken: NDArray[np.int64], n_experts: int, subject: AuditSubject
) -> tuple[Measurement, ...]:
    counts, n = np.bincount(taken, minlength=n_experts), len(taken)
    bounds = [clopper_pearson_interval(int(count), n, level=subject.confidence) for count in counts]
    shares = [
        Measurement(
            "expert_share",
            count / n,
            "share",
            n,
            "rows routed to the expert",
            low=bound.low,
            high=bound.high,
            split=subject.split,
            slice=f"expert={number}",
            level=subject.confidence,
            hits=float(count),
            trials=float(n),
        )
        for number, (count, bound) in enumerate(zip(counts.tolist(), bounds, strict=True))
    ]
    entropy = Measurement(
        "router_entropy",
        entropy_bits(counts),
        "bits",
        n,
        "entropy of the experts' shares",
        split=subject.split,
        detail=f"at most {np.log2(n_experts):.3f} bits, when every expert gets the same",
    )
    return (*shares, entropy)


def entropy_bits(counts: NDArray[np.int64]) -> float:
    """Entropy of the shares that counts make, in bits.

    >>> entropy_bits(np.array([2, 2, 0]))
    1.0
    """
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log2(shares)).sum()) + 0.0


def _tell(
    profiles: tuple[OperatorsRun, ...], found: Poisoning, taken: NDArray[np.int64], n_experts: int
) -> str:
    counts = np.bincount(taken, minlength=n_experts)
    return (
        f"{n_experts} experts: {sum(profile.foreign for profile in profiles)} operators of experts not taken "
        f"ran, {found.changed} of {found.rows} answers changed when those were poisoned; the busiest takes "
        f"{counts.max() / len(taken):.0%} of the rows"
    )
