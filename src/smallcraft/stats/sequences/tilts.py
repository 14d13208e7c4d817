"""How a new arm's values might be spread over bins, made from values seen before: what tests look for.

A *tilt* says how many times as frequent each bin would be. All tilts here rise from bin to bin and are laws
beside the one that was seen. They are guesses at what goes wrong; a bad guess costs time, never validity.
The last bin, for what has no value such as a time-out, is tilted at least as much as the one before.
Always: the same counts give the same tilts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

Floats = NDArray[np.float64]
# No tilt makes a bin rarer than this: one surprising value must not end a guess for good.
_RAREST = 0.05
# No tilt of a tail takes more of the whole than this, nor makes a bin this many times as frequent.
_LARGEST_TAIL = 0.8
_MOST_FREQUENT = 50.0
# Values' worth of even spread over the bins, so that none is impossible.
_SPREAD = 0.5
_KERNEL = np.exp(-0.5 * np.arange(-3.0, 4.0) ** 2)


def smooth_masses(counts: NDArray[np.int64]) -> Floats:
    """Shares of the bins, with the gaps between those that were met filled.

    Args:
        counts: `(bins,)`, at least 0; while nothing was met, all bins are alike.

    Returns:
        `(bins,)` above 0, adding up to 1.

    >>> import numpy as np
    >>> smooth_masses(np.array([0, 8, 0, 2, 0])).round(2).tolist()
    [0.21, 0.34, 0.25, 0.13, 0.06]
    """
    padded = np.pad(counts.astype(np.float64), len(_KERNEL) // 2)
    smooth = np.convolve(padded, _KERNEL / _KERNEL.sum(), mode="valid") + _SPREAD / len(counts)
    return np.asarray(smooth / smooth.sum())


def step_tilt(masses: Floats, slow: float, *, factor: float) -> Floats:
    """The slowest values so many times as frequent, the others rarer to match.

    Args:
        masses: `(bins,)` shares, adding up to 1.
        slow: Share of values that are slow, in (0, 1), to the nearest whole bin.
        factor: Above 1.

    Returns:
        `(bins,)`.

    >>> import numpy as np
    >>> step_tilt(np.array([0.5, 0.4, 0.1]), 0.1, factor=3.0).round(4).tolist()
    [0.7778, 0.7778, 3.0]
    """
    return _power(masses, slow, factor, 1.0)


def power_tilt(masses: Floats, slow: float, *, growth: float) -> Floats:
    """The slowest values the more frequent the slower they are, the others rarer to match.

    Args:
        masses: As of `step_tilt`.
        slow: As of `step_tilt`.
        growth: From each bin to the next, above 1.

    Returns:
        `(bins,)`.
    """
    return _power(masses, slow, growth, growth)


def shift_tilt(masses: Floats, bins: float) -> Floats:
    """All values larger by some bins, as far as that is a rise.

    Args:
        masses: As of `step_tilt`.
        bins: By how many; may be a fraction.

    Returns:
        `(bins,)`.

    >>> import numpy as np
    >>> shift_tilt(np.array([0.25, 0.5, 0.2, 0.05]), 0.5).round(3).tolist()
    [0.5, 0.75, 2.25, 2.25]
    """
    return _moved(masses, 0, bins)


def stretch_tilt(masses: Floats, slow: float, *, bins: float) -> Floats:
    """The slowest values larger by some bins, as far as that is a rise.

    Args:
        masses: As of `step_tilt`.
        slow: As of `step_tilt`.
        bins: As of `shift_tilt`.

    Returns:
        `(bins,)`.
    """
    return _moved(masses, _first_slow(masses, slow), bins)


def _moved(masses: Floats, begin: int, bins: float) -> Floats:
    edges = np.arange(len(masses))
    known = np.concatenate([[0.0], np.cumsum(masses[:-1])])
    # Cumulated shares of the part that stays, and of the part that moves.
    stays = np.minimum(known, known[begin])
    moved = stays + np.interp(edges - bins, edges, known - stays)
    moved[-1] = known[-1]
    ratios = isotonic_regression(np.diff(moved) / masses[:-1], weights=masses[:-1]).x
    return np.asarray(np.maximum(np.append(ratios, ratios[-1]), _RAREST))


def _power(masses: Floats, slow: float, first: float, growth: float) -> Floats:
    """A tail that is `first` times as frequent in its first bin, and `growth` times more in each next."""
    begin = _first_slow(masses, slow)
    tail = masses[begin:]
    added = np.minimum(first * growth ** np.arange(len(tail)), _MOST_FREQUENT) - 1
    room = max(0.0, _LARGEST_TAIL - float(tail.sum()))
    added *= min(1.0, room / float(tail @ added))
    below = 1 - float(tail @ added) / (1 - float(tail.sum()))
    return np.concatenate([np.full(begin, below), 1 + added])


def _first_slow(masses: Floats, slow: float) -> int:
    """The bin from which on about that share lies; never the first."""
    above = np.cumsum(masses[::-1])[::-1]
    return int(np.abs(above[1:] - slow).argmin()) + 1
