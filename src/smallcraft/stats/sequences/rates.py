"""Whether something happens more often, or less often, than a rate that was promised.

Always: exponentiated, each ratio is at most 1 on average under its hypothesis, whenever one stops.
Not covered: what strikes for a while, whatever is served; where there is another arm to compare with,
`stats.sequences.event_ratios` is not moved by that.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError

Floats = NDArray[np.float64]


def rate_log_ratios(
    events: NDArray[np.int64], trials: NDArray[np.int64], *, null: float, alternatives: Floats
) -> Floats:
    """Logarithms of likelihood ratios of so many events in so many trials.

    Args:
        events: `(...,)` counts.
        trials: `(...,)` counts, no fewer.
        null: The rate promised, in (0, 1): an upper end when the alternatives are above it, else a lower one.
        alternatives: `(k,)` rates in (0, 1), all on one side of `null`.

    Returns:
        `(..., k)` natural logarithms.

    Raises:
        InvalidInputError: A bound above does not hold.

    >>> import numpy as np
    >>> rate_log_ratios(np.array(9), np.array(30), null=0.1, alternatives=np.array([0.3])).round(4).tolist()
    [4.6099]
    """
    if not (0 < null < 1 and alternatives.min() > 0 and alternatives.max() < 1):
        raise InvalidInputError(
            f"rates must be fractions in (0, 1), got {null:g} and {alternatives.tolist()}"
        )
    if not (alternatives.min() > null or alternatives.max() < null):
        raise InvalidInputError(
            f"alternatives must be all above or all below {null:g}, got {alternatives.tolist()}"
        )
    happened = np.log(alternatives / null)
    did_not = np.log1p(-alternatives) - np.log1p(-null)
    return np.asarray(events[..., None] * happened + (trials - events)[..., None] * did_not)
