"""Which runtime opens a bundle's graphs: the one named, that of the environment, else onnxruntime."""

from __future__ import annotations

import os

from smallcraft.bundle import runtimes
from smallcraft.bundle.runtimes.runtime import Runtime

VARIABLE = "SMALLCRAFT_RUNTIME"
DEFAULT = "onnxruntime"


def choose_runtime(name: str | None = None) -> Runtime:
    """The runtime of that name.

    Args:
        name: A key of the table of runtimes; None asks the environment variable SMALLCRAFT_RUNTIME.

    Raises:
        InvalidInputError: There is no such runtime.

    >>> choose_runtime("numpy").name
    'numpy'
    """
    wanted = name or os.environ.get(VARIABLE) or DEFAULT
    if wanted in runtimes.BUILTIN:
        return runtimes.BUILTIN[wanted]
    # Entry points take longer to look up than a small bundle takes to open.
    from smallcraft.plugins import find_plugin

    return find_plugin("runtimes", wanted, runtimes.BUILTIN)
