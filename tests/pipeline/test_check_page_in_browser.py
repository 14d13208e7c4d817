"""The data quality page in a real browser: it fits phone and desk, complains of nothing, loads nothing."""

from __future__ import annotations

import pytest
from tests.browser import browser, open_page
from tests.pipeline.quality_reports import NOW, make_report

from smallcraft.pipeline.check_page import render_check_page


@pytest.fixture(scope="module")
def chromium():
    with browser() as running:
        yield running


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "check.html"
    path.write_text(render_check_page(make_report(), now=NOW), encoding="utf-8")
    return path.as_uri()


@pytest.mark.parametrize("width", [400, 1600])
@pytest.mark.parametrize("js", [True, False])
def test_the_page_fits_its_window_complains_of_nothing_and_asks_for_nothing(chromium, address, width, js):
    with open_page(chromium, width=width, js=js) as opened:
        opened.page.goto(address)
        assert opened.overflow == 0
        assert opened.complaints == []
        assert opened.requests == [address]


def test_a_number_of_rows_leads_to_them_and_shows_no_others(chromium, address):
    with open_page(chromium) as opened:
        opened.page.goto(address)
        opened.page.locator("table.overview a[data-check]").first.click()
        flagged = opened.page.locator("table.rows tbody tr:visible .by").all_inner_texts()
        assert len(flagged) == 4
        assert all(words.startswith("leakage") for words in flagged)
