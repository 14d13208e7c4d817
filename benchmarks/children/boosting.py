"""The boosting attack on a test set: models that guess, put together by what the test set says of them.

A model here is a row of coin throws. The attacker asks about many, keeps those that did better than a coin
on the test rows, and lets them vote: on these rows the vote scores far above a half, on any other row it is a
coin still (Blum and Hardt 2015, The Ladder). `weighted` is the stronger form: every answer is used, each
model votes with how far it was from a half, either way.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.stopwatch import print_answer, read_job
from smallcraft.errors import MeteredError
from smallcraft.evaluate.meter.bits import adaptive_bound, bits_of_rounded
from smallcraft.evaluate.meter.ledger import open_ledger
from smallcraft.evaluate.meter.terms import PassPlan

_NOW = datetime(2026, 11, 28, tzinfo=UTC)
_DECIMALS = 3
_FRESH_ROWS = 2000
Votes = NDArray[np.int8]


@dataclass(frozen=True)
class Shown:
    """What an attack came to.

    Attributes:
        final: Score of the vote as the test set told it; None where it told none.
        highest: The highest score that it told of any model.
        claim: What the highest is worth by the bound: what may be said of the model that has it.
        fresh: Accuracy of the vote on rows that nobody asked about.
        answered: Questions that were answered.
        refused: Questions that were not.
    """

    final: float | None
    highest: float | None
    claim: float | None
    fresh: float
    answered: int
    refused: int


@dataclass(frozen=True)
class Coins:
    """Test rows, fresh rows, and models that guess both."""

    truth: Votes
    fresh_truth: Votes
    models: Votes

    @property
    def n(self) -> int:
        """Test rows."""
        return len(self.truth)

    def score(self, vote: Votes) -> float:
        """Accuracy on the test rows, exact."""
        return float(np.mean(vote[: self.n] == self.truth))

    def fresh(self, vote: Votes) -> float:
        """Accuracy on the fresh rows."""
        return float(np.mean(vote[self.n :] == self.fresh_truth))


def toss(n: int, models: int, rng: np.random.Generator) -> Coins:
    """Balanced labels and models that know nothing of them."""
    labels = rng.integers(0, 2, n + _FRESH_ROWS, dtype=np.int8)
    guesses = rng.integers(0, 2, (models, n + _FRESH_ROWS), dtype=np.int8)
    return Coins(labels[:n], labels[n:], guesses)


def vote_of(
    models: Votes, gained: NDArray[np.float64], *, is_weighted: bool, rng: np.random.Generator
) -> Votes:
    """The models' vote, given how far above a half each scored; ties are thrown."""
    weights = gained if is_weighted else (gained > 0).astype(np.float64)
    lean = weights @ (2 * models.astype(np.float32) - 1)
    thrown = rng.integers(0, 2, models.shape[1])
    return np.where(lean == 0, thrown, lean > 0).astype(np.int8)


def attack_exact(coins: Coins, rng: np.random.Generator, *, is_weighted: bool) -> Shown:
    """Every question is answered with the exact score."""
    scores = np.array([coins.score(model) for model in coins.models[:-1]])
    vote = vote_of(coins.models[:-1], scores - 0.5, is_weighted=is_weighted, rng=rng)
    final = coins.score(vote)
    return Shown(final, max(final, *scores), None, coins.fresh(vote), len(coins.models), 0)


