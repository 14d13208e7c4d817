"""A metric of the user's own, `module:function`, with a bootstrap interval over rows, or over clusters.

The function gets `(truth_labels, predicted_labels, probs, classes)`: two arrays of text, `(n, k)` float64 or
None where the model gives labels only, and the `k` names; it gives a number. It may have an attribute
`higher_is_better` (True where it has none).
Always: one seed, one interval; a function that raises, or gives no number, is refused; where it does so on
redrawn rows there is no interval, and that is said.
Source: Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 13 (percentile interval).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.harness.project_module import importable_from, load_function
from smallcraft.records import Interval, Measurement, Predictions
from smallcraft.stats.comparisons import Difference

DRAWS = 500


@dataclass(frozen=True)
class OwnMetric:
    """A function as a score.

    Attributes:
        name: As the user wrote it.
        function: As the module's header says.
        higher_is_better: Direction.
        folder: Stands on the path while it runs.
    """

    name: str
    function: Callable[..., Any]
    higher_is_better: bool = True
    folder: Path = Path()

    def measure(
        self, predictions: Predictions, *, confidence: float, seed: int, labels_only: bool = False
    ) -> Measurement:
        """Point and interval over all rows.

        Raises:
            InvalidInputError: The function raises, or gives no number.
        """
        ask = self._asker(predictions, labels_only=labels_only)
        value = self._value(ask, np.arange(len(predictions.truth)))
        drawn = np.array([_or_nan(ask, rows) for rows in _draws(predictions, seed)])
        lost = int(np.isnan(drawn).sum())
        unit = "rows" if predictions.clusters is None else "clusters"
        method = f"bootstrap of {unit} (percentile, {DRAWS} draws, seed {seed}) {confidence:.0%}"
        n = len(predictions.truth)
        if lost:
            why = f"no interval: the function gives no number on {lost} of {DRAWS} draws of the {unit}"
            return Measurement(self.name, value, "", n, method, detail=why)
        low, high = _bounds(drawn, confidence)
        return Measurement(
            self.name, value, "", n, method, low=min(low, value), high=max(high, value), level=confidence
        )

    def difference(
        self,
        first: Predictions,
        other: Predictions,
        *,
        level: float,
        seed: int,
        labels_only: tuple[bool, bool],
    ) -> Difference:
        """How much better the first is on the same rows, both redrawn together.

        The bounds are infinite where the function gives no number on some draw.

        Raises:
            InvalidInputError: The function raises, or gives no number.
        """
        sign = 1 if self.higher_is_better else -1
        asks = [
            self._asker(side, labels_only=only)
            for side, only in zip((first, other), labels_only, strict=True)
        ]
        every = np.arange(len(first.truth))
        value = sign * (self._value(asks[0], every) - self._value(asks[1], every))
        drawn = np.array(
            [sign * (_or_nan(asks[0], rows) - _or_nan(asks[1], rows)) for rows in _draws(first, seed)]
        )
        if np.isnan(drawn).any():
            return Difference(value, Interval(-math.inf, math.inf))
        low, high = _bounds(drawn, level)
        return Difference(value, Interval(min(low, value), max(high, value)))

    def _asker(self, predictions: Predictions, *, labels_only: bool) -> Callable[[NDArray[np.int64]], object]:
        names = np.array(predictions.classes)
        truth, predicted = names[predictions.truth], names[predictions.predicted]

        def ask(rows: NDArray[np.int64]) -> object:
            probs = None if labels_only else predictions.probs[rows]
            with importable_from(self.folder):
                return self.function(truth[rows], predicted[rows], probs, list(predictions.classes))

        return ask

    def _value(self, ask: Callable[[NDArray[np.int64]], object], rows: NDArray[np.int64]) -> float:
        try:
            given = ask(rows)
        except Exception as error:
            what = (str(error).strip() or "no message").splitlines()[0][:300]
            raise InvalidInputError(
                f"metric '{self.name}' raised {type(error).__name__}: {what}; it is called as "
                "function(truth_labels, predicted_labels, probs, classes), and probs is None where a model "
                "gives labels only"
            ) from error
        number = _number(given)
        if number is None:
            raise InvalidInputError(
                f"metric '{self.name}' must give a finite number, got {str(given)[:80]!r}"
            )
        return number


def load_metric(target: str, folder: Path) -> OwnMetric:
    """The metric that a `module:function` names.

    Raises:
        NotFoundError: There is no such module or function.
        InvalidInputError: The module fails, or the name is no function.
    """
    function = load_function(target, folder)
    return OwnMetric(target, function, bool(getattr(function, "higher_is_better", True)), folder)


def _number(given: object) -> float | None:
    if isinstance(given, np.generic | np.ndarray) and np.size(given) == 1:
        given = given.item()
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        return None
    return float(given)


def _or_nan(ask: Callable[[NDArray[np.int64]], object], rows: NDArray[np.int64]) -> float:
    try:
        number = _number(ask(rows))
    except Exception:  # noqa: BLE001 - a user's function may raise anything on rows it never saw together
        return math.nan
    return math.nan if number is None else number


def _draws(predictions: Predictions, seed: int) -> Iterator[NDArray[np.int64]]:
    """`DRAWS` times as many rows, or whole clusters of rows, as there are."""
    rng, n = np.random.default_rng(seed), len(predictions.truth)
    if predictions.clusters is None:
        for _ in range(DRAWS):
            yield rng.integers(0, n, size=n)
        return
    _, codes = np.unique(predictions.clusters, return_inverse=True)
    members = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
    for _ in range(DRAWS):
        yield np.concatenate([members[at] for at in rng.integers(0, len(members), size=len(members))])


def _bounds(drawn: NDArray[np.float64], level: float) -> tuple[float, float]:
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
