"""Every promise, in the order in which a build needs it."""

from __future__ import annotations

from collections.abc import Iterator

from smallcraft.pipeline.selftest import metrics, preprocessing, records, training, whole
from smallcraft.pipeline.selftest.promise import Kept, try_promises

PROMISES = (
    *preprocessing.PROMISES,
    *training.PROMISES,
    *metrics.PROMISES,
    *records.PROMISES,
    *whole.PROMISES,
)


def run_selftest(*, seed: int = 0) -> Iterator[Kept]:
    """Try every promise; needs no data, no network, and under a minute.

    Args:
        seed: Of everything that is drawn.
    """
    return try_promises(PROMISES, seed=seed)
