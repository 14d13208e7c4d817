"""Whether values of a new arm are larger than the old one's anywhere in their order, by counts in bins.

Hypothesis: the new arm's values are stochastically at most the old one's; no law, mean or moment is assumed.
A *tilt* says how many times as frequent each bin would be in the new arm; when it never falls from one bin
to the next, the likelihood ratio of "whose was this value" is at most 1 on average under the hypothesis.
Always: as `stats.sequences.event_ratios`, of which this is the form for many kinds of event in an order.
Left to others: which tilts to try (`stats.sequences.tilts`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.stats.sequences.event_ratios import require_share

Floats = NDArray[np.float64]


def order_log_ratios(counts: NDArray[np.int64], share: float, *, tilts: Floats) -> Floats:
    """Logarithms of likelihood ratios of how many values of each arm fell into each bin.

    Args:
        counts: `(..., 2, bins)`, of the old arm and of the new one; bins in rising order.
        share: Chance that a request was the new arm's, in (0, 1).
        tilts: `(k, bins)` above 0, none falling from a bin to the next.

    Returns:
        `(..., k)` natural logarithms.

    Raises:
        InvalidInputError: A bound above does not hold.

    >>> import numpy as np
    >>> counts = np.array([[40, 10], [3, 2]])
    >>> order_log_ratios(counts, 0.1, tilts=np.array([[0.75, 2.0]])).round(4).tolist()
    [0.4682]
    """
    require_share(share)
    if tilts.min() <= 0 or np.any(np.diff(tilts, axis=1) < 0):
        raise InvalidInputError(
            "tilts must be above 0 and never fall from a bin to the next; make them monotone first"
        )
    return np.asarray(
        counts[..., 1, :] @ np.log(tilts).T - counts.sum(axis=-2) @ np.log1p(share * (tilts - 1)).T
    )


def shorten(counts: NDArray[np.int64], bins: int) -> NDArray[np.int64]:
    """Counts of values each smaller by some bins, as a margin in favour of an arm asks for.

    The first bin takes what falls below it. The last one, for what has no value such as a time-out, stays.

    Args:
        counts: `(..., b)`.
        bins: By how many, at least 0 and below `b - 1`.

    >>> import numpy as np
    >>> shorten(np.array([1, 2, 3, 4, 5]), 2).tolist()
    [6, 4, 0, 0, 5]
    """
    last = counts.shape[-1] - 1
    assert 0 <= bins < last, (bins, last)
    first = counts[..., : bins + 1].sum(axis=-1, keepdims=True)
    emptied = np.zeros_like(counts[..., :bins])
    return np.concatenate([first, counts[..., bins + 1 : last], emptied, counts[..., last:]], axis=-1)


def raise_floor(counts: NDArray[np.int64], floor: int) -> NDArray[np.int64]:
    """Counts of values each of which is raised to a floor, below which they are all the same.

    Args:
        counts: `(..., b)`.
        floor: The bin that takes all below it.

    >>> import numpy as np
    >>> raise_floor(np.array([1, 2, 3, 4]), 2).tolist()
    [0, 0, 6, 4]
    """
    assert 0 <= floor < counts.shape[-1], floor
    first = counts[..., : floor + 1].sum(axis=-1, keepdims=True)
    return np.concatenate([np.zeros_like(counts[..., :floor]), first, counts[..., floor + 1 :]], axis=-1)


def count_above(counts: NDArray[np.int64], begin: int) -> NDArray[np.int64]:
    """How many values are in bins from `begin` on; the last one, for what has no value, left out.

    Args:
        counts: `(..., b)`.
        begin: A bin; past the last one there are none.

    >>> import numpy as np
    >>> count_above(np.array([1, 2, 3, 4]), 1).item()
    5
    """
    return np.asarray(counts[..., begin:-1].sum(axis=-1))
