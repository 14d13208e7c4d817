"""What more labels would buy: a cheap rung's learning curve on a project's train rows, judged on dev.

Leaves to others: the trainings (`models.curve`), the law (`stats.learning_curve`), the picture
(`pipeline.learning_chart`).
Always: cert is not read; the law is also fitted without the last point, and what it then foretold stands
beside what was measured.
Not covered: dear rungs, which may make more of many rows than a cheap one does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.targets import encode_labels, known_rows
from smallcraft.errors import InvalidInputError
from smallcraft.models.curve import Judges, Trained, train_on_subsets
from smallcraft.models.ladder import lacks
from smallcraft.models.workshop import Workshop
from smallcraft.pipeline.columns import key_codes
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.events import Listener
from smallcraft.pipeline.stages.prepare import Prepared, prepare_data
from smallcraft.pipeline.stages.train import open_workshop, read_rows
from smallcraft.records import Task
from smallcraft.stats.learning_curve import CurvePoint, LearningCurve, fit_learning_curve

_AHEAD = (2, 4)
_FEWEST_POINTS = 3


@dataclass(frozen=True)
class Quality:
    """What a curve is drawn of.

    Attributes:
        name: Of the number.
        is_share_right: Whether it is 1 minus the mean loss; else it is the mean loss itself.
    """

    name: str
    is_share_right: bool

    def of(self, loss: CurvePoint) -> CurvePoint:
        """The loss as this quality."""
        if not self.is_share_right:
            return loss
        return CurvePoint(loss.rows, 1 - loss.value, 1 - loss.high, 1 - loss.low)


QUALITIES: Mapping[Task, Quality] = {
    "multiclass": Quality("accuracy", is_share_right=True),
    "multilabel": Quality("label_accuracy", is_share_right=True),
    "regression": Quality("absolute_error", is_share_right=False),
}


@dataclass(frozen=True)
class Learned:
    """A curve, and what it says.

    Attributes:
        rung: What was trained.
        quality: What was measured.
        judging_rows: Rows of dev that judged.
        trained: The trainings, smallest size first.
        curve: Through all of them.
        foretold: The loss at all rows, by the smaller sizes alone; None where those are fewer than two.
    """

    rung: str
    quality: Quality
    judging_rows: int
    trained: tuple[Trained, ...]
    curve: LearningCurve
    foretold: CurvePoint | None

    @property
    def rows(self) -> int:
        """All training rows."""
        return self.trained[-1].rows

    @property
    def points(self) -> tuple[CurvePoint, ...]:
        """Measured quality by rows."""
        return tuple(self.quality.of(point) for point in self.curve.points)

    @property
    def ahead(self) -> tuple[CurvePoint, ...]:
        """Quality to expect of more rows than there are."""
        return tuple(self.quality.of(self.curve.expect(self.rows * times)) for times in _AHEAD)

    @property
    def doubling(self) -> CurvePoint:
        """What twice the rows would buy; never negative, whichever way the quality points."""
        return self.curve.expect_gain(self.rows, 2 * self.rows)

    @property
    def has_held(self) -> bool | None:
        """Whether the quality at all rows lies where the smaller sizes foretold it; None without them."""
        if self.foretold is None:
            return None
        return self.foretold.low <= self.curve.points[-1].value <= self.foretold.high

    def as_json(self) -> dict[str, Any]:
        """For scripts; the schema is `docs/schemas/curve.json`."""
        curve = self.curve
        points = zip(self.points, self.trained, strict=True)
        return {
            "rung": self.rung,
            "quality": self.quality.name,
            "split": "dev",
            "judging_rows": self.judging_rows,
            "level": curve.level,
            "points": [
                {**asdict(point), "repeats": len(made.losses), "train_cpu_s": made.train_cpu_s}
                for point, made in points
            ],
            "ahead": [asdict(point) for point in self.ahead],
            "doubling": asdict(self.doubling),
            "foretold": self._foretold_json(),
            "law": {
                "floor": float(np.median(curve.floor)),
                "factor": float(np.median(curve.factor)),
                "power": float(np.median(curve.power)),
            },
            "draw_spread": curve.draw_spread,
        }

    def _foretold_json(self) -> dict[str, Any] | None:
        if self.foretold is None:
            return None
        told = asdict(self.quality.of(self.foretold))
        return {**told, "measured": self.points[-1].value, "has_held": self.has_held}


def draw_curve(config: Config, listener: Listener, *, rung: str | None = None, repeats: int = 3) -> Learned:
    """Train a rung on growing shares of the train rows and fit the law to its quality on dev.

    Args:
        config: The project.
        listener: Told as things happen.
        rung: Of one stage; None for the cheapest good one that the columns and the encoder allow.
        repeats: Draws of each share, at least 2: without them nothing is known of what a draw does.

    Raises:
        InvalidInputError: Too few repeats or rows, or a rung that lacks something or has several stages.
    """
    if repeats < 2:
        raise InvalidInputError(f"repeats must be 2 or more, got {repeats}; 3 is usual")
    prepared = prepare_data(config, listener)
    workshop = open_workshop(config, prepared.splits, progress=listener.progress)
    chosen = rung or cheap_rung(workshop)
    judges, clusters = _judges(prepared, workshop)
    listener.stage(f"training {chosen} on growing parts of {len(workshop.labels)} rows")
    trained = train_on_subsets(chosen, workshop, judges, repeats=repeats)
    level = config.quality.confidence
    foretold = None
    if len(trained) >= _FEWEST_POINTS:
        earlier = _fit(trained[:-1], clusters, level, config.seed)
        foretold = earlier.expect_measured(trained[-1].rows)
    curve = _fit(trained, clusters, level, config.seed)
    quality = QUALITIES[workshop.task]
    return Learned(chosen, quality, len(judges.labels), trained, curve, foretold)


def cheap_rung(workshop: Workshop) -> str:
    """The rung to draw a curve of where none is named."""
    lacking = lacks(workshop)
    if lacking["text"] is None:
        return "fast" if lacking["backbone"] is None else "ngram"
    return "trees"


def _judges(prepared: Prepared, workshop: Workshop) -> tuple[Judges, NDArray[np.int64] | None]:
    roles, dev = prepared.table.roles, prepared.splits.frames["dev"]
    labels = encode_labels(dev[roles.label], roles, workshop.classes)
    known = known_rows(labels, roles)
    rows = dev.filter(pl.Series(known))
    clusters = None if roles.key is None else key_codes(rows[roles.key])
    return Judges(read_rows(rows, workshop.spec, source="dev"), labels[known]), clusters


def _fit(
    trained: tuple[Trained, ...], clusters: NDArray[np.int64] | None, level: float, seed: int
) -> LearningCurve:
    return fit_learning_curve(
        [made.rows for made in trained],
        [made.losses for made in trained],
        rng=np.random.default_rng([seed, 8]),
        clusters=clusters,
        level=level,
    )
