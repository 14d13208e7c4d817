"""The controller on real files: what is told was written, across kills, full disks, garbage and rivals."""

from __future__ import annotations

import contextlib
import json
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from tests.serve.rolling import (
    CANARY,
    DECLARED,
    OTHER,
    PLAN,
    SALT,
    STABLE,
    counts,
    fair,
    firsts,
    moment,
    server,
    shipment,
)
from tests.serve.rollout.test_status import SCHEMA

from smallcraft.errors import InvalidInputError, SmallcraftError
from smallcraft.serve.metrics.shipment import Shipment, to_message
from smallcraft.serve.rollout.assignment import Assignment, assignment_from
from smallcraft.serve.rollout.receipts import check_chain
from smallcraft.serve.rollout.replaying import replay
from smallcraft.serve.rollout.standing import Order, requests_of
from smallcraft.serve.rollout.stored_form import to_form
from smallcraft.serve.state.database import FILE_NAME
from smallcraft.serve.state.opening import find_receipts, find_rollout

BAD = counts(stable=270, canary=30, errors=(2, 20))


@contextlib.contextmanager
def full_disk():
    """No file may grow while inside."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def started(tmp_path):
    running = server(tmp_path)
    running.start()
    yield running
    running.controller.close()


@pytest.fixture
def at_first_stage(started):
    started.pass_shadow()
    assert started.state.phase == "canary"
    return started


def again(running, *, stable=STABLE, now=3.0, **options):
    """The server after everything was killed; its file is as it was."""
    running.controller.close()
    restarted = server(running.controller._folder, stable=stable, now=now, **options)
    restarted.sequence = running.sequence
    return restarted


# --- a rollout from end to end -------------------------------------------------------


def test_a_good_release_is_promoted_step_by_step_and_every_receipt_replays(at_first_stage, tmp_path):
    weights = [assigned.weight for assigned in at_first_stage.until_done()]
    assert (weights, at_first_stage.state.phase) == ([0.5, 0.95, 0.0], "done")
    assert at_first_stage.controller.assignment() == Assignment(epoch=1, stable=CANARY)
    receipts = find_receipts(tmp_path)
    check_chain(receipts, last=at_first_stage.state.last_receipt)
    rules = [receipt.form["rule"] for receipt in receipts]
    assert rules == ["started", "loaded", "compared", "mature", "shown", "shown"]
    assert all(replay(receipt).is_exact for receipt in receipts)


def test_a_bad_release_is_rolled_back_and_its_digest_refused(at_first_stage):
    told = at_first_stage.serve(BAD)
    assert told == Assignment(epoch=1, stable=STABLE)
    assert at_first_stage.state.phase == "rolled_back"
    with pytest.raises(InvalidInputError, match="was rolled back by rollout helpdesk-4-9f3c21aa"):
        at_first_stage.start(salt="ffffffffffff")
    at_first_stage.start(salt="ffffffffffff", unsafe_repeat=True)
    assert at_first_stage.state.phase == "shadow"


def test_nothing_is_counted_and_nothing_sent_until_the_new_release_is_loaded(tmp_path):
    running = server(tmp_path)
    running.controller.start(CANARY, PLAN, DECLARED, salt=SALT, at=moment(0.0))
    assert running.tick() == Assignment(epoch=1, stable=STABLE, canary=CANARY)
    running.serve(counts(stable=500))
    assert running.state.phase == "loading"
    running.controller.report_loaded(OTHER.digest)
    running.tick()
    assert running.state.phase == "loading"
    running.controller.report_loaded(CANARY.digest)
    told = running.tick()
    assert (told.is_shadow, told.rollout) == (True, running.state.id)
    running.controller.close()


def test_a_worker_that_is_gone_pauses_the_step_without_ending_it(at_first_stage):
    at_first_stage.controller.report_unloaded(CANARY.digest)
    assert at_first_stage.tick() == Assignment(epoch=1, stable=STABLE, canary=CANARY)
    at_first_stage.controller.report_loaded(CANARY.digest)
    assert at_first_stage.tick().weight == 0.1


@pytest.mark.parametrize(
    ("report", "rule"),
    [
        (lambda one: [one.report_crash(CANARY.digest) for _ in range(3)], "crashes"),
        (lambda one: one.report_load_failure(CANARY.digest, "bad \udcff bytes"), "load_failed"),
        (lambda one: one.report_memory(CANARY.digest, size_bytes=9, limit_bytes=8), "memory"),
    ],
)
def test_what_workers_report_stops_a_rollout(at_first_stage, tmp_path, report, rule):
    report(at_first_stage.controller)
    at_first_stage.tick()
    assert at_first_stage.state.phase == "rolled_back"
    assert find_receipts(tmp_path)[-1].form["rule"] == rule


def test_reports_of_other_bundles_are_nobodys_fault(at_first_stage):
    for _ in range(5):
        at_first_stage.controller.report_crash(STABLE.digest)
    at_first_stage.tick()
    assert at_first_stage.state.phase == "canary"


def test_a_shipment_is_acknowledged_only_after_it_was_written(at_first_stage):
    controller = at_first_stage.controller
    controller.take_acknowledgements()
    sent = shipment(controller.assignment(), 77, seen=counts(stable=9, canary=1))
    controller.ship(sent)
    assert controller.take_acknowledgements() == {}
    at_first_stage.tick()
    assert controller.take_acknowledgements() == {"router-1": 77}
    controller.ship(sent)
    at_first_stage.tick()
    assert controller.take_acknowledgements() == {"router-1": 77}
    assert requests_of(at_first_stage.state.steps[-1]) == (9, 1)


def test_without_a_rollout_shipments_are_acknowledged_at_once(tmp_path):
    running = server(tmp_path)
    running.controller.ship(shipment(running.controller.assignment(), 1, seen=counts(stable=5)))
    assert running.controller.take_acknowledgements() == {"router-1": 1}
    running.controller.close()


# --- people --------------------------------------------------------------------------


def test_orders_are_written_with_their_reason(at_first_stage, tmp_path):
    order = at_first_stage.controller.order
    assert order(Order("freeze", "lunch"), at=moment(5.0)) == "a person asked to freeze: lunch"
    assert at_first_stage.tick() is None
    order(Order("resume"), at=moment(6.0))
    order(Order("promote", "we are sure"), at=moment(7.0))
    assert at_first_stage.tick().weight == 0.5
    order(Order("abort", "we were not \ud800"), at=moment(8.0))
    assert find_receipts(tmp_path)[-1].cause == "a person asked to abort: we were not ?"
    with pytest.raises(InvalidInputError, match="start another one"):
        order(Order("resume"), at=moment(9.0))


def test_an_order_without_a_rollout_is_refused(tmp_path):
    running = server(tmp_path)
    with pytest.raises(InvalidInputError, match="needs a rollout under way"):
        running.controller.order(Order("abort"), at=moment(0.0))
    running.controller.close()


def test_two_rollouts_at_once_are_refused(started):
    with pytest.raises(InvalidInputError, match="is under way"):
        started.start(canary=OTHER)


def test_status_has_the_form_of_the_schema_in_every_phase(tmp_path):
    running = server(tmp_path)
    told = [running.controller.status(now=0.0)]
    running.start()
    told.append(running.controller.status(now=running.now))
    running.pass_shadow()
    told.extend(running.controller.status(now=running.now) for _ in running.until_done())
    for status in told:
        jsonschema.validate(json.loads(json.dumps(status.to_form(), allow_nan=False)), SCHEMA)
    assert [status.phase for status in told] == [None, "shadow", "canary", "watch", "done"]
    assert told[-1].rollout.requests_per_s > 0
    running.controller.close()


# --- DONE is told to the world outside -----------------------------------------------


def test_done_is_handed_over_once(tmp_path):
    told = []
    running = server(tmp_path, on_done=lambda state: told.append(state.canary.label))
    running.start()
    running.pass_shadow()
    list(running.until_done())
    for _ in range(10):
        running.tick()
    restarted = again(running, stable=CANARY, on_done=lambda state: told.append("again"))
    restarted.tick()
    assert told == ["helpdesk@4"]
    restarted.controller.close()


def test_done_is_told_again_when_the_teller_failed_or_was_killed_before_it_was_noted(tmp_path):
    told = []

    def fails_twice(state):
        told.append(state.id)
        if len(told) < 3:
            raise SmallcraftError("the registry is locked by another command")

    running = server(tmp_path, on_done=fails_twice)
    running.start()
    running.pass_shadow()
    list(running.until_done())
    assert "registry is locked" in running.controller.status(now=running.now).alarms[0]
    running.tick(seconds=2.0)
    assert len(told) == 2
    # Killed here. The alias may have moved, or not: the new release answers all the same.
    restarted = again(running, stable=STABLE, on_done=fails_twice)
    assert restarted.tick().stable == CANARY
    assert len(told) == 3
    assert restarted.controller.status(now=9.0).alarms == ()
    restarted.tick(seconds=5.0)
    assert len(told) == 3
    restarted.controller.close()


# --- across a kill -------------------------------------------------------------------


def test_after_a_kill_weight_salt_counts_and_evidence_are_the_same_and_the_dwell_begins_anew(at_first_stage):
    at_first_stage.serve(fair(at_first_stage.state, 20), seconds=9.0)
    before, evidence = at_first_stage.state, at_first_stage.controller.status(now=0.0).rollout.evidence
    # The monotonic clock of a new boot begins anywhere.
    restarted = again(at_first_stage, now=3.0)
    assert restarted.tick() == Assignment(epoch=2, stable=STABLE, canary=CANARY)
    restarted.controller.report_loaded(CANARY.digest)
    told = restarted.tick()
    assert (told.weight, told.salt, told.step, told.epoch) == (before.weight, before.salt, before.step, 2)
    assert restarted.controller.status(now=0.0).rollout.evidence == evidence
    restarted.serve(fair(before, 20), seconds=9.0)
    assert restarted.state.stage == 0
    restarted.tick(seconds=2.0)
    assert restarted.state.stage == 1
    check_chain(find_receipts(restarted.controller._folder), last=restarted.state.last_receipt)
    restarted.controller.close()


def test_wall_clocks_that_jump_decide_nothing(at_first_stage):
    at_first_stage.serve(fair(at_first_stage.state, 40))
    before = at_first_stage.state
    for jump in (1e9, -1e9):
        told = at_first_stage.controller.tick(replace(moment(at_first_stage.now), shown=moment(jump).shown))
        assert told is None
    assert at_first_stage.state is before
    at_first_stage.tick(seconds=10.0)
    assert at_first_stage.state.stage == 1


def test_a_monotonic_clock_that_jumps_back_holds_and_ends_nothing(at_first_stage):
    at_first_stage.serve(fair(at_first_stage.state, 40), seconds=-1e6)
    assert at_first_stage.state.stage == 0
    at_first_stage.tick(seconds=1e6 + 20.0)
    assert at_first_stage.state.stage == 1


def test_what_a_router_ships_again_after_a_kill_counts_once(at_first_stage):
    controller = at_first_stage.controller
    sent = shipment(
        controller.assignment(),
        50,
        seen=counts(stable=9, canary=1),
        met=firsts([4, 5], arm=0),
        failed=([4], []),
    )
    controller.ship(sent)
    at_first_stage.tick()
    before = to_form(at_first_stage.state.steps)
    restarted = again(at_first_stage)
    restarted.controller.ship(sent)
    restarted.tick()
    assert to_form(restarted.state.steps) == before
    assert restarted.controller.take_acknowledgements() == {"router-1": 50}
    # Another router that saw the same key fail adds its request and not its failure.
    restarted.controller.report_loaded(CANARY.digest)
    other = shipment(
        restarted.controller.assignment(), 1, router="router-2", met=firsts([4], arm=0), failed=([4], [])
    )
    restarted.controller.ship(other)
    restarted.tick()
    assert restarted.state.steps[-1].keyed.errors.tolist() == [1, 0]
    assert restarted.state.steps[-1].keyed.subjects.tolist() == [2, 0]
    restarted.controller.close()


def test_a_server_started_with_another_stable_release_freezes_what_began_beside_the_old_one(at_first_stage):
    restarted = again(at_first_stage, stable=OTHER)
    assert restarted.tick() == Assignment(epoch=2, stable=OTHER)
    assert restarted.state.phase == "frozen"
    cause = restarted.controller.status(now=0.0).rollout.last_cause
    assert "the server asked to freeze: it was started with helpdesk@5" in cause
    with pytest.raises(InvalidInputError, match="helpdesk@5 answers now; abort it"):
        restarted.controller.order(Order("resume"), at=moment(9.0))
    restarted.controller.order(Order("abort"), at=moment(9.0))
    assert restarted.state.phase == "rolled_back"
    restarted.controller.close()


# --- disks and rivals ----------------------------------------------------------------


def test_a_full_disk_holds_everything_raises_an_alarm_and_is_recovered_from(at_first_stage, tmp_path):
    before = to_form(find_rollout(tmp_path))
    with full_disk():
        assert at_first_stage.serve(BAD) is None
        assert at_first_stage.tick() is None
        assert at_first_stage.state.phase == "canary"
        assert at_first_stage.controller.assignment().weight == 0.1
        alarms = at_first_stage.controller.status(now=at_first_stage.now).alarms
        assert "cannot be written" in alarms[0]
        assert at_first_stage.controller.take_acknowledgements().get("router-1") != at_first_stage.sequence
        with pytest.raises(SmallcraftError, match=r"cannot be written.*nothing was changed"):
            at_first_stage.controller.order(Order("promote"), at=moment(9.0))
    assert to_form(find_rollout(tmp_path)) == before
    at_first_stage.tick()
    assert at_first_stage.state.phase == "rolled_back"
    assert at_first_stage.controller.status(now=0.0).alarms == ()
    assert at_first_stage.controller.take_acknowledgements()["router-1"] == at_first_stage.sequence


def test_a_disk_without_space_holds_and_is_recovered_from(small_disk):
    running = server(small_disk / "state")
    running.start()
    running.pass_shadow()
    filler = small_disk / "filler"
    with filler.open("wb") as stream, contextlib.suppress(OSError):
        while True:
            stream.write(bytes(1 << 16))
            stream.flush()
    for number in range(200):
        running.sequence += 1
        met = firsts(list(range(1000 * number, 1000 * number + 1000)), arm=0)
        running.controller.ship(
            shipment(running.controller.assignment(), running.sequence, met=met, seen=fair(running.state, 1))
        )
        running.tick()
        if running.controller.status(now=running.now).alarms:
            break
    assert "full" in running.controller.status(now=running.now).alarms[0]
    assert running.controller.assignment().weight == 0.1
    filler.unlink()
    running.tick()
    assert running.controller.status(now=running.now).alarms == ()
    running.controller.close()


def test_an_abort_takes_traffic_away_before_the_disk_lets_it_be_written(at_first_stage, tmp_path):
    with full_disk():
        answer = at_first_stage.controller.order(Order("abort", "now!"), at=moment(9.0))
        assert "gets no traffic from now on; the state cannot be written" in answer
        assert at_first_stage.tick() == Assignment(epoch=1, stable=STABLE, canary=CANARY)
    assert at_first_stage.tick() == Assignment(epoch=1, stable=STABLE)
    assert find_receipts(tmp_path)[-1].cause == "a person asked to abort: now!"


def test_a_state_that_cannot_be_read_means_stable_alone_frozen_and_an_alarm(at_first_stage, tmp_path):
    at_first_stage.controller.close()
    (tmp_path / FILE_NAME).write_bytes(b"garbage" * 4000)
    for _ in range(2):
        restarted = server(tmp_path)
        assert restarted.tick().weight == 0.0
        status = restarted.controller.status(now=1.0)
        jsonschema.validate(status.to_form(), SCHEMA)
        assert (status.phase, status.weight, status.rollout) == ("frozen", 0.0, None)
        assert f"kept as {tmp_path / FILE_NAME}.bad-1" in status.alarms[0]
        with pytest.raises(InvalidInputError, match="smallcraft rollout abort"):
            restarted.start()
        restarted.controller.close()
    restarted = server(tmp_path)
    assert "is forgotten" in restarted.controller.order(Order("abort"), at=moment(1.0))
    restarted.start()
    assert restarted.state.phase == "shadow"
    restarted.controller.close()


def test_a_folder_that_cannot_be_used_is_tried_again_until_it_can(tmp_path):
    folder = tmp_path / "in-the-way"
    folder.write_text("")
    running = server(folder)
    assert running.tick() == Assignment(epoch=0, stable=STABLE)
    assert running.controller.status(now=0.0).phase == "frozen"
    with pytest.raises(SmallcraftError, match=r"cannot be used.*nothing can be begun"):
        running.start()
    folder.unlink()
    running.tick(seconds=2.0)
    assert running.controller.status(now=running.now).alarms == ()
    running.start()
    assert running.state.phase == "shadow"
    running.controller.close()


def test_a_state_that_could_not_be_reached_at_boot_is_gone_on_with_once_it_can(at_first_stage, tmp_path):
    before = at_first_stage.state
    at_first_stage.controller.close()
    hidden = tmp_path.with_name(f"{tmp_path.name}-away")
    tmp_path.rename(hidden)
    tmp_path.write_text("in the way")
    running = server(tmp_path)
    try:
        assert running.tick().weight == 0.0
        assert running.controller.status(now=0.0).phase == "frozen"
    finally:
        tmp_path.unlink()
        hidden.rename(tmp_path)
    running.tick(seconds=2.0)
    running.controller.report_loaded(CANARY.digest)
    told = running.tick()
    assert (told.rollout, told.weight, told.salt) == (before.id, before.weight, before.salt)
    assert running.controller.status(now=0.0).alarms == ()
    running.controller.close()


def test_of_two_controllers_the_older_one_decides_nothing_more(at_first_stage, tmp_path):
    newer = server(tmp_path)
    assert at_first_stage.serve(BAD) is None
    assert (at_first_stage.controller.is_deposed, at_first_stage.state.phase) == (True, "canary")
    assert "another controller took over" in at_first_stage.controller.status(now=0.0).alarms[0]
    assert at_first_stage.tick() is None
    with pytest.raises(SmallcraftError, match="another controller"):
        at_first_stage.controller.order(Order("abort"), at=moment(9.0))
    assert newer.tick().epoch > at_first_stage.controller.assignment().epoch
    newer.controller.close()


# --- kill -9 at 20 random moments ----------------------------------------------------

# Forks a controller for each connection, so that a kill costs a fork and not an interpreter.
CHILD = """
import json, os, socket, struct, sys
from pathlib import Path
from smallcraft.serve.controller import Controller
from smallcraft.serve.metrics.shipment import from_message
from tests.serve.rolling import CANARY, STABLE, moment

