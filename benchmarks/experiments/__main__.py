"""`python -m benchmarks.experiments NAME [--quick]`: runs one and keeps what it found.

python -m benchmarks.experiments moe        experts of tokens: what the operators cost, what they gain
python -m benchmarks.experiments attention  local and linear attention in place of full
python -m benchmarks.experiments experts    experts of requests: cost against their number, dense control
python -m benchmarks.experiments moe --quick    a small part of the data; nothing is kept
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from benchmarks.datasets import AbsentDataError
from benchmarks.machine import describe_machine, load_average, now_text
from benchmarks.write import RESULTS

NAMES = ("moe", "attention", "experts")
_VERSIONS = ("smallcraft", "numpy", "onnxruntime", "torch")


def main(arguments: list[str]) -> int:
    """Run one; 1 when its data are absent."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.experiments", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--quick", action="store_true", help="a small part of the data; nothing is kept")
    parser.add_argument("--work", type=Path, help="folder that remembers what was trained; default: none")
    asked = parser.parse_args(arguments)
    run = importlib.import_module(f"benchmarks.experiments.{asked.name}").run
    load = load_average()
    try:
        with tempfile.TemporaryDirectory(prefix="smallcraft-experiment-") as folder:
            found = run(asked.work or Path(folder), is_quick=asked.quick)
    except AbsentDataError as error:
        sys.stderr.write(f"{asked.name}: not run: {error}\n")
        return 1
    kept = {
        "experiment": asked.name,
        "command": f"python -m benchmarks.experiments {asked.name}",
        "date": now_text(),
        "machine": {**describe_machine(), "load before and after": f"{load}, {load_average()}"},
        "versions": {name: version(name) for name in _VERSIONS},
        "found": found,
    }
    text = json.dumps(kept, indent=1, sort_keys=True) + "\n"
    sys.stdout.write(text)
    if not asked.quick:
        target = RESULTS / "experiments"
        target.mkdir(parents=True, exist_ok=True)
        (target / f"{asked.name}.json").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
