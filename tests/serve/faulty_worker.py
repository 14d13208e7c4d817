"""A worker whose model goes wrong on demand: the real process around a real bundle, with a fault built in.

The faults of each version stand as JSON in the environment variable `FAULTS`: `{"2": {"dies_at": 666}}`.
A number is the first of a row, which the test sends.
"""

from __future__ import annotations

import json
import math
import os
import signal
import time
from collections.abc import Mapping, Sequence
from typing import Any

from smallcraft.bundle.inputs import Inputs
from smallcraft.errors import BundleFormatError
from smallcraft.serve.questions import ModelFacts, Reply
from smallcraft.serve.worker.answering import Model
from smallcraft.serve.worker.starting import WorkerOrder, load, run_worker

FAULTS = "SMALLCRAFT_TEST_FAULTS"


class FaultyModel:
    """Answers as the model does, but for its faults."""

    def __init__(self, model: Model, faults: Mapping[str, Any]) -> None:
        self.model = model
        self.faults = faults
        self.answered = 0
        self.leaked: list[bytes] = []

    @property
    def heads(self) -> Mapping[str, ModelFacts]:
        return self.model.heads

    def answer_many(self, head: str, questions: Sequence[Inputs]) -> list[Reply]:
        faults = self.faults
        for question in questions:
            first = float(question.numbers[0, 0])
            if first == faults.get("dies_at"):
                os.kill(os.getpid(), signal.SIGKILL)
            self.answered += 1
            if self.answered > faults.get("hangs_after", math.inf):
                time.sleep(3600)
            if first == faults.get("fails_at"):
                raise RuntimeError("a fault of this release")
            time.sleep(faults.get("slow_s", 0.0))
        self.leaked += [b"x" * faults["leaks"]] if "leaks" in faults else []
        return self.model.answer_many(head, questions)


def load_with_faults(order: WorkerOrder) -> Model:
    faults = json.loads(os.environ.get(FAULTS, "{}")).get(order.source.version, {})
    if faults.get("unloadable"):
        raise BundleFormatError("a fault of this release: it does not load")
    if faults.get("eats_memory"):
        eaten = [bytearray(64 << 20) for _ in range(1 << 10)]
        raise AssertionError(len(eaten))
    return FaultyModel(load(order), faults)


if __name__ == "__main__":
    run_worker(load_with_faults)
