"""What each part of a guardrail compares: which counts, against which null, for which claim.

A *question* is one e-value, as logarithms that are added up over steps. They are linear in counts, so what it
says to single counts is all of it. Each part asks one against the new release, and one for each claim that
together make it "no worse": a claim counts as shown when its own e-value is large. "Or" within a claim is an
average of e-values; "and" is that every claim must be shown.
Leaves to others: adding up and combining (`serve.rollout.evidence`), guesses (`serve.rollout.guesses`).
Always: a question is fixed before the first request of the new release counts.
Not covered: classes that change places within one group of rare ones are not seen by the claims.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.serve.rollout import guesses
from smallcraft.serve.rollout.counts import CANARY, ArmCounts
from smallcraft.serve.rollout.guesses import Guesses
from smallcraft.serve.rollout.plan import RolloutPlan
from smallcraft.stats.sequences.event_ratios import event_log_ratios
from smallcraft.stats.sequences.rates import rate_log_ratios

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Ratios = Callable[[ArmCounts, float], Floats]
# A promise below this is held to this: nobody promises never, and a few requests could not show it.
_TOLERATED = 0.01
_CERTAIN = 0.99
# Classes are put together until a group has this share; a group below the next one may vanish.
_GROUP = 0.10
_MATTERS = 0.05


@dataclass(frozen=True)
class Question:
    """One e-value.

    Attributes:
        weights: `(k,)` float64, of the guesses, adding up to 1.
        ratios: From counts and the chance of the new arm to `(..., k)` logarithms of likelihood ratios.
    """

    weights: Floats
    ratios: Ratios


@dataclass(frozen=True)
class Part:
    """What one test of a guardrail asks.

    Attributes:
        against: Large when the release is worse than the plan allows.
        claims: Each large when the release is no worse in one respect.
        fields: Of `ArmCounts`, those that its questions read.
        observed: From counts to `(..., 2)` int64, how many subjects of each arm answer.
        is_paired: Whether it looks at SHADOW, where both releases answer the same requests.
    """

    against: Question
    claims: tuple[Question, ...]
    fields: tuple[str, ...]
    observed: Callable[[ArmCounts], Counts]
    is_paired: bool = False

    @property
    def questions(self) -> tuple[Question, ...]:
        """All of them."""
        return (self.against, *self.claims)


def either(questions: Sequence[Question]) -> Question:
    """The mean of some e-values: large when one of them is."""
    if len(questions) == 1:
        return questions[0]

    def ratios(counts: ArmCounts, share: float) -> Floats:
        return np.concatenate([question.ratios(counts, share) for question in questions], axis=-1)

    return Question(np.concatenate([question.weights for question in questions]) / len(questions), ratios)


def compare_events(events: Callable[[ArmCounts], Counts], *, null: float, guessed: Guesses) -> Question:
    """Whether events of the new arm are `guessed` times more frequent than `null` times the old one's."""
    alternatives = null * guessed.values

    def ratios(counts: ArmCounts, share: float) -> Floats:
        return event_log_ratios(events(counts), share, null=null, alternatives=alternatives)

    return Question(guessed.weights, ratios)


def compare_rate(
    events: Callable[[ArmCounts], Counts],
    trials: Callable[[ArmCounts], Counts],
    *,
    null: float,
    guessed: Guesses,
) -> Question:
    """Whether the new arm's odds of an event are `guessed` times those of a fixed rate."""
    null = min(null, _CERTAIN)
    odds = guessed.values * null / (1 - null)
    alternatives = odds / (1 + odds)

    def ratios(counts: ArmCounts, _: float) -> Floats:
        return rate_log_ratios(events(counts), trials(counts), null=null, alternatives=alternatives)

    return Question(guessed.weights, ratios)


def errors_part(plan: RolloutPlan) -> Part:
    """Failures: how many more per request than the stable release has."""
    claim = either(
        [
            compare_events(_errors, null=plan.non_inferior_errors, guessed=guesses.LESS),
            compare_rate(
                lambda counts: counts.errors[..., CANARY],
                lambda counts: counts.subjects[..., CANARY],
                null=plan.tolerated_errors,
                guessed=guesses.LESS,
            ),
        ]
    )
    return Part(
        against=compare_events(_errors, null=plan.error_margin, guessed=guesses.MORE),
        claims=(claim,),
        fields=("errors", "subjects"),
        observed=lambda counts: counts.subjects,
    )


