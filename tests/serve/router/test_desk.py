"""One request from end to end of a router: drawn, admitted, asked, mended, counted once."""

from __future__ import annotations

import asyncio
import time

import pytest
from tests.serve.router.scenes import CANARY_FIRST, break_link, held, let_canary_be_late, request, scene
from tests.serve.worker_threads import BROKEN, HELD, WRONG, numbers_answerer, worker_thread

from smallcraft.serve.questions import Refusal
from smallcraft.serve.router.desk import Given, Patience


@pytest.fixture(scope="module")
def answerers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles")
    return [numbers_answerer(folder, seed) for seed in (1, 2)] + [numbers_answerer(folder, 3, numbers=5)]


def test_the_stable_release_answers_where_there_is_no_rollout(workers):
    async def play():
        async with scene(workers[0], rollout="") as made:
            given = await made.desk.answer(made.model, request())
            assert isinstance(given, Given)
            assert (given.arm, given.interface.facts.label) == ("stable", "m@1")
            assert not made.tallies()[0].has_evidence()
            assert made.tallies()[0].rows == 1

    asyncio.run(play())


def test_traffic_is_split_and_each_request_counts_for_its_arm(workers):
    async def play():
        async with scene(workers[0], workers[1], 0.5) as made:
            given = [await made.desk.answer(made.model, request()) for _ in range(60)]
            arms = [one.arm for one in given]
            stable, canary = made.tallies()
            assert {one.interface.facts.label for one in given if one.arm == "canary"} == {"m@2"}
            assert 10 < arms.count("canary") < 50
            assert stable.evidence.subjects == arms.count("stable")
            assert canary.evidence.subjects == arms.count("canary")
            assert sum(canary.evidence.latency) == canary.evidence.subjects

    asyncio.run(play())


def test_a_key_meets_one_arm(workers):
    async def play():
        async with scene(workers[0], workers[1], 0.5) as made:
            for key in ("a", "b", "c", "d"):
                arms = {(await made.desk.answer(made.model, request(key=key))).arm for _ in range(5)}
                assert len(arms) == 1
            stable, canary = made.tallies()
            assert stable.evidence.keyed_requests + canary.evidence.keyed_requests == 20
            assert len(stable.evidence.firsts) + len(canary.evidence.firsts) == 4

    asyncio.run(play())


def test_where_the_new_release_breaks_the_stable_one_answers_and_it_is_charged(workers):
    workers[1].model.heads = workers[1].model.answerer.heads

    def broken(head, questions):
        raise RuntimeError("broken")

    workers[1].model.answer_many = broken

    async def play():
        async with scene(workers[0], workers[1], 1.0) as made:
            for _ in range(3):
                given = await made.desk.answer(made.model, request())
                assert given.arm == "stable"
            stable, canary = made.tallies()
            assert (canary.evidence.errors, canary.evidence.subjects, canary.retries) == (3, 3, 3)
            assert not stable.has_evidence()
            assert stable.replies == {200: 3}

    asyncio.run(play())


def test_rows_that_no_release_takes_are_their_senders_to_mend(workers):
    async def play():
        async with scene(workers[0], workers[1], 1.0) as made:
            told = await made.desk.answer(made.model, request(WRONG))
            assert told == Refusal(400, "not this row; send another", {})
            assert not any(tally.has_evidence() for tally in made.tallies())
            assert made.counters.refusals == {"invalid": 1}

    asyncio.run(play())


def test_a_release_that_wants_other_columns_than_clients_send_is_charged(workers):
    async def play():
        async with scene(workers[0], workers[2], 1.0) as made:
            assert not made.model.split.reads_alike
            given = await made.desk.answer(made.model, request())
            assert given.arm == "stable"
            assert made.tallies()[1].evidence.errors == 1
            # What fits the new release alone is no request of today.
            told = await made.desk.answer(made.model, request(width=5))
            assert isinstance(told, Given)
            assert told.arm == "canary"

    asyncio.run(play())


def test_a_new_release_that_does_not_answer_in_time_is_not_waited_for(workers):
    async def play():
        async with scene(workers[0], workers[1], 1.0, patience=CANARY_FIRST) as made:
            asked = asyncio.ensure_future(made.desk.answer(made.model, request(HELD)))
            await held(workers[1])
            workers[0].model.may_go_on.set()
            let_canary_be_late(made)
            given = await asked
            assert given.arm == "stable"
            evidence = made.tallies()[1].evidence
            assert evidence.errors == evidence.latency[-1] == 1

    asyncio.run(play())


def test_a_stable_worker_that_dies_is_asked_again_when_it_is_back(workers, tmp_path, answerers):
    async def play():
        async with scene(workers[0]) as made:
            asked = [asyncio.ensure_future(made.desk.answer(made.model, request(HELD))) for _ in range(3)]
            await held(workers[0])
            break_link(workers[0])
            while not made.deaths:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.05)
            assert not any(one.done() for one in asked)
            assert made.model.split.stable.queued == 3
            assert made.desk.quarantine.has_suspects
            with worker_thread(tmp_path, answerers[0], "again") as again:
                again.model.may_go_on.set()
                assert await made.reach(again)
                given = [await one for one in asked]
                assert {one.arm for one in given} == {"stable"}
                stable = made.tallies()[0]
                # One death is one error, of three subjects.
                assert (stable.evidence.errors, stable.evidence.subjects) == (1, 3)
                # What was answered after all killed nobody.
                assert not made.desk.quarantine.has_suspects

    asyncio.run(play())


