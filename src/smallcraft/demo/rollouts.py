"""The tour's rollouts: a release goes live on the loopback, under clients, until it is stable or taken back.

Always: the server, its plan and its rules are those of `smallcraft serve` and `smallcraft rollout`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from smallcraft.demo.clients import Answered, Clients
from smallcraft.demo.live_server import LiveServer
from smallcraft.errors import SmallcraftError
from smallcraft.pipeline.serving import begin_rollout
from smallcraft.serve.rollout.receipts import Receipt
from smallcraft.serve.rollout.replaying import replay
from smallcraft.serve.state.opening import find_receipts, find_rollout

_LOOK_S = 0.1
_LONGEST_S = 180.0


@dataclass(frozen=True)
class LiveRollout:
    """How a rollout went.

    Attributes:
        phase: `done`, `rolled_back` or `frozen`.
        receipts: Of each change, oldest first.
        answered: What the clients saw while it lasted.
        seconds: How long it lasted.
    """

    phase: str
    receipts: tuple[Receipt, ...]
    answered: Answered
    seconds: float

    @property
    def is_replayed(self) -> bool:
        """Whether each receipt, decided anew, has the same decision and numbers."""
        return all(replay(receipt).agrees for receipt in self.receipts)


def roll_out(
    server: LiveServer,
    release: str,
    texts: Sequence[str],
    *,
    tell: Callable[[Receipt], None],
    illness: Mapping[str, float] | None = None,
) -> LiveRollout:
    """Roll a release out under clients, until it ends.

    Args:
        server: What answers now.
        release: The new one, such as `tickets@2`.
        texts: What clients ask.
        tell: Called with each receipt when it is there.
        illness: What its workers suffer from, as `demo.ill_worker` says; None for nothing.

    Raises:
        SmallcraftError: It cannot begin, or is not decided in three minutes.
    """
    version = release.rpartition("@")[2]
    server.illness.write_text(json.dumps({version: illness or {}}), encoding="utf-8")
    begun = time.monotonic()
    with Clients("127.0.0.1", server.port, texts) as clients:
        rollout = begin_rollout(server.served, release)
        phase = _wait(server, rollout, until=begun + _LONGEST_S, tell=tell)
        answered = clients.so_far()
    receipts = find_receipts(server.served.state_of(rollout), rollout)
    return LiveRollout(phase, receipts, answered, time.monotonic() - begun)


def _wait(server: LiveServer, rollout: str, *, until: float, tell: Callable[[Receipt], None]) -> str:
    told = 0
    while time.monotonic() < until:
        # The phase first: its receipt is there when it is.
        found = find_rollout(server.served.state_of(rollout), rollout)
        receipts = find_receipts(server.served.state_of(rollout), rollout)
        for receipt in receipts[told:]:
            tell(receipt)
        told = len(receipts)
        if found.is_ended or found.phase == "frozen":
            return found.phase
        time.sleep(_LOOK_S)
    raise SmallcraftError(
        f"rollout {rollout} was not decided in {_LONGEST_S:g} s; see `smallcraft rollout status {rollout}`"
    )
