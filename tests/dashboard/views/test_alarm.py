"""An alarm's page: what moved, whether it harms, what settles it; never a row that tells who wrote it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.dashboard.watched import MAIL, visitor
from tests.projects import run_command

from smallcraft.dashboard.asked import Asked
from smallcraft.dashboard.sources import Sources
from smallcraft.dashboard.views import alarm
from smallcraft.observe.alarms import Word
from smallcraft.observe.journal import Journal
from smallcraft.pipeline.watching.project import WatchPlaces


def first(folder):
    with Journal(WatchPlaces(folder).root) as journal:
        return journal.alarms()[0]


def shown(folder):
    return alarm.read(Sources(folder), Asked({"alarm": first(folder).id}))


def page_of(folder):
    return visitor(folder).get(f"/drift/{first(folder).id}")


def test_everything_that_the_alarm_knows_stands_on_its_page(watched_once):
    view, page = shown(watched_once), page_of(watched_once).text
    assert {one.column for one, _ in view.suspects} >= set(view.alarm.explanation.columns)
    for text in (*view.alarm.explanation.columns, view.alarm.harm.sentence, view.evidence, view.level):
        assert text in page
    for sign in view.alarm.harm.signs:
        assert sign.assumes in page


def test_a_row_that_tells_who_wrote_it_is_withheld_and_others_are_shown(watched_once):
    contents = [row.content for row in shown(watched_once).examples]
    told = [dict(row.values)["message"] for row in first(watched_once).explanation.examples[:12]]
    assert any(MAIL in text for text in told)
    assert any(MAIL not in text for text in told)
    assert [content is None for content in contents] == [MAIL in text for text in told]
    page = page_of(watched_once).text
    assert MAIL not in page
    assert "personal data was found" in page


def test_a_word_that_is_an_address_is_withheld_too(watched):
    with Journal(WatchPlaces(watched).root) as journal, journal.transaction():
        found = journal.alarms()[0]
        words = (Word("message", MAIL, 9.0, 0.0, 0.5), Word("message", "<b>bold</b>", 8.0, 0.0, 0.4))
        journal.save_alarm(replace(found, explanation=replace(found.explanation, words=words)))
    page = page_of(watched).text
    assert MAIL not in page
    assert "&lt;b&gt;bold&lt;/b&gt;" in page


@pytest.mark.slow
def test_the_command_on_the_page_asks_about_its_batch_and_the_page_then_leads_there(watched):
    view = shown(watched)
    assert view.review_rows > 20
    assert view.campaigns == ()
    assert view.command == f"smallcraft label next --alarm {view.alarm.id}"
    done = run_command(*view.command.split()[1:], "-p", str(watched))
    assert done.returncode == 0, done.stderr
    (status,) = shown(watched).campaigns
    assert f'href="/label/{status.campaign.id}"' in page_of(watched).text


def test_a_batch_that_is_gone_is_told(watched):
    with Journal(WatchPlaces(watched).root) as journal, journal.transaction():
        journal.save_alarm(replace(journal.alarms()[0], review=str(watched / "gone.jsonl")))
    assert shown(watched).review_rows is None
    assert "The batch is gone" in page_of(watched).text


def test_an_alarm_that_is_not_there_is_told(watched_once):
    page = visitor(watched_once).get("/drift/rows@1/all/1999-01-01T00:00")
    assert page.status_code == 404
    assert "there is no alarm" in page.text
