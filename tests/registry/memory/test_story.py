from __future__ import annotations

from tests.registry.memory.sides import (
    decision_of,
    facts_of,
    first_side,
    measurement,
    release_of,
    second_side,
    verdict,
)

from smallcraft.canonical import canonical_json, digest_bytes, plain
from smallcraft.registry.memory.decisions import parse_decision
from smallcraft.registry.memory.rounds import LabelRound
from smallcraft.registry.memory.story import (
    describe_details,
    describe_history,
    describe_release,
    render_story,
    tell_story,
)
from smallcraft.registry.memory.trials import encode_trial, trials_of_build
from smallcraft.registry.tlog.entry import Content, Entry

FIRST, SECOND = first_side(), second_side()
RELEASES = {
    "helpdesk@1": release_of(FIRST),
    "helpdesk@2": release_of(SECOND, created="2026-10-08T12:00:00Z"),
}
DECISIONS = {
    "helpdesk@1": parse_decision(decision_of(None, FIRST, text="the first that routes well enough")),
    "helpdesk@2": parse_decision(decision_of(FIRST, SECOND, text="customers wrote of returns")),
}


def entry(kind, *, day=1, **fields):
    return Entry("o", kind, f"2026-10-{day:02d}T12:00:00Z", **{"name": "helpdesk", **fields})


def trial_entries(facts, *, day):
    found = {digest_bytes(encode_trial(trial)): trial for trial in trials_of_build(facts)}
    entries = [entry("decision", day=day, manifest=Content(digest, 9)) for digest in found]
    return entries, found


def story(entries, **more):
    return tell_story(entries, **{"releases": RELEASES, "decisions": DECISIONS, "trials": {}, **more})


PUTS = [entry("put", version=1), entry("put", version=2, day=8)]


def test_a_release_tells_what_changed_by_how_much_why_and_how_to_use_it():
    line = story(PUTS).lines[1]
    assert line.release == "helpdesk@2"
    assert (line.parent, line.verdict, line.why, line.said_by) == (
        "helpdesk@1",
        "accept",
        "customers wrote of returns",
        "person",
    )
    assert line.changed[0].startswith("macro_f1 on dev: ")
    assert line.changed[0].endswith(": better")
    assert 'load("helpdesk@2").predict(["..."])' in line.usage
    assert line.rollback == 'smallcraft alias stable helpdesk@1 --because "..."'


def test_the_first_release_has_no_parent():
    line = story(PUTS).lines[0]
    assert (line.parent, line.rollback) == (None, None)
    assert line.changed == ("the first release: there is nothing to compare it with",)


def test_candidates_of_a_build_stand_with_its_release_once():
    entries, trials = trial_entries(SECOND.facts, day=8)
    lines = story([*PUTS, *entries], trials=trials).lines
    assert [text.split(":")[0] for text in lines[1].trials] == [
        "fast lost",
        "frozen was skipped",
        "trees crashed",
    ]
    assert [line.events for line in lines] == [(), ()]


def test_a_build_that_a_gate_kept_back_stands_between_the_releases():
    blocked = facts_of(bundle="b9", verdicts=[verdict("floor", "FAIL", "0.7 is below 0.8")])
    entries, trials = trial_entries(blocked, day=4)
    told = story([PUTS[0], *entries, PUTS[1]], trials=trials)
    assert told.lines[0].events[-1] == (
        "2026-10-04T12:00:00Z not released: ngram won, but a gate failed: floor: 0.7 is below 0.8 "
        "(macro_f1 0.9000 [0.8800, 0.9200])"
    )
    assert len(told.lines[0].events) == 4
    assert told.lines[1].events == ()


def test_what_happened_before_any_release_is_told():
    entries, trials = trial_entries(facts_of(bundle="b9"), day=1)
    told = story([*entries, *PUTS], trials=trials)
    assert len(told.before) == 3
    assert render_story(told)[-4] == "before the first release"


def test_aliases_move_go_back_and_are_taken_away():
    told = story(
        [
            PUTS[0],
            entry("alias", alias="stable", version=1, day=2),
            PUTS[1],
            entry("alias", alias="stable", version=2, day=9),
            entry("alias", alias="canary", version=2, day=9),
            entry("alias", alias="stable", version=1, day=10, reason="returns went to billing"),
            entry("alias", alias="canary", day=11),
        ]
    )
    assert told.lines[0].events == ("2026-10-02T12:00:00Z stable means helpdesk@1",)
    assert told.lines[1].events == (
        "2026-10-09T12:00:00Z stable moved from helpdesk@1 to helpdesk@2",
        "2026-10-09T12:00:00Z canary means helpdesk@2",
        "2026-10-10T12:00:00Z stable went back from helpdesk@2 to helpdesk@1: returns went to billing",
        "2026-10-11T12:00:00Z canary was taken away from helpdesk@2",
    )
    assert [line.aliases for line in told.lines] == [("stable",), ()]


