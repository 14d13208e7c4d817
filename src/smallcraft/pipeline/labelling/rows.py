"""The rows that people can be asked about: those of train, and new ones from production or a file.

Leaves to others: what a row is known by (`pipeline.labelling.items`), where new rows come from
(`pipeline.labelling.sources`), what is asked (`label`).
Always: a row stands once, its copies beside it; no row of dev or cert is asked about.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from smallcraft.bundle.runtime import Bundle
from smallcraft.errors import InvalidInputError
from smallcraft.pipeline.columns import bundle_rows
from smallcraft.pipeline.labelling.items import as_trained, held_columns, inputs_of, row_items
from smallcraft.pipeline.stages.prepare import Prepared, positions_in
from smallcraft.pipeline.stages.quality import Judged
from smallcraft.records import Predictions, Roles

OWN = "train"


@dataclass(frozen=True)
class KeptAnswer:
    """An answer that was given in production, and the row it was given to was kept.

    Attributes:
        release: That gave it.
        item: Id of the kept row.
        start_s: Begin of its window.
        answer: What was answered; None where it was withheld.
        arm: Why the row was kept: `drifted`, `random`, `uncertain`.
        chance: Of being kept; 1 for rows that were picked.
    """

    release: str
    item: str
    start_s: int
    answer: str | None
    arm: str
    chance: float


@dataclass(frozen=True)
class NewRows:
    """Rows without a label.

    Attributes:
        source: Where from, in words: `alarm helpdesk@3/...`, `abstained`, `pool.csv`.
        frame: With the columns that a model reads; others of the data may stand beside them.
        kept: The `n` answers that they got in production; empty where nobody was asked.
    """

    source: str
    frame: pl.DataFrame
    kept: tuple[KeptAnswer | None, ...] = ()


@dataclass(frozen=True)
class LabelTable:
    """`n` rows that people can be asked about.

    Attributes:
        items: `n` ids, each once.
        frame: What a model reads of them, and groups, key and time, typed as in train.
        roles: Which column plays which part.
        seen: Answers of a model that had not seen the rows, beside the labels given (-1: none).
        copies: Id to the positions in the project's main file; none for new rows.
        sources: `n` names of where each row is from; `train` for rows of the main file.
        kept: Id to the answer that a new row got in production.
    """

    items: tuple[str, ...]
    frame: pl.DataFrame
    roles: Roles
    seen: Predictions
    copies: Mapping[str, tuple[int, ...]]
    sources: tuple[str, ...]
    kept: Mapping[str, KeptAnswer] = field(default_factory=dict)

    @property
    def place(self) -> Mapping[str, int]:
        """Id to position."""
        return {item: row for row, item in enumerate(self.items)}

    def texts(self) -> Mapping[str, str]:
        """Id to what a person reads: the text, then each feature on a line of its own."""
        names = self.roles.inputs
        columns = [self.frame[name].cast(pl.String).to_list() for name in names]
        shown = [
            "\n".join(
                value or ""
                if name == self.roles.text
                else f"{name}: {'(missing)' if value is None else value}"
                for name, value in zip(names, values, strict=True)
            )
            for values in zip(*columns, strict=True)
        ]
        return dict(zip(self.items, shown, strict=True))


def require_one_class(task: str) -> None:
    """Refuse rows that people cannot be asked one class of.

    Raises:
        InvalidInputError: Rows have more than one label, or a number.
    """
    if task != "multiclass":
        raise InvalidInputError(
            f"labelling asks for one class a row, but the task is {task}; label such rows elsewhere and add "
            "them to the data"
        )


def gather_rows(
    prepared: Prepared, judged: Judged, new: Sequence[NewRows] = (), *, bundle: Bundle | None = None
) -> LabelTable:
    """All rows that people can be asked about.

    Args:
        prepared: The project's splits.
        judged: Rows of train, judged out of fold.
        new: Rows without a label; one that stands in a split already is left out, as is one without a text.
        bundle: That says what it thinks of new rows; None where there are none.

    Raises:
        InvalidInputError: Rows have more than one label or a number; or new rows have nobody who judges them.
        DataError: A column of new rows holds something else.
    """
    roles = prepared.table.roles
    require_one_class(roles.task)
    if OWN not in judged.predictions:
        raise InvalidInputError(f"no model judged the rows of train: {judged.about}")
    frames = prepared.splits.frames
    parts = [_own_part(frames["train"], judged.predictions[OWN], roles)]
    known = {*parts[0].items, *_sealed_items(prepared)}
    for rows in new:
        part = _new_part(rows, frames["train"], roles, known=known)
        if part.items:
            part = replace(part, seen=_judged(part.frame, bundle, parts[0].seen.classes, rows.source))
            parts.append(part)
            known.update(part.items)
    return _joined(parts)


def _own_part(train: pl.DataFrame, seen: Predictions, roles: Roles) -> LabelTable:
    items, positions = row_items(train, roles), positions_in(train).tolist()
    copies: dict[str, list[int]] = {}
    for item, position in zip(items, positions, strict=True):
        copies.setdefault(item, []).append(position)
    first = _firsts(items)
    return LabelTable(
        tuple(items[row] for row in first),
        train[first].select(held_columns(roles)),
        roles,
        _take(seen, first),
        {item: tuple(found) for item, found in copies.items()},
        (OWN,) * len(first),
    )


def _new_part(rows: NewRows, train: pl.DataFrame, roles: Roles, *, known: Collection[str]) -> LabelTable:
    """New rows that are not known; nobody has judged them yet."""
    typed = as_trained(rows.frame, train, roles, source=rows.source)
    items = row_items(typed, roles)
    is_blank = _blank(typed, roles)
    fresh = [row for row in _firsts(items) if items[row] not in known and not is_blank[row]]
    kept = {items[row]: answer for row in fresh if rows.kept and (answer := rows.kept[row]) is not None}
    nobody = Predictions((), np.empty(0, dtype=np.int64), np.empty((0, 0)))
    names = tuple(items[row] for row in fresh)
    return LabelTable(names, typed[fresh], roles, nobody, {}, (rows.source,) * len(fresh), kept)


def _blank(frame: pl.DataFrame, roles: Roles) -> list[bool]:
    """Rows without a text, which nobody can read."""
    if roles.text is None:
        return [False] * frame.height
    return (frame[roles.text].fill_null("").str.strip_chars() == "").to_list()


def _sealed_items(prepared: Prepared) -> set[str]:
    """Rows of dev and cert: what measures a release must not be taught."""
    roles = prepared.table.roles
    return {item for name in ("dev", "cert") for item in row_items(inputs_of(prepared, name), roles)}


def _firsts(items: Sequence[str]) -> list[int]:
    """Positions of the first row of each id, in order."""
    found: dict[str, int] = {}
    for row, item in enumerate(items):
        found.setdefault(item, row)
    return list(found.values())


def _judged(frame: pl.DataFrame, bundle: Bundle | None, classes: tuple[str, ...], source: str) -> Predictions:
    """What a release says of new rows, in the order of today's classes; of a class that it lacks, nothing."""
    is_able = (
        bundle is not None and bundle.task == "multiclass" and set(bundle.spec.names) <= {*frame.columns}
    )
    if bundle is None or not is_able or not {*classes} & {*bundle.classes}:
        raise InvalidInputError(
            f"rows of {source} are ranked by what a release says of them, and there is none that reads these "
            "columns and knows these classes; run `smallcraft build` first"
        )
    told = np.asarray(bundle.predict_proba(bundle_rows(frame, bundle.spec, source=source)), np.float64)
    probs = np.zeros((frame.height, len(classes)))
    for code, name in enumerate(classes):
        if name in bundle.classes:
            probs[:, code] = told[:, bundle.classes.index(name)]
    total = probs.sum(axis=1, keepdims=True)
    probs = np.where(total > 0, probs / np.where(total > 0, total, 1.0), 1.0 / len(classes))
    return Predictions(classes, np.full(frame.height, -1, dtype=np.int64), probs)


def _take(predictions: Predictions, rows: Sequence[int]) -> Predictions:
    chosen = np.array(rows, dtype=np.int64)
    return Predictions(predictions.classes, predictions.truth[chosen], predictions.probs[chosen])


def _joined(parts: Sequence[LabelTable]) -> LabelTable:
    seen = Predictions(
        parts[0].seen.classes,
        np.concatenate([part.seen.truth for part in parts]),
        np.concatenate([part.seen.probs for part in parts]),
    )
    return LabelTable(
        tuple(item for part in parts for item in part.items),
        pl.concat([part.frame for part in parts]),
        parts[0].roles,
        seen,
        parts[0].copies,
        tuple(name for part in parts for name in part.sources),
        {item: answer for part in parts for item, answer in part.kept.items()},
    )
