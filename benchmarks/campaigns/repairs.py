"""What 1,000 answers repair in banking77 with a fifth of its labels replaced, and what that buys.

    python -m benchmarks.campaigns.repairs --seeds 5

Each strategy gets the same number of answers of people who are right nine times of ten. A round's labels are
made as in a campaign (`label.merging`), what it bought is measured on frozen rows (`label.measuring`), and
beside it stands the same delta on the official test, which no step has seen.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.campaigns.planted import Planted, QuickTrainer, ask_people, out_of_fold, plant
from benchmarks.datasets import Dataset, read_banking77
from smallcraft.label.doubt import doubt_labels
from smallcraft.label.measuring import Delta, measure_batch, paired_delta
from smallcraft.label.merging import merge_votes
from smallcraft.label.pool import Pool, make_pool
from smallcraft.label.strategies import BUILTIN
from smallcraft.label.value import value_rows
from smallcraft.records import Predictions

WRONG, RIGHT, ANSWERS, FROZEN = 0.2, 0.9, 1000, 1500


@dataclass(frozen=True)
class Round:
    """One strategy on one seed.

    Attributes:
        strategy: Its name.
        hits: Rows asked about whose label was wrong.
        repaired: Labels that were wrong and are right now.
        broken: Labels that were right and are wrong now.
        labels: The labels after the round.
    """

    strategy: str
    hits: int
    repaired: int
    broken: int
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Seed:
    """What a seed showed: rounds by strategy; for the targeted one the printed delta and the test's."""

    seed: int
    repaired: dict[str, int]
    hits: dict[str, int]
    broken: dict[str, int]
    frozen: Delta
    on_test: Delta
    against_random: Delta
    right_on_test: dict[str, list[bool]]

    @property
    def is_covered(self) -> bool:
        """Whether the printed interval contains the delta on the official test."""
        return self.frozen.interval.low <= self.on_test.value <= self.frozen.interval.high


def pool_of(planted: Planted, seen: Predictions) -> Pool:
    """The training rows with the value of one more vote on each."""
    doubt = doubt_labels(seen)
    acts = ("relabel",) * len(planted.given)
    value = value_rows(seen.probs, planted.given, wrong=doubt.wrong, action=acts)
    return make_pool(
        planted.items,
        planted.classes,
        given=planted.given,
        probs=seen.probs,
        wrong=doubt.wrong,
        value=value,
    )


def run_round(
    planted: Planted, seen: Predictions, pool: Pool, *, strategy: str, answers: int, seed: int
) -> Round:
    """Ask about the strategy's rows and merge."""
    rng = np.random.default_rng([seed, len(strategy)])
    rows = BUILTIN[strategy].choose(pool, n=answers, rng=rng).rows
    votes = ask_people(planted, rows, right=RIGHT, arm="targeted", rng=rng)
    merged = merge_votes(planted.items, planted.given, votes, classes=planted.classes, model=seen, seed=seed)
    was_wrong, is_wrong = planted.given != planted.truth, merged.label != planted.truth
    return Round(
        strategy,
        int(was_wrong[rows].sum()),
        int((was_wrong & ~is_wrong).sum()),
        int((~was_wrong & is_wrong).sum()),
        merged.label,
    )


def run_seed(
    dataset: Dataset,
    *,
    seed: int,
    answers: int = ANSWERS,
    frozen: int = FROZEN,
    strategies: Sequence[str] = ("random", "relabel_value"),
    folds: int = 5,
    near: bool = False,
) -> Seed:
    """All strategies on one planted corpus; the last one is the targeted one."""
    planted = plant(dataset, wrong=WRONG, frozen=frozen, seed=seed, near=near)
    seen = out_of_fold(planted, seed=seed, folds=folds)
    pool = pool_of(planted, seen)
    rounds = {
        name: run_round(planted, seen, pool, strategy=name, answers=answers, seed=seed) for name in strategies
    }
    trainer, targeted = QuickTrainer(planted), rounds[strategies[-1]].labels
    bought = measure_batch(
        trainer.frozen, before=planted.given, after=targeted, truth=planted.frozen, seeds=[seed]
    )
    right = {name: trainer.test(one.labels, seed) == planted.test for name, one in rounds.items()}
    right["before"] = trainer.test(planted.given, seed) == planted.test
    everything = np.ones(len(planted.test), dtype=np.bool_)

    def gain(name: str) -> Delta:
        was, now = right[name][None], right[strategies[-1]][None]
        return paired_delta(was, now, name=name, rows=everything)

    return Seed(
        seed,
        {name: one.repaired for name, one in rounds.items()},
        {name: one.hits for name, one in rounds.items()},
        {name: one.broken for name, one in rounds.items()},
        bought.overall,
        gain("before"),
        gain("random"),
        {name: hits.tolist() for name, hits in right.items()},
    )


def over_seeds(seeds: Sequence[Seed], *, targeted: str, against: str) -> Delta:
    """Targeted against another strategy on the official test, over rows and seeds."""
    now, was = (
        np.array([one.right_on_test[name] for one in seeds], dtype=np.bool_) for name in (targeted, against)
    )
    return paired_delta(was, now, name=against, rows=np.ones(now.shape[1], dtype=np.bool_))


def main() -> None:
    """Print a line a seed and the summary."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=None)
    parser.add_argument("--answers", type=int, default=ANSWERS)
    parser.add_argument("--frozen", type=int, default=FROZEN)
    parser.add_argument("--strategies", nargs="+", default=["random", "relabel_value"])
    parser.add_argument("--near", action="store_true", help="wrong labels are of classes alike")
    options = parser.parse_args()
    dataset = read_banking77().smaller(options.rows)
    found = []
    for seed in range(options.seeds):
        one = run_seed(
            dataset,
            seed=seed,
            answers=options.answers,
            frozen=options.frozen,
            strategies=options.strategies,
            near=options.near,
        )
        found.append(one)
        told = {name: value for name, value in asdict(one).items() if name != "right_on_test"}
        print(json.dumps({**told, "is_covered": one.is_covered}), flush=True)
    covered = sum(one.is_covered for one in found)
    print(f"intervals that cover the delta on the test: {covered} of {len(found)}", flush=True)
    for name in ("before", *options.strategies[:-1]):
        delta = over_seeds(found, targeted=options.strategies[-1], against=name)
        print(f"{options.strategies[-1]} - {name}: {delta.value:+.4f} {delta.interval}", flush=True)


if __name__ == "__main__":
    main()
