"""What can be changed from the pages, each a form's address and what it does; each leads back to a page.

Leaves to others: whether it may be done (`dashboard.access`), doing it (the stages below).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from smallcraft.dashboard.asked import Asked
from smallcraft.dashboard.closing import close_alarm
from smallcraft.dashboard.ordering import order_rollout
from smallcraft.dashboard.sources import Sources
from smallcraft.dashboard.voting import give_vote, settle


@dataclass(frozen=True)
class Action:
    """One change.

    Attributes:
        path: Where its form is sent, with parts in braces.
        do: Makes the change with the form's fields (`Asked.query`); gives the address to go on at.
    """

    path: str
    do: Callable[[Sources, Asked], str]


ACTIONS: Sequence[Action] = (
    Action("/rollout/{rollout}/order", order_rollout),
    Action("/drift/{alarm:path}/close", close_alarm),
    Action("/label/{campaign}/vote", give_vote),
    Action("/label/{campaign}/settle", settle),
)