def attack_ledger(coins: Coins, rng: np.random.Generator, folder: Path, *, is_weighted: bool) -> Shown:
    """Scores to three decimals through the ledger with its own limit.

    The attacker knows the limit, spends all looks but one on guesses and the last one on their vote, and
    goes on asking all the same.
    """
    ledger = open_ledger(folder / "cert.jsonl")
    bits = bits_of_rounded(_DECIMALS)
    looks = int(-(-ledger.max_bits // bits))

    def ask(name: str, vote: Votes) -> float:
        told = lambda: {"accuracy": round(coins.score(vote), _DECIMALS)}  # noqa: E731
        look = ledger.ask(name, "accuracy", "cert", told, bits=bits, now=_NOW)
        bounds.append(look.bound(coins.n))
        return float(look.entry.answer["accuracy"])

    bounds: list[float] = []
    used = coins.models[: looks - 1]
    scores = [ask(f"guess {number}", model) for number, model in enumerate(used)]
    vote = vote_of(used, np.array(scores) - 0.5, is_weighted=is_weighted, rng=rng)
    scores.append(ask("their vote", vote))
    refused = _count_refusals(
        lambda number: ask(f"guess {number}", coins.models[number]), range(looks, len(coins.models))
    )
    claims = [score - bound for score, bound in zip(scores, bounds, strict=True)]
    return Shown(scores[-1], max(scores), max(claims), coins.fresh(vote), len(scores), refused)


def attack_plan(coins: Coins, rng: np.random.Generator, folder: Path, *, passes: int, bar: float) -> Shown:
    """PASS or not against a bar; the models that passed vote, and the vote asks for the last pass."""
    plan = PassPlan("accuracy", bar, questions=len(coins.models), passes=passes)
    ledger = open_ledger(folder / "cert.jsonl")

    def ask(name: str, vote: Votes) -> bool:
        return bool(ledger.ask_pass(name, plan, "cert", lambda: coins.score(vote), now=_NOW).passed)

    passed: list[int] = []
    has_voted, vote, answered, any_pass = False, coins.models[0], 0, False
    for number, model in enumerate(coins.models):
        is_vote = not has_voted and 0 < len(passed) == passes - 1
        if is_vote:
            chosen = coins.models[passed]
            vote = vote_of(chosen, np.ones(len(passed)), is_weighted=True, rng=rng)
            has_voted = True
        try:
            is_pass = ask(f"model {number}", vote if is_vote else model)
        except MeteredError:
            break
        answered, any_pass = answered + 1, any_pass or is_pass
        if is_pass and not is_vote:
            passed.append(number)
    shown = bar if any_pass else None
    claim = bar - plan.bound(coins.n) if any_pass else None
    return Shown(shown, shown, claim, coins.fresh(vote), answered, len(coins.models) - answered)


def _count_refusals(ask: Callable[[int], object], numbers: range) -> int:
    refused = 0
    for number in numbers:
        try:
            ask(number)
        except MeteredError:
            refused += 1
    return refused


def sure_bar(n: int, questions: int, passes: int) -> float:
    """The bar at which a pass shows, at 95 %, a model better than a coin, whatever was asked before."""
    return 0.5 + PassPlan("accuracy", 0.5, questions, passes).bound(n)


def run_attacks(seed: int, *, n: int, questions: int) -> dict[str, dict[str, Any]]:
    """Every attack on the same coins."""
    rng = np.random.default_rng(seed)
    coins = toss(n, questions, rng)
    shown = {
        "exact": attack_exact(coins, rng, is_weighted=False),
        "exact, weighted": attack_exact(coins, rng, is_weighted=True),
    }
    with tempfile.TemporaryDirectory(dir=quick_folder()) as name:
        folders = [Path(name, str(number)) for number in range(4)]
        shown["ledger"] = attack_ledger(coins, rng, folders[0], is_weighted=False)
        shown["ledger, weighted"] = attack_ledger(coins, rng, folders[1], is_weighted=True)
        bar = sure_bar(n, questions, 1)
        shown["plan, sure bar"] = attack_plan(coins, rng, folders[2], passes=1, bar=bar)
        shown["plan, low bar"] = attack_plan(coins, rng, folders[3], passes=3, bar=0.53)
    return {name: asdict(found) for name, found in shown.items()}


def quick_folder() -> str | None:
    """A folder in memory where there is one: thousands of entries are each written through."""
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() else None


def main() -> None:
    """Every seed; bounds go with the answers."""
    job = read_job()
    n, questions = job["n"], job["questions"]
    found = [run_attacks(seed, n=n, questions=questions) for seed in job["seeds"]]
    print_answer(
        {
            "attacks": found,
            "first_bound": adaptive_bound(n, 0.0),
            "sure_bar": sure_bar(n, questions, 1),
        }
    )


if __name__ == "__main__":
    main()
