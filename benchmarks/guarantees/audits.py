"""What audits claim where there is nothing to find: label audits, groups, failing slices, canaries."""

from __future__ import annotations

import numpy as np
from scipy import special

from benchmarks.guarantees.cases import Case, counted
from benchmarks.guarantees.worlds import UNEVEN, Codes, Floats, seeded
from smallcraft.evaluate.audits.audit import AuditSubject
from smallcraft.evaluate.audits.fairness import FairnessAudit, clear_gaps
from smallcraft.evaluate.failures.concentration import excess_p_value, find_failures
from smallcraft.evaluate.failures.conditions import Condition
from smallcraft.stats.attacks import bound_epsilon
from smallcraft.stats.epsilon import epsilon_lower_bound
from smallcraft.stats.stratified import STRATA, allocate, draw_sample, estimate_share, stratum_of

_STATED = 0.05


def simulate_label_audits() -> tuple[Case, ...]:
    """Does the interval of the share of right labels hold the true one? 10,000 rows, audited by people."""
    return (
        _audited(120, wrong=0.04, runs=2000),
        _audited(300, wrong=0.1, runs=2000),
        _audited(120, wrong=0.04, runs=2000, blind=True),
        _audited(300, wrong=0.04, runs=2000, slips=0.05),
        _hand_picked(300, wrong=0.04, runs=2000),
    )


def _labelled(wrong: float, rng: np.random.Generator, *, blind: bool) -> tuple[Floats, Codes, np.ndarray]:
    """Scores of 10,000 given labels, their strata, and which are right; blind scores say nothing."""
    rows, classes = 10_000, 10
    logits = 6 * rng.normal(size=(rows, classes))
    truth = np.argmax(logits + rng.gumbel(size=(rows, classes)), axis=1)
    is_right = rng.random(rows) >= wrong
    given = np.where(is_right, truth, (truth + rng.integers(1, classes, rows)) % classes)
    scores = special.softmax(logits, axis=1)[np.arange(rows), given]
    scores = rng.permutation(scores) if blind else scores
    return scores, stratum_of(scores), is_right


def _audited(n: int, *, wrong: float, runs: int, blind: bool = False, slips: float = 0.0) -> Case:
    """Slips: how often the person who audits is wrong about a label."""
    rng, missed = seeded(40, n, int(100 * wrong), blind, int(100 * slips)), 0
    scores, strata, is_right = _labelled(wrong, rng, blind=blind)
    sizes = np.bincount(strata, minlength=STRATA)
    doubts = np.bincount(strata, weights=1 - scores, minlength=STRATA) / np.maximum(sizes, 1)
    taken = allocate(sizes, np.clip(doubts, 0.01, 0.5), n)
    for _ in range(runs):
        rows = draw_sample(strata, taken, rng)
        said = is_right[rows] ^ (rng.random(len(rows)) < slips)
        found = estimate_share(said, strata[rows], sizes)
        missed += not found.low <= is_right.mean() <= found.high
    what = f"{n} of 10,000 rows, {wrong:.0%} of the labels wrong"
    what += ", scores that say nothing" if blind else ""
    what += f", the person who audits is wrong {slips:.0%} of the time" if slips else ""
    return counted(what, missed, runs, stated=_STATED, of="audits", is_as_assumed=not slips)


