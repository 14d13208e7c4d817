"""The state of an unfinished training on disk: one file, replaced whole after every epoch.

Always: a killed process leaves the state of the last finished epoch, never half of one.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from smallcraft.models.memory import Arrays, Memory

Saved = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True)
class Checkpoints:
    """Where one training keeps its state.

    Attributes:
        memory: Its folder holds the file, and its records the CPU-seconds of each epoch.
        name: Of the training; equal names must mean equal trainings.
    """

    memory: Memory
    name: str

    def read(self) -> Saved | None:
        """What was written last; None when there is nothing, or it cannot be read."""
        path = self._path
        try:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}
        except (OSError, LookupError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile):
            return None

    def write(self, arrays: Saved) -> None:
        """Replace what is there."""
        path = self._path
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        with temporary.open("wb") as stream:
            np.savez(stream, **arrays)  # type: ignore[arg-type]  # numpy types the keywords as its own option
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)

    def record(self, epoch: int) -> str:
        """Under which name the memory keeps what an epoch cost."""
        return f"{self.name}-epoch{epoch:03d}"

    def drop(self) -> None:
        """Delete it and the epochs' records: the training is done, its result and cost are kept elsewhere."""
        self._path.unlink(missing_ok=True)
        for path in self._path.parent.glob(f"{self._path.name.partition('.')[0]}-epoch*.npz"):
            path.unlink()

    @property
    def _path(self) -> Path:
        return self.memory.folder / f"{self.name}.checkpoint.npz"


def recall_trained(memory: Memory, name: str, compute: Callable[[Checkpoints], Arrays]) -> Arrays:
    """Like `memory.recall` for what a training yields; the checkpoint goes once the result is kept.

    Args:
        memory: Keeps the result.
        name: As in `Memory.recall`.
        compute: Trains, handing the checkpoints on to `loop.train`.
    """
    checkpoints = Checkpoints(memory, name)
    found = memory.recall(name, lambda: compute(checkpoints))
    checkpoints.drop()
    return found
