"""The gate on compression: what ships as INT8 answers as its exact form does, and loses at most the margin.

Leaves to others: measuring (`evaluate.audits.compression`), judging (`gates.policy`).
Always: one gate of several parts, all of which must pass; agreement after the refit needs no labels, so it is
judged on cert too, whose labels stay sealed.
Not covered: bundles that round nothing; they have no such gate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from smallcraft.records import GateSpec, Measurement

COMPRESSION_GATE = "compression"
_AGREEMENT, _COSINE, _NEAR_ROWS = "agreement_with_exact", "embedding_cosine", "near_embedding_share"
_ENCODERS = "encoder=*"


@dataclass(frozen=True)
class CompressionLimits:
    """What rounding may cost.

    Attributes:
        agreement: Share of rows with the same label, at least.
        margin: Of the metric, at most.
        cosine: Of an encoder's embeddings with the exact ones, at least on average.
        near_rows: Share of rows whose embedding is near its exact one (a cosine of 0.97), at least.
        required: Whether UNDECIDED blocks too.
    """

    agreement: float = 0.98
    margin: float = 0.01
    cosine: float = 0.99
    near_rows: float = 0.98
    required: bool = False


def compression_specs(
    limits: CompressionLimits,
    measurements: Sequence[Measurement],
    *,
    metric: str,
    split: str = "dev",
    confidence: float = 0.95,
) -> tuple[GateSpec, ...]:
    """The gate of a candidate that ends as INT8; none where agreement was not even asked for.

    Args:
        limits: What rounding may cost.
        measurements: Of the candidate; one without a value counts as asked for.
        metric: The project's.
        split: Where the audit was made.
        confidence: One-sided, of each part.

    >>> found = [Measurement("agreement_with_exact", 0.999, "fraction", 900, "", split="dev")]
    >>> [part.name for part in compression_specs(CompressionLimits(), found, metric="accuracy")[0].parts]
    ['agreement_on_dev', 'loss']
    """
    names = {(found.name, found.split) for found in measurements}
    asked = sorted(where for name, where in names if name == _AGREEMENT and where is not None)
    if not asked:
        return ()
    listed = [(f"agreement_on_{where}", "at_least", _AGREEMENT, where, limits.agreement) for where in asked]
    listed.append(("loss", "not_worse_than", f"{metric}_over_exact", split, limits.margin))
    if (_COSINE, split) in names:
        listed.append(("cosine", "at_least", _COSINE, split, limits.cosine))
        listed.append(("near_rows", "at_least", _NEAR_ROWS, split, limits.near_rows))
    parts = tuple(
        GateSpec(
            name,
            rule,
            of,
            where,
            limit,
            limits.required,
            _ENCODERS if of in (_COSINE, _NEAR_ROWS) else "all",
            confidence,
        )
        for name, rule, of, where, limit in listed
    )
    gate = GateSpec(COMPRESSION_GATE, "all_of", required=limits.required, confidence=confidence, parts=parts)
    return (gate,)
