"""The link to a release on Ray Serve: each question ends once, with what became of it."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest
from tests.serve.ray.replicas import LocalHandle, heads_of, open_here, replica_of
from tests.serve.running import sources
from tests.serve.worker_threads import BROKEN, HELD, WRONG, Held, question

from smallcraft.serve.ray.links import HandleLink, connect_application
from smallcraft.serve.router.links import Refused, Unanswered, Why
from smallcraft.serve.router.models import Reach
from smallcraft.serve.worker.replying import Answered

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return sources(tmp_path_factory.mktemp("bundles"))[0]


def linked(release, *failures: Exception) -> tuple[HandleLink, Held]:
    held: list[Held] = []

    def open_held(source, limits):
        held.append(Held(open_here(source, limits)))
        return held[0]

    replica = replica_of(release, [], open_release=open_held)
    return HandleLink(LocalHandle(replica, *failures), heads_of(replica)), held[0]


def ask(link: HandleLink, first: float, *, within_s: float = 60.0):
    return link.ask(question(first), fingerprint=1, deadline=time.monotonic() + within_s)


def test_questions_are_answered_and_nothing_stays_open(release):
    async def play():
        link, _ = linked(release)
        outcomes = [ask(link, first)[1] for first in (0.25, 0.5)]
        assert link.waiting == 2
        found = [await outcome for outcome in outcomes]
        assert link.waiting == 0
        return found

    found = asyncio.run(play())
    assert all(isinstance(one, Answered) for one in found)
    expected = open_here(release, None).answer_many("", [question(0.25).inputs])[0]
    np.testing.assert_array_equal(found[0].reply.probs, expected.probs)


def test_wrong_rows_and_a_broken_model_are_told_apart(release):
    async def play():
        link, _ = linked(release)
        return [await ask(link, first)[1] for first in (WRONG, BROKEN)]

    wrong, broken = asyncio.run(play())
    assert (wrong.is_clients, broken.is_clients) == (True, False)
    assert "RuntimeError: broken" in broken.message


def test_of_what_is_lost_with_one_replica_the_first_alone_is_a_new_failure(release):
    from ray.exceptions import ActorDiedError, ActorUnavailableError
    from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError

    first, again, other = ActorDiedError(), ActorDiedError(), ActorUnavailableError("away", None)
    first.actor_id = again.actor_id = "ab"
    other.actor_id = "cd"
    unavailable = DeploymentUnavailableError(None)
    full = BackPressureError(num_queued_requests=1, max_queued_requests=1)

    async def play():
        link, _ = linked(release, first, again, other, unavailable, full)
        return [await ask(link, 0.5)[1] for _ in range(6)]

    told = asyncio.run(play())
    assert told[:5] == [
        Unanswered(Why.LOST),
        Unanswered(Why.LOST, is_repeat=True),
        Unanswered(Why.LOST),
        Unanswered(Why.LOST, is_repeat=True),
        Unanswered(Why.FULL),
    ]
    assert isinstance(told[5], Answered)


def test_any_other_error_of_ray_is_the_releases(release):
    from ray.exceptions import RaySystemError

    async def play():
        link, _ = linked(release, RaySystemError("no room"))
        return await ask(link, 0.5)[1]

    assert isinstance(told := asyncio.run(play()), Refused)
    assert not told.is_clients


def test_what_is_given_up_or_late_ends_at_once_and_the_link_when_all_has_ended(release):
    async def play():
        link, held = linked(release)
        number, gone = ask(link, HELD)
        _, late = ask(link, 0.5, within_s=0.0)
        link.give_up(number, Why.GONE)
        link.give_up_late(time.monotonic() + 1.0)
        told = [await gone, await late]
        _, last = ask(link, 0.5)
        link.close()
        assert (link.is_leaving, link.is_connected) == (True, True)
        held.may_go_on.set()
        assert isinstance(await last, Answered)
        return told, link.is_connected

    told, is_connected = asyncio.run(play())
    assert told == [Unanswered(Why.GONE), Unanswered(Why.TIMED_OUT)]
    assert not is_connected


def test_a_head_is_asked_for_where_serve_knows_it_to_be(release):
    async def play():
        link, _ = linked(release)
        handle = link._handle
        await ask(link, 0.5)[1]
        named = question(0.5)._replace(head="intents")
        link._codecs["intents"] = link._codecs[""]
        told = await link.ask(named, fingerprint=1, deadline=time.monotonic() + 60.0)[1]
        return handle.models, told

    models, told = asyncio.run(play())
    assert models == ["intents"]
    # This replica has no such head.
    assert isinstance(told, Refused)


def test_where_no_application_is_named_there_is_no_link():
    assert asyncio.run(connect_application(Reach(), lambda _: None)) is None
