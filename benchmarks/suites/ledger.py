"""The metered test set under the boosting attack: what a model that knows nothing can be shown to score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.builds import PYTHON
from benchmarks.process import run_child
from benchmarks.records import Listing, Row, Sample
from benchmarks.suites.suite import Found, Surroundings

_ROWS, _QUESTIONS, _SEEDS = 1000, 1000, 200
_REACHED, _HELD = 0.65, 0.53
_ATTACKS = {
    "exact": "exact scores, all 1,000 answered (the attack of the paper)",
    "exact, weighted": "exact scores, every answer used, either way",
    "ledger": "this ledger at its own limit (the attack of the paper)",
    "ledger, weighted": "this ledger at its own limit, every answer used, either way",
    "plan, sure bar": "PASS or not, 1 pass in 1,000, the bar where a pass shows more than a coin",
    "plan, low bar": "PASS or not, 3 passes in 1,000, the bar at 0.53",
}


def measure(around: Surroundings) -> Found:
    """Every attack on the same coins, seed by seed."""
    seeds = list(range(4 if around.is_quick else _SEEDS))
    job = {"seeds": seeds, "n": _ROWS, "questions": _QUESTIONS}
    found = run_child(PYTHON, "boosting", job)
    attacks = {name: [run[name] for run in found["attacks"]] for name in _ATTACKS}
    return Found(
        about=(
            f"{_QUESTIONS:,} models that throw coins against {_ROWS:,} test rows with two labels; those that "
            f"do better than a half are put together by vote (Blum and Hardt 2015). {len(seeds)} seeds; each "
            "number is the mean over them, in brackets the 5 % and the 95 % point of the seeds. The truth is "
            "0.5."
        ),
        rows=_rows(attacks, seeds=len(seeds)),
        listings=(_listing(attacks),),
        notes=_notes(attacks, found),
    )


def _rows(attacks: Mapping[str, Sequence[Mapping[str, Any]]], *, seeds: int) -> tuple[Row, ...]:
    told = [*attacks["ledger"], *attacks["ledger, weighted"]]
    false = sum(run["claim"] > 0.5 for run in told)
    passed = sum(run["final"] is not None for run in attacks["plan, sure bar"])
    return (
        Row(
            "score reached where every question is answered exactly",
            "accuracy",
            _mean(attacks["exact"], "final"),
            bar=_REACHED,
            sense="at_least",
        ),
        Row(
            "score shown by this ledger, the attack's vote",
            "accuracy",
            _mean(attacks["ledger"], "final"),
            bar=_HELD,
        ),
        Row(
            "score shown by this ledger, the highest of all looks",
            "accuracy",
            _mean(attacks["ledger"], "highest"),
            bar=_HELD,
        ),
        Row(
            "the same, every answer used either way",
            "accuracy",
            _mean(attacks["ledger, weighted"], "highest"),
            bar=_HELD,
        ),
        Row(
            "attacks after which a score less its bound lies above the truth",
            "share",
            Sample(false / len(told), len(told), "attacks"),
            bar=0.05,
        ),
        Row(
            "attacks that pass a plan whose bar shows more than a coin",
            "share",
            Sample(passed / seeds, seeds, "attacks"),
            bar=0.05,
        ),
    )


def _listing(attacks: Mapping[str, Sequence[Mapping[str, Any]]]) -> Listing:
    lines = []
    for name, words in _ATTACKS.items():
        runs = attacks[name]
        final, claim = _mean(runs, "final"), _mean(runs, "claim")
        above = sum(run["highest"] is not None and run["highest"] > _HELD for run in runs) / len(runs)
        lines.append(
            (
                words,
                _shown(final),
                f"{above:.3f}",
                _shown(claim),
                _shown(_mean(runs, "fresh")),
                f"{np.mean([run['answered'] for run in runs]):,.0f}",
            )
        )
    return Listing(
        "What is shown of a model that knows nothing",
        (
            "feedback",
            "score of the vote",
            "seeds with a score above 0.53",
            "highest score less its bound",
            "accuracy on fresh rows",
            "answers",
        ),
        tuple(lines),
    )


def _notes(attacks: Mapping[str, Sequence[Mapping[str, Any]]], found: Mapping[str, Any]) -> tuple[str, ...]:
    refused = attacks["ledger"][0]["refused"]
    on_average = (
        f"The bar of 0.53 is held on average, not in every seed: a single honest look at {_ROWS:,} rows of "
        f"coin throws has a standard deviation of {0.5 / np.sqrt(_ROWS):.4f} and lies above 0.53 in 3 of 100 "
        "cases. What holds in 95 of 100 is the score less its bound: that is what a card may claim."
    )
    bounds = (
        f"The bound of the first look is {found['first_bound']:.3f}. The bar at which one pass in "
        f"{_QUESTIONS:,} shows more than a coin is {found['sure_bar']:.3f}."
    )
    ends = (
        f"Of {_QUESTIONS:,} questions the ledger refuses {refused:,}, since a score told to three decimals "
        "costs 10 bits. A low bar lets the attack have its passes, and ends with them; such a pass is worth "
        "the bar less the plan's bound."
    )
    return (on_average, bounds, ends)


def _mean(runs: Sequence[Mapping[str, Any]], name: str) -> Sample | None:
    values = [run[name] for run in runs if run[name] is not None]
    if not values:
        return None
    low, high = np.quantile(values, [0.05, 0.95])
    return Sample(float(np.mean(values)), len(values), "seeds", float(low), float(high))


def _shown(sample: Sample | None) -> str:
    if sample is None:
        return "none shown"
    return f"{sample.value:.3f} [{sample.low:.3f}, {sample.high:.3f}]"
