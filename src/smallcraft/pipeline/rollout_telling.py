"""Where rollouts stand, from the running server, or from what the last one wrote.

Leaves to others: the server's answer (`serve.processes.orders`), its file (`serve.state.opening`).
Always: what a stopped server wrote is told as such.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from smallcraft.errors import NotFoundError
from smallcraft.pipeline.serving import ServedProject
from smallcraft.serve.processes.admin import ask_server
from smallcraft.serve.rollout.phases import weigh_state
from smallcraft.serve.rollout.receipts import Receipt
from smallcraft.serve.rollout.standing import ENDED
from smallcraft.serve.rollout.status import RolloutStatus, tell_status
from smallcraft.serve.state.opening import find_receipts, find_rollout

_CODES = {"rolled_back": 2, "frozen": 3}


@dataclass(frozen=True)
class Told:
    """What is known of a server and of one rollout.

    Attributes:
        server: As the running server answers; None where none runs.
        rollout: The last one, or the one that was named, as plain values; None before the first.
        receipts: Of that rollout, oldest first.
    """

    server: Mapping[str, Any] | None
    rollout: Mapping[str, Any] | None
    receipts: tuple[Receipt, ...]

    @property
    def exit_code(self) -> int:
        """2 where it was rolled back, 3 where a person must decide, else 0."""
        return 0 if self.rollout is None else _CODES.get(str(self.rollout["phase"]), 0)

    def as_json(self) -> dict[str, Any]:
        """For scripts; its schema is `docs/schemas/rollout_status.json`, a model each."""
        return {
            "server": self.server,
            "rollout": self.rollout,
            "receipts": [f"{receipt.rollout}/{receipt.number}" for receipt in self.receipts],
        }


def tell_rollouts(served: ServedProject, rollout: str | None = None) -> Told:
    """What is known now.

    Args:
        served: The project.
        rollout: An id; None for the last one.

    Raises:
        NotFoundError: No server runs and none wrote a state; or there is no such rollout.
    """
    try:
        server: Mapping[str, Any] | None = ask_server(served.state, {"command": "status"})
    except NotFoundError:
        server = None
    live = _live(server, rollout)
    try:
        found = find_rollout(served.state_of(rollout or ""), rollout or "") if live is None else None
    except NotFoundError:
        if server is None or rollout is not None:
            raise
        return Told(server, None, ())
    form = live if found is None else _stored(served, found.id).to_form()
    assert form is not None
    return Told(server, form, find_receipts(served.state_of(form["id"]), form["id"]))


def _live(server: Mapping[str, Any] | None, rollout: str | None) -> Mapping[str, Any] | None:
    """The rollout as the server tells it, of several models one that is under way: it knows its traffic."""
    models = {} if server is None else server["models"]
    found = [model["rollout"] for model in models.values() if model["rollout"] is not None]
    named = [one for one in found if rollout in (None, one["id"])]
    under_way = [one for one in named if one["phase"] not in ENDED]
    return next(iter(under_way or named), None)


def _stored(served: ServedProject, rollout: str) -> RolloutStatus:
    folder = served.state_of(rollout)
    state, receipts = find_rollout(folder, rollout), find_receipts(folder, rollout)
    return tell_status(
        state,
        weigh_state(state),
        now=max(state.since_s, time.monotonic()),
        served_weight=0.0,
        requests_per_s=None,
        last_cause=receipts[-1].cause if receipts else "",
    )
