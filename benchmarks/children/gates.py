"""Error rates of gates where the truth is known: at the limit, with no gap at all, and with one.

Always: fixed seeds; each different draw is judged once, by the rule that users get.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks.children.gate_draws import SIZES, fail_rate, gap, gaps, judge, share
from benchmarks.stopwatch import print_answer, read_job
from smallcraft.records import Measurement, Outcome
from smallcraft.stats.comparisons import paired_share_interval
from smallcraft.stats.intervals import exact_lower_bound, exact_upper_bound
from smallcraft.stats.share_gaps import share_gap_bounds

TOLERANCE, TRUTH = 0.05, 0.85
_CHEAP = 100  # so many times the draws where few different ones come up
_TRUE_SHARES = (0.002, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99, 0.998)


def main() -> None:
    """Every simulation; rates by name, each with the number of its draws."""
    job = read_job()
    draws, seed = job["draws"], job["seed"]
    answer: dict[str, Any] = {}
    for name, simulate in (
        ("at_least", lambda: at_a_limit("at_least", draws * _CHEAP, seed)),
        ("at_most", lambda: at_a_limit("at_most", draws * _CHEAP, seed)),
        ("not_worse_than", lambda: paired(draws * _CHEAP, seed)),
        ("group_gap", lambda: group_at_tolerance(draws, seed)),
        ("ten_slices", lambda: ten_slices(draws, seed)),
        ("unbiased", lambda: unbiased(draws, seed)),
        ("biased", lambda: biased(draws // 4, seed)),
        ("bounds", lambda: bounds(job["pairs"])),
    ):
        sys.stderr.write(f"{name}\n")
        answer[name] = simulate()
    print_answer(answer)


def _failed(rule: str, found: list[Measurement], limit: float) -> bool:
    return Outcome.FAIL in judge(rule, found, limit)


def at_a_limit(rule: str, draws: int, seed: int) -> list[dict[str, Any]]:
    """A share whose truth is the limit."""
    found = []
    for n in (15, 150, 3000):
        for limit in (0.1, 0.5, 0.9):
            drawn = np.random.default_rng([seed, n]).binomial(n, limit, size=draws)
            rate = fail_rate(drawn, lambda c, n=n, p=limit: _failed(rule, [share(c[0], n, "all")], p))
            found.append({"case": f"n = {n:,}, truth {limit}", "rate": rate, "draws": draws})
    return found


def paired(draws: int, seed: int) -> list[dict[str, Any]]:
    """600 rows under two models, the candidate worse by exactly the margin."""
    n, margin = 600, 0.02
    found = []
    for discordant in (0.04, 0.1, 0.3):
        won, lost = (discordant - margin) / 2, (discordant + margin) / 2
        drawn = np.random.default_rng([seed, 600]).multinomial(n, [won, lost, 1 - won - lost], size=draws)
        rate = fail_rate(drawn[:, :2], lambda counts: _failed("not_worse_than", [_over(counts, n)], margin))
        found.append({"case": f"{discordant:.0%} discordant", "rate": rate, "draws": draws})
    return found


def _over(counts: tuple[int, ...], n: int) -> Measurement:
    interval = paired_share_interval(counts[0], counts[1], n, level=0.95)
    told = {"low": interval.low, "high": interval.high, "level": 0.95, "split": "dev"}
    return Measurement("accuracy_over_best", (counts[0] - counts[1]) / n, "fraction", n, "", **told)


def group_at_tolerance(draws: int, seed: int) -> list[dict[str, Any]]:
    """A group that is worse, or better, than 3,000 others by exactly the tolerance."""
    found = []
    for n in SIZES:
        for side in (-1, 1):
            truth = TRUTH + side * TOLERANCE
            drawn = np.random.default_rng([seed, n, side + 1]).binomial(
                [n, 3000], [truth, TRUTH], size=(draws, 2)
            )
            rate = fail_rate(
                drawn, lambda c, n=n: _failed("group_gap", [gap(c[0], n, c[1], 3000, "g=a")], TOLERANCE)
            )
            found.append({"case": f"{n:,} rows, gap {side * TOLERANCE:+}", "rate": rate, "draws": draws})
    return found


def ten_slices(draws: int, seed: int) -> list[dict[str, Any]]:
    """Ten slices whose truth is the limit: does any fail?"""
    drawn = np.random.default_rng([seed, 10]).binomial(SIZES, 0.9, size=(draws, len(SIZES)))
    rate = fail_rate(drawn, lambda counts: _failed("at_least", _shares(counts), 0.9))
    alone = [
        fail_rate(drawn[:, at], lambda c, n=n: _failed("at_least", [share(c[0], n, "all")], 0.9))
        for at, n in enumerate(SIZES)
    ]
    plain = float(1 - np.prod(1 - np.array(alone)))
    return [
        {"case": "corrected", "rate": rate, "draws": draws},
        {"case": "uncorrected", "rate": plain, "draws": draws},
    ]


def _shares(counts: tuple[int, ...]) -> list[Measurement]:
    return [share(k, n, f"g={at}") for at, (k, n) in enumerate(zip(counts, SIZES, strict=True))]


def unbiased(draws: int, seed: int) -> list[dict[str, Any]]:
    """Ten groups, one true accuracy for all: the gate, and what a naive one does with the same draws."""
    drawn = np.random.default_rng([seed, 11]).binomial(SIZES, TRUTH, size=(draws, len(SIZES)))
    rate = fail_rate(drawn, lambda counts: _failed("group_gap", gaps(counts), TOLERANCE))
    return [
        {"case": "gate", "rate": rate, "draws": draws},
        {"case": "largest - smallest share", "rate": _naive(drawn), "draws": draws},
    ]


def _naive(drawn: NDArray[np.int64]) -> float:
    shares = drawn / np.array(SIZES)
    return float(np.mean(shares.max(axis=1) - shares.min(axis=1) > TOLERANCE))


def biased(draws: int, seed: int) -> list[dict[str, Any]]:
    """One of ten groups is truly worse by 15 points: does the gate fail it?"""
    found = []
    for place in (2, 4, 5, 6, 8):
        truths = [TRUTH] * len(SIZES)
        truths[place] -= 0.15
        drawn = np.random.default_rng([seed, 12, place]).binomial(SIZES, truths, size=(draws, len(SIZES)))
        rate = fail_rate(
            drawn, lambda c, at=place: judge("group_gap", gaps(c), TOLERANCE)[at] is Outcome.FAIL
        )
        found.append({"case": f"group of {SIZES[place]:,}", "rate": rate, "draws": draws})
    return found


def bounds(pairs: list[list[int]]) -> list[dict[str, Any]]:
    """By counting every outcome: how often a lower bound of a gap errs, as a multiple of what is stated."""
    return [
        {
            "case": f"{n:,} and {m:,} rows",
            "confidence": confidence,
            "ours": _worst(_ours, n, m, confidence),
            "square_and_add": _worst(_square_and_add, n, m, confidence),
        }
        for n, m in pairs
        for confidence in (0.95, 0.995, 0.999, 0.9999)
    ]


def _worst(lower: Any, n: int, m: int, confidence: float) -> float:
    lows = np.array([[lower(x, n, y, m, confidence) for y in range(m + 1)] for x in range(n + 1)])
    x, y = np.arange(n + 1)[:, None], np.arange(m + 1)[None, :]
    errors = [
        (stats.binom.pmf(x, n, p) * stats.binom.pmf(y, m, q))[lows > p - q + 1e-9].sum()
        for p in _TRUE_SHARES
        for q in _TRUE_SHARES
    ]
    return float(max(errors) / (1 - confidence))


def _ours(x: int, n: int, y: int, m: int, confidence: float) -> float:
    return share_gap_bounds(x, n, y, m, confidence=confidence).low


def _square_and_add(x: int, n: int, y: int, m: int, confidence: float) -> float:
    down = x / n - exact_lower_bound(x, n, confidence=confidence)
    up = exact_upper_bound(y, m, confidence=confidence) - y / m
    return x / n - y / m - float(np.hypot(down, up))


if __name__ == "__main__":
    main()
