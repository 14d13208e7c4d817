"""`python -m benchmarks [suite ...]`: runs suites, keeps what they found, writes BENCHMARKS.md.

python -m benchmarks                 every suite
python -m benchmarks startup cells   some of them; the others' kept results stay on the page
python -m benchmarks --page          nothing is run, the page is written from what is kept
python -m benchmarks --quick         a small part of the data; nothing is kept
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from benchmarks.datasets import AbsentDataError
from benchmarks.machine import describe_machine, load_average, now_text
from benchmarks.records import SuiteResult
from benchmarks.suites import SUITES
from benchmarks.suites.suite import Surroundings
from benchmarks.write import keep_result, kept_results, render_suite, write_page

_OURS = ("smallcraft", "numpy", "onnxruntime", "tokenizers", "lightgbm", "scikit-learn")


def main(arguments: list[str]) -> int:
    """Run what was asked for; 1 when a suite's data are absent."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure side by side with peers."
    )
    parser.add_argument(
        "suites", nargs="*", metavar="suite", help=f"some of {', '.join(SUITES)}; default: all"
    )
    parser.add_argument("--quick", action="store_true", help="a small part of the data; nothing is kept")
    parser.add_argument("--page", action="store_true", help="only write BENCHMARKS.md from what is kept")
    asked = parser.parse_args(arguments)
    unknown = [name for name in asked.suites if name not in SUITES]
    if unknown:
        parser.error(f"there is no suite {unknown[0]!r}; there are {', '.join(SUITES)}")
    is_whole = True
    for name in [] if asked.page else asked.suites or SUITES:
        say(f"{name}: running")
        try:
            result = run_suite(name, is_quick=asked.quick)
        except AbsentDataError as error:
            say(f"{name}: not run: {error}")
            is_whole = False
            continue
        say(render_suite(result))
        if not asked.quick:
            keep_result(result)
    if not asked.quick:
        write_page(kept_results(list(SUITES)))
    return 0 if is_whole else 1


def run_suite(name: str, *, is_quick: bool) -> SuiteResult:
    """Run one suite between two looks at the machine."""
    load_before = load_average()
    with tempfile.TemporaryDirectory(prefix="smallcraft-bench-") as folder:
        around = Surroundings(Path(folder), is_quick=is_quick)
        around.look("before")
        found = SUITES[name](around)
        around.look("after")
    return SuiteResult(
        suite=name,
        about=found.about,
        date=now_text(),
        command=f"python -m benchmarks {name}" + (" --quick" if is_quick else ""),
        machine={
            **describe_machine(),
            "load before and after": f"{load_before}, {load_average()}",
            **{f"noise {when}": noise.sentence() for when, noise in around.looks.items()},
        },
        is_noisy=any(noise.is_noisy for noise in around.looks.values()),
        versions={
            **{package: version(package) for package in _OURS},
            **{f"{package} (peers)": pinned for package, pinned in around.versions.items()},
        },
        rows=found.rows,
        listings=found.listings,
        notes=found.notes,
    )


def say(text: str) -> None:
    """To standard error, at once."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
