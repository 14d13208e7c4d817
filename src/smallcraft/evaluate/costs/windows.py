"""Windows of work and of rest under an energy counter, in turn; one child process answers when told.

Holds the turns only: counters and sums are `energy`'s, the answering is `probe`'s.
Always: the child has loaded and warmed up before the first window and is there, idle, in the windows of rest,
so that what is taken off is the machine at rest with the bundle in memory.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from smallcraft.errors import BundleFormatError, InvalidInputError
from smallcraft.evaluate.costs.energy import (
    REPEATS,
    WINDOW_S,
    EnergyCounter,
    Window,
    summarise_windows,
    watch_window,
)
from smallcraft.evaluate.costs.processes import (
    BUNDLE_OPENER,
    PROBE,
    choose_inputs,
    single_thread_environment,
)
from smallcraft.records import Measurement

_UNIQUE_INPUTS = 2000
_WARM_UP_S = 0.5
# A graphics card's energy is no part of what the bundle, which runs on the CPU, is said to use.
_OWN_NAMES = {"rapl": ""}


def measure_energy(
    bundle: Path,
    rows: Mapping[str, Sequence[object]],
    *,
    counter: EnergyCounter,
    seed: int,
    window_s: float = WINDOW_S,
    repeats: int = REPEATS,
    opener: str = BUNDLE_OPENER,
) -> tuple[Measurement, Measurement]:
    """`energy_j_per_1000` and `energy_gross_j_per_1000` of one bundle from a counter.

    Args:
        bundle: Its directory.
        rows: Input columns, equally long, at least one row.
        counter: What is read.
        seed: Orders the inputs.
        window_s: Of each window, at least 10: a counter's steps and the machine's moods are seconds long.
        repeats: Windows of work, at least 5, and as many of rest.
        opener: `module:function` that opens the bundle in the child.

    Raises:
        InvalidInputError: A bound above does not hold.
        BundleFormatError: The bundle fails in a fresh process.
    """
    if window_s < WINDOW_S or repeats < REPEATS:
        raise InvalidInputError(
            f"energy needs {REPEATS} windows of {WINDOW_S:g} s or more, got {repeats} of {window_s:g} s; "
            "leave it unmeasured when there is no time"
        )
    inputs = choose_inputs(rows, most=_UNIQUE_INPUTS, seed=seed)
    job = {"measure": "windows", "opener": opener, "bundle": str(bundle.resolve()), "rows": inputs}
    with answering_child({**job, "warm_up_s": _WARM_UP_S}) as answer:
        busy, idle = take_turns(
            counter,
            work=lambda: answer(window_s),
            rest=lambda: time.sleep(window_s),
            repeats=repeats,
        )
    prefix = _OWN_NAMES.get(counter.name, f"{counter.name}_")
    return summarise_windows(busy, idle, name=counter.name, prefix=prefix)


def take_turns(
    counter: EnergyCounter, *, work: Callable[[], int], rest: Callable[[], None], repeats: int
) -> tuple[list[Window], list[Window]]:
    """Windows of work and of rest: rest first and last by turns, so that slow drift cancels."""

    def resting() -> int:
        rest()
        return 0

    busy: list[Window] = []
    idle: list[Window] = []
    for number in range(repeats):
        for is_busy in (False, True) if number % 2 == 0 else (True, False):
            (busy if is_busy else idle).append(watch_window(counter, work if is_busy else resting))
    return busy, idle


@contextmanager
def answering_child(job: Mapping[str, Any]) -> Iterator[Callable[[float], int]]:
    """A child that answers for as many seconds as it is told and says how many answers that were.

    Raises:
        BundleFormatError: It ended instead of answering.
    """
    with tempfile.TemporaryDirectory(prefix="smallcraft-cost-") as folder:
        job_path, errors = Path(folder, "job.json"), Path(folder, "errors.txt")
        job_path.write_text(json.dumps(job), encoding="utf-8")
        program = Path(__file__).with_name(PROBE)
        command = [sys.executable, "-P", str(program), str(job_path), str(Path(folder, "result.json"))]
        with (
            errors.open("wb") as stderr,
            subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                env=single_thread_environment(),
            ) as child,
        ):
            assert child.stdin is not None
            assert child.stdout is not None
            stdin, stdout = child.stdin, child.stdout

            def hear() -> str:
                line = stdout.readline().strip()
                if not line:
                    lines = errors.read_text("utf-8", "replace").strip().splitlines() or ["no message"]
                    raise BundleFormatError(
                        f"the bundle {job['bundle']} must load and answer in a fresh process, "
                        f"got: {lines[-1]}; open it by hand to see the whole traceback"
                    )
                return line

            def answer(seconds: float) -> int:
                stdin.write(f"{seconds}\n")
                stdin.flush()
                return int(hear())

            hear()
            yield answer
