"""One model in the supervisor: workers for the releases of its assignment, and for no other."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import time
from dataclasses import replace

import pytest
from tests.serve.faulty_worker import FAULTS
from tests.serve.rolling import moment
from tests.serve.running import FAULTY, PLAN, sources

from smallcraft.errors import InvalidInputError
from smallcraft.serve.processes.served import Beginning, Served
from smallcraft.serve.processes.settings import ServeSettings, WorkerLimits
from smallcraft.serve.rollout.assignment import assignment_from
from smallcraft.serve.rollout.standing import Order
from smallcraft.serve.rollout.starting import Declared

DECLARED = Declared(classes=("class 0", "class 1", "class 2"), disagreement=1.0)


@pytest.fixture(scope="module")
def releases(tmp_path_factory):
    return sources(tmp_path_factory.mktemp("bundles"))


@pytest.fixture(autouse=True)
def no_faults(monkeypatch):
    monkeypatch.setenv(FAULTS, "{}")


@contextlib.asynccontextmanager
async def served(tmp_path, source, **settings):
    news, deaths = [], []
    told = ServeSettings(
        models=(source,),
        state=tmp_path / "state",
        worker_command=FAULTY,
        workers=WorkerLimits(restart_s=0.01, leave_s=5.0),
        **settings,
    )
    model = Served(source, told, tmp_path, now=0.0, on_news=news.append, on_death=deaths.append)
    model.news, model.deaths = news, deaths
    try:
        yield model
    finally:
        model.stop(is_urgent=True)
        await until(lambda: not model.is_running)
        model.controller.close()


async def until(is_true) -> None:
    end = time.monotonic() + 60
    while not is_true():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


def beginning(source, salt: str = "0123456789abcdef", **more) -> Beginning:
    return Beginning(source, PLAN, DECLARED, salt=salt, **more)


def releases_running(model) -> list[str]:
    return sorted(worker.release for worker in model.workers())


def test_a_worker_runs_for_each_release_of_the_assignment_and_for_no_other(tmp_path, releases):
    async def play():
        async with served(tmp_path, releases[0]) as model:
            await until(lambda: model.is_ready)
            assert releases_running(model) == ["m@1"]
            told = model.begin(beginning(releases[1]), at=moment(1.0))
            assert told.startswith("m-2-")
            await until(lambda: releases_running(model) == ["m@1", "m@2"])
            await until(lambda: model.message()["reach"][releases[1].digest]["socket"])
            model.tick(moment(2.0))
            assignment = assignment_from(model.message()["assignment"])
            assert (assignment.is_shadow, assignment.canary.label) == (True, "m@2")
            assert {source.label for source in model.sources()} == {"m@1", "m@2"}
            model.controller.order(Order("abort"), at=moment(3.0))
            model.tick(moment(3.0))
            await until(lambda: releases_running(model) == ["m@1"])
            assert assignment_from(model.message()["assignment"]).canary is None
            assert model.news

    asyncio.run(play())


def test_a_worker_of_the_new_release_that_dies_is_told_to_the_controller(tmp_path, releases):
    async def play():
        async with served(tmp_path, releases[0]) as model:
            await until(lambda: model.is_ready)
            model.begin(beginning(releases[1]), at=moment(1.0))
            await until(lambda: model.controller.state.health.is_loaded)
            model.tick(moment(2.0))
            pid = next(int(worker.worker) for worker in model.workers() if worker.release == "m@2")
            os.kill(pid, signal.SIGKILL)
            await until(lambda: model.deaths)
            assert model.controller.state.health.crashes == 1
            assert [(one.release, one.reason, one.count) for one in model.restarts()] == [
                ("m@2", "crashed", 1)
            ]
            await until(lambda: model.controller.state.health.is_loaded)

    asyncio.run(play())


def test_a_new_release_that_does_not_load_gets_nothing_and_is_rolled_back(tmp_path, releases, monkeypatch):
    monkeypatch.setenv(FAULTS, json.dumps({"2": {"unloadable": True}}))

    async def play():
        async with served(tmp_path, releases[0]) as model:
            await until(lambda: model.is_ready)
            model.begin(beginning(releases[1]), at=moment(1.0))
            await until(lambda: model.controller.state.health.load_failure)
            model.tick(moment(2.0))
            assert model.controller.state.phase == "rolled_back"
            assert [step.weight for step in model.controller.state.steps] == []
            with pytest.raises(InvalidInputError, match="--force"):
                model.begin(beginning(releases[1]), at=moment(3.0))
            again = beginning(releases[1], "fedcba9876543210", unsafe_repeat=True)
            assert model.begin(again, at=moment(4.0)).endswith("fedcba98")

    asyncio.run(play())


def test_a_rollout_goes_on_after_a_kill_since_its_files_are_known(tmp_path, releases):
    async def play():
        async with served(tmp_path, releases[0]) as model:
            model.begin(beginning(releases[1]), at=moment(1.0))
        async with served(tmp_path, releases[0]) as again:
            assert {source.label for source in again.sources()} == {"m@1", "m@2"}
            await until(lambda: releases_running(again) == ["m@1", "m@2"])

    asyncio.run(play())


def test_a_rollout_whose_files_nobody_knows_is_rolled_back(tmp_path, releases):
    async def play():
        async with served(tmp_path, releases[0]) as model:
            model.begin(beginning(releases[1]), at=moment(1.0))
        (tmp_path / "state" / "m" / "sources.json").unlink()
        async with served(tmp_path, releases[0]) as again:
            again.tick(moment(2.0))
            assert again.controller.state.phase == "rolled_back"

    asyncio.run(play())


def test_a_copy_that_had_to_be_replaced_is_an_alarm_while_it_is_served(tmp_path, releases):
    async def play():
        mended = [
            replace(source, mended=f"{source.folder}/a is not what was recorded") for source in releases
        ]
        async with served(tmp_path, mended[0]) as model:
            [alarm] = model.alarms()
            assert alarm.startswith("a copy of m@1 was damaged")
            assert alarm.endswith("/a is not what was recorded")
            model.begin(beginning(mended[1]), at=moment(1.0))
            assert "m@2" in model.alarms()[1]
            model.controller.order(Order("abort"), at=moment(3.0))
            model.tick(moment(3.0))
            assert model.alarms() == (alarm,)

    asyncio.run(play())


def test_a_release_of_another_model_is_refused(tmp_path, releases):
    async def play():
        async with served(tmp_path, releases[0]) as model:
            with pytest.raises(InvalidInputError, match="a release of m"):
                model.begin(beginning(replace(releases[1], name="other")), at=moment(1.0))

    asyncio.run(play())


def test_what_routers_load_themselves_needs_no_worker(tmp_path, releases):
    async def play():
        async with served(tmp_path, releases[0], in_process=True) as model:
            assert model.is_ready
            assert not model.is_running
            reach = model.message()["reach"][releases[0].digest]
            assert reach["socket"] is None
            assert reach["source"]["digest"] == releases[0].digest

    asyncio.run(play())
