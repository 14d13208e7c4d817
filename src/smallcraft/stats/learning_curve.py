"""A power law through losses at growing numbers of training rows, with what it says of more rows.

`loss(n) = a + b n^-c`, fitted to every draw of a bootstrap: the rows that judge are drawn again, and what the
draw of the training rows does is added as noise of the size that repeats show. The floor `a` is not known
well from few sizes, so it is averaged over as a share of the smallest loss, small shares being likelier
beforehand, and the points say how much each share explains.
Always: more rows never raise the fitted loss; an interval is wider the further it looks ahead.
Not covered: curves that fall in steps, and rows to come that are unlike those there are.

Source:
    Hestness et al. (2017), Deep learning scaling is predictable, empirically, section 2 (the law);
    Figueroa et al. (2012), Predicting sample size required for classification performance (the use).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError

Floats = NDArray[np.float64]

_DRAWS = 1000
# Even in the root of the share: low floors are likelier beforehand than high ones.
_SHARES = 0.95 * np.linspace(0.0, 1.0, 20) ** 2
_STEEPEST = 2.0
_ROWS_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class CurvePoint:
    """A loss that was measured, or one that is foretold.

    Attributes:
        rows: Training rows, at least 1.
        value: Mean loss.
        low: Lower end of its interval.
        high: Upper end of its interval.
    """

    rows: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class LearningCurve:
    """A fitted curve; each array has an entry a bootstrap draw.

    Attributes:
        floor: `(draws,)` loss that no number of rows gets below.
        factor: `(draws,)` at least 0.
        power: `(draws,)` at least 0.
        points: What was measured, smallest size first.
        last: `(draws,)` loss at the largest size.
        draw_spread: Standard deviation of the loss over draws of the training rows, at the largest size; None
            without repeats.
        row_spread: Standard deviation that the choice of judging rows leaves in the step to another size.
        noise: `(draws, 2)` standard draws of those spreads.
        level: Two-sided coverage of every interval.
    """

    floor: Floats
    factor: Floats
    power: Floats
    points: tuple[CurvePoint, ...]
    last: Floats
    draw_spread: float | None
    row_spread: float
    noise: Floats
    level: float

    def expect(self, rows: int) -> CurvePoint:
        """The loss to expect of that many training rows, whichever they are."""
        return self._point(rows, self._at(rows))

    def expect_measured(self, rows: int) -> CurvePoint:
        """The loss that one training on that many rows will have on these very judging rows.

        How hard the rows are is known by the largest size, so this is narrower than `expect`.
        """
        noise = self.noise @ np.array([self.draw_spread or 0.0, self.row_spread])
        return self._point(rows, self.points[-1].value + self._at(rows) - self.last + noise)

    def expect_gain(self, rows: int, more: int) -> CurvePoint:
        """How far the loss falls from `rows` to `more` training rows; never negative."""
        return self._point(more, self._at(rows) - self._at(more))

    def _at(self, rows: int) -> Floats:
        result: Floats = self.floor + self.factor * float(rows) ** -self.power
        return result

    def _point(self, rows: int, draws: Floats) -> CurvePoint:
        low, high = np.quantile(draws, [(1 - self.level) / 2, (1 + self.level) / 2])
        return CurvePoint(rows, float(np.median(draws)), float(low), float(high))


def fit_learning_curve(
    sizes: Sequence[int],
    losses: Sequence[Floats],
    *,
    rng: np.random.Generator,
    clusters: NDArray[np.int64] | None = None,
    level: float = 0.95,
    draws: int = _DRAWS,
) -> LearningCurve:
    """Fit the law to losses at two sizes or more.

    Args:
        sizes: Training rows of each point, rising, at least 2 points.
        losses: For each size `(repeats, rows)` float64, at least 0: the loss on each judging row after
            training on one draw of that many rows. The judging rows are the same throughout.
        rng: Draws the bootstrap.
        clusters: `(rows,)` int64, equal for rows that belong together; None when every row stands alone.
        level: Two-sided coverage as a fraction in (0, 1).
        draws: Of the bootstrap.

    Raises:
        InvalidInputError: A bound above does not hold.
    """
    _refuse_misfits(sizes, losses, level)
    means = np.concatenate(losses)
    weights_of = clusters if clusters is not None else np.arange(means.shape[1], dtype=np.int64)
    resampled = _resample(means, weights_of, draws, rng)
    repeats = np.array([len(found) for found in losses])
    starts = np.concatenate([[0], np.cumsum(repeats)[:-1]])
    relative, freedom = _relative_spread(losses)
    spreads = (relative or 0.0) * np.array([found.mean() for found in losses])
    noise = rng.standard_t(max(freedom, 1), size=(draws, len(sizes) + 1))
    at = np.add.reduceat(resampled, starts, axis=1) / repeats
    at = at + noise[:, :-1] * spreads / np.sqrt(repeats)
    least, steps = 0.5 / means.shape[1], _step_variances(losses)
    variances = spreads**2 / repeats + np.append(steps, steps[-1]) / 2 + least**2
    floor, factor, power = _fit_draws(np.array(sizes, float), np.maximum(at, least), variances, rng)
    ends = np.quantile(at, [(1 - level) / 2, (1 + level) / 2], axis=0)
    points = tuple(
        CurvePoint(size, float(found.mean()), max(float(low), 0.0), float(high))
        for size, found, low, high in zip(sizes, losses, *ends, strict=True)
    )
    both = np.stack([noise[:, -1], rng.normal(size=draws)], axis=1)
    last_spread = None if relative is None else float(spreads[-1])
    row_spread = float(np.sqrt(steps[-1]))
    return LearningCurve(floor, factor, power, points, at[:, -1], last_spread, row_spread, both, level)


def _refuse_misfits(sizes: Sequence[int], losses: Sequence[Floats], level: float) -> None:
    if not 0 < level < 1:
        raise InvalidInputError(f"level must be a fraction in (0, 1), got {level}; write 0.95 for 95%")
    if len(sizes) < 2 or len(sizes) != len(losses) or list(sizes) != sorted(set(sizes)) or sizes[0] < 1:
        raise InvalidInputError(
            f"a curve needs losses at two rising sizes or more, got sizes {list(sizes)} and {len(losses)} "
            "tables of losses; train on fewer rows as well"
        )
    shapes = {found.shape[1:] for found in losses}
    if len(shapes) > 1 or shapes == {(0,)} or any(len(found) == 0 for found in losses):
        raise InvalidInputError(
            f"every size must be judged on the same rows at least once, got {[f.shape for f in losses]}; "
            "judge each training on all rows"
        )
    if not all(np.isfinite(found).all() and (found >= 0).all() for found in losses):
        raise InvalidInputError("losses must be finite and at least 0; give 0 for right and 1 for wrong")


def _resample(losses: Floats, clusters: NDArray[np.int64], draws: int, rng: np.random.Generator) -> Floats:
    """`(draws, trainings)` mean losses over rows drawn again, whole clusters together."""
    _, place = np.unique(clusters, return_inverse=True)
    groups = int(place.max()) + 1
    sums = np.stack([np.bincount(place, row, minlength=groups) for row in losses], axis=1)
    sizes = np.bincount(place, minlength=groups).astype(np.float64)
    parts = []
    for start in range(0, draws, step := max(1, _ROWS_AT_ONCE // groups)):
        n = min(step, draws - start)
        times = rng.multinomial(groups, np.full(groups, 1 / groups), size=n).astype(np.float64)
        parts.append((times @ sums) / (times @ sizes)[:, None])
    return np.concatenate(parts)


def _relative_spread(losses: Sequence[Floats]) -> tuple[float | None, int]:
    """Standard deviation over repeats as a share of the loss, pooled over sizes; its degrees of freedom."""
    freedom = sum(len(found) - 1 for found in losses)
    if freedom == 0:
        return None, 0
    squares = 0.0
    for found in losses:
        means = found.mean(axis=1)
        squares += float(np.sum((means / (means.mean() or 1.0) - 1) ** 2)) if means.any() else 0.0
    return float(np.sqrt(squares / freedom)), freedom


def _step_variances(losses: Sequence[Floats]) -> Floats:
    """For each step from a size to the next the variance that the choice of judging rows leaves in it."""
    averages = [found.mean(axis=0) for found in losses]
    steps = [float(np.var(after - before)) for before, after in pairwise(averages)]
    return np.array(steps, dtype=np.float64) / float(losses[0].shape[1])


def _fit_draws(
    sizes: Floats, losses: Floats, variances: Floats, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    """Floor, factor and power of each draw: a floor share by how well it explains the draw's points."""
    floors = losses.min(axis=1)[:, None] * _SHARES  # (draws, shares)
    above = losses[:, None, :] - floors[:, :, None]
    weights = above**2 / variances  # of a logarithm, by the delta method
    x, y = np.log(sizes), np.log(above)
    total = weights.sum(axis=2)
    x_mean, y_mean = (weights * x).sum(axis=2) / total, (weights * y).sum(axis=2) / total
    across = x - x_mean[:, :, None]
    slope = (weights * across * (y - y_mean[:, :, None])).sum(axis=2) / (weights * across**2).sum(axis=2)
    power = np.clip(-slope, 0.0, _STEEPEST)
    factor = np.exp(y_mean + power * x_mean)
    fitted = floors[:, :, None] + factor[:, :, None] * sizes ** -power[:, :, None]
    misfit = ((losses[:, None, :] - fitted) ** 2 / variances).sum(axis=2)
    likely = np.exp(-(misfit - misfit.min(axis=1, keepdims=True)) / 2).cumsum(axis=1)
    chosen = (rng.random((len(losses), 1)) * likely[:, -1:] > likely).sum(axis=1)
    rows = np.arange(len(losses))
    return floors[rows, chosen], factor[rows, chosen], power[rows, chosen]
