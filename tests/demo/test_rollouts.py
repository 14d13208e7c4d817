from __future__ import annotations

from types import SimpleNamespace

import pytest

from smallcraft.demo import rollouts
from smallcraft.demo.clients import Answered
from smallcraft.demo.rollouts import LiveRollout
from smallcraft.errors import SmallcraftError


@pytest.mark.parametrize(("agree", "expected"), [([True, True], True), ([True, False], False), ([], True)])
def test_a_rollout_is_replayed_when_every_receipt_is_decided_the_same_anew(agree, expected, monkeypatch):
    monkeypatch.setattr(rollouts, "replay", lambda receipt: SimpleNamespace(agrees=receipt))
    assert LiveRollout("done", tuple(agree), Answered({}, 0), 1.0).is_replayed is expected


def test_a_rollout_that_nothing_decides_is_given_up_with_where_to_look(monkeypatch):
    under_way = SimpleNamespace(is_ended=False, phase="canary")
    monkeypatch.setattr(rollouts, "find_rollout", lambda folder, rollout: under_way)
    server = SimpleNamespace(served=SimpleNamespace(state_of=lambda rollout: rollout))
    with pytest.raises(SmallcraftError, match="smallcraft rollout status r7"):
        rollouts._wait(server, "r7", until=0.0, tell=print)
