"""Loads a model in a process of its own first, under limits, and tells how that went.

What a hostile bundle can do to the process that first opens it, it does to this one: eat memory, never
return, crash the engine.
Leaves to others: the limits (`loading.limits`), opening (`loading.opening`).
Always: the child ends with the trial, however that ends; it is given no variable of the environment that it
does not need, and no file but the bundle's.
Not covered: a sandbox; the child runs as the same user.

`python -m smallcraft.serve.loading.trial` reads a source and limits from its standard input.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from smallcraft.errors import BundleFormatError, IntegrityError, SmallcraftError
from smallcraft.serve.loading.limits import LoadLimits, explain_ending, limited
from smallcraft.serve.loading.opening import open_model
from smallcraft.serve.loading.source import ModelSource, read_source, write_source

# What an interpreter and a runtime need; nobody's keys or tokens.
_VARIABLES = (
    "HOME",
    "LANG",
    "LD_LIBRARY_PATH",
    "OMP_NUM_THREADS",
    "PATH",
    "PYTHONPATH",
    "SMALLCRAFT_RUNTIME",
)
_MODULE = "smallcraft.serve.loading.trial"
_MARK = "smallcraft-trial "
_REASON_LETTERS = 2000
_GRACE_S = 10.0


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial that went well.

    Attributes:
        seconds: From the start of the process to its end.
        peak_bytes: The most memory that it had.
    """

    seconds: float
    peak_bytes: int


def try_model(source: ModelSource, *, limits: LoadLimits | None = None) -> Trial:
    """Load a model in a child and throw it away.

    Args:
        source: What to load.
        limits: What that may take; None for the usual.

    Raises:
        IntegrityError: A file is not the one that was recorded, or could run code.
        BundleFormatError: It does not load, or takes more than it may; the message says which.
    """
    limits = limits or LoadLimits()
    told = json.dumps({"source": write_source(source), "limits": asdict(limits)})
    began = time.monotonic()
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", _MODULE],
            input=told,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=limits.wall_s + _GRACE_S,
            env={name: os.environ[name] for name in _VARIABLES if name in os.environ},
            cwd="/",
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _refusal(source, "it took longer than loading may") from error
    answer = next((line for line in done.stdout.splitlines() if line.startswith(_MARK)), None)
    if answer is None:
        raise _refusal(source, explain_ending(done.returncode))
    found = json.loads(answer.removeprefix(_MARK))
    if found["kind"] == "integrity":
        raise IntegrityError(found["reason"])
    if found["kind"] != "well":
        raise _refusal(source, found["reason"])
    return Trial(time.monotonic() - began, found["peak_bytes"])


def _refusal(source: ModelSource, reason: str) -> BundleFormatError:
    return BundleFormatError(
        f"{source.label} is not served, since loading it went wrong: {reason.rstrip('.')} ({source.folder}); "
        "take another release, or raise the limits if the model is meant to be so large"
    )


def main() -> None:
    """The child: one line of JSON, and the end."""
    told = json.load(sys.stdin)
    source, limits = read_source(told["source"]), LoadLimits(**told["limits"])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Some runtimes read by path only, so a private copy of a file may be written, and no more.
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits.bundle_bytes, limits.bundle_bytes))
    with limited(limits):
        answer = _answer(source, limits)
    sys.stdout.write(f"{_MARK}{json.dumps(answer)}\n")


def _answer(source: ModelSource, limits: LoadLimits) -> dict[str, object]:
    try:
        open_model(source, limits=limits)
    except IntegrityError as error:
        return {"kind": "integrity", "reason": str(error)[:_REASON_LETTERS]}
    except SmallcraftError as error:
        return {"kind": "refused", "reason": str(error)[:_REASON_LETTERS]}
    except MemoryError:
        return {"kind": "refused", "reason": f"it wanted more than {limits.memory_bytes:,} bytes of memory"}
    except Exception as error:  # noqa: BLE001 - the process's edge: a bundle may fail in any way
        return {"kind": "refused", "reason": f"{type(error).__name__}: {error}"[:_REASON_LETTERS]}
    return {"kind": "well", "peak_bytes": _peak_bytes()}


def _peak_bytes() -> int:
    """Of this program alone: `ru_maxrss` also knows what the process was before it, a copy of its parent."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text("ascii", errors="replace").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
