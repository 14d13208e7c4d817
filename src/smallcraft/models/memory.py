"""Remembers expensive arrays on disk: a killed build resumes, a second one redoes only what changed.

Always: a file appears whole or not at all; what was once computed is charged its CPU-seconds again when it
is read back, and once only in a piece of work however often that asks for it, so training cost means the
same on a fresh build, a resumed one and a second one.
"""

from __future__ import annotations

import os
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.engine.engines import Engine

Arrays = Mapping[str, NDArray[np.generic]]
Made = TypeVar("Made", covariant=True)
Item = TypeVar("Item")
Shared = TypeVar("Shared")
_COSTS, _COSTS_OF = "cpu_s", "cpu_s_of"


@dataclass(frozen=True)
class Tracked(Generic[Made]):
    """Something made, and what it cost.

    Attributes:
        value: What was made.
        cpu_s: Name to CPU-seconds: its own, and those of everything remembered that it used, each apart.
    """

    value: Made
    cpu_s: Mapping[str, float]


class Memory:
    """Arrays by name in one folder; the folder's own name stands for everything they depend on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tracked_cpu_s = 0.0
        self.charges: list[Mapping[str, float]] = []
        self._held: dict[str, Tracked[Arrays]] = {}

    def recall(self, name: str, compute: Callable[[], Arrays]) -> Arrays:
        """The arrays of that name: held, read back, or computed and kept.

        Args:
            name: Relative path without suffix; equal names must mean equal arrays.
            compute: Makes them when they are not there yet.
        """
        if name not in self._held:
            path = self.folder / f"{name}.npz"
            found = _read(path)
            if found is None:
                found = self.track(name, compute)
                _write(path, found)
            self._held[name] = found
        self.charges.append(self._held[name].cpu_s)
        return self._held[name].value

    def recall_each(
        self,
        names: Mapping[str, Item],
        shared: Shared,
        compute: Callable[[Shared, Item], Arrays],
        engine: Engine,
        *,
        done: Callable[[int], object] = bool,
    ) -> list[Arrays]:
        """The arrays of several names, like `recall`; those that are not there yet are computed on an engine.

        Args:
            names: Each with what it is computed from, in order.
            shared: What each of them needs besides; an engine is sent it once.
            compute: A function of a module, which can be sent to where it runs.
            engine: Where it runs.
            done: Told how many of the names are done.
        """
        missing = [name for name in names if not self.has(name)]
        results = engine.map_with(shared, compute, [names[name] for name in missing])
        for number, name in enumerate(missing):
            done(len(names) - len(missing) + number)
            tracked = self.track(name, lambda: next(results))
            there = {**tracked.cpu_s, name: tracked.cpu_s[name] + tracked.value.away_cpu_s}
            found = Tracked(tracked.value.value, there)
            _write(self.folder / f"{name}.npz", found)
            self._held[name] = found
        self.charges += [self._held[name].cpu_s for name in names]
        return [self._held[name].value for name in names]

    def has(self, name: str) -> bool:
        """Whether the arrays of that name are there already."""
        if name not in self._held:
            found = _read(self.folder / f"{name}.npz")
            if found is not None:
                self._held[name] = found
        return name in self._held

    def track(self, name: str, make: Callable[[], Made]) -> Tracked[Made]:
        """Make something and note its cost; who uses it appends `cpu_s` to `charges`.

        Args:
            name: Stands for it wherever its cost is charged.
            make: Makes it.
        """
        start, tracked, place = time.process_time(), self.tracked_cpu_s, len(self.charges)
        value = make()
        own = time.process_time() - start - (self.tracked_cpu_s - tracked)
        self.tracked_cpu_s += own
        return Tracked(value, {**_merged(self.charges[place:]), name: own})


class CpuMeter:
    """CPU-seconds of a piece of work, those saved by `Memory` included."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._start = time.process_time()
        self._tracked = memory.tracked_cpu_s
        self._place = len(memory.charges)

    def seconds(self) -> float:
        """CPU-seconds since the meter was made."""
        untracked = time.process_time() - self._start - (self._memory.tracked_cpu_s - self._tracked)
        return untracked + sum(_merged(self._memory.charges[self._place :]).values())


def _merged(charges: list[Mapping[str, float]]) -> dict[str, float]:
    return {name: cost for charge in charges for name, cost in charge.items()}


def _read(path: Path) -> Tracked[Arrays] | None:
    if not path.exists():
        return None
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        names, costs = arrays.pop(_COSTS_OF).tolist(), arrays.pop(_COSTS).tolist()
    except (OSError, LookupError, TypeError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile):
        path.unlink()
        return None
    return Tracked(arrays, dict(zip(names, costs, strict=True)))


def _write(path: Path, found: Tracked[Arrays]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    costs = {_COSTS_OF: np.array(list(found.cpu_s)), _COSTS: np.array(list(found.cpu_s.values()))}
    everything: dict[str, Any] = {**found.value, **costs}
    with temporary.open("wb") as stream:
        np.savez(stream, **everything)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
