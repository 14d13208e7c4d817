"""How good a bundle's decisions are: how much it answers, how often it errs there, how large its sets are.

Made where a bundle does more than give the most probable label, so that gates can be declared on them.
Always: an error is counted among answered rows only; a node of a tree is right where the true label is it or
below it; what the budget was fitted on stands as of the training rows, judged out of fold.
Left to others: labels and numbers a row (`evaluate.tags`, `evaluate.values`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.decoders.abstain import Abstain
from smallcraft.bundle.decoders.argmax import Argmax
from smallcraft.bundle.decoders.decider import Decider
from smallcraft.bundle.decoders.hierarchical import Hierarchical, tree_of
from smallcraft.evaluate.measuring.estimates import Counted, Place, count_share, measure_share
from smallcraft.records import Decisions, Measurement, Predictions
from smallcraft.stats.intervals import mean_interval

ANSWERED_SHARE, ANSWERED_ERROR = "answered_share", "answered_error"
SET_COVERAGE, SET_SIZE = "set_coverage", "set_size"
FITTED_ON = "train"


def measure_decisions(
    decider: Decider, predictions: Predictions, *, split: str, confidence: float
) -> tuple[Measurement, ...]:
    """What a bundle's decisions are worth on labelled rows.

    Args:
        decider: The bundle's.
        predictions: Its probabilities beside the truth, at least one row.
        split: Of these rows.
        confidence: Coverage of each interval.

    Returns:
        Shares and errors of answers, and of sets where it gives any; nothing for the most probable label
        always, which the scores measure.
    """
    if isinstance(decider, Argmax):
        return ()
    found = decider.decide(predictions.probs, predictions.classes)
    place = Place("all", split, confidence)
    answered = ~found.abstained
    clusters = predictions.clusters
    measured = [
        measure_share(ANSWERED_SHARE, count_share(answered, confidence=confidence, clusters=clusters), place),
        measure_share(
            ANSWERED_ERROR,
            count_share(
                ~are_right(decider, found, predictions)[answered],
                confidence=confidence,
                clusters=None if clusters is None else clusters[answered],
            ),
            place,
            why="answered rows",
        ),
    ]
    return (*measured, *_measure_sets(found, predictions, place), *_measure_promise(decider, confidence))


def are_right(decider: Decider, found: Decisions, predictions: Predictions) -> NDArray[np.bool_]:
    """`(n,)` True where the answer is the true label, or a node above it; False where there is none."""
    classes, truth = predictions.classes, predictions.truth
    names = np.array([*classes, None], dtype=np.object_)[truth]
    if not isinstance(decider, Hierarchical):
        return np.array(
            [label is not None and label == name for label, name in zip(found.labels, names, strict=True)]
        )
    tree = tree_of(tuple(classes), decider.separator, decider.parents)
    return np.array(
        [
            label is not None and code >= 0 and bool(tree.holds[code, tree.nodes.index(str(label))])
            for label, code in zip(found.labels, truth.tolist(), strict=True)
        ]
    )


def _measure_sets(found: Decisions, predictions: Predictions, place: Place) -> tuple[Measurement, ...]:
    if found.sets is None:
        return ()
    classes = predictions.classes
    covered = np.array(
        [
            code >= 0 and classes[code] in names
            for names, code in zip(found.sets, predictions.truth, strict=True)
        ]
    )
    sizes = np.array([len(names) for names in found.sets], dtype=np.float64)
    interval = mean_interval(sizes, level=place.confidence, clusters=predictions.clusters)
    return (
        measure_share(
            SET_COVERAGE,
            count_share(covered, confidence=place.confidence, clusters=predictions.clusters),
            place,
        ),
        Measurement(
            SET_SIZE,
            float(sizes.mean()),
            "labels",
            len(sizes),
            f"mean, Student's t interval {place.confidence:.0%}",
            low=None if interval is None else interval.low,
            high=None if interval is None else interval.high,
            split=place.split,
            slice=place.slice,
            level=place.confidence,
        ),
    )


def _measure_promise(decider: Decider, confidence: float) -> tuple[Measurement, ...]:
    """The errors that the threshold was fitted on: each row judged by a model that did not see it."""
    if not isinstance(decider, Abstain | Hierarchical) or not decider.promise:
        return ()
    errors, answered = decider.promise["errors"], decider.promise["answered"]
    counted = Counted(float(errors), float(answered), answered)
    return (measure_share(ANSWERED_ERROR, counted, Place("all", FITTED_ON, confidence), why="answered rows"),)
