"""Coroutines that run at once as far as they go."""

from __future__ import annotations

import asyncio

from smallcraft.serve.router.stepping import Slot, Stepper


def test_what_need_not_wait_is_done_at_once():
    async def play():
        done, errors = [], []

        async def quick():
            await asyncio.sleep(0) if False else None
            done.append(await deeper())

        async def deeper():
            return 7

        Stepper(quick(), errors.append).go_on()
        return done, errors

    assert asyncio.run(play()) == ([7], [])


def test_what_waits_goes_on_in_the_call_that_brings_the_answer():
    async def play():
        slot: Slot[int] = Slot()
        got = []

        async def wait():
            got.append(await slot)
            got.append(await slot)

        Stepper(wait(), got.append).go_on()
        assert got == []
        assert not slot.is_set
        slot.set(3)
        assert got == [3, 3]
        slot.set(4)
        assert slot.is_set
        return got

    assert asyncio.run(play()) == [3, 3]


def test_futures_and_turns_of_the_event_loop_may_be_awaited_too():
    async def play():
        future = asyncio.get_running_loop().create_future()
        got = []

        async def wait():
            await asyncio.sleep(0)
            got.append(await future)
            try:
                await failing
            except ValueError as error:
                got.append(str(error))

        failing = asyncio.get_running_loop().create_future()
        Stepper(wait(), got.append).go_on()
        await asyncio.sleep(0.01)
        future.set_result(5)
        await asyncio.sleep(0.01)
        failing.set_exception(ValueError("six"))
        await asyncio.sleep(0.01)
        return got

    assert asyncio.run(play()) == [5, "six"]


def test_an_error_is_told_once():
    async def play():
        errors = []
        slot: Slot[int] = Slot()

        async def fail():
            await slot
            raise ValueError("broken")

        Stepper(fail(), errors.append).go_on()
        slot.set(1)
        slot.set(1)
        return [str(error) for error in errors]

    assert asyncio.run(play()) == ["broken"]


def test_coroutines_that_wake_each_other_each_wait_for_their_own():
    async def play():
        first: Slot[str] = Slot()
        second: Slot[str] = Slot()
        got = []

        async def one():
            got.append(await first)
            second.set("b")
            third: Slot[str] = Slot()
            asyncio.get_running_loop().call_soon(third.set, "c")
            got.append(await third)

        async def other():
            got.append(await second)

        for coroutine in (one(), other()):
            Stepper(coroutine, got.append).go_on()
        first.set("a")
        await asyncio.sleep(0.01)
        return got

    assert asyncio.run(play()) == ["a", "b", "c"]


def test_under_a_task_of_the_event_loop_it_is_a_future_like_any_other():
    async def play():
        slot: Slot[int] = Slot()
        asyncio.get_running_loop().call_soon(slot.set, 9)
        found = await asyncio.wait_for(slot, 10)
        ready: Slot[int] = Slot()
        ready.set(1)
        return found, await ready

    assert asyncio.run(play()) == (9, 1)
