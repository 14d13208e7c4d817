from dataclasses import replace

import numpy as np
import pytest
from tests.serve.rolling import CANARY, SALT, STABLE, moment, shipment

from smallcraft.serve.controller import Controller
from smallcraft.serve.rollout.counts import (
    CONFIDENCE_BINS,
    LATENCY_BINS,
    ArmCounts,
    FirstRequests,
    no_counts,
)
from smallcraft.serve.rollout.phases import decide, enter, weigh_state
from smallcraft.serve.rollout.plan import RolloutPlan
from smallcraft.serve.rollout.starting import Declared, begin_rollout
from smallcraft.serve.simulation.ours import Smallcraft
from smallcraft.serve.simulation.rules import FROZEN, GOES_ON, PROMOTED, ROLLED_BACK, Service
from smallcraft.serve.simulation.scenarios import SCENARIOS
from smallcraft.serve.simulation.traffic import Traffic
from smallcraft.serve.simulation.world import World, draw_streams
from smallcraft.serve.state.opening import find_receipts

# Soon over: more traffic, less to be seen.
TRAFFIC = Traffic(requests_s=400.0, escalation=0.1)
PLAN = RolloutPlan(
    stages=(0.1, 0.4),
    mature_requests=(100, 400),
    dwell_s=3.0,
    watch_requests=800,
    baseline_requests=500,
)
TICK_S = 1.0
ENDED = {"done": PROMOTED, "rolled_back": ROLLED_BACK, "frozen": FROZEN}


def service(scenario):
    return Service(
        has_keys=scenario.keys is not None,
        classes=len(TRAFFIC.classes),
        disagreement=0.05,
        escalation=TRAFFIC.escalation,
    )


def begun():
    """A rollout of the server as it is begun."""
    declared = Declared(
        classes=tuple(f"class {place}" for place in range(len(TRAFFIC.classes))),
        disagreement=0.05,
        escalation=TRAFFIC.escalation,
        stable_escalation=TRAFFIC.escalation,
    )
    return begin_rollout(STABLE, CANARY, PLAN, declared, salt=SALT), declared


def in_shadow():
    """The same, loaded."""
    state = begun()[0].with_health(is_loaded=True)
    return enter(state, decide(state, None, now=0.0), now=0.0)


def counted(tally, place):
    """What was counted of the first rollout in one step."""
    names = vars(no_counts(len(TRAFFIC.classes)))
    return ArmCounts(**{name: getattr(tally, name)[0, place].copy() for name in names})


def seen_by_routers(state, tally, *, has_keys):
    """The same with what was counted in its present step."""
    counts, nothing = counted(tally, state.step), no_counts(len(TRAFFIC.classes))
    step = replace(
        state.steps[-1], counts=nothing if has_keys else counts, keyed=counts if has_keys else nothing
    )
    return replace(state, steps=(*state.steps[:-1], step))


def logs(evidence):
    """Every logarithm of an e-value, by name."""
    found = {"combined": evidence.combined, "mismatch": evidence.mismatch}
    for kind in ("guardrails", "parts"):
        for name, weighed in getattr(evidence, kind).items():
            if weighed is not None:
                found[f"{kind} {name} against"] = weighed.against
                found[f"{kind} {name} for"] = weighed.non_inferior
    return {name: float(np.ravel(value)[0]) for name, value in found.items()}


def simulated(name, seed):
    """One rollout of the simulation, and the world it is in."""
    scenario = SCENARIOS[name]
    rule = Smallcraft(PLAN, tick_s=TICK_S)
    world = World(TRAFFIC, scenario, streams=draw_streams(1, seed), places=rule.places)
    return world, rule.begin(1, seed=0, service=service(scenario))


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    "name", ["fine", "sticky", "sticky_errors", "slow_tail", "late_errors", "other_answers"]
)
def test_the_simulation_weighs_and_decides_as_the_server_does_look_by_look(name, seed):
    (world, run), state, has_keys = simulated(name, seed), in_shadow(), name.startswith("sticky")
    for look in range(1, 90):
        orders = run.orders()
        assert (state.step, state.weight) == (orders.places[0], orders.weights[0])
        assert state.settled_below == orders.settled[0]
        world.send(orders, seconds=TICK_S)
        state = seen_by_routers(state, world.tally, has_keys=has_keys)
        evidence = weigh_state(state)
        weighed = run._weigh(world.tally, np.array([0]), int(orders.places[0]))
        assert logs(weighed) == pytest.approx(logs(evidence), rel=1e-9, abs=1e-9)
        moves = run.look(world.tally, now_s=look * TICK_S)
        decision = decide(state, evidence, now=look * TICK_S)
        if decision is not None:
            state = enter(state, decision, now=look * TICK_S)
        assert moves.ended[0] == ENDED.get(state.phase, GOES_ON)
        if state.phase in ENDED:
            break
    assert state.step > 0
    assert len(logs(evidence)) > 10


