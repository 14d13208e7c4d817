"""Labels and class probabilities, the same for every contestant, and how much memory some work takes on top.

The arrays are seeded, so that nothing has to be handed over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

_MIB = 1 << 20


def draw_probabilities(n: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """`n` labels of `k` unequal classes, one in ten wrong, and a fairly good model's `(n, k)` float64."""
    rng = np.random.default_rng(11)
    shares = 1 / np.sqrt(np.arange(1, k + 1))
    truth = rng.choice(k, size=n, p=shares / shares.sum())
    probs = rng.standard_normal((n, k))
    probs[np.arange(n), truth] += 4
    np.exp(probs, out=probs)
    probs /= probs.sum(axis=1, keepdims=True)
    labels = np.where(rng.random(n) < 0.1, rng.integers(0, k, n), truth)
    return labels.astype(np.int64), probs


def digest_of(*arrays: np.ndarray) -> str:
    """Equal when shapes and values are."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(f"{array.shape} {array.dtype.str}".encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def extra_peak_mib(work: Callable[[], object]) -> float | None:
    """How far resident memory rises above where it stood, results included; None where it cannot be read."""
    reset, status = Path("/proc/self/clear_refs"), Path("/proc/self/status")
    if not reset.exists():
        return None
    before = _resident(status, "VmRSS")
    reset.write_text("5", encoding="ascii")
    kept = work()
    peak = _resident(status, "VmHWM")
    del kept
    return (peak - before) / _MIB


def _resident(status: Path, name: str) -> int:
    lines = status.read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))