def test_a_retired_release_stays_in_the_story():
    retired = entry("retire", version=1, erased=True, reason="a person asked", day=12)
    told = story([*PUTS, retired], releases={"helpdesk@2": RELEASES["helpdesk@2"]})
    assert (told.lines[0].is_retired, told.lines[0].sentence) == (True, "its files were erased")
    assert told.lines[1].events == (
        "2026-10-12T12:00:00Z helpdesk@1 was retired, its files erased: a person asked",
    )


def test_events_of_one_name_are_not_told_of_another():
    told = story([*PUTS, entry("alias", name="other", alias="stable", version=1, day=9)])
    assert told.lines[1].events == ()
    assert told.before == ("2026-10-09T12:00:00Z stable means other@1",)


def test_the_story_reads_newest_first_or_in_order():
    told = story(PUTS)
    newest, oldest = render_story(told), render_story(told, is_newest_first=False)
    assert newest[0].startswith(
        "helpdesk@2, 2026-10-08T12:00:00Z: ngram, macro_f1 0.9300 [0.9100, 0.9500] on cert"
    )
    assert oldest[0].startswith("helpdesk@1, 2026-10-01T12:00:00Z: ngram")
    assert sorted(newest) == sorted(oldest)
    assert "  why      customers wrote of returns (person)" in newest


def test_a_line_without_a_decision_says_that_none_is_recorded():
    line = describe_release(RELEASES["helpdesk@1"])
    assert (line.why, line.verdict, line.changed) == ("not recorded", "not recorded", ())


def test_a_line_is_json_with_the_fields_that_scripts_know():
    told = plain(story(PUTS).lines)
    assert canonical_json(told)
    assert {"release", "created", "chosen", "quality", "size", "sentence"} < set(told[0])


BARE = {
    "chosen": "ngram",
    "metric": "macro_f1",
    "sentence": "ngram is the cheapest not inferior to fast",
    "bundle": {"size_bytes": 1_234_567},
    "candidates": [
        {"rung": "fast", "measurements": [measurement("macro_f1", 0.99, split="cert")]},
        {
            "rung": "ngram",
            "measurements": [
                measurement("macro_f1", 0.5, split="cert", slice="region=north"),
                measurement("macro_f1", 0.9, low=0.8, high=0.95, split="dev"),
                measurement("accuracy", 0.7, split="cert"),
            ],
        },
    ],
    "verdicts": [{"gate": "floor", "outcome": "UNDECIDED", "reason": "few", "needs": "9 rows"}],
}


def bare(facts, version=2):
    from dataclasses import replace

    return replace(RELEASES["helpdesk@1"], version=version, facts=facts)


def test_a_line_tells_version_rung_quality_size_and_decision():
    line = describe_release(bare(BARE))
    assert (line.release, line.chosen, line.size) == ("helpdesk@2", "ngram", "1.23 MB")
    assert line.quality == "macro_f1 0.9000 [0.8000, 0.9500] on dev"
    assert line.sentence == BARE["sentence"]


def test_the_sealed_split_is_preferred():
    released = {"measurements": [measurement("macro_f1", 0.88, split="cert")]}
    assert describe_release(bare({**BARE, "released": released})).quality == "macro_f1 0.8800 on cert"


def test_what_was_not_recorded_is_said():
    line = describe_release(bare({}))
    assert (line.chosen, line.quality, line.size) == ("not recorded", "not measured", "not measured")


def test_history_keeps_the_order_given():
    lines = describe_history([bare(BARE, 1), bare({}, 2)])
    assert [line.release for line in lines] == ["helpdesk@1", "helpdesk@2"]


def test_where_no_score_was_told_the_quality_is_what_was_shown():
    plan = {"asked": "macro_f1 at least 0.9", "passed": True}
    assert (
        describe_release(bare({**BARE, "cert": {"plan": plan}})).quality
        == "macro_f1 at least 0.9 shown on cert"
    )
    assert describe_release(bare({**BARE, "cert": {"plan": None}})).quality.endswith("on dev")


def test_details_name_gates_digests_files_and_the_decision():
    details = {detail.term: detail.text for detail in describe_details(bare(BARE))}
    assert details["gate floor"] == "UNDECIDED: few; would settle it: 9 rows"
    assert details["manifest before"] == "sha256:p"
    assert details["file bundle/m.npz"] == "12,345 bytes, sha256:" + "a" * 64
    assert "why" not in details
    decided = describe_details(RELEASES["helpdesk@2"], DECISIONS["helpdesk@2"])
    told = {detail.term: detail.text for detail in decided}
    assert told["why"] == "customers wrote of returns (person)"
    assert told["follows"] == "helpdesk@1"
    assert told["evidence data/rows.npz"].startswith("sha256:")
    assert sum(detail.term == "limit" for detail in decided) == 2


def test_a_round_of_labelling_stands_where_it_happened_with_what_it_bought():
    found = LabelRound("c0123456789", "slice_value", 1200, 300, "+0.0312 [+0.0188, +0.0449]", "")
    digest = digest_bytes(b"round")
    entries = [PUTS[0], entry("decision", day=5, manifest=Content(digest, 9)), PUTS[1]]
    lines = story(entries, trials={digest: found}).lines
    assert lines[0].events == (f"2026-10-05T12:00:00Z {found.sentence}",)
    assert lines[1].events == ()