def serve(connection, folder):
    stream = connection.makefile("rwb")
    controller, now = None, 0.0
    for line in stream:
        message = json.loads(line)
        if controller is None:
            controller = Controller(folder, stable=STABLE, now=0.0)
            controller.report_loaded(CANARY.digest)
        if message["shipment"]:
            controller.ship(from_message(message["shipment"]))
        now += 1.0
        controller.tick(moment(now))
        answer = {
            "acknowledged": dict(controller.take_acknowledgements()),
            "assignment": controller.assignment().to_message(),
        }
        stream.write(json.dumps(answer).encode() + b"\\n")
        stream.flush()

listening = socket.socket(socket.AF_UNIX)
listening.bind(sys.argv[1])
listening.listen()
print("ready", flush=True)
while True:
    connection, _ = listening.accept()
    child = os.fork()
    if child == 0:
        listening.close()
        connection.sendall(str(os.getpid()).encode() + b"\\n")
        serve(connection, Path(sys.argv[2]))
        os._exit(0)
    connection.close()
    os.waitpid(child, 0)
"""


class Router:
    """A router whose controller is killed again and again; it ships until told that it was counted."""

    def __init__(self, path: Path, *, sequence: int) -> None:
        self.path = path
        self.rng = random.Random(20)
        self.kills = 0
        self.sequence = sequence
        self.under_way: Shipment | None = None
        self.sent = 0
        # Of each step the keys that were met and that failed, with their arms.
        self.keys: defaultdict[int, tuple[set, set]] = defaultdict(lambda: (set(), set()))
        self.told: list[Assignment] = []

    def live(self, shipments: int, *, is_killed: bool) -> None:
        """One life of the controller, that ends at a random moment of any of its shipments, or before."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.path))
            stream = connection.makefile("rwb")
            child = int(stream.readline())
            timer = threading.Timer(self.rng.uniform(0.0, 0.02), os.kill, (child, signal.SIGKILL))
            last = self.rng.randrange(-1, shipments) if is_killed else shipments
            try:
                for place in range(-1, shipments):
                    if place == last:
                        timer.start()
                    self._ask(stream, None) if place < 0 else self._ship(stream)
            except (EOFError, BrokenPipeError, ConnectionResetError):
                assert is_killed
            if is_killed:
                timer.join()
                self.kills += 1

    def _ship(self, stream) -> None:
        if self.under_way is None:
            self.sequence += 1
            self.under_way = self._seen(self.told[-1])
            self.sent += requests_in(self.under_way)
        self._ask(stream, to_message(self.under_way))

    def _seen(self, assigned: Assignment) -> Shipment:
        """Requests dealt as the assignment wants, some of a few keys, one of which fails."""
        canary = round(40 * assigned.weight)
        # Keys whose arm is chance; some of either arm fail.
        keys = [key for key in self.rng.sample(range(200), 5) if key / 200 >= assigned.settled_below]
        arms = [int(key / 200 < assigned.weight) for key in keys]
        met, failed = self.keys[assigned.step]
        met |= set(zip(keys, arms, strict=True))
        failed |= {(key, arm) for key, arm in zip(keys, arms, strict=True) if key % 10 == 0}
        return shipment(
            assigned,
            self.sequence,
            seen=counts(stable=40 - canary, canary=canary),
            met=firsts(keys, arm=arms),
            failed=tuple(
                [key for key, its in zip(keys, arms, strict=True) if its == arm and key % 10 == 0]
                for arm in (0, 1)
            ),
        )

    def _ask(self, stream, message) -> None:
        stream.write(json.dumps({"shipment": message}).encode() + b"\n")
        stream.flush()
        line = stream.readline()
        if not line:
            raise EOFError
        answer = json.loads(line)
        self.told.append(assignment_from(answer["assignment"]))
        if answer["acknowledged"].get("router-1") == self.sequence:
            self.under_way = None


