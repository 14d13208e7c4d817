"""One look at the sealed test set: the winner's scores, and whether it is worse than what is released now.

No candidate meets cert's labels anywhere else; only the data checks read them besides. Values are told to
three decimals, so that what a look reveals can be counted; their intervals come from the value itself
(accuracy) or from the width measured on dev, and so reveal nothing more.
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
from smallcraft.evaluate.choice.decide import not_inferior
from smallcraft.evaluate.meter.bits import bits_of_choices
from smallcraft.evaluate.meter.ledger import Ledger, Look
from smallcraft.evaluate.scores import BUILTIN as SCORES
from smallcraft.gates.policy import QUALITY_GATE
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.events import Listener
from smallcraft.pipeline.result import CertAnswer
from smallcraft.pipeline.stages.incumbent import Incumbent, keep_rows, unseen_rows
from smallcraft.pipeline.stages.looks import describe_looks, fixed_terms, pass_plan, project_ledger
from smallcraft.pipeline.stages.measure import Measured, MeasuredSplit, predict_split
from smallcraft.pipeline.stages.planned import FloorQuestion, ask_floor, floor_verdict
from smallcraft.pipeline.workspace import Workspace
from smallcraft.plugins import find_plugin
from smallcraft.records import Evidence, Interval, Measurement, Outcome, Predictions, Verdict
from smallcraft.stats.intervals import wilson_interval

_DECIMALS = 3
# Scores that are not in [0, 1]; the log-loss is cut where `stats.calibration` cuts it.
_RANGES = {
    "log_loss": Interval(0.0, 36.05),
    "brier": Interval(0.0, 2.0),
    "matthews": Interval(-1.0, 1.0),
    "kappa": Interval(-1.0, 1.0),
}
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
    bits = math.fsum(bits_of_choices(_answers_of(name)) for name in told)
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
    score = find_plugin("scores", config.quality.metric, SCORES)
    return score.measure(predictions, confidence=config.quality.confidence, seed=config.seed)


def _range_of(name: str) -> Interval:
    return _RANGES.get(name, Interval(0.0, 1.0))


def _answers_of(name: str) -> int:
    """How many different answers a score can give, told to so many decimals."""
    values = _range_of(name)
    steps: int = math.ceil((values.high - values.low) * 10**_DECIMALS)
    return steps + 1


def _told_scores(config: Config) -> tuple[str, ...]:
    return tuple(dict.fromkeys((config.quality.metric, "accuracy")))


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
        score = find_plugin("scores", name, SCORES)
        value = score.measure(predictions, confidence=config.quality.confidence, seed=config.seed).value
        answer[name] = None if value is None else round(value, _DECIMALS)
    if incumbent is not None:
        other = predict_split(incumbent.bundle, split, workspace)
        answer["incumbent"] = _compare(predictions, other, unseen_rows(incumbent, split), config).value
    return answer


def _compare(
    predictions: Predictions, other: Predictions, unseen: NDArray[np.bool_], config: Config
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
    told = f"one metered look, told to {_DECIMALS} decimals; "
    known = on_dev.find(name, split="dev")
    base = Measurement(name, value, known.unit if known else "", rows, told, split="cert")
    if value is None:
        return replace(base, detail="the score does not apply to these rows")
    if name == "accuracy" and config.data.key is None:
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
        low=max(_range_of(name).low, value - (known.value - known.low) * scale),
        high=min(_range_of(name).high, value + (known.high - known.value) * scale),
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
