"""Things kept in memory up to a number of bytes: the ones longest unused go first, pinned ones stay.

Leaves to others: what the things are and how they are made.
Always: what is kept is never more than the budget; a thing asked for by several threads at once is made once;
whoever holds a thing may go on using it after it left the shelf. Safe to use from several threads: one lock
guards the bookkeeping, and nothing is made while it is held.
Not covered: memory that a thing takes beyond the bytes it states.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from smallcraft.errors import InvalidInputError

Item = TypeVar("Item")


@dataclass(frozen=True)
class _Kept(Generic[Item]):
    item: Item
    size_bytes: int


class Shelf(Generic[Item]):
    """Items by name.

    Args:
        budget_bytes: What all of them together may take, at least 0.

    Raises:
        InvalidInputError: The budget is below 0.
    """

    def __init__(self, budget_bytes: int) -> None:
        if budget_bytes < 0:
            raise InvalidInputError(
                f"budget_bytes must be 0 or more, got {budget_bytes}; 16_000_000 is enough for 100 heads"
            )
        self.budget_bytes = budget_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, _Kept[Item]] = OrderedDict()
        self._pinned: dict[str, int] = {}
        self._making: dict[str, threading.Lock] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """What is kept, the one longest unused first."""
        with self._lock:
            return tuple(self._kept)

    @property
    def used_bytes(self) -> int:
        """What it takes."""
        with self._lock:
            return self._used()

    def take(self, name: str, make: Callable[[], Item], *, size_bytes: int) -> Item:
        """The item of that name, made when it is not there.

        Args:
            name: Equal names must mean equal items.
            make: Makes it; may be slow, others are not kept waiting.
            size_bytes: What it takes. An item larger than what pinned ones leave free is made and not kept.
        """
        found, making = self._look(name)
        if found is not None:
            return found.item
        with making:
            found, _ = self._look(name)
            if found is None:
                found = _Kept(make(), size_bytes)
                self._keep(name, found)
        return found.item

    def pin(self, name: str, *, size_bytes: int) -> None:
        """Keep an item, once it is made, until it is unpinned.

        Raises:
            InvalidInputError: Pinned items would take more than the budget.
        """
        with self._lock:
            taken = sum(size for pinned, size in self._pinned.items() if pinned != name)
            if taken + size_bytes > self.budget_bytes:
                raise InvalidInputError(
                    f"pinned items may take {self.budget_bytes:,} bytes together, '{name}' with "
                    f"{size_bytes:,} would make it {taken + size_bytes:,}; raise budget_bytes, or unpin "
                    "another one"
                )
            self._pinned[name] = size_bytes

    def unpin(self, name: str) -> None:
        """Let it go when its turn comes."""
        with self._lock:
            self._pinned.pop(name, None)

    def drop(self, name: str) -> None:
        """Forget it now, pinned or not."""
        with self._lock:
            for held in (self._pinned, self._kept, self._making):
                held.pop(name, None)

    def _look(self, name: str) -> tuple[_Kept[Item] | None, threading.Lock]:
        """What is kept, and the lock under which it is made where it is not."""
        with self._lock:
            if name in self._kept:
                self._kept.move_to_end(name)
            return self._kept.get(name), self._making.setdefault(name, threading.Lock())

    def _keep(self, name: str, kept: _Kept[Item]) -> None:
        with self._lock:
            stay = sum(self._kept[pinned].size_bytes for pinned in self._pinned if pinned in self._kept)
            if name not in self._pinned and kept.size_bytes > self.budget_bytes - stay:
                return
            self._kept[name] = kept
            for old in [*self._kept]:
                if self._used() <= self.budget_bytes:
                    return
                if old not in self._pinned and old != name:
                    del self._kept[old]

    def _used(self) -> int:
        return sum(kept.size_bytes for kept in self._kept.values())
