"""`python -m benchmarks.faults [fault ...]`: tries the faults on every system and writes docs/faults.md.

python -m benchmarks.faults                     every fault; writes the page
python -m benchmarks.faults bit_flip pickle     some of them; printed, nothing is written
python -m benchmarks.faults --only smallcraft   one system; printed, nothing is written
python -m benchmarks.faults --page              nothing is tried, the page is written from what is kept
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.faults import dvc, mlflow, ours
from benchmarks.faults.catalogue import CATALOGUE
from benchmarks.faults.kept import KeptFaults, keep
from benchmarks.faults.outcomes import Outcome, System, attempt
from benchmarks.faults.page import write_page
from benchmarks.machine import describe_machine, now_text
from benchmarks.peers import DVC, MLFLOW, AbsentPeerError, python_of

_KEYS = tuple(fault.key for fault in CATALOGUE)


def main(arguments: list[str]) -> int:
    """Try what was asked for; 1 when a peer is absent."""
    systems = {one.name: one for one in (mlflow.system(), dvc.system(), ours.system())}
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description="Make faults for real.")
    parser.add_argument(
        "faults", nargs="*", metavar="fault", help=f"some of {', '.join(_KEYS)}; default: all"
    )
    parser.add_argument("--only", choices=list(systems), help="one system")
    parser.add_argument("--page", action="store_true", help="only write the page from what is kept")
    asked = parser.parse_args(arguments)
    unknown = [key for key in asked.faults if key not in _KEYS]
    if unknown:
        parser.error(f"there is no fault {unknown[0]!r}; there are {', '.join(_KEYS)}")
    if asked.page:
        write_page()
        return 0
    chosen = [systems[asked.only]] if asked.only else list(systems.values())
    try:
        for environment in () if asked.only == "smallcraft" else (MLFLOW, DVC):
            python_of(environment)
    except AbsentPeerError as reason:
        _say(str(reason))
        return 1
    seen = {key: try_fault(key, chosen) for key in asked.faults or _KEYS}
    if not (asked.faults or asked.only):
        keep(KeptFaults(seen, chosen, date=now_text(), machine=_machine()))
        write_page()
    return 0


def try_fault(key: str, systems: list[System]) -> dict[str, Outcome]:
    """One fault on every system, each in a folder of its own; removed afterwards."""
    seen = {}
    for system in systems:
        with tempfile.TemporaryDirectory(prefix="smallcraft-faults-") as folder:
            seen[system.name] = attempt(system.trials[key], Path(folder, "trial"))
        _say(f"{key}, {system.name}: {seen[system.name].kind}: {seen[system.name].evidence}")
    return seen


def _machine() -> str:
    described = describe_machine()
    return f"{described['system']}, Python {described['python']}"


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