def requests_in(sent: Shipment) -> int:
    return sum(int(part.counts.requests.sum() + part.keyed_requests.sum()) for part in sent.steps)


@pytest.fixture
def forker(tmp_path):
    """Where a controller on `tmp_path / "state"` is begun for each connection."""
    path = tmp_path / "s"
    command = [sys.executable, "-c", CHILD, str(path), str(tmp_path / "state")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout.readline() == "ready\n"
            yield path
        finally:
            child.kill()


def test_after_kills_at_20_random_moments_nothing_is_lost_and_nothing_counted_twice(tmp_path, forker):
    folder = tmp_path / "state"
    running = server(folder)
    running.start(plan=replace(PLAN, mature_requests=(90, 10**6), dwell_s=2.0))
    running.pass_shadow()
    running.controller.close()
    before = find_rollout(folder)
    router = Router(forker, sequence=running.sequence)
    while router.kills < 20:
        router.live(8, is_killed=True)
        check_promises(find_rollout(folder), before, router)
    router.live(8, is_killed=False)
    state = find_rollout(folder)
    assert router.under_way is None
    assert state.stage == 1
    assert sum(sum(requests_of(step)) for step in state.steps[1:]) == router.sent
    for number, (met, failed) in router.keys.items():
        keyed = state.steps[number].keyed
        assert keyed.subjects.tolist() == [sum(its == arm for _, its in met) for arm in (0, 1)]
        assert keyed.errors.tolist() == [sum(its == arm for _, its in failed) for arm in (0, 1)]
    epochs = [assigned.epoch for assigned in router.told]
    assert epochs == sorted(epochs)
    receipts = find_receipts(folder)
    check_chain(receipts, last=state.last_receipt)
    assert all(replay(receipt).agrees for receipt in receipts)


def check_promises(state, before, router) -> None:
    """After a kill: what was told was written, what was acknowledged is counted, nothing is twice."""
    assert (state.salt, state.plan) == (before.salt, before.plan)
    if router.told:
        told = router.told[-1]
        assert state.step in (told.step, told.step + 1)
        assert state.steps[told.step].weight == told.weight
    counted = sum(sum(requests_of(step)) for step in state.steps[1:])
    unsure = 0 if router.under_way is None else requests_in(router.under_way)
    assert counted in (router.sent - unsure, router.sent)
