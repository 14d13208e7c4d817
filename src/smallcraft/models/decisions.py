"""Fits what is answered to an error budget or a coverage, from probabilities out of fold.

Numbers in, a decider out (`bundle/decoders`): thresholds are never chosen by hand. Where the rows at hand do
not show that a budget is kept, the threshold that comes nearest is taken and the promise says so, with about
how many more rows would settle it.
Always: no row's own label has touched its probability; dev and cert are not looked at.
Not covered: rows of one key, which carry less evidence than they count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.decoder import Decoder
from smallcraft.bundle.decoders.abstain import Abstain
from smallcraft.bundle.decoders.argmax import Argmax
from smallcraft.bundle.decoders.conformal import Conformal, score_labels
from smallcraft.bundle.decoders.decider import Decider
from smallcraft.bundle.decoders.hierarchical import Hierarchical, tree_of
from smallcraft.bundle.decoders.thresholds import Thresholds
from smallcraft.bundle.decoders.value import Value
from smallcraft.errors import InvalidInputError
from smallcraft.models.calibrate import answered_rows, decode_held_out
from smallcraft.models.calibrators import choose_calibrator
from smallcraft.models.parts.f1_thresholds import fit_thresholds
from smallcraft.records import Task
from smallcraft.stats.decisions import BudgetSearch, conformal_limit, search_threshold

Kind = Literal["argmax", "abstain", "conformal", "hierarchical", "thresholds", "value"]
SetScore = Literal["lac", "aps", "raps"]
Floats = NDArray[np.float64]

KINDS: Mapping[Task, tuple[Kind, ...]] = {
    "multiclass": ("argmax", "abstain", "conformal", "hierarchical"),
    "multilabel": ("thresholds",),
    "regression": ("value",),
}
# Of the rows, those that choose the penalty of `raps`; the others set its limit.
_TUNING_SHARE = 0.2
_PENALTIES = (0.001, 0.01, 0.1, 0.2, 0.5)


@dataclass(frozen=True)
class DecisionPlan:
    """What the user asks of answers.

    Attributes:
        kind: One of `KINDS` of the task; None for the first of them.
        errors_at_most: Of `abstain` and `hierarchical`: share of the answers that may be wrong, in (0, 1).
        coverage: Of `conformal` and `value`: share of sets or intervals that hold the truth, in (0, 1).
        confidence: One-sided, of the error budget being kept.
        score: Of `conformal`.
        by_class: Of `conformal`: the coverage holds for each class, not only over all.
        separator: Of `hierarchical`: parts a label into its nodes.
        parents: Of `hierarchical`, instead of a separator: label or node to the node above.
    """

    kind: Kind | None = None
    errors_at_most: float | None = None
    coverage: float = 0.9
    confidence: float = 0.95
    score: SetScore = "lac"
    by_class: bool = False
    separator: str = "/"
    parents: tuple[tuple[str, str], ...] = ()


ANSWER_ALWAYS = DecisionPlan()


def complete_decoder(
    decoder: Decoder,
    logits: Sequence[Floats],
    labels: NDArray[np.int64],
    classes: Sequence[str],
    *,
    folds: NDArray[np.int64],
    plan: DecisionPlan,
    confidence: float = 0.95,
    seed: int = 0,
) -> Decoder:
    """A decoder of classes with its calibrator, where one helps, and the decider that the plan asks for.

    Args:
        decoder: Scale, threshold and mix, as `calibrate.fit_decoder` gives them.
        logits: For each stage `(n, k)` out of fold; NaN where a stage left a row out.
        labels: `(n,)` codes.
        classes: The `k` labels.
        folds: `(n,)`.
        plan: What the user asks.
        confidence: One-sided, of a calibrator being better than none.
        seed: Of everything random.
    """
    known = answered_rows(logits)
    probs = decode_held_out(decoder, [stage[known] for stage in logits])
    labels = labels[known]
    calibrated = choose_calibrator(probs, labels, folds[known], confidence=confidence)
    decider = fit_decider(plan, calibrated.probs, labels, classes, seed=seed)
    is_usual = decider == decoder.decides
    return replace(decoder, calibrator=calibrated.calibrator, decider=None if is_usual else decider)


def fit_decider(
    plan: DecisionPlan,
    probs: Floats,
    truth: NDArray[Any],
    classes: Sequence[str],
    *,
    task: Task = "multiclass",
    seed: int = 0,
) -> Decider:
    """The decider of a plan.

    Args:
        plan: What the user asks.
        probs: `(n, k)` out of fold and calibrated; of a regression `(n, 1)` values.
        truth: By the task: `(n,)` codes; `(n, k)` of 0 and 1; `(n,)` numbers.
        classes: The `k` labels.
        task: What the labels are.
        seed: Of everything random.

    Raises:
        InvalidInputError: The kind is none of the task, or needs an error budget that is not stated.
    """
    kind = plan.kind or KINDS[task][0]
    if kind not in KINDS[task]:
        raise InvalidInputError(
            f"[decision] kind = '{kind}' is none for {task}; write one of {', '.join(KINDS[task])}, "
            "or leave it out"
        )
    return _FITS[kind](plan, probs, truth, classes, seed)


def _fit_argmax(plan: DecisionPlan, probs: Floats, truth: Any, classes: Sequence[str], seed: int) -> Decider:  # noqa: ANN401, ARG001 - the table's shape
    return Argmax()


def _fit_abstain(
    plan: DecisionPlan,
    probs: Floats,
    truth: NDArray[np.int64],
    classes: Sequence[str],  # noqa: ARG001 - the table's shape
    seed: int,  # noqa: ARG001
) -> Decider:
    sure, wrong = probs.max(axis=1), probs.argmax(axis=1) != truth

    def count_errors(threshold: float) -> int:
        return int(wrong[sure >= threshold].sum())

    def expect_errors(threshold: float) -> float:
        return float((1 - sure[sure >= threshold]).sum())

    found = _search(plan, sure, count_errors, expect_errors)
    return Abstain(found.trial.threshold, _promise(plan, found))


def _fit_hierarchical(
    plan: DecisionPlan,
    probs: Floats,
    truth: NDArray[np.int64],
    classes: Sequence[str],
    seed: int,  # noqa: ARG001 - the table's shape
) -> Decider:
    tree = tree_of(tuple(classes), plan.separator, plan.parents)
    # Just below 2: no top node reaches it, and its probability is what comes back.
    sure = tree.descend(probs, np.nextafter(2.0, 1.0))[1]

    def count_errors(threshold: float) -> int:
        node, _ = tree.descend(probs, threshold)
        answered = node >= 0
        return int((tree.holds[truth[answered], node[answered]] == 0).sum())

    def expect_errors(threshold: float) -> float:
        node, confidence = tree.descend(probs, threshold)
        return float((1 - confidence[node >= 0]).sum())

    found = _search(plan, sure, count_errors, expect_errors)
    return Hierarchical(found.trial.threshold, plan.separator, plan.parents, _promise(plan, found))


def _search(
    plan: DecisionPlan,
    sure: Floats,
    count_errors: Callable[[float], int],
    expect_errors: Callable[[float], float],
) -> BudgetSearch:
    if plan.errors_at_most is None:
        raise InvalidInputError(
            f"[decision] kind = '{plan.kind}' needs an error budget; add errors_at_most = 0.02 to allow "
            "2% of the answers to be wrong"
        )
    return search_threshold(
        sure,
        count_errors,
        expect_errors,
        errors_at_most=plan.errors_at_most,
        confidence=plan.confidence,
    )


def _promise(plan: DecisionPlan, found: BudgetSearch) -> Mapping[str, Any]:
    """What `bundle.json` keeps of a search; `measure` and the card read it."""
    return {
        "errors_at_most": plan.errors_at_most,
        "confidence": plan.confidence,
        "is_kept": found.is_kept,
        "rows": found.rows,
        "answered": found.trial.answered,
        "errors": found.trial.errors,
        "more_rows": found.more_rows,
    }


def _fit_conformal(
    plan: DecisionPlan,
    probs: Floats,
    truth: NDArray[np.int64],
    classes: Sequence[str],
    seed: int,
) -> Decider:
    limited, penalty, free_ranks = np.ones(len(truth), dtype=np.bool_), 0.0, 0
    if plan.score == "raps":
        limited = np.random.default_rng([seed, 6]).random(len(truth)) >= _TUNING_SHARE
        penalty, free_ranks = _choose_penalty(probs[~limited], truth[~limited], plan.coverage)
    scores = score_labels(probs[limited], plan.score, penalty=penalty, free_ranks=free_ranks)
    codes = truth[limited]
    own = scores[np.arange(len(codes)), codes]
    parts = [own[codes == code] for code in range(len(classes))] if plan.by_class else [own]
    limits = tuple(conformal_limit(part, coverage=plan.coverage) for part in parts)
    return Conformal(plan.score, limits, plan.coverage, penalty, free_ranks)


def _choose_penalty(probs: Floats, truth: NDArray[np.int64], coverage: float) -> tuple[float, int]:
    """The penalty with the smallest sets, and the ranks that the true label seldom exceeds.

    Source:
        Angelopoulos et al. (2021), ICLR, section 2.2 and appendix E.
    """
    own = probs[np.arange(len(truth)), truth]
    ranks = (probs > own[:, None]).sum(axis=1) + 1.0
    free_ranks = int(conformal_limit(ranks, coverage=coverage) or probs.shape[1])

    def mean_size(penalty: float) -> float:
        scores = score_labels(probs, "raps", penalty=penalty, free_ranks=free_ranks)
        limit = conformal_limit(scores[np.arange(len(truth)), truth], coverage=coverage)
        return float("inf") if limit is None else float((scores <= limit).sum(axis=1).mean())

    return min(_PENALTIES, key=mean_size), free_ranks


def _fit_thresholds(
    plan: DecisionPlan,  # noqa: ARG001 - the table's shape
    probs: Floats,
    truth: NDArray[Any],
    classes: Sequence[str],  # noqa: ARG001
    seed: int,
) -> Decider:
    return Thresholds(tuple(fit_thresholds(probs, truth > 0, seed=seed).tolist()))


def _fit_value(
    plan: DecisionPlan,
    probs: Floats,
    truth: NDArray[np.float64],
    classes: Sequence[str],  # noqa: ARG001 - the table's shape
    seed: int,  # noqa: ARG001
) -> Decider:
    width = conformal_limit(np.abs(probs[:, 0] - truth), coverage=plan.coverage)
    return Value(width, None if width is None else plan.coverage)


_FITS: Mapping[Kind, Callable[[DecisionPlan, Floats, Any, Sequence[str], int], Decider]] = {
    "argmax": _fit_argmax,
    "abstain": _fit_abstain,
    "conformal": _fit_conformal,
    "hierarchical": _fit_hierarchical,
    "thresholds": _fit_thresholds,
    "value": _fit_value,
}
