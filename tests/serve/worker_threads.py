"""A worker's main loop in a thread, over a real socket and a real bundle, which a test can hold and break."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tests.serve.toy_bundles import write_numbers_bundle

from smallcraft.bundle.inputs import Inputs
from smallcraft.bundle.runtime import open_bundle
from smallcraft.errors import InvalidInputError
from smallcraft.serve.answering import Answerer, bundle_answerer, facts_of
from smallcraft.serve.questions import Question, Reply
from smallcraft.serve.worker.blackbox import BlackBox
from smallcraft.serve.worker.facts import write_heads
from smallcraft.serve.worker.frames import hello_frame
from smallcraft.serve.worker.loop import WorkerLoop

# First numbers of rows: the model waits until it may go on; says that the row is wrong; breaks.
HELD, WRONG, BROKEN = 5.0, 6.0, 7.0


class Held:
    """A real model with three numbers at which it does something else than answer."""

    def __init__(self, answerer: Answerer) -> None:
        self.answerer = answerer
        self.heads = answerer.heads
        self.batches: list[int] = []
        self.reached, self.may_go_on = threading.Event(), threading.Event()

    def answer_many(self, head: str, questions: Sequence[Inputs]) -> list[Reply]:
        self.batches.append(len(questions))
        firsts = [float(question.numbers[0, 0]) for question in questions]
        if HELD in firsts:
            self.reached.set()
            assert self.may_go_on.wait(30)
        if WRONG in firsts:
            raise InvalidInputError("not this row; send another")
        if BROKEN in firsts:
            raise RuntimeError("broken")
        return self.answerer.answer_many(head, questions)


@dataclass
class WorkerThread:
    """A worker that can be asked."""

    loop: WorkerLoop
    model: Held
    path: Path
    box: Path


def numbers_answerer(folder: Path, seed: int = 1, *, numbers: int = 4, version: str = "") -> Answerer:
    """A model `m` over 4 numbers and 3 classes; another seed is another release."""
    bundle = open_bundle(write_numbers_bundle(folder, seed=seed, numbers=numbers, classes=3)[0])
    return bundle_answerer(bundle, facts_of(bundle, "m", version or str(seed)))


@contextlib.contextmanager
def worker_thread(folder: Path, answerer: Answerer, name: str = "w") -> Iterator[WorkerThread]:
    """A worker of a model, below a folder with a short path."""
    model, path, box = Held(answerer), folder / f"{name}.sock", folder / f"{name}.box"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    hello = hello_frame(write_heads(model.heads))
    loop = WorkerLoop(listener, model, box=BlackBox(box), hello=hello)
    thread = threading.Thread(target=loop.run)
    thread.start()
    try:
        yield WorkerThread(loop, model, path, box)
    finally:
        model.may_go_on.set()
        loop.leave(within_s=0.0)
        thread.join(30)
        assert not thread.is_alive()


def question(*firsts: float, width: int = 4, key: str | None = None) -> Question:
    """Rows whose first numbers are these."""
    rows = np.zeros((len(firsts), width))
    rows[:, 0] = firsts
    return Question(Inputs(len(firsts), None, rows, ()), key=key)
