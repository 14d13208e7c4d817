"""What all processes of a server take together: CPU time and memory, from `/proc`.

Always: a process belongs to the server when it came from it, by parent or by an environment variable that it
inherited, whoever adopted it since; CPU time of children that have ended counts.
Not covered: systems without `/proc`; a process whose parent has gone and whose environment was overwritten.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

MARK = "SMALLCRAFT_BENCH_SERVER"
_PROC = Path("/proc")
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_KIB = 1024
# Of /proc/PID/smaps_rollup; what was swapped out is held all the same.
_ALL = ("Pss:", "SwapPss:")
_OWN = ("Pss_Anon:", "Pss_Shmem:", "SwapPss:")


@dataclass(frozen=True)
class _Stat:
    """Of one process: its parent, its ticks (its own, and with ended children), its birth in ticks."""

    parent: int
    ticks: int
    own_ticks: int
    born: int
    state: str


def processes_of(root: int, mark: str) -> frozenset[int]:
    """Process ids of a server.

    Args:
        root: The process that was started.
        mark: What its environment has in `MARK`.
    """
    stats = {pid: stat for pid in _all_pids() if (stat := _stat_of(pid)) is not None}
    found = {pid for pid in stats if pid == root or _is_marked(pid, f"{MARK}={mark}".encode())}
    while True:
        more = {pid for pid, stat in stats.items() if stat.parent in found} - found
        if not more:
            return frozenset(found & stats.keys())
        found |= more


def cpu_s_of(pids: frozenset[int]) -> float:
    """CPU-seconds that they and their ended children have taken, to a hundredth each."""
    return sum(stat.ticks for pid in pids if (stat := _stat_of(pid)) is not None) * _TICK_S


def own_cpu_s_of(pids: frozenset[int]) -> dict[tuple[int, int], float]:
    """CPU-seconds that each has taken itself, by its id and its birth, which no other process has."""
    stats = ((pid, stat) for pid in pids if (stat := _stat_of(pid)) is not None)
    return {(pid, stat.born): stat.own_ticks * _TICK_S for pid, stat in stats}


def memory_mb_of(pids: frozenset[int]) -> float:
    """What they hold in memory, in MB (1e6 bytes); what several share is counted once."""
    return sum(map(_proportional_kib, pids)) * _KIB / 1e6


def own_memory_mb(pids: frozenset[int]) -> dict[str, float]:
    """What each program holds of its own, in MB, by the last word of the module that it runs: `worker`.

    Without the code of libraries, which the system takes from memory and brings back as it likes.
    """
    found: dict[str, float] = {}
    for pid in pids:
        name = _program_of(pid)
        found[name] = found.get(name, 0.0) + _proportional_kib(pid, _OWN) * _KIB / 1e6
    return found


def births_of(pids: frozenset[int]) -> dict[int, int]:
    """Process id to when it was born: both together are one process, an id alone may be given again."""
    return {pid: stat.born for pid in pids if (stat := _stat_of(pid)) is not None}


def still_alive(births: dict[int, int]) -> list[int]:
    """Those that run yet; not those that have ended and wait to be asked why."""
    return [pid for pid, born in births.items() if _is_running(pid, born)]


def _is_running(pid: int, born: int) -> bool:
    stat = _stat_of(pid)
    return stat is not None and stat.born == born and stat.state not in ("Z", "X")


def _all_pids() -> list[int]:
    return [int(path.name) for path in _PROC.iterdir() if path.name.isdigit()]


def _stat_of(pid: int) -> _Stat | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # After the name, which stands in brackets and may hold any character (proc(5), /proc/PID/stat).
    fields = text.rpartition(") ")[2].split()
    ticks = [int(field) for field in fields[11:15]]
    return _Stat(
        parent=int(fields[1]),
        ticks=sum(ticks),
        own_ticks=sum(ticks[:2]),
        born=int(fields[19]),
        state=fields[0],
    )


def _program_of(pid: int) -> str:
    try:
        words = (_PROC / str(pid) / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    except OSError:
        return "ended"
    module = words[words.index("-m") + 1] if "-m" in words[:-1] else words[0]
    return module.rpartition(".")[2]


def _is_marked(pid: int, mark: bytes) -> bool:
    try:
        return mark in (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return False


def _proportional_kib(pid: int, kinds: tuple[str, ...] = _ALL) -> int:
    try:
        lines = (_PROC / str(pid) / "smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith(kinds))
