"""Promises of measuring and judging: points by hand, and the error rates that intervals and gates state.

Always: a rate is the exact probability over every outcome, not a share of some draws, so that a promise is
kept with every seed and every version of numpy, or with none.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy

from smallcraft.evaluate.run import evaluate_predictions
from smallcraft.gates.policy import judge_all
from smallcraft.pipeline.selftest.promise import Promise, expect
from smallcraft.records import CandidateStatus, Evidence, GateSpec, Measurement, Outcome, Predictions, Verdict
from smallcraft.stats.intervals import clopper_pearson_interval

_LIMIT, _ROWS = 0.9, 300
_MOST_ERRORS = 0.05
_NEGLIGIBLE = 1e-9


def points_are_those_of_a_table_done_by_hand(folder: Path, seed: int) -> str:  # noqa: ARG001
    """Ten rows: of four `a` three are right, of six `b` four."""
    truth = np.array([0] * 4 + [1] * 6)
    answers = np.array([0, 0, 0, 1, 1, 1, 1, 1, 0, 0])
    probs = np.where(np.eye(2, dtype=bool)[answers], 0.8, 0.2)
    found = {
        m.name: m.value
        for m in evaluate_predictions(Predictions(("a", "b"), truth, probs), split="dev", seed=0)
        if m.slice == "all"
    }
    by_hand = {"accuracy": 7 / 10, "macro_f1": (6 / 9 + 8 / 11) / 2, "auroc": (12 + 0.5 * 10) / 24}
    by_hand["brier"] = (7 * 0.08 + 3 * 1.28) / 10
    furthest = max(abs((found[name] or 0.0) - value) for name, value in by_hand.items())
    return expect(furthest < 1e-12, f"{', '.join(by_hand)} differ by {furthest:.0e} at most")


def intervals_cover_as_often_as_they_say(folder: Path, seed: int) -> str:  # noqa: ARG001
    """Exact intervals of a share, over every count that may come out."""
    missed = sum(chance for count, chance in _chances().items() if not _covers(count))
    return expect(missed <= _MOST_ERRORS, f"95 % intervals miss the truth with probability {missed:.4f}")


def a_gate_at_its_limit_rarely_errs(folder: Path, seed: int) -> str:  # noqa: ARG001
    """The truth is exactly the limit: neither PASS nor FAIL may come more often than in 1 of 20."""
    chances = {Outcome.PASS: 0.0, Outcome.FAIL: 0.0, Outcome.UNDECIDED: 0.0}
    for count, chance in _chances().items():
        chances[_judge(count)] += chance
    fails, passes = chances[Outcome.FAIL], chances[Outcome.PASS]
    told = f"FAIL with probability {fails:.4f}, PASS with {passes:.4f}"
    return expect(max(fails, passes) <= _MOST_ERRORS, told)


def what_was_not_measured_does_not_pass(folder: Path, seed: int) -> str:  # noqa: ARG001
    """A gate over a measurement that is not there, and over one without a value."""
    empty = Measurement("accuracy", None, "fraction", 0, "exact", split="dev", detail="no rows")
    said = {_judge_measurement(empty).outcome, _judge_measurement(None).outcome}
    return expect(said == {Outcome.UNDECIDED}, f"such gates say {', '.join(sorted(said))}")


def _chances() -> dict[int, float]:
    """Each count of right answers with its probability; those left out make less than 1e-9 together."""
    counts = np.arange(_ROWS + 1)
    chances = scipy.stats.binom.pmf(counts, _ROWS, _LIMIT)
    is_likely = chances > _NEGLIGIBLE / len(counts)
    return dict(zip(counts[is_likely].tolist(), chances[is_likely].tolist(), strict=True))


def _covers(successes: int) -> bool:
    interval = clopper_pearson_interval(successes, _ROWS)
    return interval.low <= _LIMIT <= interval.high


def _judge(successes: int) -> Outcome:
    bounds = clopper_pearson_interval(successes, _ROWS)
    measured = Measurement(
        "accuracy",
        successes / _ROWS,
        "fraction",
        _ROWS,
        "exact",
        low=bounds.low,
        high=bounds.high,
        split="dev",
        level=0.95,
        hits=successes,
        trials=_ROWS,
    )
    return _judge_measurement(measured).outcome


def _judge_measurement(measured: Measurement | None) -> Verdict:
    gate = GateSpec("floor", "at_least", "accuracy", "dev", _LIMIT)
    other = Measurement("size_mb", 1.0, "MB", 1, "bytes")
    evidence = Evidence(
        "made", CandidateStatus.MEASURED, None, (other,) if measured is None else (other, measured)
    )
    return judge_all((gate,), evidence)[0]


PROMISES = (
    Promise("metrics", "scores are those of a table done by hand", points_are_those_of_a_table_done_by_hand),
    Promise("metrics", "95 % intervals miss in at most 5 %", intervals_cover_as_often_as_they_say),
    Promise(
        "metrics", "a gate whose truth is its limit errs in at most 5 %", a_gate_at_its_limit_rarely_errs
    ),
    Promise("metrics", "what was not measured does not pass", what_was_not_measured_does_not_pass),
)
