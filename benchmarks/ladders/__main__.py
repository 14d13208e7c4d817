"""`python -m benchmarks.ladders [dataset ...]`: climbs the whole ladder beside peers; writes docs/ladder.md.

python -m benchmarks.ladders                          every data set
python -m benchmarks.ladders banking77 --seeds 3      some rungs again with other seeds: mean and range
python -m benchmarks.ladders adult --only trees       some contestants; printed, nothing is written
python -m benchmarks.ladders --page                   nothing is run, the page is written from what is kept
python -m benchmarks.ladders --quick                  a small part of the data; nothing is written
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import version

from benchmarks.datasets import Dataset, read_adult, read_banking77, read_clinc150, read_uci_sentiment
from benchmarks.ladders.contestants import Contestant, Ours, Place, our_contestants, peers_of
from benchmarks.ladders.measure import Standing, prepare, time_all, train_and_ask
from benchmarks.ladders.page import ORDER, keep, listing_of, rounding_listing, seeds_listing, write_page
from benchmarks.machine import describe_machine, load_average, measure_noise, now_text
from benchmarks.records import Listing, SuiteResult
from benchmarks.write import render_suite

DATASETS: Mapping[str, Callable[[], Dataset]] = {
    "banking77": read_banking77,
    "clinc150": read_clinc150,
    "uci_sentiment": read_uci_sentiment,
    "adult": read_adult,
}
_SEEDED = ("tiny", "cascade", "tuned", "student", "cascade_tuned", "cascade_student")
_PACKAGES = ("smallcraft", "numpy", "onnxruntime", "tokenizers", "lightgbm", "scikit-learn", "torch", "peft")
_QUICK_ROWS = 600


def main(arguments: list[str]) -> int:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ladders", description="Measure the ladder.")
    parser.add_argument("datasets", nargs="*", metavar="dataset", help=f"some of {', '.join(ORDER)}")
    parser.add_argument("--only", nargs="+", metavar="name", help="some contestants, as the table calls them")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds; the table is of seed 0")
    parser.add_argument("--quick", action="store_true", help="a small part of the data; nothing is written")
    parser.add_argument("--page", action="store_true", help="only write the page from what is kept")
    asked = parser.parse_args(arguments)
    unknown = [name for name in asked.datasets if name not in DATASETS]
    if unknown:
        parser.error(f"there is no data set {unknown[0]!r}; there are {', '.join(ORDER)}")
    for name in [] if asked.page else asked.datasets or ORDER:
        result = measure(DATASETS[name](), only=asked.only, seeds=asked.seeds, is_quick=asked.quick)
        say(render_suite(result))
        if not (asked.only or asked.quick):
            keep(result)
    if not (asked.only or asked.quick):
        write_page()
    return 0


def measure(dataset: Dataset, *, only: list[str] | None, seeds: int, is_quick: bool) -> SuiteResult:
    """One data set, between two looks at the machine."""
    load_before, before = load_average(), measure_noise()
    place = prepare(dataset, rows=_QUICK_ROWS if is_quick else None)
    contestants: list[Contestant] = [*our_contestants(dataset), *peers_of(dataset)]
    if only:
        contestants = [one for one in contestants if one.name in only]
    standings = [(one, train_and_ask(one, place, say)) for one in contestants]
    costs = time_all(standings, place)
    after = measure_noise()
    found = [standing for _, standing in standings]
    listings = [
        listing_of("Every contestant", found, costs),
        rounding_listing(found, place.dataset.test.labels),
    ]
    if seeds > 1:
        listings.append(_seeds(dict(_ours(standings)), place, seeds))
    train, test = len(place.dataset.train.labels), len(place.dataset.test.labels)
    return SuiteResult(
        suite=dataset.name,
        about=f"{train:,} rows to train from, {test:,} of the official test.",
        date=now_text(),
        command=f"python -m benchmarks.ladders {dataset.name}" + (f" --seeds {seeds}" if seeds > 1 else ""),
        machine={
            **describe_machine(),
            "load before and after": f"{load_before}, {load_average()}",
            "noise before": before.sentence(),
            "noise after": after.sentence(),
        },
        is_noisy=before.is_noisy or after.is_noisy,
        versions={
            **{package: version(package) for package in _PACKAGES},
            **{
                f"{package} (peers)": pinned
                for one in contestants
                if not isinstance(one, Ours)
                for package, pinned in one.environment.versions.items()
            },
        },
        rows=(),
        listings=tuple(listings),
    )


def _ours(standings: list[tuple[Contestant, Standing]]) -> list[tuple[str, Standing]]:
    return [
        (one.rung, standing)
        for one, standing in standings
        if isinstance(one, Ours) and one.form == "int8" and one.rung in _SEEDED and standing.accuracy
    ]


def _seeds(first: Mapping[str, Standing], place: Place, seeds: int) -> Listing:
    found = {rung: [standing.accuracy.value] for rung, standing in first.items() if standing.accuracy}
    sizes = {rung: standing.trained.size_mb for rung, standing in first.items() if standing.trained}
    for seed in range(1, seeds):
        for rung in found:
            again = train_and_ask(Ours(rung, seed=seed), place, say)
            if again.accuracy is not None:
                found[rung].append(again.accuracy.value)
    return seeds_listing(found, sizes)


def say(text: str) -> None:
    """To standard error, at once."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
