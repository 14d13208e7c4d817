"""Shipments into counts: each once, each key once a step, nothing of other rollouts."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.serve.rolling import (
    CANARY,
    OTHER,
    STABLE,
    at_last_stage,
    counts,
    firsts,
    in_canary,
    in_shadow,
    replies,
    shipment,
)

from smallcraft.errors import InvalidInputError
from smallcraft.serve.rollout.assignment import assign
from smallcraft.serve.rollout.standing import merged, requests_of
from smallcraft.serve.state import counting
from smallcraft.serve.state.counting import check_shipment, count_shipments
from smallcraft.serve.state.database import connect
from smallcraft.serve.state.store import StateStore, take_lease


@pytest.fixture
def store(tmp_path):
    with contextlib.closing(connect(tmp_path / "state.db", is_new=True)) as database:
        yield StateStore(database, epoch=take_lease(database))


def told(state):
    return assign(state, stable=STABLE, epoch=1)


def count(store, state, *shipments):
    return store.write(lambda writing: count_shipments(state, shipments, writing)).value


def test_counts_are_added_to_the_step_they_were_seen_in(store):
    state = at_last_stage()
    late = shipment(replace(told(state), step=1), 1, seen=counts(stable=9, canary=1))
    now = shipment(told(state), 2, seen=counts(stable=5, canary=5))
    counted = count(store, state, late, now)
    assert requests_of(counted.state.steps[1]) == (270 + 9, 30 + 1)
    assert requests_of(counted.state.steps[2]) == (5, 5)
    assert counted.steps == {1, 2}


def test_a_shipment_that_comes_twice_counts_once(store):
    state = in_canary()
    sent = shipment(told(state), 1, seen=counts(stable=9, canary=1))
    once = count(store, state, sent, sent).state
    twice = count(store, once, sent)
    assert requests_of(twice.state.steps[1]) == (9, 1)
    assert twice.steps == set()


@pytest.mark.parametrize("assigned", [{"rollout": ""}, {"rollout": "another"}, {"step": 9}], ids=str)
def test_what_belongs_elsewhere_is_left_out_but_known_as_counted(store, assigned):
    state = in_canary()
    sent = shipment(replace(told(state), **assigned), 1, seen=counts(stable=9))
    counted = count(store, state, sent)
    assert (requests_of(counted.state.steps[1]), counted.steps) == ((0, 0), set())
    again = shipment(told(state), 1, seen=counts(stable=9))
    assert requests_of(count(store, state, again).state.steps[1]) == (0, 0)


def test_a_key_that_two_routers_met_and_saw_fail_counts_once(store):
    state = in_canary()
    one = shipment(told(state), 1, met=firsts([1, 2], arm=0), failed=([1], []))
    two = shipment(told(state), 1, router="router-2", met=firsts([2, 3], arm=0), failed=([1, 3], []))
    seen = count(store, state, one, two).state.steps[1]
    assert seen.keyed.subjects.tolist() == [3, 0]
    assert seen.keyed.errors.tolist() == [2, 0]
    assert seen.keyed.rows.tolist() == [3, 0]
    # All requests of keys count for maturity.
    assert seen.keyed.requests.tolist() == [4, 0]


def test_a_key_counts_again_in_the_next_step(store):
    state = at_last_stage()
    earlier = shipment(replace(told(state), step=1), 1, met=firsts([1], arm=0), failed=([1], []))
    later = shipment(told(state), 2, met=firsts([1], arm=1), failed=([], [1]))
    counted = count(store, state, earlier, later).state
    assert [step.keyed.errors.tolist() for step in counted.steps[1:]] == [[1, 0], [0, 1]]


def test_beyond_the_most_keys_none_is_counted_of_either_arm(store, monkeypatch):
    monkeypatch.setattr(counting, "MOST_KEYS", 3)
    state = in_canary()
    first = shipment(told(state), 1, met=firsts([1, 2], arm=0), failed=([1, 2], []))
    state = count(store, state, first).state
    second = shipment(told(state), 2, met=firsts([3, 4, 5], arm=1), failed=([], [3, 4, 5]))
    seen = count(store, state, second).state.steps[1].keyed
    assert (seen.subjects.tolist(), seen.errors.tolist()) == ([2, 1], [2, 1])


def test_another_number_of_classes_is_refused_before_it_is_counted():
    state = in_canary()
    with pytest.raises(InvalidInputError, match="another stable release"):
        check_shipment(shipment(told(state), 1, seen=counts(classes=9)), state)
    check_shipment(shipment(replace(told(state), rollout=""), 1, seen=counts(classes=9)), state)
    check_shipment(shipment(told(state), 1), None)


def test_unanswered_requests_count_until_the_new_release_answers_once(store):
    state = in_canary()

    def sent(sequence, *, answered, failed, stable=0, release=CANARY):
        parts = (
            replies("stable", STABLE, {200: stable}),
            replies("canary", release, {200: answered, 400: 7}, failures=failed),
        )
        return shipment(told(state), sequence, traffic=parts)

    first = count(store, state, sent(1, answered=0, failed=3, stable=2)).state
    assert (first.health.unanswered, first.health.answered, first.health.stable_answered) == (3, 0, 2)
    others = count(store, first, sent(2, answered=0, failed=9, release=OTHER)).state
    assert others.health.unanswered == 3
    better = count(store, others, sent(3, answered=1, failed=1)).state
    assert (better.health.answered, better.health.unanswered) == (1, 4)
    assert count(store, better, sent(4, answered=0, failed=50)).state.health == better.health


def test_what_fails_in_shadow_is_nobodys_loss(store):
    state = in_shadow()
    parts = (replies("canary", CANARY, {}, failures=9),)
    assert count(store, state, shipment(told(state), 1, traffic=parts)).state.health.unanswered == 0


@settings(max_examples=20)
@given(data=st.data())
def test_any_order_and_any_repetition_gives_the_same_counts(tmp_path_factory, data):
    state = in_canary()
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    sent = []
    for router in ("a", "b"):
        for sequence in (1, 2, 3):
            keys = rng.integers(0, 12, 4).astype(np.uint64).tolist()
            arms = [[key for key in keys if key % 2 == arm] for arm in (0, 1)]
            sent.append(
                shipment(
                    told(state),
                    sequence,
                    router=router,
                    seen=counts(*rng.integers(0, 9, 2).tolist()),
                    met=firsts(arms[0], arm=0),
                    failed=(arms[0], arms[1]),
                )
            )
    # Of one router in the order of its numbers, as it ships; repeated at will.
    order = data.draw(st.permutations(range(len(sent))))
    mixed = sorted((sent[place] for place in order), key=lambda one: one.sequence)
    repeated = [one for one in mixed for _ in range(data.draw(st.integers(1, 2)))]
    results = []
    for shipments in (sent, repeated):
        path = tmp_path_factory.mktemp("state") / "state.db"
        with contextlib.closing(connect(path, is_new=True)) as database:
            counted = count(StateStore(database, epoch=take_lease(database)), state, *shipments).state
        results.append(merged(counted.steps[1]))
    assert results[0].requests.tolist() == results[1].requests.tolist()
    assert results[0].subjects.tolist() == results[1].subjects.tolist()
    assert results[0].errors.tolist() == results[1].errors.tolist()
