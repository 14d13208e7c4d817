from smallcraft.records import Release, StoredFile
from smallcraft.registry.history import describe_details, describe_history, describe_release

FACTS = {
    "chosen": "ngram",
    "metric": "macro_f1",
    "sentence": "ngram is the cheapest not inferior to fast",
    "bundle": {"size_bytes": 1_234_567},
    "candidates": [
        {"rung": "fast", "measurements": [{"name": "macro_f1", "value": 0.99, "split": "cert"}]},
        {
            "rung": "ngram",
            "measurements": [
                {"name": "macro_f1", "value": 0.5, "split": "cert", "slice": "region=north"},
                {"name": "macro_f1", "value": 0.9, "low": 0.8, "high": 0.95, "split": "dev"},
                {"name": "accuracy", "value": 0.7, "split": "cert"},
            ],
        },
    ],
    "verdicts": [{"gate": "floor", "outcome": "UNDECIDED", "reason": "few", "needs": "9 rows"}],
}


def release(facts, version=2):
    files = (StoredFile("bundle/m.npz", "sha256:" + "a" * 64, 12345),)
    return Release("helpdesk", version, "sha256:m", "sha256:p", "2026-10-01T12:00:00Z", files, facts)


def test_a_line_tells_version_rung_quality_size_and_decision():
    line = describe_release(release(FACTS))
    assert line.release == "helpdesk@2"
    assert line.chosen == "ngram"
    assert line.quality == "macro_f1 0.9000 [0.8000, 0.9500] on dev"
    assert line.size == "1.23 MB"
    assert line.sentence == FACTS["sentence"]


def test_the_sealed_split_is_preferred():
    sealed = {"name": "macro_f1", "value": 0.88, "split": "cert", "slice": "all"}
    facts = {
        **FACTS,
        "candidates": [{"rung": "ngram", "measurements": [sealed, *FACTS["candidates"][1]["measurements"]]}],
    }
    assert describe_release(release(facts)).quality == "macro_f1 0.8800 on cert"


def test_what_was_not_recorded_is_said():
    line = describe_release(release({}))
    assert (line.chosen, line.quality, line.size) == ("not recorded", "not measured", "not measured")


def test_history_keeps_the_order_given():
    lines = describe_history([release(FACTS, 1), release({}, 2)])
    assert [line.release for line in lines] == ["helpdesk@1", "helpdesk@2"]


def test_details_name_gates_digests_and_files():
    details = {detail.term: detail.text for detail in describe_details(release(FACTS))}
    assert details["gate floor"] == "UNDECIDED: few; would settle it: 9 rows"
    assert details["manifest before"] == "sha256:p"
    assert details["file bundle/m.npz"] == "12,345 bytes, sha256:" + "a" * 64


def test_where_no_score_was_told_the_quality_is_what_was_shown():
    facts = {**FACTS, "cert": {"plan": {"asked": "macro_f1 at least 0.9", "passed": True}}}
    assert describe_release(release(facts)).quality == "macro_f1 at least 0.9 shown on cert"
    assert describe_release(release({**FACTS, "cert": {"plan": None}})).quality.endswith("on dev")
