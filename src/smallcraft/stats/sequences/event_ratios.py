"""To which of two arms an event fell, given that it happened: a likelihood ratio that needs no rate.

Requests are dealt to arms by chance, the new arm with a known share. While the new arm's events are `r` times
as frequent as the old one's, an event is the new one's with chance `share * r / (share * r + 1 - share)`,
however frequent events are just then: what strikes both arms alike says nothing, and the share may change
with every request. Against "at most `null` times as frequent", ratios above `null` are alternatives; against
"at least `null` times", those below.
Always: exponentiated, each ratio is at most 1 on average under its hypothesis, whenever one stops; a function
of how many events each arm had, so order is immaterial and steps of other shares are added up.
Not covered: events that share their arm for another reason than chance, such as all those of one sender.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError

Floats = NDArray[np.float64]


def event_log_ratios(events: NDArray[np.int64], share: float, *, null: float, alternatives: Floats) -> Floats:
    """Logarithms of likelihood ratios of how many events fell to each arm.

    Args:
        events: `(..., 2)` counts, of the old arm and of the new one.
        share: Chance that a request was the new arm's, in (0, 1).
        null: How many times as frequent events of the new arm may be; above 0.
        alternatives: `(k,)` above 0, how many times as frequent they might be instead; all on one side of
            `null`.

    Returns:
        `(..., k)` natural logarithms.

    Raises:
        InvalidInputError: A bound above does not hold.

    Source:
        Lindon and Malek (2022), Anytime-valid inference for multinomial count data, NeurIPS 35; Lindon,
        Sanden and Shirikian (2022), Rapid regression detection in software deployments, KDD.

    >>> import numpy as np
    >>> event_log_ratios(np.array([4, 3]), 0.5, null=1.0, alternatives=np.array([2.0, 3.0])).round(4).tolist()
    [-0.7588, -1.5562]
    """
    require_share(share)
    if not (null > 0 and alternatives.min() > 0 and (alternatives.min() > null or alternatives.max() < null)):
        raise InvalidInputError(
            f"alternatives must be above 0, and all above or all below null = {null:g}; got {alternatives}"
        )
    fallen = np.log(alternatives / null)
    paid = np.log1p(share * (alternatives - 1)) - np.log1p(share * (null - 1))
    return np.asarray(events[..., 1, None] * fallen - events.sum(axis=-1)[..., None] * paid)


def require_share(share: float) -> None:
    """Refuse a chance that leaves one of the arms without requests.

    Raises:
        InvalidInputError: It is not in (0, 1).
    """
    if not 0 < share < 1:
        raise InvalidInputError(
            f"share must be a fraction in (0, 1), got {share:g}; an arm without requests shows nothing"
        )
