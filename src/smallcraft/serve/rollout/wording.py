"""Numbers as people read them in a receipt: grouped, with as many digits as say something.

Always: a function of the number alone, so a replayed sentence is the same text.
"""

from __future__ import annotations


def number(value: float) -> str:
    """A count in full, anything else with three digits that say something.

    >>> number(15420), number(41.24), number(0.0123), number(812.0), number(1234567.8)
    ('15,420', '41.2', '0.0123', '812', '1,234,568')
    """
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def share(value: float) -> str:
    """A share as a percentage.

    >>> share(0.05), share(0.0125), share(1.0)
    ('5 %', '1.25 %', '100 %')
    """
    return f"{100.0 * value:.3g} %"


def milliseconds(seconds: float) -> str:
    """A latency.

    >>> milliseconds(0.00412), milliseconds(0.214), milliseconds(3.2)
    ('4.12 ms', '214 ms', '3,200 ms')
    """
    return f"{number(1000.0 * seconds)} ms"


def duration(seconds: float) -> str:
    """A time to wait, rounded up to what people plan by.

    >>> duration(12.3), duration(61), duration(3601), duration(90_000)
    ('13 s', '2 min', '1.1 h', '25 h')
    """
    if seconds <= 60:
        return f"{-(-seconds // 1):.0f} s"
    if seconds <= 3600:
        return f"{-(-seconds // 60):.0f} min"
    hours = -(-seconds // 360) / 10
    return f"{hours:.3g} h"
