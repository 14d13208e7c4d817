"""What is tried in each environment: part of the tests, the promises of `selftest`, one round of a project.

Leaves to others: making environments (`environments`), keeping and telling what came of it (`kept`, `page`).
Always: warnings are errors with the newest versions. With the lowest, those of deprecation are not: there an
old library stands on later ones that it draws in itself, and says so; nothing of ours can change that.
Not covered: speed, the real data sets, tests that take long, torch.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.matrix.environments import Cell, Made
from benchmarks.matrix.tiny_round import ROUND, RoundBrokenError, go_round
from benchmarks.process import ROOT

# Each dependency is called by one of these: arrays and kernels, tables and their formats, heads and graphs,
# the runtime, the log and its signatures, cards, the wire, pages, traces, buckets, other people's models.
TESTS = (
    *("tests/test_plugins.py", "tests/test_records.py"),
    *("tests/stats/kernels", "tests/stats/test_intervals.py", "tests/stats/test_cells.py"),
    *("tests/data/test_load.py", "tests/data/test_formats.py", "tests/data/test_split.py"),
    *("tests/data/test_votes.py", "tests/bundle/test_layout.py", "tests/bundle/runtimes"),
    *("tests/models/rungs", "tests/models/test_graph.py", "tests/models/test_export.py"),
    *("tests/registry/tlog/test_note.py", "tests/registry/tlog/test_tree.py", "tests/registry/test_store.py"),
    *("tests/pipeline/test_config.py", "tests/pipeline/test_charts.py"),
    *("tests/serve/protocol/test_tensors.py", "tests/serve/protocol/test_plain.py"),
    *("tests/serve/metrics/test_prometheus.py", "tests/serve/test_tracing.py"),
    *("tests/evaluate/harness/openers/test_skops.py", "tests/evaluate/harness/openers/test_onnx.py"),
    *("tests/dashboard/test_rendering.py", "tests/cli/test_main.py", "tests/registry/remotes/test_hub.py"),
)
_MARKED = "not slow and not realdata and not peer and not backbone and not torch"
_COUNTS = re.compile(r"\b\d+ (?:passed|failed|skipped|errors?|warnings?)\b")
_LONGEST_S = 3600.0
_MOST_SAID = 2000


@dataclass(frozen=True)
class Tried:
    """How one trial ended.

    Attributes:
        name: `tests`, `selftest` or `round`.
        is_passed: Whether it ended as it should.
        said: The gist where it passed, else the end of what it printed.
        seconds: Wall time.
    """

    name: str
    is_passed: bool
    said: str
    seconds: float


@dataclass(frozen=True)
class _Ended:
    is_passed: bool
    said: str


def try_cell(cell: Cell, made: Made) -> Iterator[Tried]:
    """Every trial in one environment; one that fails does not keep the next from running."""
    environ = environment_of(cell)
    trials: Mapping[str, Callable[[], _Ended]] = {
        "selftest": lambda: _selftest(made, environ),
        "round": lambda: _round(made, environ),
        "tests": lambda: _tests(made, environ, cell),
    }
    for name, run in trials.items():
        began = time.monotonic()
        try:
            ended = run()
        except subprocess.TimeoutExpired as error:
            ended = _Ended(False, f"still running after {error.timeout:.0f} s")
        yield Tried(name, ended.is_passed, ended.said, round(time.monotonic() - began, 1))


def environment_of(cell: Cell, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Of the processes of a cell: one thread, its own caches and warnings, nothing of the caller's Python."""
    kept = {name: value for name, value in environ.items() if not name.startswith("PYTHON")}
    return {
        **kept,
        "OMP_NUM_THREADS": "1",
        "PYTHONWARNINGS": "error" if cell.versions == "newest" else "default",
        "PYTHONPYCACHEPREFIX": str(ROOT / ".matrix" / "compiled" / cell.name),
        "NUMBA_CACHE_DIR": str(ROOT / ".matrix" / "kernels" / cell.name),
    }


def _selftest(made: Made, environ: Mapping[str, str]) -> _Ended:
    done = _run([str(made.folder / "bin/smallcraft"), "selftest"], environ)
    kept = re.search(r"\d+ of \d+ promises kept", done.stdout)
    return _ended(done, kept.group() if kept else "")


def _round(made: Made, environ: Mapping[str, str]) -> _Ended:
    with tempfile.TemporaryDirectory(prefix="smallcraft-matrix-") as folder:
        try:
            ran = list(go_round([str(made.folder / "bin/smallcraft")], Path(folder, "tiny"), environ=environ))
        except RoundBrokenError as error:
            return _Ended(False, str(error))
    return _Ended(True, f"{len(ran)} of {len(ROUND)} commands")


def _tests(made: Made, environ: Mapping[str, str], cell: Cell) -> _Ended:
    lenient = ["-W", "ignore::DeprecationWarning"] if cell.versions == "lowest" else []
    command = [
        *(str(made.python), "-m", "pytest", "-q", "-p", "no:cacheprovider", "--no-header", "--tb=short"),
        # The same examples in every environment.
        *("--hypothesis-profile", "build"),
        *("-n", os.environ.get("WORKERS", "2"), "-m", _MARKED, *lenient, *TESTS),
    ]
    # A place of its own: another run of pytest takes back rights that a test gave on the usual one.
    with tempfile.TemporaryDirectory(prefix="smallcraft-matrix-") as folder:
        # Its own settings turn warnings into errors; a worker that starts must not trip over its tools'.
        done = _run(command, {**environ, "PYTHONWARNINGS": "default", "PYTEST_DEBUG_TEMPROOT": folder})
    return _ended(done, ", ".join(_COUNTS.findall(done.stdout.strip().rpartition("\n")[2])))


def _ended(done: subprocess.CompletedProcess[str], gist: str) -> _Ended:
    if done.returncode == 0 and gist:
        return _Ended(True, gist)
    printed = f"{done.stdout.strip()}\n{done.stderr.strip()}".strip()
    return _Ended(False, printed[-_MOST_SAID:] or f"ended with {done.returncode} and said nothing")


def _run(command: list[str], environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=_LONGEST_S,
        stdin=subprocess.DEVNULL,
    )
