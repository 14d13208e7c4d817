"""Changes reach a browser by themselves; what a person has in hand stays; a server that goes is told."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from tests.browser import open_page
from tests.dashboard.showing import CANARY, STABLE, TOKEN, showing
from tests.serve import rolling
from tests.serving_projects import moment, taking_orders

from smallcraft.dashboard.live import tell_changes, wait_for_change
from smallcraft.pipeline.workspace import open_registry

PATIENCE_MS = 60_000


def in_a_thread(coroutine):
    """What it returns; this thread may have the browser's event loop."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, coroutine).result()


async def never():
    return False


def test_a_stream_tells_of_each_change_once_and_ends_with_its_browser():
    stamps = iter(["a", "a", "b", "b", "c"])
    looks = iter([False] * 5 + [True])

    async def read():
        async def stamp():
            return next(stamps)

        async def is_gone():
            return next(looks)

        return [part async for part in tell_changes(stamp, "a", is_gone=is_gone, look_s=0.0)]

    told = in_a_thread(read())
    assert [part for part in told if b"changed" in part] == [
        b"event: changed\ndata: b\n\n",
        b"event: changed\ndata: c\n\n",
    ]


def test_who_asks_once_is_answered_when_something_changed_or_the_time_is_over():
    async def ask(stamps, within_s):
        left = iter(stamps)

        async def stamp():
            return next(left)

        return await wait_for_change(stamp, "a", is_gone=never, within_s=within_s, look_s=0.001)

    assert in_a_thread(ask(["a", "a", "b"], 1.0)) == "b"
    assert in_a_thread(ask(["a"], 0.0)) == "a"
    assert in_a_thread(ask(["a"] * 9, 0.002)) == "a"


@pytest.mark.slow
@pytest.mark.parametrize("polls", [False, True], ids=["events", "polls"])
def test_an_alias_that_moves_in_the_registry_arrives_in_the_browser(polls, rolled_copy, chromium):
    with showing(rolled_copy, polls=polls) as shown, open_page(chromium) as opened:
        page = opened.page
        page.goto(shown.address + "/releases", wait_until="load")
        page.get_by_text("live", exact=True).wait_for(timeout=PATIENCE_MS)
        assert page.get_by_text("by-hand").count() == 0
        open_registry(rolled_copy).set_alias("rows", "by-hand", 1, now=datetime.now(UTC))
        page.locator("main", has_text="by-hand").wait_for(timeout=PATIENCE_MS)
        assert opened.complaints == []


@pytest.mark.slow
def test_a_rollout_under_way_is_followed_and_focus_and_what_is_open_stay(rolled_copy, chromium):
    state = rolled_copy / ".smallcraft/serving"
    with (
        taking_orders(state, rows=STABLE) as here,
        showing(rolled_copy, token=TOKEN) as shown,
        open_page(chromium) as opened,
    ):
        here.run(
            lambda: here.models["rows"].controller.start(
                CANARY, rolling.PLAN, rolling.DECLARED, salt="0123456789ab", at=moment()
            )
        )
        page = opened.page
        page.goto(f"{shown.address}/sign-in?token={TOKEN}", wait_until="load")
        page.goto(shown.address + "/rollout", wait_until="load")
        page.locator("#weights-table summary").click()
        page.locator("#weights-table summary").focus()
        page.get_by_label("Reason").fill("half a senten")
        page.locator("#weights-table summary").focus()
        here.run(here.models["rows"].loaded)
        page.locator("ol.phases [aria-current]", has_text="shadow").wait_for(timeout=PATIENCE_MS)
        assert page.locator("#weights-table[open]").count() == 1
        assert page.evaluate("document.activeElement.closest('details')?.id") == "weights-table"


@pytest.mark.slow
def test_an_order_from_the_page_reaches_the_server_and_its_receipt_the_page(rolled_copy, chromium):
    state = rolled_copy / ".smallcraft/serving"
    with (
        taking_orders(state, rows=STABLE) as here,
        showing(rolled_copy, token=TOKEN) as shown,
        open_page(chromium) as opened,
    ):
        here.run(
            lambda: here.models["rows"].controller.start(
                CANARY, rolling.PLAN, rolling.DECLARED, salt="0123456789ab", at=moment()
            )
        )
        here.run(here.models["rows"].loaded)
        page = opened.page
        page.goto(f"{shown.address}/sign-in?token={TOKEN}", wait_until="load")
        page.goto(shown.address + "/rollout", wait_until="load")
        page.get_by_label("Reason").fill("it <b>smells</b>")
        page.get_by_role("button", name="abort").click()
        page.get_by_text("a person asked to abort: it <b>smells</b>").first.wait_for(timeout=PATIENCE_MS)
        assert here.models["rows"].controller.state.phase == "rolled_back"
        # A page that is left gives up what it was reading.
        assert [said for said in opened.complaints if not said.startswith("failed: ")] == []


@pytest.mark.slow
def test_a_server_that_is_gone_is_told_and_its_pages_come_back_to_life(rolled_copy, chromium):
    state = rolled_copy / ".smallcraft/serving"
    with showing(rolled_copy) as shown, open_page(chromium) as opened:
        page = opened.page
        with taking_orders(state, rows=STABLE):
            page.goto(shown.address + "/", wait_until="load")
            page.locator("[data-part=serving]", has_text=STABLE.label).wait_for(timeout=PATIENCE_MS)
        page.locator("[data-part=serving]", has_text="No server").wait_for(timeout=PATIENCE_MS)
        with taking_orders(state, rows=CANARY):
            page.locator("[data-part=serving]", has_text=CANARY.label).wait_for(timeout=PATIENCE_MS)
        assert opened.complaints == []