def _hand_picked(n: int, *, wrong: float, runs: int) -> Case:
    """The most doubtful rows, as if they had been drawn."""
    rng, missed = seeded(41), 0
    for _ in range(runs // 10):
        scores, _, is_right = _labelled(wrong, rng, blind=False)
        rows = np.argsort(scores)[:n]
        found = estimate_share(is_right[rows], np.zeros(n, np.int64), np.array([len(scores)]))
        missed += not found.low <= is_right.mean() <= found.high
    what = f"the {n} most doubtful of 10,000 rows instead of drawn ones, {wrong:.0%} of the labels wrong"
    return counted(what, missed, runs // 10, stated=_STATED, of="audits", is_as_assumed=False)


def simulate_groups() -> tuple[Case, ...]:
    """One true accuracy for all: does the fairness audit claim that any gap is more than noise?"""
    runs, claimed, uncorrected = 600, 0, 0
    rng = seeded(42)
    for _ in range(runs):
        predictions = UNEVEN.draw(1500, rng)
        groups = {
            "region": rng.choice(["n", "e", "s", "w"], 1500, p=[0.5, 0.3, 0.15, 0.05]).tolist(),
            "plan": rng.choice(["free", "paid"], 1500).tolist(),
        }
        measured = FairnessAudit().measure(AuditSubject({"x": []}, 0, predictions=predictions, groups=groups))
        # Of calibration there is nothing to claim either: these probabilities are off for all groups alike.
        gaps = [one for one in measured.measurements if one.name == "accuracy_gap" and one.value is not None]
        claimed += bool(clear_gaps(gaps))
        uncorrected += any(clear_gaps([one]) for one in gaps)
    what = "any claimed gap, 1,500 rows in 4 regions, 2 plans and their 8 pairs, no true gap"
    return (
        counted(what, claimed, runs, stated=_STATED),
        counted(
            "the same gaps, each claimed by its own interval",
            uncorrected,
            runs,
            stated=_STATED,
            is_as_assumed=False,
        ),
    )


def simulate_slices() -> tuple[Case, ...]:
    """Errors that depend on nothing, 120 conditions: is a slice confirmed?"""
    rng, runs, n = seeded(43), 1000, 800
    conditions = [
        Condition(f"c{place}", f"with c{place}", rng.random(n) < rng.uniform(0.02, 0.5))
        for place in range(120)
    ]
    confirmed = naive = 0
    for _ in range(runs):
        wrong = rng.random(n) < 0.15
        confirmed += bool(find_failures(wrong, conditions, rng=rng).confirmed)
        naive += min(excess_p_value(wrong, condition.rows) for condition in conditions) <= _STATED
    return (
        counted("found on one half, confirmed on the other, 800 rows", confirmed, runs, stated=_STATED),
        counted(
            "found and confirmed on the same rows, no correction",
            naive,
            runs,
            stated=_STATED,
            is_as_assumed=False,
        ),
        _by_sender(is_told=True),
        _by_sender(is_told=False),
    )


def _by_sender(*, is_told: bool) -> Case:
    """Errors and conditions both go by sender: 100 senders of 8 rows."""
    rng, runs, confirmed = seeded(44), 400, 0
    for _ in range(runs):
        senders = np.repeat(np.arange(100), 8)
        wrong = (rng.random(100) < 0.15)[senders]
        conditions = [
            Condition(f"c{place}", f"with c{place}", (rng.random(100) < rng.uniform(0.05, 0.5))[senders])
            for place in range(60)
        ]
        clusters = senders if is_told else None
        confirmed += bool(find_failures(wrong, conditions, clusters=clusters, rng=rng).confirmed)
    told = "declared as `key`" if is_told else "not declared"
    what = f"errors and conditions go by sender, 100 senders of 8 rows, sender {told}"
    return counted(what, confirmed, runs, stated=_STATED, is_as_assumed=is_told)


def simulate_canaries() -> tuple[Case, ...]:
    """Training that is private to a known epsilon: does the lower bound exceed it?"""
    return (
        *(_above(epsilon, canaries=500, runs=2000) for epsilon in (0.0, 1.0, 3.0)),
        _best_count(runs=1000),
    )


def _above(epsilon: float, *, canaries: int, runs: int) -> Case:
    """Randomised response: each canary's score tells its coin as truly as epsilon allows, and no more."""
    rng, above = seeded(45, int(epsilon)), 0
    for _ in range(runs):
        is_in = rng.random(canaries) < 0.5
        told = is_in ^ (rng.random(canaries) < 1 / (1 + np.exp(epsilon)))
        above += bound_epsilon(is_in, told + 0.5 * rng.random(canaries), delta=0.0).value > epsilon
    return counted(f"true epsilon {epsilon:g}, {canaries} canaries", above, runs, stated=_STATED)


def _best_count(*, runs: int) -> Case:
    """As many guesses as look best afterwards, without sharing the error between the counts."""
    rng, above, m = seeded(46), 0, 400
    for _ in range(runs):
        is_in = rng.random(m) < 0.5
        right = np.cumsum(is_in)
        above += any(
            epsilon_lower_bound(int(right[count - 1]), count, m, delta=0.0) > 0 for count in range(10, m, 10)
        )
    what = "true epsilon 0, the number of guesses picked afterwards from 39"
    return counted(what, above, runs, stated=_STATED, is_as_assumed=False)
