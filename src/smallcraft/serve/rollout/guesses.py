"""What the tests of a rollout look for, and how much each guess is believed.

Measured, not derived: `docs/experiments.md` says what others cost. Whatever stands here, the tests stay
right; a regression that resembles none of the guesses is noticed later.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.stats.sequences.tilts import power_tilt, shift_tilt, step_tilt, stretch_tilt

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Guesses:
    """Alternatives to a null.

    Attributes:
        values: `(k,)` or `(k, bins)` float64.
        weights: `(k,)` float64, adding up to 1.
    """

    values: Floats
    weights: Floats


def _ratios(believed: dict[float, float]) -> Guesses:
    return Guesses(np.array([*believed]), np.array([*believed.values()]))


# How many times as frequent as the null allows.
MORE = _ratios({1.1: 0.02, 1.25: 0.04, 1.5: 0.1, 2.0: 0.24, 3.0: 0.32, 5.0: 0.18, 10.0: 0.1})
# Shares of answers move less than errors do.
COMMONER = _ratios({1.2: 0.3, 1.5: 0.3, 2.0: 0.2, 4.0: 0.2})
RARER = Guesses(1 / COMMONER.values, COMMONER.weights)
# To show that something is below a null that is twice what is expected, or much more.
LESS = _ratios({0.8: 0.1, 0.65: 0.2, 0.5: 0.4, 0.3: 0.2, 0.1: 0.1})
NOT_RARER = Guesses(1 / LESS.values, LESS.weights)

# (share of the slowest, factor, weight), (share, power of the value, weight), (share, times, weight), (times,
# weight). Steps stand closest together where a tail begins: beside the right place they notice half as much.
_SLOWER_STEPS = (
    *((0.5, 1.4, 0.05), (0.1, 2.0, 0.05), (0.05, 2.2, 0.08), (0.03, 2.2, 0.05)),
    *((0.025, 2.2, 0.1), (0.02, 2.4, 0.2), (0.015, 2.4, 0.05)),
)
_SLOWER_TAILS = ((0.01, 3.0, 0.08),)
_STRETCHED_TAILS = ((0.05, 1.43, 0.12), (0.02, 1.43, 0.05))
_SLOWER_ALL = ((1.08, 0.04), (1.2, 0.06), (1.4, 0.04), (1.9, 0.03))
# (share of the highest, factor, weight), (bins, weight).
_OTHER_STEPS = ((0.5, 1.5, 0.2), (0.25, 2.0, 0.15), (0.1, 3.0, 0.2), (0.05, 5.0, 0.15))
_OTHER_SHIFTS = ((1.0, 0.1), (2.0, 0.1), (4.0, 0.1))


def guess_slower(masses: Floats, *, ratio: float) -> Guesses:
    """Ways to be slower than latencies that were seen.

    Args:
        masses: `(bins,)` shares, adding up to 1.
        ratio: Of each edge to the one before.
    """

    def bins(times: float) -> float:
        return math.log(times) / math.log(ratio)

    tilts = [
        *((step_tilt(masses, slow, factor=factor), weight) for slow, factor, weight in _SLOWER_STEPS),
        *((power_tilt(masses, slow, growth=ratio**power), weight) for slow, power, weight in _SLOWER_TAILS),
        *((stretch_tilt(masses, slow, bins=bins(times)), weight) for slow, times, weight in _STRETCHED_TAILS),
        *((shift_tilt(masses, bins(times)), weight) for times, weight in _SLOWER_ALL),
    ]
    return _collect(tilts)


def guess_higher(masses: Floats) -> Guesses:
    """Ways to be higher than confidences that were seen.

    Args:
        masses: `(bins,)` shares, adding up to 1.
    """
    steps = [(step_tilt(masses, high, factor=factor), weight) for high, factor, weight in _OTHER_STEPS]
    shifts = [(shift_tilt(masses, bins), weight) for bins, weight in _OTHER_SHIFTS]
    return _collect([*steps, *shifts])


def _collect(tilts: list[tuple[Floats, float]]) -> Guesses:
    return Guesses(np.stack([tilt for tilt, _ in tilts]), np.array([weight for _, weight in tilts]))
