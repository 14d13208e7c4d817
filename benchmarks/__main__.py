"""`python -m benchmarks`: measures everything again beside peers, and writes BENCHMARKS.md and its pages.

python -m benchmarks                 everything, for hours; the same command goes on after a stop
python -m benchmarks --anew          everything, what was finished before the stop too
python -m benchmarks startup cells   some suites; the others' kept results stay on the page
python -m benchmarks --page          nothing is run, every page is written from what is kept
python -m benchmarks --quick         every suite on a small part of the data; nothing is kept
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from benchmarks.datasets import AbsentDataError
from benchmarks.machine import describe_machine, load_average, now_text
from benchmarks.pages import PAGES, write_pages
from benchmarks.records import SuiteResult
from benchmarks.suites import SUITES
from benchmarks.suites.suite import Surroundings
from benchmarks.whole import run_whole
from benchmarks.write import keep_result, render_suite

_OURS = ("smallcraft", "numpy", "onnxruntime", "tokenizers", "lightgbm", "scikit-learn")


def main(arguments: list[str]) -> int:
    """Run what was asked for; 1 when something could not be measured."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure side by side with peers."
    )
    parser.add_argument(
        "suites", nargs="*", metavar="suite", help=f"some of {', '.join(SUITES)}; default: everything"
    )
    parser.add_argument("--quick", action="store_true", help="a small part of the data; nothing is kept")
    parser.add_argument(
        "--page", action="store_true", help=f"only write {', '.join(PAGES)} from what is kept"
    )
    parser.add_argument("--anew", action="store_true", help="forget a run that was stopped")
    asked = parser.parse_args(arguments)
    unknown = [name for name in asked.suites if name not in SUITES]
    if unknown:
        parser.error(f"there is no suite {unknown[0]!r}; there are {', '.join(SUITES)}")
    is_whole = True
    if asked.suites or asked.quick:
        for name in asked.suites or SUITES:
            is_whole = measure(name, is_quick=asked.quick) and is_whole
    elif not asked.page:
        is_whole = run_whole(is_anew=asked.anew, say=say)
    if not asked.quick:
        write_pages()
    return 0 if is_whole else 1


def measure(name: str, *, is_quick: bool) -> bool:
    """Run a suite, print it, keep it unless it is quick; False when its data are absent."""
    say(f"{name}: running")
    try:
        result = run_suite(name, is_quick=is_quick)
    except AbsentDataError as error:
        say(f"{name}: not run: {error}")
        return False
    say(render_suite(result))
    if not is_quick:
        keep_result(result)
    return True


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
    # Told to end, a suite takes its servers and clusters along.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    sys.exit(main(sys.argv[1:]))
