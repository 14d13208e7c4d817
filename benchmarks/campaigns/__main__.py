"""`python -m benchmarks.campaigns`: rounds of labelling on planted errors; writes docs/campaigns.md.

python -m benchmarks.campaigns                       every experiment, then the page
python -m benchmarks.campaigns banking77 rounds      some of them; the page is written anew
python -m benchmarks.campaigns --page                nothing is run, the page is written from what is kept
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import version

from benchmarks.campaigns.kept import ROUNDS, Made, keep, summed
from benchmarks.campaigns.page import PAGE, render_page
from benchmarks.campaigns.repairs import ANSWERS, RIGHT, WRONG, run_seed
from benchmarks.campaigns.rounds import run_project_round
from benchmarks.datasets import Dataset, read_banking77, read_clinc150
from benchmarks.machine import describe_machine, now_text

STRATEGIES = ("random", "margin", "entropy", "slice_value", "relabel_value")
_PACKAGES = ("smallcraft", "numpy", "scipy", "scikit-learn")
_READ: Mapping[str, Callable[[], Dataset]] = {"banking77": read_banking77, "clinc150": read_clinc150}
EXPERIMENTS: Mapping[str, tuple[str, str, bool]] = {
    "banking77": ("banking77", "banking77, any class", False),
    "banking77-near": ("banking77", "banking77, classes alike", True),
    "clinc150": ("clinc150", "clinc150, any class", False),
    "clinc150-near": ("clinc150", "clinc150, classes alike", True),
}


def main(arguments: list[str]) -> int:
    """Run what was asked for, and write the page."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.campaigns", description="Rounds of labelling."
    )
    names = [*EXPERIMENTS, ROUNDS]
    parser.add_argument("experiments", nargs="*", metavar="experiment", help=f"some of {', '.join(names)}")
    parser.add_argument("--seeds", type=int, default=5, help="how many")
    parser.add_argument("--page", action="store_true", help="only write the page from what is kept")
    asked = parser.parse_args(arguments)
    unknown = [name for name in asked.experiments if name not in names]
    if unknown:
        parser.error(f"there is no experiment {unknown[0]!r}; there are {', '.join(names)}")
    for name in [] if asked.page else asked.experiments or names:
        say(f"{name}: running")
        run = run_rounds if name == ROUNDS else partial(run_experiment, name)
        run(seeds=range(asked.seeds))
    PAGE.write_text(render_page([*EXPERIMENTS]), encoding="utf-8")
    return 0


def run_experiment(name: str, *, seeds: range) -> None:
    """Every strategy on every seed of one planted corpus; kept."""
    corpus, title, near = EXPERIMENTS[name]
    began, dataset, found = time.process_time(), _READ[corpus](), []
    for seed in seeds:
        one = run_seed(dataset, seed=seed, strategies=STRATEGIES, near=near)
        say(f"{name}, seed {seed}: repaired {one.repaired}, covered {one.is_covered}")
        found.append(one)
    made = _made(began)
    keep(summed(title, found, targeted=STRATEGIES[-1], made=made), name, made=made)


def run_rounds(*, seeds: range) -> None:
    """The same through a project's own verbs; kept."""
    began, dataset, found = time.process_time(), read_banking77(), []
    for seed in seeds:
        one = run_project_round(dataset, wrong=WRONG, right=RIGHT, answers=ANSWERS, seed=seed)
        say(f"rounds, seed {seed}: repaired {one.repaired} of {one.asked}, covered {one.is_covered}")
        found.append(one)
    keep(tuple(found), ROUNDS, made=_made(began))


def say(text: str) -> None:
    """To standard error, at once."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _made(began: float) -> Made:
    spent = round(time.process_time() - began, 1)
    return Made(now_text(), spent, describe_machine(), {name: version(name) for name in _PACKAGES})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
