"""What each part of a candidate adds: its answers beside those of the same candidate retrained without it.

A part's worth is a paired difference, whole minus without, so positive means that the part helps. Each has
its own interval; the word, helps or hurts, is Holm-corrected over all parts, since among twenty parts that do
nothing one interval leaves 0 out. Where no effect is shown the sentence says what would have been: the
smallest true difference that these rows detect with 80 % power. A part that changes no label but the
probabilities (a calibration) is also measured by log-loss.
Always: every part gets a measurement; one that could not be taken out has no value, and the reason.
Left to others: taking parts out and training anew (`smallcraft.models`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from smallcraft.evaluate.choice.paired import gap_words
from smallcraft.evaluate.choice.superiority import PairedTest, p_words, paired_test
from smallcraft.records import AnyPredictions, Measurement, ValuePredictions
from smallcraft.stats.comparisons import Difference
from smallcraft.stats.detectable import detectable_mean_difference, detectable_share_difference
from smallcraft.stats.intervals import normal_quantile, two_sided_tail
from smallcraft.stats.multiplicity import holm

POWER = 0.8
_UNITS = {"log_loss": "nats", "brier": "score"}
_READ_PROBABILITIES = ("log_loss", "brier", "auroc", "average_precision", "top_3_accuracy")
_PROBABILITY_METRIC = "log_loss"


def compare_ablations(
    whole: AnyPredictions,
    without: Mapping[str, AnyPredictions | str],
    *,
    metric: str,
    confidence: float,
    seed: int,
    split: str = "dev",
) -> tuple[Measurement, ...]:
    """A measurement for each part, in the order given.

    Args:
        whole: What the candidate answered.
        without: Part to what it answers without that part on the same rows, or the reason why it cannot.
        metric: One of `paired.DECIDING_METRICS`.
        confidence: Two-sided coverage of each interval, and that no part is wrongly said to help or hurt.
        seed: For the intervals that are drawn.
        split: Whose rows they are.

    Returns:
        `<metric>_without` with the slice `ablation=<part>`, and `log_loss_without` where a part changes the
        probabilities only; `detail` is the sentence.

    Raises:
        InvalidInputError: Another metric, or rows that differ.
    """
    tested = {
        (part, name): paired_test(whole, other, metric=name, level=confidence, seed=seed)
        for part, other in without.items()
        if not isinstance(other, str)
        for name in _metrics_for(whole, other, metric)
    }
    adjusted = dict(zip(tested, holm([test.p_value for test in tested.values()]), strict=True))
    measured: list[Measurement] = []
    for part, other in without.items():
        if isinstance(other, str):
            measured.append(_not_measured(part, metric, other, split=split))
            continue
        for name in _metrics_for(whole, other, metric):
            test, p_value = tested[part, name], float(adjusted[part, name])
            smallest = _smallest_detectable(whole, other, test.difference, metric=name, confidence=confidence)
            sentence = _sentence(
                part, name, test.difference, p_value, smallest=smallest, alpha=1 - confidence
            )
            measured.append(
                _measurement(part, name, test, whole, split=split, level=confidence, detail=sentence)
            )
    return tuple(measured)


def _metrics_for(whole: AnyPredictions, other: AnyPredictions, metric: str) -> tuple[str, ...]:
    """The declared metric; log-loss too where that one cannot see what changed."""
    if isinstance(whole, ValuePredictions) or isinstance(other, ValuePredictions):
        return (metric,)
    if metric in _READ_PROBABILITIES or not np.array_equal(whole.predicted, other.predicted):
        return (metric,)
    return (metric,) if np.array_equal(whole.probs, other.probs) else (metric, _PROBABILITY_METRIC)


def _smallest_detectable(
    whole: AnyPredictions, other: AnyPredictions, difference: Difference, *, metric: str, confidence: float
) -> float | None:
    if metric == "accuracy" and whole.clusters is None:
        discordant = np.sum((whole.predicted == whole.truth) != (other.predicted == other.truth))
        return detectable_share_difference(
            float(discordant), len(whole.truth), confidence=confidence, power=POWER
        )
    width = difference.interval.high - difference.interval.low
    standard_error = width / (2 * normal_quantile(two_sided_tail(confidence)))
    return detectable_mean_difference(standard_error, confidence=confidence, power=POWER)


def _measurement(
    part: str,
    metric: str,
    test: PairedTest,
    whole: AnyPredictions,
    *,
    split: str,
    level: float,
    detail: str,
) -> Measurement:
    bounds = test.difference.interval
    return Measurement(
        name=f"{metric}_without",
        value=test.difference.value,
        unit=_UNITS.get(metric, "fraction"),
        n=len(whole.truth),
        method=f"paired difference to a retrained candidate, {level:.0%}; {test.method}, Holm over the parts",
        low=bounds.low if math.isfinite(bounds.low) else None,
        high=bounds.high if math.isfinite(bounds.high) else None,
        split=split,
        slice=f"ablation={part}",
        detail=detail,
        level=level,
    )


def _sentence(
    part: str, metric: str, difference: Difference, p_value: float, *, smallest: float | None, alpha: float
) -> str:
    low, high = difference.interval.low, difference.interval.high
    bounds = f"[{low:+.3f}, {high:+.3f}]"
    numbers = f"{difference.value:+.3f} in {gap_words(metric)} {bounds}, {p_words(p_value)} after Holm"
    if p_value <= alpha:
        return f"{part} {'helps' if difference.value > 0 else 'hurts'}: {numbers}"
    shown = "none with so few rows" if smallest is None else f"{smallest:.3f}"
    return f"{part}: no detectable effect (smallest detectable: {shown}): {numbers}"


def _not_measured(part: str, metric: str, reason: str, *, split: str) -> Measurement:
    return Measurement(
        f"{metric}_without",
        None,
        _UNITS.get(metric, "fraction"),
        0,
        "paired difference to a retrained candidate",
        split=split,
        slice=f"ablation={part}",
        detail=reason,
    )
