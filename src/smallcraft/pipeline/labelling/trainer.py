"""A cheap rung of the project's own, trained on other labels and asked about dev: what a round bought.

Leaves to others: the comparison (`label.measuring`), the rung (`models`).
Always: dev is not trained on; with and without the round everything but the labels is the same.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from smallcraft.bundle.decoder import Decoder
from smallcraft.bundle.runtime import answer_inputs
from smallcraft.data.table import Table, make_table
from smallcraft.errors import InvalidInputError
from smallcraft.models.rungs import BUILTIN
from smallcraft.models.workshop import Workshop
from smallcraft.pipeline.events import Listener
from smallcraft.pipeline.labelling.project import LabelProject
from smallcraft.pipeline.labelling.rows import LabelTable
from smallcraft.pipeline.stages.score import cheap_rungs
from smallcraft.pipeline.stages.train import open_workshop_of_rows, read_rows
from smallcraft.records import Roles


class DevTrainer:
    """Trains on the rows of a table with given labels; itself a `label.measuring.Trainer`.

    Args:
        project: Its dev rows are asked about.
        table: The rows to train on.
        listener: Told as things happen.

    Attributes:
        truth: `(m,)` int64 codes of dev's labels, as they were given.

    Raises:
        InvalidInputError: Nobody judged dev.
    """

    def __init__(self, project: LabelProject, table: LabelTable, *, listener: Listener) -> None:
        self._ladder = project.config.ladder
        self._table, self._listener = table, listener
        self._dev = project.prepared.splits.frames["dev"]
        seen = project.judged.predictions.get("dev")
        if seen is None or not len(seen.truth):
            raise InvalidInputError(
                "a round is measured on the rows of dev, and no model judged them; add some to dev"
            )
        self.truth: NDArray[np.int64] = seen.truth

    def __call__(self, labels: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
        """`(m,)` int64 codes that a rung answers to dev's rows.

        Args:
            labels: `(n,)` codes of the table's rows, -1 for rows to leave out.
            seed: Of everything random.

        Raises:
            InvalidInputError: No cheap rung reads these rows.
        """
        self._listener.stage(f"training with {int((labels >= 0).sum()):,} labels, seed {seed}")
        taught = self._taught(labels)
        with tempfile.TemporaryDirectory() as cache, threadpool_limits(1):
            workshop = open_workshop_of_rows(
                taught.ref,
                taught.frame,
                seed=seed,
                cache=Path(cache),
                backbone=self._ladder.backbone,
                progress=self._listener.progress,
            )
            answered = self._answers(workshop)
        place = {name: code for code, name in enumerate(self._table.seen.classes)}
        codes = np.array([place[name] for name in workshop.classes], dtype=np.int64)
        return codes[answered]

    def _taught(self, labels: NDArray[np.int64]) -> Table:
        names, known = self._table.seen.classes, self._table.roles
        used = np.flatnonzero(labels >= 0)
        told = pl.Series(known.label, [names[code] for code in labels[used].tolist()], dtype=pl.String)
        roles = Roles(known.label, known.text, known.features, key=known.key)
        return make_table(self._table.frame[used].with_columns(told), roles, source="the rows asked about")

    def _answers(self, workshop: Workshop) -> NDArray[np.int64]:
        """`(m,)` codes of the workshop's classes."""
        rungs = cheap_rungs(workshop, self._ladder.rungs)
        if not rungs:
            raise InvalidInputError("no cheap rung reads these columns; measure by building instead")
        stages = BUILTIN[rungs[0]].stages(workshop)
        inputs = read_rows(self._dev, workshop.spec, source="dev")
        return np.asarray(answer_inputs(stages, Decoder(1.0), inputs).probs.argmax(axis=1), dtype=np.int64)
