"""Lists read what they show and nothing else; what cannot be read is told in its own place."""

from __future__ import annotations

import pytest
from tests.dashboard.projects import break_facts, release_bare
from tests.registry.decided import DAYS, REASONS, decided_registry

from smallcraft.dashboard.archive import (
    count_releases,
    newest_first,
    open_log,
    read_happened,
    show_releases,
)
from smallcraft.dashboard.sources import Sources
from smallcraft.errors import NotFoundError
from smallcraft.pipeline.workspace import Workspace
from smallcraft.registry.memory.trials import Trial


def labels(puts):
    return [put.entry.label for put in puts]


def test_the_newest_come_first_over_all_names(tmp_path):
    registry = release_bare(tmp_path, 3)
    registry.publish("other", {"card.md": b"# other"}, {}, now=DAYS[1])
    log = open_log(Sources(tmp_path))
    assert labels(newest_first(log)) == ["other@1", "rows@3", "rows@2", "rows@1"]
    assert labels(newest_first(log, most=2)) == labels(newest_first(log))[:2]
    assert count_releases(log) == 4


def test_the_log_is_the_same_one_until_something_is_added(tmp_path):
    registry, sources = release_bare(tmp_path, 1), Sources(tmp_path)
    before = open_log(sources)
    assert open_log(sources) is before
    registry.set_alias("rows", "stable", 1, now=DAYS[0])
    assert open_log(sources).checkpoint.size == before.checkpoint.size + 1


def test_a_release_is_shown_as_the_history_tells_it(tmp_path):
    decided_registry(Workspace(tmp_path).registry).set_alias("helpdesk", "stable", 2, now=DAYS[1])
    sources = Sources(tmp_path)
    shown = show_releases(sources, newest_first(open_log(sources)))
    told = {line.release: line for line in sources.story().lines}
    for one in shown:
        assert one.line.value.changed == told[one.label].changed
        assert (one.line.value.why, one.aliases) == (told[one.label].why, told[one.label].aliases)
    assert [one.line.value.why for one in shown] == list(reversed(REASONS))


def test_what_was_read_once_is_not_read_again(tmp_path):
    registry, sources = release_bare(tmp_path, 2), Sources(tmp_path)
    puts = newest_first(open_log(sources))
    before = show_releases(sources, puts)
    break_facts(registry, "rows@1")
    assert show_releases(sources, puts) == before
    assert not show_releases(Sources(tmp_path), puts)[1].line.is_there


def test_an_erased_release_is_told_as_such_even_if_it_was_read_before(tmp_path):
    registry, sources = release_bare(tmp_path, 1), Sources(tmp_path)
    assert show_releases(sources, newest_first(open_log(sources)))[0].line.is_there
    registry.retire("rows", 1, now=DAYS[1], erase=True)
    [shown] = show_releases(sources, newest_first(open_log(sources)))
    assert (shown.line.is_absent, shown.is_retired) == (True, True)
    assert "erased" in shown.line.problem


def test_a_trial_of_the_log_is_read_as_it_was_recorded(tmp_path):
    decided_registry(Workspace(tmp_path).registry)
    sources = Sources(tmp_path)
    entries = open_log(sources).entries
    number = next(place for place, entry in enumerate(entries, start=1) if entry.kind == "decision")
    happened = read_happened(sources, entries[number - 1], number)
    assert isinstance(happened.what, Trial)
    assert (happened.number, happened.time) == (number, entries[number - 1].time)


def test_without_a_registry_there_is_no_log(tmp_path):
    with pytest.raises(NotFoundError, match="smallcraft build"):
        open_log(Sources(tmp_path))
