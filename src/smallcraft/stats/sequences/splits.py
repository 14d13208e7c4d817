"""Whether each arm got the share of subjects that it was to get: the sample-ratio mismatch, at any time.

A mismatch says that something on the way loses requests of one arm, and then no other comparison is to be
trusted. The alternative to the planned share is any other, by a Beta law around it.
Always: exponentiated, at most 1 on average while subjects are dealt as planned, whenever one stops.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln

from smallcraft.stats.sequences.event_ratios import require_share

Floats = NDArray[np.float64]


def split_log_ratios(subjects: NDArray[np.int64], share: float, *, concentration: float) -> Floats:
    """Logarithm of how much better any share explains the split than the planned one.

    Args:
        subjects: `(..., 2)` counts, of the old arm and of the new one.
        share: Planned chance of the new arm, in (0, 1).
        concentration: Of the Beta law around it, in subjects; the larger, the smaller a mismatch it seeks.

    Returns:
        `(...,)` natural logarithms; of several steps, add them up.

    Raises:
        InvalidInputError: The share is not in (0, 1).

    Source:
        Lindon and Malek (2022), Anytime-valid inference for multinomial count data, NeurIPS 35.

    >>> import numpy as np
    >>> split_log_ratios(np.array([[950, 50], [900, 100]]), 0.05, concentration=100.0).round(2).tolist()
    [-1.21, 17.6]
    """
    require_share(share)
    new, old = subjects[..., 1], subjects[..., 0]
    a, b = concentration * share, concentration * (1 - share)
    planned = new * np.log(share) + old * np.log1p(-share)
    return np.asarray(betaln(a + new, b + old) - betaln(a, b) - planned)
