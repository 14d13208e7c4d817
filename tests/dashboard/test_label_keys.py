"""Labelling with the keyboard alone, in a real browser; and without scripts, in the same one."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.browser import open_page
from tests.dashboard.watched import LABELS, TOKEN, campaign_of, served, votes_of

from smallcraft.label.campaigns import Campaigns

pytestmark = pytest.mark.slow


def sign_in(page, address):
    page.goto(f"{address}/sign-in?token={TOKEN}")


def begin(page, address: str, folder: Path, who: str = "ann", *, there: str = "#reading:focus") -> None:
    """Signed in, the name typed, the first row on the page."""
    sign_in(page, address)
    page.goto(f"{address}/label/{campaign_of(folder).id}")
    page.wait_for_selector("#who:focus")
    page.keyboard.type(who)
    page.keyboard.press("Enter")
    # The script hears keys by the time it has put the reader there.
    page.wait_for_selector(there)


def complaints_of(opened) -> list[str]:
    """What went wrong; what a page was still asking for ends when it is left."""
    return [told for told in opened.complaints if not told.startswith("failed: ")]


def press(page, key: str, item: str) -> None:
    """A key, and what it leads to."""
    page.keyboard.press(key)
    page.wait_for_selector(f'#asking[data-item="{item}"]:not([aria-busy])')


def test_a_vote_given_by_key_is_in_the_log(watched, chromium):
    items = [ask.item for ask in campaign_of(watched).asks]
    with served(watched) as address, open_page(chromium) as opened:
        begin(opened.page, address, watched)
        for place, key in enumerate("213"):
            press(opened.page, key, items[place + 1])
            assert votes_of(watched)[items[place], "ann"] == campaign_of(watched).classes[int(key) - 1]
        assert opened.page.inner_text("#told") == f"saved: {campaign_of(watched).classes[2]}"
        assert complaints_of(opened) == []
    (vote, *_) = Campaigns(watched / ".smallcraft/label").log.votes()
    assert vote.lead_time_s is not None
    assert vote.suggestion is None


def test_arrows_skip_and_go_back_and_another_answer_counts_instead(watched, chromium):
    items, classes = [ask.item for ask in campaign_of(watched).asks], campaign_of(watched).classes
    with served(watched) as address, open_page(chromium) as opened:
        begin(opened.page, address, watched)
        press(opened.page, "ArrowRight", items[1])
        press(opened.page, "1", items[2])
        press(opened.page, "ArrowLeft", items[1])
        assert classes[0] in opened.page.inner_text("#asking")
        press(opened.page, "2", items[2])
        assert complaints_of(opened) == []
    assert votes_of(watched) == {(items[1], "ann"): classes[1]}


def test_the_row_stays_while_others_answer_and_the_progress_moves(watched, chromium):
    items = [ask.item for ask in campaign_of(watched).asks]
    with served(watched) as address, open_page(chromium) as ann, open_page(chromium) as bob:
        begin(ann.page, address, watched)
        begin(bob.page, address, watched, "bob")
        press(bob.page, "1", items[1])
        ann.page.wait_for_selector("[data-part=progress] >> text=bob 1")
        assert ann.page.get_attribute("#asking", "data-item") == items[0]
        press(ann.page, "2", items[1])
    assert {who for _, who in votes_of(watched)} == {"ann", "bob"}


def test_what_cannot_be_saved_is_told_in_words_and_the_row_stays(watched, chromium):
    items = [ask.item for ask in campaign_of(watched).asks]
    with served(watched) as address, open_page(chromium) as opened:
        begin(opened.page, address, watched)
        Campaigns(watched / ".smallcraft/label").move(campaign_of(watched).id, "stopped", note="enough")
        opened.page.keyboard.press("1")
        opened.page.wait_for_selector("#told.trouble")
        assert "was stopped" in opened.page.inner_text("#told")
        assert opened.page.get_attribute("#asking", "data-item") == items[0]
    assert votes_of(watched) == {}


def test_a_server_that_is_gone_is_told_and_nothing_is_lost_unsaid(watched, chromium):
    with open_page(chromium) as opened:
        with served(watched) as address:
            begin(opened.page, address, watched)
        opened.page.keyboard.press("1")
        opened.page.wait_for_selector("#told.trouble")
        assert "nothing was saved" in opened.page.inner_text("#told")
    assert votes_of(watched) == {}


def test_the_name_is_remembered_by_the_browser(watched, chromium):
    with served(watched) as address, open_page(chromium) as opened:
        begin(opened.page, address, watched, "ann lee")
        opened.page.goto(f"{address}/label/{campaign_of(watched).id}")
        assert opened.page.input_value("#who") == "ann lee"


def test_without_scripts_tab_arrows_and_enter_are_enough(watched, chromium):
    items = [ask.item for ask in campaign_of(watched).asks]
    with served(watched) as address, open_page(chromium, js=False) as opened:
        begin(opened.page, address, watched, there="#answer")
        while opened.page.evaluate("document.activeElement.name") != "label":
            opened.page.keyboard.press("Tab")
        opened.page.keyboard.press("ArrowDown")
        opened.page.keyboard.press("Enter")
        opened.page.wait_for_selector(f'#asking[data-item="{items[1]}"]')
    assert votes_of(watched) == {(items[0], "ann"): campaign_of(watched).classes[1]}


@pytest.mark.parametrize("width", [400, 1600])
@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
def test_no_page_scrolls_sideways_or_complains(watched_once, chromium, width, is_dark):
    assert LABELS[1] in campaign_of(watched_once).classes
    with served(watched_once) as address, open_page(chromium, width=width, is_dark=is_dark) as opened:
        sign_in(opened.page, address)
        link = f"/label/{campaign_of(watched_once).id}"
        for path in ("/drift", "/data", "/label", link, f"{link}?who=ann"):
            opened.page.goto(address + path)
            assert opened.overflow == 0, path
        opened.page.goto(f"{address}/drift")
        opened.page.click("section[data-part=alarms] a")
        opened.page.wait_for_selector("[data-part=harm]")
        assert opened.overflow == 0
        assert complaints_of(opened) == []