def test_a_stable_worker_that_does_not_come_back_is_told(workers):
    async def play():
        async with scene(workers[0], patience=Patience(0.2, 0.1)) as made:
            break_link(workers[0])
            while made.model.split.stable.is_ready:
                await asyncio.sleep(0.01)
            told = await made.desk.answer(made.model, request())
            assert (told.status, told.headers) == (503, {"retry-after": "1"})

    asyncio.run(play())


def test_a_request_that_ended_two_processes_is_not_tried_again(workers):
    async def play():
        async with scene(workers[0]) as made:
            asked = request(0.25)
            made.desk.quarantine.blame((asked.fingerprint,), "one")
            assert isinstance(await made.desk.answer(made.model, asked), Given)
            made.desk.quarantine.blame((asked.fingerprint,), "two")
            made.desk.quarantine.blame((asked.fingerprint,), "three")
            told = await made.desk.answer(made.model, asked)
            assert told.status == 422
            assert made.counters.refusals == {"quarantined": 1}

    asyncio.run(play())


def test_what_was_answered_is_no_suspect_any_more(workers):
    async def play():
        async with scene(workers[0]) as made:
            asked = request(0.25)
            made.desk.quarantine.blame((asked.fingerprint,), "one")
            await made.desk.answer(made.model, asked)
            assert not made.desk.quarantine.is_suspect(asked.fingerprint)

    asyncio.run(play())


def test_a_crowd_beyond_the_limit_is_told_when_to_come_back_and_counts_for_no_arm(workers):
    async def play():
        async with scene(workers[0], limit=4) as made:
            asked = [asyncio.ensure_future(made.desk.answer(made.model, request(HELD))) for _ in range(10)]
            await held(workers[0])
            told = [one.result() for one in asked if one.done()]
            assert len(told) == 6
            assert {(one.status, one.headers["retry-after"]) for one in told} == {(503, "1")}
            workers[0].model.may_go_on.set()
            assert sum(isinstance(one, Given) for one in await asyncio.gather(*asked)) == 4
            stable = made.tallies()[0]
            assert (stable.evidence.subjects, stable.evidence.errors) == (4, 0)
            assert made.counters.refusals == {"overload": 6}

    asyncio.run(play())


def test_a_client_that_leaves_at_once_says_nothing_about_the_release(workers):
    async def play():
        async with scene(workers[0]) as made:
            asked = request(HELD)
            under_way = asyncio.ensure_future(made.desk.answer(made.model, asked))
            await held(workers[0])
            asked.arrived = time.monotonic()
            asked.gone()
            assert (await under_way).status == 499
            assert made.counters.clients_gone == 1
            assert not made.tallies()[0].has_evidence()

    asyncio.run(play())


def test_while_the_stable_release_is_away_keys_of_the_new_one_are_answered_and_are_no_evidence(workers):
    async def play():
        async with scene(workers[0], workers[1], 1.0) as made:
            break_link(workers[0])
            while made.model.split.stable.is_ready:
                await asyncio.sleep(0.005)
            assert (await made.desk.answer(made.model, request(key="a"))).arm == "canary"
            assert not made.tallies()[1].has_evidence()

    asyncio.run(play())


def test_a_client_that_left_while_it_waited_for_a_worker_is_not_worked_for(workers, tmp_path, answerers):
    async def play():
        async with scene(workers[0]) as made:
            break_link(workers[0])
            while made.model.split.stable.is_ready:
                await asyncio.sleep(0.005)
            asked = request()
            under_way = asyncio.ensure_future(made.desk.answer(made.model, asked))
            await asyncio.sleep(0)
            asked.gone()
            with worker_thread(tmp_path, answerers[0], "again") as again:
                assert await made.reach(again)
                assert (await under_way).status == 499
                assert again.model.batches == []

    asyncio.run(play())


@pytest.mark.parametrize(("version", "label"), [("", "m@2"), ("1", None)])
def test_who_waits_for_a_release_that_is_served_no_more_is_answered_by_the_next(workers, version, label):
    async def play():
        async with scene(workers[0], workers[1], 0.0) as made:
            break_link(workers[0])
            while made.model.split.stable.is_ready:
                await asyncio.sleep(0.01)
            asked = asyncio.ensure_future(made.desk.answer(made.model, request(version=version)))
            while not made.model.split.stable.queued:
                await asyncio.sleep(0.01)
            before = made.tallies()[0]
            # The new release is promoted: a worker of the old one leaves before its routers know.
            assert made.follow(workers[1], step=2, rollout="")
            said = await asyncio.wait_for(asked, 5)
            if label is None:
                assert (said.status, "there is 2" in said.message) == (404, True)
                return
            assert said.interface.facts.label == label
            assert made.tallies()[0].rows == 1
            assert not made.tallies()[0].has_evidence()
            assert before.rows == 0

    asyncio.run(play())


def test_a_version_that_is_asked_for_answers_and_is_no_evidence(workers):
    async def play():
        async with scene(workers[0], workers[1], 0.5) as made:
            for version in ("1", "2"):
                given = await made.desk.answer(made.model, request(version=version))
                assert given.interface.facts.version == version
            broken = await made.desk.answer(made.model, request(BROKEN, version="2"))
            assert broken.status == 500
            unknown = await made.desk.answer(made.model, request(version="9"))
            assert unknown.status == 404
            assert "1 and 2" in unknown.message
            assert not any(tally.has_evidence() for tally in made.tallies())

    asyncio.run(play())


def test_a_model_that_is_not_loaded_yet_is_told(workers):
    async def play():
        async with scene(workers[0]) as made:
            made.model.split = None
            assert (await made.desk.answer(made.model, request())).status == 503

    asyncio.run(play())
