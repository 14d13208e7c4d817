"""`python -m benchmarks.guarantees`: simulates what is promised; writes docs/guarantees.md.

python -m benchmarks.guarantees                       every guarantee, a quarter of an hour
python -m benchmarks.guarantees --go-on               likewise, without those that would come out the same
python -m benchmarks.guarantees --only gates choice   some of them; the page is written anew
python -m benchmarks.guarantees --page                nothing is run, the page is written from what is kept
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from benchmarks.guarantees.catalogue import BY_KEY, GUARANTEES, Guarantee
from benchmarks.guarantees.kept import KEPT, KeptCases, Made, is_current, keep, sources_digest
from benchmarks.guarantees.page import write_page
from benchmarks.machine import describe_machine, now_text

_PACKAGES = ("smallcraft", "numpy", "scipy")
_SIMULATED = tuple(one.key for one in GUARANTEES if not one.is_reused)


def main(arguments: list[str]) -> int:
    """Simulate what was asked for, and write the page."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.guarantees", description="Simulate what is promised."
    )
    parser.add_argument("--only", nargs="+", choices=_SIMULATED, help="some guarantees")
    parser.add_argument("--go-on", action="store_true", help="leave out those that would come out the same")
    parser.add_argument("--page", action="store_true", help="only write the page from what is kept")
    asked = parser.parse_args(arguments)
    if not asked.page:
        run([BY_KEY[key] for key in asked.only or _SIMULATED], goes_on=asked.go_on)
    write_page()
    return 0


def run(guarantees: Iterable[Guarantee], *, goes_on: bool, folder: Path = KEPT) -> None:
    """Simulate one guarantee after the other, and keep each as it ends.

    Args:
        guarantees: Those that are simulated here.
        goes_on: Whether to leave out those that would come out the same.
        folder: Where cases are kept.
    """
    for one in guarantees:
        if goes_on and is_current(one, folder=folder):
            say(f"{one.key}: kept, nothing in it has changed")
            continue
        found = simulate(one)
        assert found.made is not None
        say(f"{one.key}: {found.made.cpu_s:.0f} CPU-s")
        for case in found.cases:
            holds = "" if case.is_as_assumed else "assumption broken: "
            say(f"  {case.verdict}: {holds}{case.what}: {case.found.value:.4f}, stated {case.stated:g}")
        keep(one, found, folder=folder)


def simulate(guarantee: Guarantee) -> KeptCases:
    """One guarantee, and what it took."""
    began = time.process_time()
    cases = guarantee.cases()
    made = Made(
        sources=sources_digest(guarantee),
        date=now_text(),
        cpu_s=round(time.process_time() - began, 1),
        machine=describe_machine(),
        versions={package: version(package) for package in _PACKAGES},
    )
    return KeptCases(cases, made)


def say(text: str) -> None:
    """To standard error, at once."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
