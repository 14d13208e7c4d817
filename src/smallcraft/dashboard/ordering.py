"""An order to the running server about a rollout, with a person's reason for the receipt.

Leaves to others: whether it may be given (`dashboard.access`), what comes of it (`serve.rollout`).
"""

from __future__ import annotations

from smallcraft.dashboard.asked import Asked
from smallcraft.dashboard.sources import Sources
from smallcraft.errors import InvalidInputError

ORDERS = ("freeze", "resume", "promote", "abort")
_LONGEST_REASON = 200


def order_rollout(sources: Sources, asked: Asked) -> str:
    """Give the order; the page of the rollout is what comes next.

    Raises:
        InvalidInputError: It is no order, or does not fit now.
        NotFoundError: No server runs, or it has no such rollout.
    """
    from smallcraft.pipeline import serving  # takes seconds to load

    rollout, order = asked.path["rollout"], asked.word("order")
    if order not in ORDERS:
        raise InvalidInputError(f"an order is one of {', '.join(ORDERS)}, got {order[:40]!r}")
    reason = asked.word("reason")[:_LONGEST_REASON]
    serving.order_rollout(sources.served, order, rollout=rollout, reason=reason)
    return f"/rollout/{rollout}"
