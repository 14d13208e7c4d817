import numpy as np
import pytest

from smallcraft.serve.rollout.plan import RolloutPlan
from smallcraft.serve.simulation.argo import Argo
from smallcraft.serve.simulation.flagger import Flagger
from smallcraft.serve.simulation.kayenta import Kayenta
from smallcraft.serve.simulation.ours import Smallcraft
from smallcraft.serve.simulation.rules import ENDS, FROZEN, GOES_ON, PROMOTED, ROLLED_BACK, Service
from smallcraft.serve.simulation.scenarios import SCENARIOS
from smallcraft.serve.simulation.traffic import Traffic
from smallcraft.serve.simulation.world import World, draw_streams

RULES = [
    Smallcraft(RolloutPlan(), tick_s=20.0),
    Flagger("flagger"),
    Argo("argo"),
    Kayenta("kayenta", step_s=30.0, points=4),
]
SERVICE = Service(has_keys=False, classes=len(Traffic().classes), disagreement=0.05, escalation=None)


def test_ends_are_named_in_the_order_of_their_numbers():
    assert (ENDS[PROMOTED], ENDS[ROLLED_BACK], ENDS[FROZEN]) == ("promoted", "rolled_back", "frozen")
    assert GOES_ON not in range(len(ENDS))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_keeps_to_the_contract(rule):
    rollouts = 6
    world = World(Traffic(), SCENARIOS["errors"], streams=draw_streams(rollouts, 2), places=rule.places)
    run = rule.begin(rollouts, seed=4, service=SERVICE)
    for look in range(1, 6):
        orders = run.orders()
        assert orders.weights.shape == orders.places.shape == orders.settled.shape == (rollouts,)
        assert ((orders.weights >= 0) & (orders.weights <= 1)).all()
        assert (orders.places < rule.places).all()
        world.send(orders, seconds=rule.tick_s)
        moves = run.look(world.tally, now_s=look * rule.tick_s)
        assert set(moves.ended) <= {GOES_ON, PROMOTED, ROLLED_BACK, FROZEN}
        assert ((moves.causes >= 0) == (moves.ended == ROLLED_BACK)).all()
        assert (moves.causes < len(rule.causes)).all()
        if look == 3:
            rollouts = 4
            world.keep(np.arange(4))
            run.keep(np.arange(4))
