"""Starts child programs: single-threaded, one at a time, contestants in turn.

Always: a child gets its job as a file and answers with one line; one that fails is an error with its last
line, never a number.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
_SINGLE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "RAYON_NUM_THREADS",
)


class ChildError(RuntimeError):
    """A child program did not answer."""


@dataclass(frozen=True)
class Ran:
    """What a command took, from start to end."""

    wall_s: float
    cpu_s: float


def run_child(python: Path, program: str, job: Mapping[str, Any]) -> dict[str, Any]:
    """Run `benchmarks.children.<program>` and return what it prints.

    Raises:
        ChildError: It failed.
    """
    with tempfile.TemporaryDirectory(prefix="smallcraft-bench-job-") as folder:
        path = Path(folder, "job.json")
        path.write_text(json.dumps(job), encoding="utf-8")
        done = subprocess.run(
            [str(python), "-P", "-m", f"benchmarks.children.{program}", str(path)],
            capture_output=True,
            text=True,
            check=False,
            env=child_environment(),
            cwd=folder,
        )
    lines = done.stdout.strip().splitlines()
    if done.returncode != 0 or not lines:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ChildError(f"{program} must print one JSON line and ended with {done.returncode}: {last}")
    answer: dict[str, Any] = json.loads(lines[-1])
    return answer


def run_command(command: Sequence[str]) -> Ran:
    """Run a command to its end; its own CPU time, that of its children included.

    Raises:
        ChildError: It failed.
    """
    started = time.perf_counter()
    child = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=child_environment()
    )
    _, status, usage = os.wait4(child.pid, 0)
    wall_s = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise ChildError(f"{' '.join(command[1:])} ended with {child.returncode}")
    return Ran(wall_s, usage.ru_utime + usage.ru_stime)


def in_turn(contestants: Mapping[str, Callable[[], Any]], *, rounds: int) -> dict[str, list[Any]]:
    """Run every contestant in every round, forwards and backwards by turns (ABBA).

    >>> order = []
    >>> found = in_turn({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, rounds=2)
    >>> "".join(order), len(found["a"])
    ('abba', 2)
    """
    found: dict[str, list[Any]] = {name: [] for name in contestants}
    for number in range(rounds):
        names = list(contestants)
        for name in names if number % 2 == 0 else reversed(names):
            found[name].append(contestants[name]())
    return found


def child_environment() -> dict[str, str]:
    """One thread everywhere; this package and `smallcraft` importable."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    paths = os.pathsep.join((str(ROOT), str(ROOT / "src")))
    fixed = dict.fromkeys(_SINGLE_THREAD, "1")
    return {**kept, **fixed, "TOKENIZERS_PARALLELISM": "false", "PYTHONPATH": paths}
