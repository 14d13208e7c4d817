"""What loading a bundle may take, and the kernel's word for it: memory, processor time, time on the clock.

The limits are the process's own, so they hold inside onnxruntime and inside a tokenizer's regular expressions
too, where no Python runs. Memory past its limit is refused to whoever asks for it; time past its limit ends
the process.
Leaves to others: the process that is ended (`loading.trial`, `serve.worker`), and memory while it serves.
Always: when loading ends, well or not, the limits are those of before.
Not covered: systems without `/proc` have no limit on memory.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_STATM = Path("/proc/self/statm")
_ENDINGS = {
    signal.SIGXCPU: "it took more processor time than loading may",
    signal.SIGALRM: "it took longer than loading may",
    signal.SIGKILL: "the system ended it, mostly for want of memory",
    signal.SIGSEGV: "its graph crashed the engine",
    signal.SIGABRT: "its graph crashed the engine, mostly for want of memory",
}


@dataclass(frozen=True, slots=True)
class LoadLimits:
    """What loading may take.

    Attributes:
        memory_bytes: Address space beyond what the process has when loading begins.
        cpu_s: Processor time, in whole seconds.
        wall_s: Time on the clock.
        bundle_bytes: Size of all files of a bundle.
        files: How many files a bundle has.
    """

    memory_bytes: int = 3 << 30
    cpu_s: int = 60
    wall_s: float = 180.0
    bundle_bytes: int = 2 << 30
    files: int = 4096


@contextlib.contextmanager
def limited(limits: LoadLimits) -> Iterator[None]:
    """Hold this process to limits; for its main thread, while it loads.

    Time past its limit ends the process by a signal, which `explain_ending` puts into words.
    """
    memory = resource.getrlimit(resource.RLIMIT_AS)
    processor = resource.getrlimit(resource.RLIMIT_CPU)
    alarm = signal.signal(signal.SIGALRM, signal.SIG_DFL)
    if _STATM.exists():
        _lower(resource.RLIMIT_AS, memory, _address_space() + limits.memory_bytes)
    spent = resource.getrusage(resource.RUSAGE_SELF)
    _lower(resource.RLIMIT_CPU, processor, int(spent.ru_utime + spent.ru_stime) + 1 + limits.cpu_s)
    signal.setitimer(signal.ITIMER_REAL, limits.wall_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, alarm)
        resource.setrlimit(resource.RLIMIT_CPU, processor)
        resource.setrlimit(resource.RLIMIT_AS, memory)


def explain_ending(code: int) -> str:
    """Why a process that was loading ended.

    Args:
        code: As `subprocess` and `multiprocessing` have it: below 0 for a signal.

    >>> explain_ending(-signal.SIGXCPU)
    'it took more processor time than loading may'
    """
    if code >= 0:
        return f"it ended with exit code {code}"
    try:
        ended = signal.Signals(-code)
    except ValueError:
        return f"it was ended by signal {-code}"
    return _ENDINGS.get(ended, f"it was ended by {ended.name}")


def _lower(kind: int, now: tuple[int, int], wanted: int) -> None:
    """Set the soft limit, never above what it is; the hard one stays, so that it can be undone."""
    soft, hard = now
    caps = [limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(kind, (min([wanted, *caps]), hard))


def _address_space() -> int:
    return int(_STATM.read_text("ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")
