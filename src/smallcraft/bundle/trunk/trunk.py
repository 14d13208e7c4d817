"""A trunk, opened: one encoder session that answers for many tasks.

Leaves to others: reading tasks (`trunk.task`), keeping them (`trunk.shelf`), the encoder (`trunk.roots`).
Always: a task's answers are those of its own bundle, bit for bit, whatever else is asked beside it; a task
that was let go and read again answers the same.
Safe to use from several threads: a task in memory never changes, sessions may run side by side, what a call
has encoded belongs to that call, and the two locks (which task is kept; which session is open) are never held
while a text is answered.
Not covered: tasks of other encoders; answers that depend on the processor (each bundle's self-check tells).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.decoder import Answers
from smallcraft.bundle.inputs import Rows
from smallcraft.bundle.runtime import Bundle
from smallcraft.bundle.trunk.once import Call
from smallcraft.bundle.trunk.roots import Roots, read_roots
from smallcraft.bundle.trunk.shelf import Shelf
from smallcraft.bundle.trunk.task import TrunkTask, read_task
from smallcraft.errors import InvalidInputError, NotFoundError, nearest_name

Said = TypeVar("Said")
BUDGET_BYTES = 16_000_000


@dataclass(frozen=True)
class TaskAnswers(Generic[Said]):
    """What one task says about its rows of a mixed batch.

    Attributes:
        task: The task's name.
        classes: Its labels, in the order of the probabilities.
        rows: `(m,)` positions in the batch.
        said: About those rows, in that order.
    """

    task: str
    classes: tuple[str, ...]
    rows: NDArray[np.intp]
    said: Said


class Trunk:
    """Tasks by name over one encoder; `open_trunk` makes it.

    Args:
        roots: The encoder.
        budget_bytes: What tasks in memory may take together, by the size of their files.
    """

    def __init__(self, roots: Roots, *, budget_bytes: int = BUDGET_BYTES) -> None:
        self.roots = roots
        self.shelf: Shelf[Bundle] = Shelf(budget_bytes)
        self._tasks: dict[str, TrunkTask] = {}

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names, in the order they were added."""
        return tuple(self._tasks)

    def add(self, name: str, folder: str | Path, *, is_pinned: bool = False) -> None:
        """Make a task known; its files are read when it is first asked.

        Args:
            name: What to call it; a name already taken means the new task from now on.
            folder: A bundle, or a pack of `models.packs`.
            is_pinned: Keep it in memory from its first use on.

        Raises:
            NotFoundError: There is neither.
            BundleFormatError: Its description is incomplete or of another format.
            InvalidInputError: Its encoder is not the trunk's, or pinned tasks would exceed the budget.
        """
        task = read_task(name, folder, self.roots)
        if is_pinned:
            self.shelf.pin(task.digest, size_bytes=task.size_bytes)
        self._tasks[name] = task

    def remove(self, name: str) -> None:
        """Forget a task.

        Raises:
            NotFoundError: There is no such task.
        """
        digest = self._find(name).digest
        del self._tasks[name]
        if all(task.digest != digest for task in self._tasks.values()):
            self.shelf.drop(digest)

    def pin(self, name: str) -> None:
        """Keep a task in memory from its next use on.

        Raises:
            NotFoundError: There is no such task.
            InvalidInputError: Pinned tasks would exceed the budget.
        """
        task = self._find(name)
        self.shelf.pin(task.digest, size_bytes=task.size_bytes)

    def unpin(self, name: str) -> None:
        """Let a task go when its turn comes.

        Raises:
            NotFoundError: There is no such task.
        """
        self.shelf.unpin(self._find(name).digest)

    def task(self, name: str) -> TrunkTask:
        """What is known of a task without reading it.

        Raises:
            NotFoundError: There is no such task.
        """
        return self._find(name)

    def bundle(self, name: str) -> Bundle:
        """A task as a bundle, with all that a bundle offers; holding it keeps it in memory.

        Raises:
            NotFoundError: There is no such task.
            IntegrityError: A file of it is not the one that was recorded.
        """
        task = self._find(name)
        load = partial(task.load, self.roots)
        return self.shelf.take(task.digest, load, size_bytes=task.size_bytes)

    def answer(self, rows: Rows, *, task: str) -> Answers:
        """What one task says about rows; equal texts are encoded once.

        Args:
            rows: Texts, or columns by name for a task that reads several.
            task: Its name.

        Raises:
            NotFoundError: There is no such task.
            InvalidInputError: The rows lack a column or hold a value of the wrong kind.
        """
        return self._bound(self._find(task), Call()).answer(rows)

    def answer_mixed(self, texts: Sequence[str], tasks: Sequence[str]) -> tuple[TaskAnswers[Answers], ...]:
        """What each text's own task says: one encoder run a different text, one turn a task.

        Args:
            texts: One a row.
            tasks: The task of each row; for several tasks on one text, repeat the text.

        Returns:
            One entry a task, in the order of first mention.

        Raises:
            NotFoundError: There is no such task.
            InvalidInputError: Lengths differ, or a text is none.
        """
        return self.ask_mixed(texts, tasks, lambda bundle, own: bundle.answer(own))

    def ask_mixed(
        self, texts: Sequence[str], tasks: Sequence[str], ask: Callable[[Bundle, list[str]], Said]
    ) -> tuple[TaskAnswers[Said], ...]:
        """Like `answer_mixed`, with a question of one's own.

        Args:
            texts: One a row.
            tasks: The task of each row.
            ask: From a task's bundle and its texts to what it says, such as `Bundle.predict`.

        Raises:
            NotFoundError: There is no such task.
            InvalidInputError: Lengths differ, or a text is none.
        """
        if len(texts) != len(tasks):
            raise InvalidInputError(
                f"texts and tasks must have one length, got {len(texts)} and {len(tasks)}; name a task a text"
            )
        rows: dict[str, list[int]] = {}
        for row, name in enumerate(tasks):
            rows.setdefault(name, []).append(row)
        found, call = {name: self._find(name) for name in rows}, Call()
        answers = []
        for name, own in rows.items():
            bundle = self._bound(found[name], call)
            said = ask(bundle, [texts[row] for row in own])
            answers.append(TaskAnswers(name, bundle.classes, np.array(own, dtype=np.intp), said))
        return tuple(answers)

    def _bound(self, task: TrunkTask, call: Call) -> Bundle:
        return call.bind(self.bundle(task.name), encoder=task.encoder)

    def _find(self, name: str) -> TrunkTask:
        if name not in self._tasks:
            raise NotFoundError(
                f"the trunk has no task '{name}'; it has {', '.join(map(repr, self._tasks)) or 'none yet'}"
                f"{nearest_name(name, self._tasks)}"
            )
        return self._tasks[name]


def open_trunk(
    path: str | Path,
    *,
    budget_bytes: int = BUDGET_BYTES,
    runtime: str | None = None,
    digest: str | None = None,
) -> Trunk:
    """Open the encoder that many tasks share.

    Args:
        path: A directory that `models.packs.write_trunk` wrote, or a bundle with one encoder, such as frozen.
        budget_bytes: What tasks in memory may take together, by the size of their files.
        runtime: What runs the encoder's graph; None asks SMALLCRAFT_RUNTIME, else onnxruntime.
        digest: What the directory's digest must be; None takes what is there.

    Raises:
        NotFoundError: There is no such directory.
        BundleFormatError: It is of another format, or the runtime cannot run its graph.
        InvalidInputError: It has no encoder, or several; or the budget is below 0.
        IntegrityError: A file is not the one that was recorded.
    """
    roots = read_roots(path, runtime=runtime, digest=digest)
    roots.session()
    return Trunk(roots, budget_bytes=budget_bytes)
