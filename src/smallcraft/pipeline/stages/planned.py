"""A pass/fail look at the sealed test set: is the floor shown to be met, and nothing else.

What is compared with the floor is the metric's lower bound, at a confidence that allows for everything that
can have been asked: with B bits revealed by looks outside the plan and a plan of b bits, at most 2**(B + b)
questions can be led to by answers, so each bound may miss with a 2**(B + b)-th of what the project allows.
By the union bound a PASS is then wrong with at most `1 - confidence`, however candidates were picked.
Always: no number leaves this module but the question's and the plan's own.
Not covered: bounds that hold only for many rows (those of macro F1 are a stretched bootstrap; those of
accuracy are exact).

Source:
    Dwork et al. (2015), NeurIPS, theorem 12, with exact bounds in the place of Hoeffding's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from smallcraft.evaluate.meter.ledger import Ledger, Look
from smallcraft.evaluate.meter.terms import PASSED, PassPlan
from smallcraft.gates.bounds import bounds_at
from smallcraft.gates.policy import QUALITY_GATE
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.report_parts.wording import counted
from smallcraft.pipeline.result import CertAnswer, PlanAnswer
from smallcraft.pipeline.stages.looks import describe_looks
from smallcraft.records import Measurement, Outcome, Verdict

Measure = Callable[[], Measurement]


@dataclass(frozen=True)
class FloorQuestion:
    """What is asked about one candidate.

    Attributes:
        candidate: Digest of the bundle.
        plan: Of the project.
        meter: Digest under which looks at the sealed rows are counted.
        rows: How many they are.
    """

    candidate: str
    plan: PassPlan
    meter: str
    rows: int


def ask_floor(
    ledger: Ledger, question: FloorQuestion, measure: Measure, config: Config, *, now: datetime
) -> CertAnswer:
    """Ask the question, and say what the ledger has become.

    Args:
        ledger: Of the project; nobody else writes to it meanwhile.
        question: About whom.
        measure: Opens the labels; called only for a new question.
        config: Says the confidence.
        now: Time of the entry.

    Raises:
        MeteredError: The plan has no question or pass left, or was changed.
    """
    plan, meter = question.plan, question.meter
    others = _bits_of_others(ledger, question)
    confidence = confidence_of_all(config.quality.confidence, others + plan.bits)
    look = ledger.ask_pass(
        question.candidate, plan, meter, lambda: _value_to_compare(measure(), plan, confidence), now=now
    )
    answer = describe_looks(ledger, meter, question.rows, config, look=look)
    return replace(
        answer,
        bound=plan.bound(question.rows, bits_before=others, delta=1 - config.quality.confidence),
        wear=_what_is_left(ledger, question),
        plan=_plan_answer(ledger, question, look, config),
    )


def confidence_of_all(confidence: float, bits: float) -> float:
    """The confidence of each of `2**bits` bounds, so that all hold together at the one that is wanted.

    >>> round(confidence_of_all(0.95, 0), 4), round(confidence_of_all(0.95, 5), 4)
    (0.95, 0.9984)
    """
    return 1 - (1 - confidence) / 2**bits


def floor_verdict(answer: PlanAnswer) -> Verdict:
    """The quality gate's word, from a PASS or its absence: that something FAILed would be another answer."""
    if answer.passed:
        reason = f"{answer.asked} is shown on cert, whatever the plan asked or may ask ({answer.place})"
        return Verdict(QUALITY_GATE, Outcome.PASS, reason, measurement=answer.metric)
    return Verdict(
        QUALITY_GATE,
        Outcome.UNDECIDED,
        f"{answer.asked} is not shown on cert; a pass/fail plan tells no more ({answer.place})",
        needs="a better candidate, or a larger cert set",
        measurement=answer.metric,
    )


def floor_words(config: Config, plan: PassPlan) -> str:
    """`macro_f1 at least 0.9`.

    Args:
        config: Says the metric.
        plan: Says the bar and its sense.
    """
    return f"{config.quality.metric} {plan.sense.replace('_', ' ')} {plan.bar:g}"


def _value_to_compare(measured: Measurement, plan: PassPlan, confidence: float) -> float | None:
    """The bound on the bar's side; None where there is no value, or nothing bounds it."""
    if measured.value is None or (measured.low is None and measured.high is None and measured.hits is None):
        return None
    bounds = bounds_at(measured, confidence)
    value = bounds.low if plan.sense == "at_least" else bounds.high
    return value if math.isfinite(value) else None


def _bits_of_others(ledger: Ledger, question: FloorQuestion) -> float:
    """Revealed about the rows by everything that was not asked under this plan."""
    return math.fsum(
        entry.bits
        for entry in ledger.entries
        if entry.dataset == question.meter and entry.preregistration != question.plan.digest
    )


def _plan_answer(ledger: Ledger, question: FloorQuestion, look: Look, config: Config) -> PlanAnswer:
    plan = question.plan
    series = [entry.seq for entry in ledger.entries if _is_of(question, entry.preregistration, entry.dataset)]
    return PlanAnswer(
        metric=config.quality.metric,
        passed=bool(look.passed),
        question=series.index(look.entry.seq) + 1,
        questions=plan.questions,
        passes=plan.passes,
        asked=floor_words(config, plan),
    )


def _what_is_left(ledger: Ledger, question: FloorQuestion) -> str:
    plan = question.plan
    series = [entry for entry in ledger.entries if _is_of(question, entry.preregistration, entry.dataset)]
    passes = plan.passes - sum(bool(entry.answer.get(PASSED)) for entry in series)
    questions = plan.questions - len(series) if passes else 0
    if not questions:
        return (
            "the plan is used up: the next candidate needs a fresh cert set, or pre-registration "
            f"{plan.registration + 1}"
        )
    return f"of the plan, {counted(questions, 'question')} and {counted(passes, 'pass')} are left"


def _is_of(question: FloorQuestion, preregistration: str, dataset: str) -> bool:
    return (preregistration, dataset) == (question.plan.digest, question.meter)
