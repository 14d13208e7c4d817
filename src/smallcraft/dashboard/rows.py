"""The rows that people were asked about, as they read them: the text, then each feature on a line of its own.

Leaves to others: which rows are asked (`label`), what a row is known by (`pipeline.labelling.items`).
Always: the same words that a sheet for another labelling tool holds.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from smallcraft.dashboard.sources import Sources, stamp_of
from smallcraft.data.formats import find_files
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.events import SilentListener
from smallcraft.pipeline.labelling.items import as_trained, held_columns, row_items
from smallcraft.pipeline.labelling.project import asked_rows
from smallcraft.pipeline.labelling.rows import LabelTable
from smallcraft.pipeline.stages.prepare import read_splits
from smallcraft.records import Predictions

_NOBODY = Predictions((), np.empty(0, dtype=np.int64), np.empty((0, 0)))


def texts_of_rows(sources: Sources) -> Mapping[str, str]:
    """Id to what a person reads, of rows of train and of new ones that a campaign asked about.

    Raises:
        DataError: The data cannot be read.
    """
    config = sources.config()
    files = [
        *find_files(config.resolve(config.data.path)),
        *sources.label_folder.glob("*.rows.parquet"),
        config.folder / "smallcraft.toml",
    ]
    return sources.remember("texts of rows", stamp_of(files), lambda: _read_texts(config))


def _read_texts(config: Config) -> Mapping[str, str]:
    prepared = read_splits(config, SilentListener())
    train, roles = prepared.splits.frames["train"], prepared.table.roles
    frames = [train.select(held_columns(roles))]
    frames += [as_trained(new.frame, train, roles, source=new.source) for new in asked_rows(config)]
    texts: dict[str, str] = {}
    for frame in frames:
        items = tuple(row_items(frame, roles))
        texts |= LabelTable(items, frame, roles, _NOBODY, {}, ("",) * len(items)).texts()
    return texts
