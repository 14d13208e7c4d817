"""Does a change do harm: by labels where there are any, else by estimates that each name what they assume.

With labels: an interval of the mean loss that holds at all times (betting), against the release's bound plus
a tolerance, overall and for each group. Without: accuracy expected from confidences (CBPE), from the shares
of the answers (BBSE), from labelled rows weighed anew; and how many rows lie outside all that the reference
had.
Leaves to others: which windows (`observe.watching`), raising an alarm on losses (`observe.harm_guard`).
Always: only labels prove harm; benign without labels wants at least two estimates that say so, and none that
does not; a few labels take that back only when they lie beyond the limit; what is not settled is unknown,
with what would settle it.
Not covered: labels that come the sooner the worse the answer was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.observe.alarms import Harm, HarmSign, HarmVerdict
from smallcraft.records import Interval
from smallcraft.stats.histograms import Histogram
from smallcraft.stats.label_shift import ASSUMPTION as LABEL_SHIFT_ASSUMPTION
from smallcraft.stats.label_shift import estimate_label_shift
from smallcraft.stats.performance_estimates import accuracy_by_weighting, accuracy_from_confidence
from smallcraft.stats.sequences.betting import anytime_lower_bounds, anytime_upper_bounds

Floats = NDArray[np.float64]
LossCounts = NDArray[np.int64]
EVERYONE = "all"
CONFIDENCE = 0.95
TOLERANCE = 0.02
# Rows outside the reference of which the estimates know nothing.
MOST_OUTSIDE = 0.05
_LEAST_ESTIMATES = 2
_LABELS_ASSUMPTION = "labels come as soon for right answers as for wrong ones"
_OUTSIDE_ASSUMPTION = "the reference has met what rows are like"


@dataclass(frozen=True)
class HarmBaseline:
    """What the release promised.

    Attributes:
        loss_bound: Upper bound of its mean loss, in [0, 1], on the rows it was certified on.
        group_bounds: The same of each group, such as `sex=female`.
        confusion: `(k, k)` int64, certified rows by true class and answer; None where there are no classes.
        calibration_error: By how much confidences were off on average.
        tolerance: How much worse is no harm, in units of the loss.
    """

    loss_bound: float
    group_bounds: Mapping[str, float] = field(default_factory=dict)
    confusion: NDArray[np.int64] | None = None
    calibration_error: float = 0.0
    tolerance: float = TOLERANCE

    def __post_init__(self) -> None:
        bounds = [self.loss_bound, *self.group_bounds.values()]
        if not all(0 <= bound <= 1 for bound in bounds) or not 0 <= self.tolerance < 1:
            raise InvalidInputError(
                f"bounds of losses lie in [0, 1] and the tolerance in [0, 1), got {bounds}"
                f" and {self.tolerance}; divide losses by the largest one possible"
            )

    def limit(self, group: str = EVERYONE) -> float:
        """The mean loss above which a group, or everyone, is harmed."""
        bound = self.loss_bound if group == EVERYONE else self.group_bounds.get(group, self.loss_bound)
        return min(max(bound + self.tolerance, 1e-6), 1 - 1e-6)


@dataclass(frozen=True)
class Unlabelled:
    """What is known of rows without labels.

    Attributes:
        confidences: Of the answers; None where the release has none.
        answers: `(k,)` int64, how often each class was answered; None where there are no classes.
        is_right: `(n,)` bool of labelled rows of the past; None for none.
        odds: `(n,)` how many times as frequent such a row is now.
        outside: Share of rows with values that the reference never had, of the worst column.
    """

    confidences: Histogram | None = None
    answers: NDArray[np.int64] | None = None
    is_right: NDArray[np.bool_] | None = None
    odds: Floats | None = None
    outside: float = 0.0


def judge_losses(losses: Mapping[str, LossCounts], baseline: HarmBaseline) -> tuple[HarmSign, ...]:
    """Signs from labelled rows, of everyone first.

    Args:
        losses: `stats.sequences.betting.count_losses` of each group, and of `all`.
        baseline: Of the release.
    """
    # All signs together are wrong as seldom as one may be.
    confidence = 1 - (1 - CONFIDENCE) / (2 * max(len(losses), 1))
    signs = []
    for group in sorted(losses, key=lambda name: (name != EVERYONE, name)):
        counts, limit = losses[group], baseline.limit(group)
        if not counts.sum():
            continue
        low = float(anytime_lower_bounds(counts, confidence=confidence))
        high = float(anytime_upper_bounds(counts, confidence=confidence))
        verdict = HarmVerdict.UNKNOWN
        if low > limit or high <= limit:
            verdict = HarmVerdict.HARMFUL if low > limit else HarmVerdict.BENIGN
        name = "loss" if group == EVERYONE else f"loss of {group}"
        signs.append(
            HarmSign(name, mean_loss(counts), Interval(low, high), limit, verdict, _LABELS_ASSUMPTION)
        )
    return tuple(signs)


def judge_estimates(
    rows: Unlabelled, baseline: HarmBaseline, *, rng: np.random.Generator
) -> tuple[HarmSign, ...]:
    """Signs from rows without labels; those that cannot be estimated are left out.

    Args:
        rows: Since the change began.
        baseline: Of the release.
        rng: Of the bootstrap.
    """
    least = 1 - baseline.limit()
    signs = []
    if rows.confidences is not None:
        found = accuracy_from_confidence(rows.confidences, calibration_error=baseline.calibration_error)
        if found is not None:
            signs.append(
                _accuracy("accuracy by confidence", found.value, found.interval, least, found.assumption)
            )
    if rows.answers is not None and baseline.confusion is not None:
        shift = estimate_label_shift(baseline.confusion, rows.answers, rng=rng)
        if shift is not None:
            signs.append(
                _accuracy(
                    *("accuracy by label shift", shift.accuracy, shift.accuracy_interval, least),
                    f"{LABEL_SHIFT_ASSUMPTION} (condition {shift.condition:.3g})",
                )
            )
    if rows.is_right is not None and rows.odds is not None:
        found = accuracy_by_weighting(rows.is_right, rows.odds)
        if found is not None:
            assumption = f"{found.assumption} (effective sample size {found.effective_n:.0f} of {found.n})"
            signs.append(_accuracy("accuracy by weighting", found.value, found.interval, least, assumption))
    is_known = HarmVerdict.BENIGN if rows.outside <= MOST_OUTSIDE else HarmVerdict.UNKNOWN
    outside = HarmSign(
        "rows outside the reference", rows.outside, None, MOST_OUTSIDE, is_known, _OUTSIDE_ASSUMPTION
    )
    return (*signs, outside)


def judge_harm(
    baseline: HarmBaseline,
    *,
    losses: Mapping[str, LossCounts],
    rows: Unlabelled,
    rng: np.random.Generator,
) -> Harm:
    """Whether a change does harm.

    Args:
        baseline: Of the release.
        losses: Of labelled rows since the change began, of `all` and of groups; empty for none.
        rows: Those without labels.
        rng: Of the bootstrap.
    """
    by_labels = judge_losses(losses, baseline)
    estimates = judge_estimates(rows, baseline, rng=rng)
    labels = int(losses[EVERYONE].sum()) if EVERYONE in losses else 0
    signs = (*by_labels, *estimates)
    harmful = [sign for sign in by_labels if sign.verdict is HarmVerdict.HARMFUL]
    if harmful:
        return Harm(HarmVerdict.HARMFUL, _say_harmful(harmful[0]), signs, labels)
    if by_labels and by_labels[0].name == "loss":
        found = _by_labels(by_labels, signs, labels)
        estimated = _by_estimates(estimates, signs, labels)
        # Labels that show nothing yet take nothing away from estimates that agree.
        shows_nothing = found.verdict is HarmVerdict.UNKNOWN and _is_within(by_labels[0])
        return _with_few_labels(estimated, found) if shows_nothing else found
    return _by_estimates(estimates, signs, labels)


def mean_loss(counts: LossCounts) -> float | None:
    """Of counted losses; None without any."""
    n = int(counts.sum())
    return float(counts @ np.linspace(0, 1, len(counts))) / n if n else None


def _by_labels(by_labels: Sequence[HarmSign], signs: tuple[HarmSign, ...], labels: int) -> Harm:
    overall = by_labels[0]
    open_groups = [sign.name for sign in by_labels[1:] if sign.verdict is HarmVerdict.UNKNOWN]
    if overall.verdict is HarmVerdict.BENIGN:
        rest = f"; too few labels to settle {', '.join(open_groups)}" if open_groups else ""
        sentence = f"the inputs moved, {labels} labels show no harm ({_say(overall)}){rest}"
        return Harm(HarmVerdict.BENIGN, sentence, signs, labels)
    sentence = f"label these rows; {labels} labels do not settle it ({_say(overall)})"
    return Harm(HarmVerdict.UNKNOWN, sentence, signs, labels)


def _is_within(sign: HarmSign) -> bool:
    """Whether the losses that are known lie within what was promised, be they few."""
    return sign.value is not None and sign.bound is not None and sign.value <= sign.bound


def _with_few_labels(estimated: Harm, found: Harm) -> Harm:
    """What estimates say where labels do not settle it; what labels say where estimates do not agree."""
    if estimated.verdict is not HarmVerdict.BENIGN:
        return found
    sentence = f"{estimated.sentence}; {found.sentence.removeprefix('label these rows; ')}"
    return Harm(HarmVerdict.BENIGN, sentence, found.signs, found.labels)


def _by_estimates(estimates: Sequence[HarmSign], signs: tuple[HarmSign, ...], labels: int) -> Harm:
    doubts = [sign for sign in estimates if sign.verdict is not HarmVerdict.BENIGN]
    accuracies = [sign for sign in estimates if sign.interval is not None]
    if doubts:
        sentence = f"label these rows; there are no labels, and {_say(doubts[0])}"
        return Harm(HarmVerdict.UNKNOWN, sentence, signs, labels)
    if len(accuracies) < _LEAST_ESTIMATES:
        return Harm(
            HarmVerdict.UNKNOWN, "label these rows; there are no labels and too few estimates", signs, labels
        )
    told = "; ".join(_say(sign) for sign in accuracies)
    return Harm(HarmVerdict.BENIGN, f"the inputs moved, no estimate shows harm ({told})", signs, labels)


def _accuracy(name: str, value: float, interval: Interval, least: float, assumes: str) -> HarmSign:
    verdict = HarmVerdict.UNKNOWN
    if interval.low >= least:
        verdict = HarmVerdict.BENIGN
    elif interval.high < least:
        # An estimate that stands on an assumption asks for labels; it proves nothing.
        verdict = HarmVerdict.HARMFUL
    return HarmSign(name, value, interval, least, verdict, assumes)


def _say(sign: HarmSign) -> str:
    if sign.value is None:
        return f"{sign.name} is not known"
    within = "" if sign.interval is None else f" [{sign.interval.low:.3f}, {sign.interval.high:.3f}]"
    return f"{sign.name} is {sign.value:.3f}{within}, the limit is {sign.bound:.3f}"


def _say_harmful(sign: HarmSign) -> str:
    return f"{_say(sign)}: answers are worse than the release promised"
