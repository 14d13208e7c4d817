"""Drift: every window, its evidence against the level, alarms beside the budget; thinning hides nothing."""

from __future__ import annotations

import math
import re

import pytest
from tests.dashboard.watched import MOVED, QUIET, ROWS, visitor
from tests.pipeline.watching.projects import BEGIN, HOUR
from tests.projects import write_messages

from smallcraft.dashboard.asked import Asked
from smallcraft.dashboard.sources import Sources
from smallcraft.dashboard.thinning import MOST
from smallcraft.dashboard.views import drift
from smallcraft.errors import NotFoundError
from smallcraft.observe.journal import Journal, Weighed
from smallcraft.pipeline.watching.project import WatchPlaces


def shown(folder, **query):
    return drift.read(Sources(folder), Asked(query=query))


def journal_of(folder):
    return Journal(WatchPlaces(folder).root)


def test_each_window_stands_with_its_rows_and_what_it_led_to(watched_once):
    pages = [shown(watched_once, page=str(number)).windows for number in (1, 2)]
    rows = [row for page in pages for row in page.page]
    with journal_of(watched_once) as journal:
        weighed = journal.weighed()
    assert [row.start_s for row in rows] == [one.start_s for one in reversed(weighed)]
    assert [row.outcome for row in rows] == [one.outcome for one in reversed(weighed)]
    assert {row.rows for row in rows} == {ROWS}
    assert dict(pages[0].outcomes) == {
        name: [r.outcome for r in rows].count(name) for name, _ in pages[0].outcomes
    }
    assert (pages[0].pages, len(rows)) == (2, QUIET + MOVED)


def test_the_level_is_the_one_that_raised_the_alarm(watched_once):
    view = shown(watched_once)
    (alarm,) = view.open_alarms
    assert view.windows.level == drift.shown_e(alarm.log_level)
    assert f"alarm at c = {view.windows.level}" in view.windows.evidence.svg


def test_months_count_alarms_beside_the_budget(watched_once):
    (month,) = shown(watched_once).months
    assert (month.month, month.windows, month.alarms, month.open) == ("2026-01", QUIET + MOVED, 1, 1)
    page = visitor(watched_once).get("/drift").text
    assert f"The budget is {month.budget:g} false alarms a month" in page


def test_the_page_leads_to_the_alarm(watched_once):
    view, browser = shown(watched_once), visitor(watched_once)
    (link,) = re.findall(r'href="(/drift/[^"]+)"', browser.get("/drift").text)
    page = browser.get(link)
    assert page.status_code == 200
    assert view.open_alarms[0].id in page.text


def test_of_a_thousand_windows_few_are_drawn_and_all_are_told(watched):
    with journal_of(watched) as journal, journal.transaction():
        for hour in range(QUIET + MOVED, 1066):
            evidence = 5.0 if hour == 700 else math.sin(hour) / 10
            journal.mark_weighed(Weighed("rows@1", "all", BEGIN + hour * HOUR, "quiet", evidence))
    windows = shown(watched, page="22").windows
    assert (windows.number, windows.pages) == (22, 22)
    assert f" of {1066:,} points are drawn" in windows.evidence.caption
    assert int(re.search(r"(\d+) of 1,066", windows.evidence.caption)[1]) <= MOST
    assert visitor(watched).get("/drift").status_code == 200


def test_a_project_that_is_not_watched_says_how_to_begin(tmp_path):
    page = visitor(write_messages(tmp_path / "p")).get("/drift")
    assert page.status_code == 200
    assert "<code>smallcraft watch</code>" in page.text
    assert 'role="alert"' not in page.text


def test_a_release_without_windows_is_told_with_those_that_have_some(watched_once):
    with pytest.raises(NotFoundError, match=r"those of rows@1 \(all\)"):
        shown(watched_once, release="rows@9")
    assert visitor(watched_once).get("/drift", params={"release": "<script>"}).status_code == 404


def test_a_damaged_journal_is_told_on_the_page(watched):
    (WatchPlaces(watched).root / "watch.db").write_bytes(b"not a database" * 100)
    page = visitor(watched).get("/drift")
    assert page.status_code == 200
    assert "cannot be read" in page.text


@pytest.mark.parametrize(
    ("log_e", "text"),
    [(None, ""), (0.0, "1"), (math.log(1217), "1,217"), (100.0, "10^43"), (5000.0, "10^2171")],
)
def test_evidence_of_any_size_is_readable(log_e, text):
    assert drift.shown_e(log_e) == text
