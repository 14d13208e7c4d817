"""The journal: whole transactions, each window once, and other files are refused."""

from __future__ import annotations

import sqlite3

import pytest

from smallcraft.errors import IntegrityError, NotFoundError
from smallcraft.observe.alarms import mark_told
from smallcraft.observe.group_risk import Labelled
from smallcraft.observe.journal import FILE_NAME, Journal, Weighed


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path) as opened:
        yield opened


def weighed(start_s: int, release: str = "a@1") -> Weighed:
    return Weighed(release, "all", start_s, "undecided", None, "about 3 more windows")


def test_what_is_written_is_there_after_it_was_closed(tmp_path, alarm):
    with Journal(tmp_path) as journal, journal.transaction():
        journal.save_guard("a@1", "all", b"state")
        journal.mark_weighed(weighed(3600))
        journal.add_alarm(alarm)
    with Journal(tmp_path) as journal:
        assert journal.guard("a@1", "all") == b"state"
        assert journal.guards() == (("a@1", "all"),)
        assert journal.weighed() == (weighed(3600),)
        assert journal.alarms() == (alarm,)
        assert journal.guard("a@2", "all") is None


def test_a_transaction_that_fails_leaves_nothing(journal, alarm):
    def write_and_fail() -> None:
        with journal.transaction():
            journal.save_guard("a@1", "all", b"state")
            journal.add_alarm(alarm)
            raise KeyError("a")

    with pytest.raises(KeyError):
        write_and_fail()
    assert (journal.guard("a@1", "all"), journal.alarms()) == (None, ())


def test_a_window_is_weighed_once(journal):
    journal.mark_weighed(weighed(0))
    assert journal.is_weighed("a@1", "all", 0)
    assert not journal.is_weighed("a@1", "north", 0)
    with pytest.raises(IntegrityError, match="end the other watcher"):
        journal.mark_weighed(weighed(0))


def test_windows_are_found_by_release_and_time(journal):
    for start_s in (7200, 0, 3600):
        journal.mark_weighed(weighed(start_s))
    journal.mark_weighed(weighed(0, release="b@1"))
    assert [each.start_s for each in journal.weighed(release="a@1", since_s=1, until_s=7200)] == [3600]
    assert (journal.last_weighed("a@1", "all"), journal.last_weighed("c@1", "all")) == (7200, None)


def test_an_alarm_is_kept_as_it_becomes(journal, alarm):
    journal.add_alarm(alarm)
    journal.save_alarm(mark_told(alarm, "page"))
    assert journal.alarm(alarm.id).told == ("page",)
    with pytest.raises(IntegrityError, match="already"):
        journal.add_alarm(alarm)


def test_an_unknown_alarm_is_told_beside_those_there_are(journal, alarm):
    journal.add_alarm(alarm)
    with pytest.raises(NotFoundError, match=alarm.id):
        journal.alarm("other")


def test_a_label_counts_once(journal):
    rows = [Labelled("x", 0, 1.0, ("sex=f",)), Labelled("y", 3600, 0.0)]
    assert journal.add_labelled("a@1", rows) == 2
    assert journal.add_labelled("a@1", [rows[0], Labelled("z", 0, 0.5)]) == 1
    assert journal.labelled("a@1", since_s=3600) == (rows[1],)
    journal.mark_labelled_weighed("a@1")
    journal.add_labelled("a@1", [Labelled("new", 0, 0.0)])
    assert [row.item for row in journal.labelled("a@1", only_new=True)] == ["new"]
    assert len(journal.labelled("a@1")) == 4


def test_a_file_that_is_no_journal_is_refused(tmp_path):
    (tmp_path / FILE_NAME).write_bytes(b"no database, but long enough to be one" * 40)
    with pytest.raises(IntegrityError, match="move it away"):
        Journal(tmp_path)


def test_a_journal_of_another_format_is_refused(tmp_path):
    Journal(tmp_path).close()
    database = sqlite3.connect(tmp_path / FILE_NAME)
    database.execute("UPDATE facts SET value = '99'")
    database.commit()
    database.close()
    with pytest.raises(IntegrityError, match="99"):
        Journal(tmp_path)


def test_guardrails_begun_under_other_settings_are_forgotten_once(tmp_path):
    with Journal(tmp_path) as journal:
        assert not journal.begin_anew("one")
        journal.save_guard("a@1", "all", b"x")
        assert not journal.begin_anew("one")
        assert journal.guard("a@1", "all") == b"x"
        assert journal.begin_anew("two")
        assert journal.guards() == ()
    with Journal(tmp_path) as journal:
        assert not journal.begin_anew("two")
        assert not journal.begin_anew("three")
