"""One look at the sealed test set: the winner's scores, and whether it is worse than what is released now.

No candidate meets cert's labels anywhere else; only the data checks read them besides. Values are told to
three decimals (errors without an upper end to three digits), so that what a look reveals can be counted;
their intervals come from the value itself (accuracy) or from the width measured on dev, and so reveal nothing
more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.runtime import open_bundle
from smallcraft.canonical import digest_value
from smallcraft.errors import MeteredError
from smallcraft.evaluate.by_task import BY_TASK, measure_score, range_of
from smallcraft.evaluate.choice.decide import not_inferior
from smallcraft.evaluate.meter.bits import bits_of_choices
from smallcraft.evaluate.meter.ledger import Ledger, Look
from smallcraft.gates.policy import QUALITY_GATE
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.events import Listener
from smallcraft.pipeline.result import CertAnswer
from smallcraft.pipeline.stages.incumbent import Incumbent, unseen_rows
from smallcraft.pipeline.stages.looks import describe_looks, fixed_terms, pass_plan, project_ledger
from smallcraft.pipeline.stages.measure import Measured, MeasuredSplit, predict_split
from smallcraft.pipeline.stages.planned import FloorQuestion, ask_floor, floor_verdict
from smallcraft.pipeline.stages.predictions import keep_rows
from smallcraft.pipeline.workspace import Workspace
from smallcraft.records import AnyPredictions, Evidence, Interval, Measurement, Outcome, Verdict
from smallcraft.stats.intervals import wilson_interval

_DECIMALS = 3
# An error without an upper end is told to so many digits, between 1e-30 and 1e30 (900 numbers a decade).
_DIGITS, _NUMBERS_A_DECADE, _DECADES = 3, 900, 60
_SMALLEST, _LARGEST = 1e-30, 1e30
_EXACT_SHARES = ("accuracy", "subset_accuracy")
INCUMBENT_GATE = "not_worse_than_incumbent"
CERT_GATE = "confirmed_on_cert"


@dataclass(frozen=True)
class Confirmation:
    """What cert said, and the verdicts that follow from it alone.

    Attributes:
        answer: The scores, or what the plan tells; none when the ledger refused.
        verdicts: Against the incumbent, where there is one; on the floor, where there is a plan; and that
            cert did not answer.
    """

    answer: CertAnswer
    verdicts: tuple[Verdict, ...]


def confirm_winner(
    released: Measured,
    on_dev: Evidence,
    split: MeasuredSplit,
    config: Config,
    *,
    meter: str,
    incumbent: Incumbent | None,
    now: datetime,
    listener: Listener,
) -> Confirmation:
    """Ask cert about the bundle that is to be released.

    Args:
        released: The winner, as it will ship.
        on_dev: What was measured of the winner on dev; gives the widths of intervals.
        split: The sealed rows.
        config: Says the metric, margin and confidence; they are fixed before the look.
        meter: Digest under which looks at these rows are counted.
        incumbent: The newest release that reads the same columns.
        now: Time of the ledger's entry.
        listener: Told when the ledger refuses.
    """
    ledger = project_ledger(config)
    rows = split.frame.height
    assert released.evidence.candidate is not None
    try:
        plan = pass_plan(config)
        if plan is not None:
            question = FloorQuestion(released.evidence.candidate, plan, meter, rows)
            measure = lambda: measure_for_plan(released, split, config)  # noqa: E731
            answer = ask_floor(ledger, question, measure, config, now=now)
            return Confirmation(answer, _verdicts_of_plan(answer, incumbent))
        look = ask_scores(ledger, released, split, config, meter=meter, incumbent=incumbent, now=now)
    except MeteredError as error:
        listener.note(str(error))
        answer = describe_looks(ledger, meter, rows, config, look=None)
        return Confirmation(answer, _unanswered(config, incumbent, str(error)))
    told = tuple(
        _with_interval(name, look.entry.answer[name], rows, config, on_dev) for name in _told_scores(config)
    )
    answer = replace(describe_looks(ledger, meter, rows, config, look=look), measurements=told)
    verdicts = (_incumbent_verdict(look.entry.answer, incumbent, split),) if incumbent else ()
    return Confirmation(answer, verdicts)


def ask_scores(
    ledger: Ledger,
    released: Measured,
    split: MeasuredSplit,
    config: Config,
    *,
    meter: str,
    incumbent: Incumbent | None,
    now: datetime,
) -> Look:
    """Ask for the scores, and whether the winner is worse than the incumbent.

    Args:
        ledger: Where the look is paid for.
        released: The winner, as it will ship.
        split: The sealed rows.
        config: Says the metric, margin and confidence.
        meter: Digest under which looks at these rows are counted.
        incumbent: What is released now.
        now: Time of the ledger's entry.

    Raises:
        MeteredError: The ledger refuses.
    """
    quality, told = config.quality, _told_scores(config)
    asked = {
        "rows": split.ref.digest,
        "metric": quality.metric,
        "margin": quality.margin,
        "confidence": quality.confidence,
        "scores": told,
        "incumbent": incumbent.bundle.digest if incumbent else None,
        "incumbent_rows": int(unseen_rows(incumbent, split).sum()) if incumbent else None,
    }
    if quality.preregistration > 1:
        # Under a new number the same question is a new one: it is paid for and stands in the record.
        asked["registration"] = quality.preregistration
    bits = math.fsum(bits_of_choices(_answers_of(name, config)) for name in told)
    bits += bits_of_choices(len(Outcome)) if incumbent else 0.0
    assert released.evidence.candidate is not None
    return ledger.ask(
        released.evidence.candidate,
        digest_value(asked),
        meter,
        lambda: _open_labels(released, split, config, told=told, incumbent=incumbent),
        bits=bits,
        now=now,
        terms=fixed_terms(config, ledger.entries, meter),
        registration=quality.preregistration,
    )


def measure_for_plan(released: Measured, split: MeasuredSplit, config: Config) -> Measurement:
    """The metric with its interval; called by the ledger, for a new question of a plan only."""
    assert released.attempt.bundle is not None
    predictions = predict_split(open_bundle(released.attempt.bundle), split, Workspace(config.folder))
    quality = config.quality
    return measure_score(predictions, quality.metric, confidence=quality.confidence, seed=config.seed)


def _is_unbounded(name: str, config: Config) -> bool:
    return name in BY_TASK[config.data.task].unbounded


def _range_of(name: str, config: Config) -> Interval:
    """Between which bounds a score is told."""
    return Interval(0.0, _LARGEST) if _is_unbounded(name, config) else range_of(name)


def _answers_of(name: str, config: Config) -> int:
    """How many different answers a score can give, told to so many decimals (or digits)."""
    if _is_unbounded(name, config):
        return _NUMBERS_A_DECADE * _DECADES + 2
    values = range_of(name)
    steps: int = math.ceil((values.high - values.low) * 10**_DECIMALS)
    return steps + 1


def _told_scores(config: Config) -> tuple[str, ...]:
    return tuple(dict.fromkeys((config.quality.metric, BY_TASK[config.data.task].beside_metric)))


def _open_labels(
    released: Measured,
    split: MeasuredSplit,
    config: Config,
    *,
    told: tuple[str, ...],
    incumbent: Incumbent | None,
) -> Mapping[str, Any]:
    """The answer itself; called by the ledger, for a new question only."""
    assert released.attempt.bundle is not None
    workspace = Workspace(config.folder)
    predictions = predict_split(open_bundle(released.attempt.bundle), split, workspace)
    answer: dict[str, Any] = {}
    for name in told:
        confidence = config.quality.confidence
        value = measure_score(predictions, name, confidence=confidence, seed=config.seed).value
        answer[name] = None if value is None else _rounded(value, name, config)
    if incumbent is not None:
        other = predict_split(incumbent.bundle, split, workspace)
        answer["incumbent"] = _compare(predictions, other, unseen_rows(incumbent, split), config).value
    return answer


def _rounded(value: float, name: str, config: Config) -> float:
    """A score as it is told: inside its range, to so many decimals, or digits where the range has no end."""
    bounds = _range_of(name, config)
    value = min(max(value, bounds.low), bounds.high)
    if _is_unbounded(name, config):
        return 0.0 if value < _SMALLEST else float(f"{value:.{_DIGITS - 1}e}")
    return round(value, _DECIMALS)


def _compare(
    predictions: AnyPredictions, other: AnyPredictions, unseen: NDArray[np.bool_], config: Config
) -> Outcome:
    """Whether the winner is no worse than the incumbent, on the rows that are new to both."""
    if not unseen.any():
        return Outcome.UNDECIDED
    return not_inferior(
        keep_rows(predictions, unseen),
        keep_rows(other, unseen),
        metric=config.quality.metric,
        margin=config.quality.margin,
        confidence=config.quality.confidence,
        seed=config.seed,
    ).outcome


def _with_interval(
    name: str, value: float | None, rows: int, config: Config, on_dev: Evidence
) -> Measurement:
    level = config.quality.confidence
    exactness = f"{_DIGITS} digits" if _is_unbounded(name, config) else f"{_DECIMALS} decimals"
    told = f"one metered look, told to {exactness}; "
    known = on_dev.find(name, split="dev")
    base = Measurement(name, value, known.unit if known else "", rows, told, split="cert")
    if value is None:
        return replace(base, detail="the score does not apply to these rows")
    if name in _EXACT_SHARES and config.data.key is None:
        hits = round(value * rows)
        bounds = wilson_interval(hits, rows, level=level)
        shown = replace(base, method=f"{told}Wilson {level:.0%}", low=bounds.low, high=bounds.high)
        return replace(shown, level=level, hits=float(hits), trials=float(rows))
    if known is None or known.value is None or known.low is None or known.high is None:
        return replace(base, detail="dev gave no width for an interval")
    scale = math.sqrt(known.n / rows)
    return replace(
        base,
        method=f"{told}width of the {level:.0%} interval on dev, scaled by the root of the rows",
        low=max(_range_of(name, config).low, value - (known.value - known.low) * scale),
        high=min(_range_of(name, config).high, value + (known.high - known.value) * scale),
        level=level,
    )


def _unanswered(config: Config, incumbent: Incumbent | None, reason: str) -> tuple[Verdict, ...]:
    """Without an answer nothing is released, whatever the gates beside cert say."""
    needs = "a fresh cert set"
    verdicts = [Verdict(CERT_GATE, Outcome.UNDECIDED, reason, needs=needs)]
    if config.quality.plan is not None:
        verdicts.append(Verdict(QUALITY_GATE, Outcome.UNDECIDED, "cert gave no answer", needs=needs))
    if incumbent is not None:
        verdicts.append(Verdict(INCUMBENT_GATE, Outcome.UNDECIDED, reason, needs=needs, required=False))
    return tuple(verdicts)


def _verdicts_of_plan(answer: CertAnswer, incumbent: Incumbent | None) -> tuple[Verdict, ...]:
    assert answer.plan is not None
    verdict = floor_verdict(answer.plan)
    if incumbent is None:
        return (verdict,)
    skipped = f"not compared with {incumbent.label}: by its plan cert tells whether the floor is shown, only"
    needs = "scores on cert, without [quality.plan]"
    return verdict, Verdict(INCUMBENT_GATE, Outcome.UNDECIDED, skipped, needs=needs, required=False)


def _incumbent_verdict(answer: Mapping[str, Any], incumbent: Incumbent, split: MeasuredSplit) -> Verdict:
    outcome, label = Outcome(answer["incumbent"]), incumbent.label
    unseen, rows = int(unseen_rows(incumbent, split).sum()), split.frame.height
    where = "on cert" if unseen == rows else f"on the {unseen:,} of {rows:,} cert rows that {label} never saw"
    words = {
        Outcome.PASS: f"shown to be no more than the margin worse than {label} {where}",
        Outcome.FAIL: f"shown to be worse than {label} by more than the margin {where}",
        Outcome.UNDECIDED: f"neither shown worse than {label} nor shown within the margin of it {where}",
    }
    needs = "more cert rows" if outcome is Outcome.UNDECIDED else None
    return Verdict(INCUMBENT_GATE, outcome, words[outcome], needs=needs, required=False)
