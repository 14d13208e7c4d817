"""A worker that falls ill on purpose: the real process around a real bundle, failing or stalling at times.

    python -m smallcraft.demo.ill_worker illness.json

The file says what each version suffers from, as shares of its requests; it is read when a bundle is loaded:
`{"2": {"fails": 0.02}, "3": {"stalls": 0.05, "for_s": 0.1}}`.
Always: a version that the file does not name, and every version while there is no file, is in good health.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from smallcraft.bundle.inputs import Inputs
from smallcraft.serve.questions import ModelFacts, Reply
from smallcraft.serve.worker.answering import Model
from smallcraft.serve.worker.starting import WorkerOrder, load, run_worker

_SEED = 1


class IllModel:
    """Answers as the model does, when it does.

    Args:
        model: In good health.
        illness: `fails` and `stalls`, shares of its requests; `for_s`, how long a stall takes.
    """

    def __init__(self, model: Model, illness: Mapping[str, float]) -> None:
        self._model = model
        self._illness = illness
        self._dice = random.Random(_SEED)  # noqa: S311 - no secret

    @property
    def heads(self) -> Mapping[str, ModelFacts]:
        """As the model's."""
        return self._model.heads

    def answer_many(self, head: str, questions: Sequence[Inputs]) -> list[Reply]:
        """The model's answers, late or not at all where it is ill.

        Raises:
            RuntimeError: It fails now.
        """
        if self._dice.random() < self._illness.get("fails", 0.0):
            raise RuntimeError("this release fails now and then, on purpose")
        if self._dice.random() < self._illness.get("stalls", 0.0):
            time.sleep(self._illness["for_s"])
        return self._model.answer_many(head, questions)


def worker_command(illness: Path) -> tuple[str, ...]:
    """The command of such a worker, for `ServeSettings`.

    Args:
        illness: The file; it need not be there yet.
    """
    return (sys.executable, "-P", "-m", "smallcraft.demo.ill_worker", str(illness))


def load_ill(order: WorkerOrder, illness: Path) -> Model:
    """The release that is ordered, as ill as the file says."""
    told = json.loads(illness.read_text("utf-8")) if illness.exists() else {}
    return IllModel(load(order), told.get(order.source.version, {}))


if __name__ == "__main__":
    run_worker(lambda order: load_ill(order, Path(sys.argv[1])))
