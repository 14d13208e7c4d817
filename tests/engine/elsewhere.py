"""An engine on other machines, as far as whoever maps over one can tell: everything goes there pickled."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from smallcraft.engine.engines import Done
from smallcraft.models.text_runs import unpack


class Elsewhere:
    """Each item takes a CPU-second there.

    Attributes:
        calls: For each map the items that were sent, as they arrived.
    """

    is_local = False

    def __init__(self) -> None:
        self.calls: list[list[Any]] = []

    def map_with(self, shared: object, function: Callable, items: Iterable) -> Iterator[Done]:
        self.calls.append([])
        for item in items:
            there = pickle.loads(pickle.dumps((function, shared, item)))
            self.calls[-1].append(there[2])
            yield Done(there[0](*there[1:]), 1.0)
        unpack.cache_clear()  # what a worker keeps goes with it
