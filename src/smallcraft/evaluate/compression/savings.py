"""What rounding bought: bytes on disk, and CPU-milliseconds a row in one process that asks both by turns.

Always: both forms answer the same rows in the same order, one at a time on one thread, and only the time that
this thread computed counts, however busy the machine is; times have the unit ms, by which a rebuild knows
that they differ from run to run.
Left to others: the cost of a bundle in fresh processes (`audits.cost`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from smallcraft.bundle.runtime import Bundle
from smallcraft.records import Measurement

_WARM_UP, _TIMED = 5, 40
_CLOCK = f"median CPU time of {_TIMED} rows, both forms asked by turns on one thread"

Columns = Mapping[str, Sequence[object]]


def measure_savings(rounded: Bundle, exact: Bundle, rows: Columns) -> tuple[Measurement, ...]:
    """`size_over_exact`, and `form_ms` of each form.

    Args:
        rounded: The bundle that ships.
        exact: Its exact form.
        rows: Input columns, at least one row.
    """
    sizes = [_size_bytes(bundle.path) for bundle in (rounded, exact)]
    told = f"{sizes[0] / 1e6:.2f} MB against {sizes[1] / 1e6:.2f} MB"
    size = Measurement("size_over_exact", sizes[0] / sizes[1], "ratio", 2, "bytes of the files", detail=told)
    taken = _one_by_one(rows, _WARM_UP + _TIMED)
    times = np.array([[_ask_ms(bundle, row) for bundle in (rounded, exact)] for row in taken])
    medians = np.median(times[min(_WARM_UP, len(times) - 1) :], axis=0).tolist()
    return size, *(
        Measurement("form_ms", median, "ms", len(times), _CLOCK, slice=f"form={form}")
        for form, median in zip(("int8", "fp32"), medians, strict=True)
    )


def _one_by_one(rows: Columns, most: int) -> list[Columns]:
    n = len(next(iter(rows.values())))
    return [{name: [values[row]] for name, values in rows.items()} for row in range(min(n, most))]


def _ask_ms(bundle: Bundle, row: Columns) -> float:
    start = time.thread_time_ns()
    bundle.predict_proba(row)
    return (time.thread_time_ns() - start) / 1e6


def _size_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