def classes_part(plan: RolloutPlan, seen: Counts) -> Part:
    """Answers: how much more, or less, frequent each class is.

    Args:
        plan: The declared settings.
        seen: `(k + 1,)` answers of the stable release, to put rare classes together by.
    """

    def each(counts: ArmCounts) -> Counts:
        return np.swapaxes(counts.classes, -1, -2)

    tests = [
        compare_events(each, null=plan.drift_margin, guessed=guesses.COMMONER),
        compare_events(each, null=1 / plan.drift_margin, guessed=guesses.RARER),
    ]
    groups = group_classes(seen)
    return Part(
        against=either([_over_classes(test, len(seen)) for test in tests]),
        claims=tuple(claim for group, share in groups for claim in _group_claims(plan, group, share)),
        fields=("classes",),
        observed=lambda counts: counts.classes.sum(axis=-1),
    )


def disagreement_part(plan: RolloutPlan, allowed: float) -> Part:
    """Requests that both releases answered: on how many they differ."""

    def disagreed(counts: ArmCounts) -> Counts:
        return counts.disagreed

    def compared(counts: ArmCounts) -> Counts:
        return counts.compared

    promised = max(allowed, _TOLERATED)
    wider = promised * plan.non_inferior_drift
    return Part(
        against=compare_rate(disagreed, compared, null=promised, guessed=guesses.COMMONER),
        claims=(compare_rate(disagreed, compared, null=wider, guessed=guesses.LESS),),
        fields=("compared", "disagreed"),
        observed=lambda counts: np.stack([counts.compared, counts.compared], axis=-1),
        is_paired=True,
    )


def escalation_part(plan: RolloutPlan, declared: float, stable: float | None) -> Part:
    """Rows for which further stages were asked: how many more than both releases declared.

    Args:
        plan: The declared settings.
        declared: Share of rows that the new release escalates.
        stable: The same of the stable one; None for one without stages, and then there is nothing to compare
            with but what was declared.
    """

    def question(margin: float, guessed: Guesses) -> Question:
        if stable is not None and stable > 0 and declared > 0:
            return compare_events(_escalated, null=margin * declared / stable, guessed=guessed)
        return compare_rate(
            lambda counts: counts.escalated[..., CANARY],
            lambda counts: counts.rows[..., CANARY],
            null=margin * max(declared, _TOLERATED),
            guessed=guessed,
        )

    return Part(
        against=question(plan.drift_margin, guesses.COMMONER),
        claims=(question(plan.non_inferior_drift, guesses.LESS),),
        fields=("rows", "escalated"),
        observed=lambda counts: counts.rows,
    )


def group_classes(seen: Counts) -> list[tuple[tuple[int, ...], float]]:
    """Classes put together, most frequent first, until each group has a tenth of the answers.

    Args:
        seen: `(k + 1,)` answers of the stable release; abstentions, the last, stay by themselves.

    Returns:
        Groups of places, each with its share of `seen`; that of abstentions last.

    >>> import numpy as np
    >>> [(group, round(share, 2)) for group, share in group_classes(np.array([70, 8, 12, 5, 5, 0]))]
    [((0,), 0.7), ((2,), 0.12), ((1, 3), 0.13), ((4,), 0.05), ((5,), 0.0)]
    """
    shares = seen / max(int(seen.sum()), 1)
    groups: list[tuple[tuple[int, ...], float]] = []
    group: tuple[int, ...] = ()
    for place in np.argsort(-shares[:-1], kind="stable").tolist():
        group = (*group, place)
        if shares[list(group)].sum() >= _GROUP:
            groups.append((group, float(shares[list(group)].sum())))
            group = ()
    rest = [(group, float(shares[list(group)].sum()))] if group else []
    return [*groups, *rest, ((len(seen) - 1,), float(shares[-1]))]


def _group_claims(plan: RolloutPlan, group: tuple[int, ...], share: float) -> list[Question]:
    """That a group of classes is not much more frequent, and where it matters not much rarer either."""
    places = list(group)

    def events(counts: ArmCounts) -> Counts:
        return np.asarray(counts.classes[..., places].sum(axis=-1))

    times = plan.non_inferior_drift
    up = [compare_events(events, null=times, guessed=guesses.LESS)]
    most = max(times * share, _MATTERS)
    if most < 1:
        up.append(
            compare_rate(
                lambda counts: events(counts)[..., CANARY],
                lambda counts: counts.classes[..., CANARY, :].sum(axis=-1),
                null=most,
                guessed=guesses.LESS,
            )
        )
    down = compare_events(events, null=1 / times, guessed=guesses.NOT_RARER)
    return [either(up), down] if share >= _MATTERS else [either(up)]


def _over_classes(question: Question, classes: int) -> Question:
    """The mean over classes of a question that is asked of each, `(..., k + 1, guesses)`."""

    def ratios(counts: ArmCounts, share: float) -> Floats:
        found = question.ratios(counts, share)
        return found.reshape(*found.shape[:-2], -1)

    return Question(np.tile(question.weights, classes) / classes, ratios)


def _errors(counts: ArmCounts) -> Counts:
    return counts.errors


def _escalated(counts: ArmCounts) -> Counts:
    return counts.escalated
