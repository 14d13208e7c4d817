"""What is kept: states, steps, receipts, shipments, keys; and who may write."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import replace

import numpy as np
import pytest
from tests.serve.rolling import at_last_stage, begun, counts, in_canary, with_counts
from tests.serve.rollout.test_receipts import chain, started

from smallcraft.errors import IntegrityError
from smallcraft.serve.rollout.stored_form import to_form
from smallcraft.serve.state import store as kept
from smallcraft.serve.state.database import FILE_NAME, connect, transaction
from smallcraft.serve.state.store import (
    KeyKind,
    Outcome,
    StateStore,
    load,
    load_rollout,
    read_receipts,
    rollouts_in,
    take_lease,
)


@pytest.fixture
def database(tmp_path):
    with contextlib.closing(connect(tmp_path / FILE_NAME, is_new=True)) as opened:
        yield opened


@pytest.fixture
def store(database):
    return StateStore(database, epoch=take_lease(database))


def keep(store: StateStore, state, receipts=()) -> None:
    def work(writing):
        writing.add_state(state)
        for step in range(len(state.steps)):
            writing.save_step(state, step)
        for receipt in receipts:
            writing.add_receipt(receipt)

    assert store.write(work).outcome is Outcome.WRITTEN


def add_keys(store, keys, *, step=1, kind=KeyKind.MET, room=100):
    written = store.write(
        lambda writing: writing.add_keys(np.array(keys, dtype=np.uint64), step=step, kind=kind, room=room)
    )
    return written.value.tolist()


def test_a_rollout_is_read_back_as_it_was_written(store, database):
    receipts, state = chain()
    keep(store, state, receipts)
    stored = load(database)
    assert to_form(stored.state) == to_form(state)
    assert stored.last_cause == receipts[-1].cause
    assert [receipt.digest for receipt in store.receipts(state.id)] == [one.digest for one in receipts]


def test_a_step_that_changed_replaces_what_it_was(store, database):
    state = in_canary()
    keep(store, state)
    more = with_counts(state, counts(stable=90, canary=10))
    store.write(lambda writing: (writing.save_state(more), writing.save_step(more, 1)))
    assert to_form(load_rollout(database, state.id)) == to_form(more)


def test_the_last_rollout_is_the_one_under_way_and_earlier_ones_stay(store, database):
    receipts, first = chain()
    keep(store, first, receipts)
    begin, second = started()
    second = replace(second, id="helpdesk-4-again")
    keep(store, second)
    store.write(lambda writing: writing.save_state(replace(second, receipts=0, last_receipt=None)))
    assert load(database).state.id == "helpdesk-4-again"
    assert rollouts_in(database) == (first.id, second.id)
    assert to_form(load_rollout(database, first.id)) == to_form(first)
    assert read_receipts(database, second.id) == ()
    assert begin.number == 1


def test_what_is_read_is_of_one_moment_whoever_writes_meanwhile(store, tmp_path):
    state = in_canary()
    before = replace(state, steps=state.steps[:1])
    keep(store, before)

    def goes_on(statement: str) -> None:
        if "FROM steps" in statement:
            store.write(lambda writing: (writing.save_state(state), writing.save_step(state, 1)))

    with contextlib.closing(connect(tmp_path / FILE_NAME)) as reader:
        reader.set_trace_callback(goes_on)
        assert to_form(load(reader).state) == to_form(before)
        reader.set_trace_callback(None)
        assert to_form(load(reader).state) == to_form(state)


def test_an_empty_file_holds_nothing(database):
    stored = load(database)
    assert (stored.state, stored.refused, stored.lost, stored.epoch) == (None, {}, "", 0)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE rollouts SET body = replace(body, '0.1', '0.9')", "rollout .* should have sha256"),
        ("UPDATE steps SET body = replace(body, '60', '61') WHERE step = 0", "step 0 of rollout"),
        ("DELETE FROM steps WHERE step = 1", "another number of steps than 1"),
        ("DELETE FROM receipts WHERE number = 4", "the last receipt should be"),
        ("UPDATE receipts SET body = replace(body, 'rolled_back', 'canary') WHERE number = 4", "was changed"),
        ("DELETE FROM receipts WHERE number = 2", "dropped, added or moved"),
    ],
)
def test_a_changed_record_is_found_when_it_is_read(store, database, statement, message):
    receipts, state = chain()
    state = with_counts(state, counts(stable=50))
    keep(store, state, receipts)
    database.execute(statement)
    with pytest.raises(IntegrityError, match=message):
        load(database)


def test_a_shipment_is_accepted_once_and_an_older_one_never(store):
    def accept(router, sequence):
        return store.write(lambda writing: writing.accept(router, sequence)).value

    assert [accept("a", 1), accept("a", 1), accept("b", 1), accept("a", 3), accept("a", 2)] == [
        *(True, False, True, True, False)
    ]


def test_routers_of_long_ago_are_forgotten_and_living_ones_are_not(store, database, monkeypatch):
    monkeypatch.setattr(kept, "_MOST_ROUTERS", 10)

    def work(writing):
        writing.accept("lives", 1)
        for number in range(50):
            writing.accept(f"died-{number}", 1)
            writing.accept("lives", 2 + number)

    store.write(work)
    assert database.execute("SELECT count(*) FROM routers").fetchone()[0] <= 11
    assert store.write(lambda writing: writing.accept("lives", 51)).value is False


def test_a_key_is_new_once_a_step_and_kind_whatever_its_bits(store):
    low, high = 5, 2**64 - 1
    assert add_keys(store, [low, high, low]) == [True, True, False]
    assert add_keys(store, [high, 7, low]) == [False, True, False]
    assert add_keys(store, [high, 7], step=2) == [True, True]
    assert add_keys(store, [high, 7], kind=KeyKind.FAILED) == [True, True]
    assert add_keys(store, []) == []


def test_no_more_keys_are_new_than_there_is_room_for(store):
    assert add_keys(store, [1, 2, 3, 4], room=2) == [True, True, False, False]
    assert add_keys(store, [5], room=0) == [False]
    assert add_keys(store, [5, 1], room=1) == [True, False]


def test_keys_that_were_not_committed_are_new_again(store):
    def fail(writing):
        writing.add_keys(np.array([9], dtype=np.uint64), step=1, kind=KeyKind.MET, room=9)
        raise sqlite3.OperationalError("disk I/O error")

    written = store.write(fail)
    assert (written.outcome, written.value) == (Outcome.REFUSED, None)
    assert "cannot be written: disk I/O error" in written.reason
    assert add_keys(store, [9]) == [True]


def test_of_two_controllers_the_one_with_the_older_lease_writes_nothing(store, tmp_path):
    keep(store, begun())
    with contextlib.closing(connect(tmp_path / FILE_NAME)) as other:
        newer = StateStore(other, epoch=take_lease(other))
        assert newer.epoch == store.epoch + 1
        old = store.write(lambda writing: writing.save_state(at_last_stage()))
        assert old.outcome is Outcome.DEPOSED
        assert "another controller took over" in old.reason
        assert newer.write(lambda writing: writing.accept("r", 1)).outcome is Outcome.WRITTEN
        assert load_rollout(other, begun().id).phase == "loading"


def test_a_lease_is_above_all_that_were_known(database):
    assert take_lease(database, above=41) == 42
    assert take_lease(database) == 43


def test_refused_digests_and_losses_are_remembered_until_forgiven(store, database):
    store.write(lambda writing: (writing.refuse_digest("sha256:4", rollout="r"), writing.set_lost("gone")))
    assert (load(database).refused, load(database).lost) == ({"sha256:4": "r"}, "gone")
    store.write(lambda writing: (writing.forgive_digest("sha256:4"), writing.set_lost("")))
    assert (load(database).refused, load(database).lost) == ({}, "")


def test_a_lock_held_by_another_is_a_refusal_and_no_crash(store, tmp_path):
    with contextlib.closing(connect(tmp_path / FILE_NAME)) as other, transaction(other):
        written = store.write(lambda writing: writing.accept("r", 1))
    assert (written.outcome, "locked" in written.reason) == (Outcome.REFUSED, True)
    assert store.write(lambda writing: writing.accept("r", 1)).value is True
