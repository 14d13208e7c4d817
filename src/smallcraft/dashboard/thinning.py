"""Fewer points of a long line, of which every peak and every pit is one.

Always: the first and the last point stay; of each stretch the lowest and the highest do; order is kept.
"""

from __future__ import annotations

from collections.abc import Sequence

MOST = 400


def thin_out(values: Sequence[float | None], *, most: int = MOST) -> tuple[int, ...]:
    """Positions of the points to draw, in order.

    Args:
        values: Of the line, from left to right; None for a gap.
        most: How many points at most, 4 or more.

    >>> thin_out([0, 1, 0, 9, 0, 1, 0, -5, 0, 1], most=6)
    (0, 3, 7, 9)
    """
    n = len(values)
    if n <= most:
        return tuple(range(n))
    stretches = (most - 2) // 2
    kept = {0, n - 1}
    for stretch in range(stretches):
        first, end = stretch * n // stretches, (stretch + 1) * n // stretches
        known = [(value, place) for place in range(first, end) if (value := values[place]) is not None]
        if known:
            kept |= {min(known)[1], max(known)[1]}
        else:
            kept.add(first)
    return tuple(sorted(kept))
