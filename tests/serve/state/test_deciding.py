"""One turn: counted, weighed, decided and written together, or nothing of it."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest
from tests.serve.rolling import STABLE, begun, counts, in_canary, moment, shipment

from smallcraft.serve.rollout.assignment import assign
from smallcraft.serve.rollout.phases import weigh_state
from smallcraft.serve.rollout.receipts import check_chain
from smallcraft.serve.rollout.standing import Order
from smallcraft.serve.rollout.stored_form import to_form
from smallcraft.serve.state.database import connect
from smallcraft.serve.state.deciding import Turn, start_rollout, take_turn
from smallcraft.serve.state.store import Outcome, StateStore, load, take_lease


@pytest.fixture
def database(tmp_path):
    with contextlib.closing(connect(tmp_path / "state.db", is_new=True)) as opened:
        yield opened


@pytest.fixture
def store(database):
    return StateStore(database, epoch=take_lease(database))


def start(store: StateStore) -> Turn:
    return store.write(lambda writing: start_rollout(begun(), writing, moment(5.0))).value


def take(store, turn, *shipments, now=1000.0, order=None):
    return store.write(lambda writing: take_turn(turn, shipments, writing, moment(now), order=order)).value


def ready(turn: Turn) -> Turn:
    return Turn(turn.state.with_health(is_loaded=True), turn.evidence)


def test_a_start_is_written_with_its_receipt(store, database):
    turn = start(store)
    stored = load(database)
    assert to_form(stored.state) == to_form(turn.state)
    assert (turn.state.receipts, turn.state.since_s, turn.receipt.form["from"]) == (1, 5.0, None)


def test_a_turn_writes_state_steps_and_receipt_together(store, database):
    turn = take(store, ready(start(store)))
    assert (turn.state.phase, turn.state.receipts) == ("shadow", 2)
    sent = shipment(assign(turn.state, stable=STABLE, epoch=1), 1, seen=counts(stable=60, compared=60))
    turn = take(store, turn, sent)
    assert (turn.state.phase, turn.state.step) == ("canary", 1)
    assert to_form(load(database).state) == to_form(turn.state)
    check_chain(store.receipts(turn.state.id), last=turn.state.last_receipt)


def test_a_turn_without_a_change_writes_counts_and_no_receipt(store, database):
    turn = take(store, ready(start(store)))
    sent = shipment(assign(turn.state, stable=STABLE, epoch=1), 1, seen=counts(stable=9, compared=9))
    again = take(store, turn, sent)
    assert (again.receipt, again.state.receipts) == (None, 2)
    assert load(database).state.steps[0].counts.requests.tolist() == [9, 0]
    assert again.evidence is not None


def test_a_turn_that_cannot_be_written_leaves_all_as_it_was(store, database):
    turn = start(store)

    def fail(writing):
        take_turn(ready(turn), (), writing, moment(9.0))
        raise sqlite3.OperationalError("database or disk is full")

    assert store.write(fail).outcome is Outcome.REFUSED
    assert to_form(load(database).state) == to_form(turn.state)


def test_a_rollback_remembers_the_digest_and_forgets_the_keys(store, database):
    turn = take(store, start(store), order=Order("abort"))
    assert load(database).refused == {turn.state.canary.digest: turn.state.id}
    assert database.execute("SELECT count(*) FROM keys").fetchone() == (0,)


def test_what_was_weighed_is_of_the_state_after_the_turn(store):
    start(store)
    state = in_canary()
    turn = take(store, Turn(state, weigh_state(state)))
    assert float(turn.evidence.combined) == float(weigh_state(turn.state).combined)
