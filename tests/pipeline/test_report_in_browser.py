"""The report in a real browser: on a desk, on a phone, without scripts, in the dark, on paper."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.browser import browser, open_page
from tests.pipeline.builds import NOW, make_build, make_checks, make_facts
from tests.pipeline.dev_answers import make_movement, make_seen
from tests.pipeline.quality_reports import make_report

from smallcraft.pipeline.report import render_report

LONG = "a_very_long_intent_name_without_a_single_space_in_it_at_all"


@pytest.fixture(scope="module")
def chromium():
    with browser() as running:
        yield running


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The whole report, with long names."""
    result = replace(make_build(), quality=make_report())
    seen = make_seen(word="word " * 60, intents=(LONG, "login", "parcel"))
    html = render_report(
        result, make_facts(result), make_checks(), seen=seen, movement=make_movement(), now=NOW
    )
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(html, encoding="utf-8")
    return path.as_uri()


@pytest.mark.parametrize("width", [400, 800, 1600])
@pytest.mark.parametrize("js", [True, False])
def test_the_page_fits_its_window_complains_of_nothing_and_asks_for_nothing(chromium, address, width, js):
    with open_page(chromium, width=width, js=js) as opened:
        opened.page.goto(address)
        for folded in opened.page.locator("details:not([open]) > summary").all():
            if folded.is_visible():
                folded.click()
        assert opened.overflow == 0
        assert opened.complaints == []
        assert opened.requests == [address]


def test_the_decision_the_gates_and_the_next_command_are_in_the_first_window(chromium, address):
    with open_page(chromium, width=1600) as opened:
        opened.page.goto(address)
        for words in ("Released as helpdesk@3", "smallcraft rollout start helpdesk@3", "quality_floor"):
            box = opened.page.get_by_text(words).first.bounding_box()
            assert box["y"] + box["height"] < 900


def test_a_point_shows_its_numbers_when_it_is_pointed_at(chromium, address):
    with open_page(chromium, width=1600) as opened:
        opened.page.goto(address)
        opened.page.locator("svg.chart .hovered").first.hover()
        told = opened.page.locator(".tooltip").inner_text()
        assert told.splitlines()[0] == "majority (lost)"
        assert "CPU per 1,000" in told


def test_without_scripts_what_is_folded_opens_all_the_same(chromium, address):
    with open_page(chromium, js=False) as opened:
        opened.page.goto(address)
        table = opened.page.get_by_text("of dev in bins of equal numbers")
        assert not table.is_visible()
        opened.page.get_by_text("confidence as a table").click()
        assert table.is_visible()


def test_the_dark_has_light_ink_on_a_dark_page(chromium, address):
    colours = []
    for is_dark in (False, True):
        with open_page(chromium, is_dark=is_dark) as opened:
            opened.page.goto(address)
            style = "getComputedStyle(document.{}).{}"
            ink = opened.page.evaluate(style.format("body", "color"))
            back = opened.page.evaluate(style.format("body", "backgroundColor"))
            colours.append([sum(map(int, each[4:-1].split(","))) for each in (ink, back)])
    (ink, back), (dark_ink, dark_back) = colours
    assert ink < back
    assert dark_ink > dark_back


def test_on_paper_nothing_stays_folded_and_the_contents_are_left_out(chromium, address):
    with open_page(chromium) as opened:
        opened.page.goto(address)
        opened.page.emulate_media(media="print")
        assert opened.page.get_by_text("of dev in bins of equal numbers").is_visible()
        assert not opened.page.locator("nav").is_visible()
        assert opened.page.pdf(format="A4").startswith(b"%PDF")
