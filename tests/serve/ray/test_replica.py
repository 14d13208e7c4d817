"""One replica: it answers as a worker does, in batches of what waits, and tells what became of it."""

from __future__ import annotations

import asyncio
import os
import threading

import numpy as np
import pytest
from tests.serve.ray.replicas import heads_of, open_here, replica_of
from tests.serve.running import sources
from tests.serve.worker_threads import BROKEN, HELD, Held, question

from smallcraft.errors import BundleFormatError, SmallcraftError
from smallcraft.serve.worker.asking import ask_frame
from smallcraft.serve.worker.frames import EXPIRED, FAILED, REPLY, kind_of
from smallcraft.serve.worker.replying import ReplyCodec


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return sources(tmp_path_factory.mktemp("bundles"))[0]


def frame(*firsts: float, left_s: float = 60.0) -> bytes:
    return ask_frame(question(*firsts), 7, deadline=left_s, fingerprint=1)


def test_an_answer_is_that_of_the_bundle_bit_for_bit(release):
    told: list = []
    replica = replica_of(release, told)
    said = asyncio.run(replica.ask(frame(0.25, 0.5)))
    facts = heads_of(replica)[""]
    found = ReplyCodec(facts.task, facts.classes).decode(said).reply
    expected = open_here(release, None).answer_many("", [question(0.25, 0.5).inputs])[0]
    np.testing.assert_array_equal(found.probs, expected.probs)
    assert found.decisions.labels == expected.decisions.labels
    assert [(one["kind"], one["application"], one["pid"]) for one in told] == [("loaded", "app", os.getpid())]


def test_what_waits_while_one_batch_is_answered_is_the_next_one(release):
    held: list[Held] = []

    def open_held(source, limits):
        held.append(Held(open_here(source, limits)))
        return held[0]

    replica = replica_of(release, [], open_release=open_held)

    async def play():
        first = asyncio.create_task(replica.ask(frame(HELD)))
        await asyncio.get_running_loop().run_in_executor(None, held[0].reached.wait, 30)
        waiting = [asyncio.create_task(replica.ask(frame(0.1))) for _ in range(5)]
        await asyncio.sleep(0)
        # One that nobody waits for any more is in no batch.
        waiting[0].cancel()
        await asyncio.sleep(0)
        held[0].may_go_on.set()
        return await asyncio.gather(first, *waiting[1:])

    assert {kind_of(said) for said in asyncio.run(play())} == {REPLY}
    assert held[0].batches == [1, 4]


def test_what_breaks_the_model_and_what_comes_too_late_are_told_apart(release):
    replica = replica_of(release, [], open_release=lambda *told: Held(open_here(*told)))

    async def play():
        return [kind_of(await replica.ask(asked)) for asked in (frame(BROKEN), frame(0.5, left_s=-1.0))]

    assert asyncio.run(play()) == [FAILED, EXPIRED]


def test_why_a_release_does_not_load_is_told(release):
    told: list = []

    def refuse(source, limits):
        raise BundleFormatError("its file is cut short")

    with pytest.raises(BundleFormatError):
        replica_of(release, told, open_release=refuse)
    assert told == [{"kind": "failed", "application": "app", "reason": "its file is cut short"}]


def test_one_that_has_outgrown_its_memory_says_that_it_is_not_well(release):
    told: list = []
    replica_of(release, told).check_health()
    assert [one["kind"] for one in told] == ["loaded", "size"]
    with pytest.raises(SmallcraftError, match=r"m@1 may have 1 bytes, it has \d+; another one takes over"):
        replica_of(release, told, memory_bytes=1).check_health()


def test_nothing_is_answered_in_the_thread_of_the_event_loop(release):
    threads: list[threading.Thread] = []

    class Watched(Held):
        def answer_many(self, head, questions):
            threads.append(threading.current_thread())
            return super().answer_many(head, questions)

    replica = replica_of(release, [], open_release=lambda *told: Watched(open_here(*told)))
    asyncio.run(replica.ask(frame(0.5)))
    assert threads
    assert threading.main_thread() not in threads
