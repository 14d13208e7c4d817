"""One thread, repeatable kernels, and the number format that products are computed in.

Always: inside `one_thread` the same operations on the same numbers give the same bits on one machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from smallcraft.models.tuning.plan import Precision


def choose_precision(wanted: Precision) -> Precision:
    """`bf16` or `fp32`: `auto` takes bf16 where the processor multiplies it in hardware.

    Args:
        wanted: As the plan says.
    """
    if wanted != "auto":
        return wanted
    return "bf16" if _multiplies_bf16() else "fp32"


def _multiplies_bf16() -> bool:
    found: dict[str, Any] = torch.cpu.get_capabilities()
    names = ("avx512_bf16", "amx_bf16", "amx_tile", "bf16")
    return any(bool(found.get(name)) for name in names)


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch on one thread with deterministic kernels; both are put back at the end."""
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    fills = torch.utils.deterministic.fill_uninitialized_memory
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    # Nothing here reads memory before it is written, and filling it takes a twentieth of a step.
    torch.utils.deterministic.fill_uninitialized_memory = False
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(strict)
        torch.utils.deterministic.fill_uninitialized_memory = fills


def products_in(precision: Precision) -> Any:  # noqa: ANN401 - a context of torch's
    """Autocast for `bf16`, nothing for `fp32`; a choice must have been made."""
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16")
