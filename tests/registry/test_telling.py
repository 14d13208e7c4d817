"""History and comparisons are told from what was read and hashed; what was erased stands with its entry."""

from __future__ import annotations

import pytest
from tests.registry.decided import DAYS, REASONS, decided_registry
from tests.registry.memory.sides import facts_of, verdict
from tests.registry.memory.test_rounds import BARE

from smallcraft.errors import IntegrityError, InvalidInputError, NotFoundError
from smallcraft.label.outcome import encode_outcome
from smallcraft.registry.collecting import collect_garbage
from smallcraft.registry.memory.trials import decisions_of_candidates
from smallcraft.registry.telling import aliases_at, compare_in, detail_release, tell_found, tell_registry


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """With an alias that moved; not to be changed."""
    registry = decided_registry(tmp_path_factory.mktemp("telling") / "registry")
    registry.publish("other", {"bundle/m.json": b"{}"}, {"chosen": "majority"}, now=DAYS[1])
    registry.set_alias("helpdesk", "stable", 1, now=DAYS[1])
    registry.set_alias("helpdesk", "stable", 2, now=DAYS[1].replace(day=20), reason="better")
    return registry


@pytest.fixture
def fresh(tmp_path):
    """To be changed."""
    return decided_registry(tmp_path / "registry")


def labels(story):
    return [line.release for line in story.lines]


def test_every_release_is_told_oldest_first_with_its_reason(kept):
    story = tell_registry(kept)
    assert labels(story) == ["helpdesk@1", "helpdesk@2", "other@1"]
    assert [line.why for line in story.lines] == [*REASONS, "not recorded"]
    assert story.lines[1].aliases == ("stable",)


def test_one_name_is_told_alone(kept):
    assert labels(tell_registry(kept, name="other")) == ["other@1"]
    assert tell_registry(kept, name="nobody").lines == ()


def test_a_trial_of_a_blocked_build_is_told_where_it_happened(fresh):
    facts = facts_of(bundle="b9", verdicts=[verdict("size_mb", "FAIL", "30 MB is not at most 20")])
    fresh.record_trials("helpdesk", decisions_of_candidates(facts), now=DAYS[1])
    (told,) = [event for event in tell_registry(fresh).lines[-1].events if "a gate failed" in event]
    assert "ngram won, but a gate failed: size_mb: 30 MB is not at most 20" in told
    assert not [event for event in tell_registry(fresh).lines[0].events if "a gate failed" in event]


def test_a_round_of_labelling_is_told_where_it_happened_beside_trials(fresh):
    fresh.record_trials("helpdesk", [encode_outcome(BARE)], now=DAYS[1])
    fresh.record_trials("helpdesk", [encode_outcome(BARE)], now=DAYS[1])
    told = [event for event in tell_registry(fresh).lines[-1].events if "labelled: campaign" in event]
    assert len(told) == 1
    assert "1,200 votes changed 300 labels, what it bought was not measured" in told[0]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("helpdesk", ["helpdesk@1", "helpdesk@2"]),
        ("returns", ["helpdesk@2"]),
        ("CUSTOMERS returns", ["helpdesk@2"]),
        ("0.02", ["helpdesk@2"]),
        ("margin", ["helpdesk@1", "helpdesk@2"]),
        ("majority", ["other@1"]),
        ("nothing", []),
        ("%", []),
    ],
)
def test_a_release_is_found_by_name_rung_settings_and_reason(kept, words, found):
    assert labels(tell_found(kept, words)) == found


def test_what_a_word_meant_is_told_for_any_time(kept):
    assert aliases_at(kept, "2026-10-07") == {}
    assert aliases_at(kept, "2026-10-08") == {"helpdesk@stable": "helpdesk@1"}
    assert aliases_at(kept, "2026-10-08T11:00Z") == {}
    assert aliases_at(kept, "2026-10-20T12:00:00Z") == {"helpdesk@stable": "helpdesk@2"}


def test_a_time_is_refused_even_where_no_alias_was_ever_set(fresh):
    with pytest.raises(InvalidInputError, match="a time must be RFC 3339 in UTC, got 'noon'"):
        aliases_at(fresh, "noon")


def test_details_have_reason_delta_gates_and_files(kept):
    told = {detail.term: detail.text for detail in detail_release(kept, "helpdesk@stable")}
    assert told["why"] == f"{REASONS[1]} (person)"
    assert told["follows"] == "helpdesk@1"
    assert told["gate floor"] == "PASS: 0.9 is at least 0.8"
    assert "file bundle/heads/ngram.npz" in told
    with pytest.raises(NotFoundError, match="version '9'"):
        detail_release(kept, "helpdesk@9")


def test_any_two_releases_are_compared_also_backwards(kept):
    there = compare_in(kept, "helpdesk@1", "helpdesk@2")
    back = compare_in(kept, "helpdesk@2", "helpdesk@1")
    assert (there.before, there.after, back.after) == ("helpdesk@1", "helpdesk@2", "helpdesk@1")
    sizes = {row.term: (row.before, row.after) for row in there.rows if row.section == "data"}
    reverse = {row.term: (row.after, row.before) for row in back.rows if row.section == "data"}
    assert sizes["train rows"] == reverse["train rows"]


def test_releases_of_two_names_are_compared_as_far_as_can_be_told(kept):
    found = compare_in(kept, "other@1", "helpdesk@2")
    assert found.delta.rows is None
    assert any(note.startswith("rows: ") for note in found.delta.notes)


def test_an_erased_release_stands_with_what_its_entry_says(fresh):
    fresh.retire("helpdesk", 2, now=DAYS[1], erase=True, reason="asked to forget")
    collect_garbage(fresh, now=DAYS[1], purge_erased=True)
    story = tell_registry(fresh)
    line = story.lines[1]
    assert (line.release, line.sentence, line.is_retired) == ("helpdesk@2", "its files were erased", True)
    assert any("its files erased: asked to forget" in event for event in line.events)
    with pytest.raises(NotFoundError, match="retired and its bytes were erased"):
        compare_in(fresh, "helpdesk@1", "helpdesk@2")


def test_what_was_erased_is_not_kept_by_the_search(fresh):
    """Its words stood in the search too; they are gone from its file, not from its answers alone."""
    assert labels(tell_found(fresh, "returns")) == ["helpdesk@2"]
    fresh.retire("helpdesk", 2, now=DAYS[1], erase=True)
    assert labels(tell_found(fresh, "returns")) == []
    assert labels(tell_found(fresh, "helpdesk@2")) == ["helpdesk@2"]
    files = [path for path in fresh.root.glob("state.db*") if path.is_file()]
    assert files
    assert not [path for path in files if b"wrote of returns" in path.read_bytes()]


def test_a_comparison_with_what_was_erased_is_refused(fresh):
    fresh.retire("helpdesk", 2, now=DAYS[1], erase=True)
    with pytest.raises(NotFoundError, match="retired and its bytes were erased"):
        compare_in(fresh, "helpdesk@1", "helpdesk@2")


def test_a_changed_decision_is_not_told(fresh):
    stored = fresh.find("helpdesk@1")
    blob = fresh.layout.blob(stored.locations["decision.json"].file.digest)
    blob.chmod(0o644)
    blob.write_bytes(blob.read_bytes().replace(b"well enough", b"perfectly!!"))
    with pytest.raises(IntegrityError, match=r"decision.json"):
        tell_registry(fresh)
    with pytest.raises(IntegrityError, match=r"decision.json"):
        detail_release(fresh, "helpdesk@1")