def as_shipped(more, assigned, sequence, *, has_keys):
    """What a router ships of these counts; keys are made up, each sends once, a few fail."""
    nothing = no_counts(len(TRAFFIC.classes))
    if not has_keys:
        return shipment(assigned, sequence, seen=more, traffic=())
    columns = {name: [] for name in ("arm", "latency", "answer", "confidence", "escalated", "disagreed")}
    for arm, n in enumerate(more.subjects.tolist()):
        escalated = np.arange(more.rows[arm]) < more.escalated[arm]
        disagreed = np.arange(more.compared if arm == 0 else 0) < more.disagreed
        columns["arm"] += [arm] * n
        for name, found in (
            ("latency", np.repeat(np.arange(LATENCY_BINS), more.latency[arm])),
            ("answer", np.repeat(np.arange(len(TRAFFIC.classes) + 1), more.classes[arm])),
            ("confidence", np.repeat(np.arange(CONFIDENCE_BINS), more.confidence[arm])),
            ("escalated", escalated),
            ("disagreed", disagreed),
        ):
            columns[name] += [*found.astype(int).tolist(), *[-1] * (n - len(found))]
    # No two looks make up the same key.
    keys = sequence * 10**6 + np.arange(int(more.subjects.sum()), dtype=np.uint64)
    failed = np.split(sequence * 10**6 + np.arange(int(more.errors.sum()), dtype=np.uint64), more.errors[:1])
    met = FirstRequests(keys, **{name: np.array(values, dtype=int) for name, values in columns.items()})
    shipped = shipment(assigned, sequence, seen=nothing, met=met, failed=failed, traffic=())
    return replace(shipped, steps=(replace(shipped.steps[0], keyed_requests=more.requests),))


@pytest.mark.parametrize("name", ["fine", "sticky", "errors", "slow_tail"])
def test_a_server_that_is_shipped_the_same_counts_moves_at_the_same_looks(tmp_path, name):
    (world, run), controller = simulated(name, 4), Controller(tmp_path, stable=STABLE, now=0.0)
    controller.start(CANARY, PLAN, begun()[1], salt=SALT, at=moment(0.0))
    controller.report_loaded(CANARY.digest)
    controller.tick(moment(0.0))
    before = no_counts(len(TRAFFIC.classes))
    moved = []
    try:
        for look in range(1, 90):
            orders, assigned = run.orders(), controller.assignment()
            assert (assigned.weight, assigned.settled_below) == (orders.weights[0], orders.settled[0])
            assert assigned.is_shadow == orders.is_shadow[0]
            world.send(orders, seconds=TICK_S)
            seen = counted(world.tally, assigned.step)
            more = ArmCounts(*(getattr(seen, part) - getattr(before, part) for part in vars(seen)))
            controller.ship(as_shipped(more, assigned, look, has_keys=name == "sticky"))
            weighed = run._weigh(world.tally, np.array([0]), assigned.step)
            moves = run.look(world.tally, now_s=look * TICK_S)
            controller.tick(moment(look * TICK_S))
            is_over = moves.ended[0] != GOES_ON
            if is_over or run.orders().places[0] != assigned.step:
                moved.append((look * TICK_S, logs(weighed)["combined"]))
            before = (
                no_counts(len(TRAFFIC.classes)) if controller.assignment().step != assigned.step else seen
            )
            assert moves.ended[0] == ENDED.get(controller.state.phase, GOES_ON)
            if is_over:
                break
    finally:
        controller.close()
    told = [
        receipt.form
        for receipt in find_receipts(tmp_path)
        if receipt.form["rule"] not in ("started", "loaded")
    ]
    assert len(moved) >= (4 if name in ("fine", "sticky") else 2)
    assert [form["now_s"] for form in told] == [now_s for now_s, _ in moved]
    stated = [form["evidence"]["combined"] for form in told]
    assert stated == pytest.approx([log for _, log in moved], rel=1e-9, abs=1e-9)


def test_rollouts_in_different_steps_are_weighed_apart_and_kept_ones_stay_as_they_were():
    rule = Smallcraft(PLAN, tick_s=TICK_S)
    runs = [rule.begin(6, seed=0, service=service(SCENARIOS["fine"])) for _ in range(2)]
    worlds = [
        World(TRAFFIC, SCENARIOS["fine"], streams=draw_streams(6, 9), places=rule.places) for _ in range(2)
    ]
    for look in range(1, 30):
        for world, run in zip(worlds, runs, strict=True):
            world.send(run.orders(), seconds=TICK_S)
            run.look(world.tally, now_s=look * TICK_S)
        if look == 8:
            assert len(set(runs[0].orders().places)) > 1 or runs[0].orders().places.min() > 0
            worlds[1].keep(np.array([1, 4]))
            runs[1].keep(np.array([1, 4]))
    assert runs[0].orders().places[[1, 4]].tolist() == runs[1].orders().places.tolist()
    assert worlds[0].tally.requests[[1, 4]].tolist() == worlds[1].tally.requests.tolist()


def test_a_rollback_is_put_down_to_the_guardrail_that_says_most():
    rule = Smallcraft(PLAN, tick_s=TICK_S)
    for name, guardrail in {"errors": "errors", "slow": "latency", "other_answers": "drift"}.items():
        world = World(TRAFFIC, SCENARIOS[name], streams=draw_streams(8, 2), places=rule.places)
        run, causes = rule.begin(8, seed=0, service=service(SCENARIOS[name])), []
        for look in range(1, 60):
            world.send(run.orders(), seconds=TICK_S)
            moves = run.look(world.tally, now_s=look * TICK_S)
            causes += moves.causes[moves.ended == ROLLED_BACK].tolist()
        assert np.bincount(causes).argmax() == rule.causes.index(guardrail), name
