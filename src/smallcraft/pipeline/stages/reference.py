"""What production will be held against: a profile of rows the release did not learn, and what it promised.

1. rows of dev, with the answers of the winner that had not seen them, and the embeddings of what ships
2. words, and the map of embeddings, learned from rows of train
3. how often those answers were wrong, overall and for each group

Leaves to others: what is measured of rows (`data.profiles`), the guardrail (`observe`).
Always: nothing of the sealed split is in it; the same build gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from smallcraft.bundle.runtime import Bundle, open_bundle
from smallcraft.data.columns import code_text
from smallcraft.data.profiles.reference import make_reference
from smallcraft.data.profiles.reference_bytes import write_reference
from smallcraft.data.profiles.rows import Rows, check_names
from smallcraft.errors import InvalidInputError
from smallcraft.observe.windows import season_bucket
from smallcraft.pipeline.baseline import (
    BASELINE_FILE,
    REFERENCE_FILE,
    Baseline,
    make_baseline,
    write_baseline,
)
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.profiled_rows import answered_rows, plain_rows
from smallcraft.pipeline.stages.measure import Measured
from smallcraft.pipeline.stages.prepare import Prepared
from smallcraft.pipeline.stages.train import read_rows, text_memory
from smallcraft.pipeline.times import seconds_of
from smallcraft.pipeline.workspace import Workspace
from smallcraft.records import Label, Roles
from smallcraft.serve.windows.embeddings import embed

_MOST_ROWS = 5000
_MOST_LEARNED = 20_000
_MOST_EMBEDDED = 2000
_FEWEST_OF_A_PLACE = 30


def reference_files(
    config: Config, prepared: Prepared, *, winner: Measured, released: Measured
) -> Mapping[str, bytes]:
    """Path inside the release to bytes.

    Args:
        config: The project.
        prepared: Its splits.
        winner: As it was measured on dev, before it was trained on dev too.
        released: What ships.

    Returns:
        Nothing where a column has a name that profiles keep for themselves.
    """
    roles, frames = prepared.table.roles, prepared.splits.frames
    unseen, ships = (_opened(config, candidate) for candidate in (winner, released))
    if _has_reserved(unseen):
        return {}
    dev = _sample(frames["dev"], _MOST_ROWS, config.seed)
    with threadpool_limits(1):
        rows = answered_rows(unseen, dev, source="dev")
        if rows.embedding is not None and ships.digest != unseen.digest:
            rows = _embedded_by(ships, rows, dev)  # (1)
        train = _sample(frames["train"], _MOST_LEARNED, config.seed)
        taught = _learned_rows(ships, train, seed=config.seed)  # (2)
        buckets = _buckets(config, dev)
        reference = make_reference(
            rows,
            rng=np.random.default_rng([config.seed, 8]),
            learned_from=taught,
            buckets=buckets,
            season=None if buckets is None else config.watch.season_name,
        )
    files = {REFERENCE_FILE: write_reference(reference)}
    baseline = baseline_of(rows, dev, roles, classes=unseen.classes)  # (3)
    return files if baseline is None else files | {BASELINE_FILE: write_baseline(baseline)}


def baseline_of(rows: Rows, frame: pl.DataFrame, roles: Roles, *, classes: Sequence[str]) -> Baseline | None:
    """What answers beside the truth promise; None without an answer.

    Args:
        rows: With answers.
        frame: The same rows, with their labels and groups.
        roles: Which column plays which part.
        classes: Of the release.
    """
    assert rows.answers is not None
    return make_baseline(
        roles.task,
        rows.answers.labels,
        labels_of(frame[roles.label], roles),
        confidence=rows.answers.confidence,
        groups={name: code_text(frame[name]).to_list() for name in roles.groups if name in frame.columns},
        classes=classes,
    )


def labels_of(series: pl.Series, roles: Roles) -> list[Label]:
    """Given labels in the form of answers: text, a tuple of texts, or a number.

    Args:
        series: A label column in its one spelling (`data.targets`).
        roles: Says the task.
    """
    written = series.cast(pl.String).to_list()
    if roles.task == "regression":
        return [None if value is None else float(value) for value in written]
    if roles.task == "multilabel":
        parts = [None if value is None else value.split(roles.separator) for value in written]
        return [None if some is None else tuple(name for name in some if name) for some in parts]
    return list(written)


def _opened(config: Config, candidate: Measured) -> Bundle:
    """Its bundle, whose encoder does not run again what training ran: most of these texts."""
    assert candidate.attempt.bundle is not None
    return text_memory(Workspace(config.folder).cache).bind(open_bundle(candidate.attempt.bundle))


def _has_reserved(bundle: Bundle) -> bool:
    """Whether a column is named as what would be measured beside it: such a release is not watched."""
    try:
        check_names(bundle.spec.names, [bundle.spec.text] if bundle.spec.text else [])
    except InvalidInputError:
        return True
    return False


def _embedded_by(ships: Bundle, rows: Rows, dev: pl.DataFrame) -> Rows:
    """Rows with the embeddings of what ships, of those that had one."""
    assert rows.embedding is not None
    has_one = np.isfinite(rows.embedding).all(axis=1)
    return _with_embedding(rows, ships, dev, np.flatnonzero(has_one))


def _learned_rows(ships: Bundle, train: pl.DataFrame, *, seed: int) -> Rows:
    """Rows of train; an encoder is asked about some, also those that need no further stage."""
    rows = plain_rows(read_rows(train, ships.spec, source="train"), ships.spec)
    return _with_embedding(rows, ships, train, _places(train.height, _MOST_EMBEDDED, seed))


def _with_embedding(rows: Rows, ships: Bundle, frame: pl.DataFrame, places: NDArray[np.int64]) -> Rows:
    some = embed(ships, read_rows(frame[places], ships.spec, source="rows")) if len(places) else None
    if some is None:
        return rows
    embedding: NDArray[np.float32] = np.full((rows.n, some.shape[1]), np.nan, np.float32)
    embedding[places] = some
    return replace(rows, embedding=embedding)


def _sample(frame: pl.DataFrame, most: int, seed: int) -> pl.DataFrame:
    return frame[_places(frame.height, most, seed)]


def _places(n: int, most: int, seed: int) -> NDArray[np.int64]:
    """Of `n` rows at most so many, in order."""
    chosen = np.random.default_rng([seed, 9]).permutation(n)[:most]
    return np.sort(chosen).astype(np.int64)


def _buckets(config: Config, dev: pl.DataFrame) -> NDArray[np.int64] | None:
    """Place of each row in the season; None where there is none, or no times."""
    season, time = config.watch.season_name, config.data.time
    if season is None or time is None:
        return None
    seconds = seconds_of(dev[time])
    if seconds is None or np.isnan(seconds).any():
        return None
    return season_buckets(seconds, season)


def season_buckets(seconds: NDArray[np.float64], season: str) -> NDArray[np.int64] | None:
    """Place of each row in a season.

    Args:
        seconds: `(n,)` since 1970 UTC.
        season: Its name.

    Returns:
        None where a place would have too few rows to be a reference of its own: then all rows are one, and
        windows of a place are still compared with past ones of that place.
    """
    found = np.array([season_bucket(int(second), season) for second in seconds], dtype=np.int64)
    _, counts = np.unique(found, return_counts=True)
    return found if counts.min() >= _FEWEST_OF_A_PLACE else None
