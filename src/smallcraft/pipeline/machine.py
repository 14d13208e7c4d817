"""What of a machine shows in the last digits of a model: processor, BLAS kernel, vector instructions.

OpenBLAS picks its kernels by the processor, and kernels add in different orders; so weights that an iterative
solver found differ in their last bits between two machines, or under another `OPENBLAS_CORETYPE`.
Always: the same machine in the same process says the same; nothing here names a place on a disk.
"""

from __future__ import annotations

import importlib
import platform
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info

_CPUINFO = Path("/proc/cpuinfo")


@cache
def describe_machine() -> Mapping[str, str]:
    """`processor_model`, `blas` and `simd`, for the `environment` of a release's facts."""
    # Libraries are listed once loaded; a solver of scipy brings its own copy of OpenBLAS.
    importlib.import_module("scipy.linalg")
    text = _CPUINFO.read_text(encoding="utf-8", errors="replace") if _CPUINFO.exists() else ""
    return {
        "processor_model": processor_model(text) or platform.processor() or "unknown",
        "blas": blas_kernels(threadpool_info()),
        "simd": _simd(),
    }


def processor_model(cpuinfo: str) -> str:
    r"""The first `model name` of /proc/cpuinfo; empty where it has none.

    >>> processor_model("processor : 0\nmodel name\t: AMD EPYC\n")
    'AMD EPYC'
    """
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return ""


def blas_kernels(libraries: Iterable[Mapping[str, Any]]) -> str:
    """Each linear-algebra library with its version and kernel.

    Args:
        libraries: As `threadpoolctl.threadpool_info` gives them.

    >>> blas_kernels([{"user_api": "blas", "internal_api": "openblas", "version": "0.3.30",
    ...                "architecture": "Haswell"}])
    'openblas 0.3.30 Haswell'
    """
    found = {
        " ".join(str(library[key]) for key in ("internal_api", "version", "architecture") if library.get(key))
        for library in libraries
        if library.get("user_api") == "blas"
    }
    return ", ".join(sorted(found)) or "unknown"


def _simd() -> str:
    """The vector instructions that numpy chose among, widest last."""
    config: Any = np.show_config(mode="dicts")
    found = config.get("SIMD Extensions", {}).get("found", [])
    return ", ".join(found) if found else "baseline"
