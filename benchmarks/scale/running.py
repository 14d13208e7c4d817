"""Runs a command and watches what it takes, with all processes that work for it, wherever they came from.

Always: memory is what all of them hold together, what several share counted once; CPU time is that of the
command with all that it started and waited for, and what processes of its cluster took meanwhile, those too
that ended before the command.
Not covered: what a process of the cluster took in its last half second, where it ended before the command.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.serving.process_tree import MARK, memory_mb_of, own_cpu_s_of, processes_of

_LOOK_S = 0.5
# No process is it: what belongs to a cluster is known by its mark alone.
_NO_ROOT = 0
# Nothing is marked so: what the command itself started is known by its parents alone.
_NO_MARK = "none"
# Exit codes of a command that came to its end: pass, fail, undecided.
_ANSWERED = (0, 2, 3)


@dataclass
class Watched:
    """What a command took.

    Attributes:
        code: Its exit code.
        output: What it printed.
        wall_s: From start to end.
        cpu_s: Of all processes.
        peak_mb: Most memory of all of them together, in MB (1e6 bytes).
        killed: Workers that were killed meanwhile.
    """

    code: int = 0
    output: str = ""
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_mb: float = 0.0
    killed: int = 0


@dataclass
class _Look:
    mark: str
    root: int
    kill_after_s: float | None
    peak_mb: float = 0.0
    killed: int = 0
    seen: dict[tuple[int, int], float] = field(default_factory=dict)
    started: set[tuple[int, int]] = field(default_factory=set)
    is_over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        began = time.monotonic()
        while not self.is_over.wait(_LOOK_S):
            pids = processes_of(self.root, self.mark)
            self.peak_mb = max(self.peak_mb, memory_mb_of(pids))
            self.started |= own_cpu_s_of(processes_of(self.root, _NO_MARK)).keys()
            self.seen |= own_cpu_s_of(pids)
            if self.kill_after_s is not None and time.monotonic() - began > self.kill_after_s:
                self.killed += _kill_a_worker(pids)
                if self.killed:
                    self.kill_after_s = None


def run_watched(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    mark: str,
    folder: Path,
    kill_after_s: float | None = None,
) -> Watched:
    """Run a command.

    Args:
        command: Of the child.
        environment: Of it; processes with `mark` in theirs belong to it too.
        mark: Under `process_tree.MARK`.
        folder: Where it runs.
        kill_after_s: After so long a worker of a Ray cluster that belongs to it is killed; None for none.

    Raises:
        RuntimeError: The command did not come to its end.
    """
    ended = _cpu_s_of_ended()
    before = own_cpu_s_of(processes_of(_NO_ROOT, mark))
    began = time.monotonic()
    child = subprocess.Popen(
        command,
        env={**environment, MARK: mark},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    look = _Look(mark, child.pid, kill_after_s)
    watching = threading.Thread(target=look.run)
    watching.start()
    output, complaints = child.communicate()
    look.is_over.set()
    watching.join()
    if child.returncode not in _ANSWERED:
        raise RuntimeError(f"{' '.join(command)} ended with {child.returncode}: {complaints[-3000:]}")
    wall_s = time.monotonic() - began
    after = look.seen | own_cpu_s_of(processes_of(_NO_ROOT, mark))
    # What the command started and waited for is counted below, to its end.
    of_cluster = sum(after[one] - before.get(one, 0.0) for one in after.keys() - look.started)
    spent = of_cluster + _cpu_s_of_ended() - ended
    return Watched(child.returncode, output, wall_s, spent, look.peak_mb, look.killed)


def _cpu_s_of_ended() -> float:
    """Of all that this process started and waited for, and they in their turn."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime


def _kill_a_worker(pids: frozenset[int]) -> int:
    """Kill one that is at work, as the system would that lacks memory."""
    for pid in sorted(pids):
        try:
            name = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if name.startswith(b"ray::PoolActor"):
            os.kill(pid, signal.SIGKILL)
            return 1
    return 0
