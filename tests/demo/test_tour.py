from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from smallcraft.api import load
from smallcraft.demo import tour
from smallcraft.demo.helpdesk.corpus import generate
from smallcraft.demo.tour import (
    EXAMPLES,
    change_one_byte,
    count_found,
    count_leaks,
    count_wrong_labels,
    doubted_rows,
    find_region_served_worst,
    rank_annotators,
    start_over,
)
from smallcraft.pipeline.verifying import verify_project
from smallcraft.pipeline.workspace import Workspace, open_registry
from smallcraft.records import AuditResult, CheckResult, Measurement, Outcome


@pytest.fixture(scope="module")
def corpus(built):
    return pl.read_csv(built / "tickets.csv"), pl.read_parquet(built / "truth.parquet")


def test_every_planted_copy_is_counted_and_all_exact_ones_are_found(corpus):
    frame, truth = corpus
    exact, near, contradictions = count_found(frame, truth)
    kinds = truth["duplicate_kind"].to_list()
    assert (exact.planted, near.planted) == (kinds.count("exact"), kinds.count("near"))
    assert contradictions.planted == truth["is_contradiction"].sum()
    assert exact.found == exact.planted > 0
    assert near.planted >= near.found > 0.5 * near.planted
    assert contradictions.planted >= contradictions.found > 0.5 * contradictions.planted


def test_nothing_is_found_where_nothing_is_alike(corpus):
    frame, truth = corpus
    different = frame.with_columns(message=pl.Series([f"{row} " * 9 for row in range(frame.height)]))
    assert [fault.found for fault in count_found(different, truth)] == [0, 0, 0]


def test_one_changed_byte_of_a_copy_is_noticed_and_the_original_stays_sound(built):
    registry = Workspace(built).registry
    before = {path: path.read_bytes() for path in registry.rglob("*") if path.is_file()}
    release = open_registry(built).read("latest")
    message = change_one_byte(registry, release)
    largest = max(
        (file for file in release.files if "/heads/" in file.path), key=lambda file: file.size_bytes
    )
    assert largest.digest.removeprefix("sha256:") in message
    assert "/tmp" not in message
    assert {path: path.read_bytes() for path in registry.rglob("*") if path.is_file()} == before
    verify_project(built)


def test_a_verify_that_notices_nothing_would_stop_the_tour(built, monkeypatch):
    monkeypatch.setattr(tour, "verify_registry", lambda root: None)
    with pytest.raises(AssertionError, match="went unnoticed"):
        change_one_byte(Workspace(built).registry, open_registry(built).read("latest"))


def test_the_questions_of_the_tour_are_about_intents_of_the_corpus(built, corpus):
    labels = load("latest", project=built).predict(list(EXAMPLES))
    assert set(labels) <= set(corpus[0]["intent"])
    assert len(set(labels)) == len(EXAMPLES)


def test_leaks_are_copies_of_an_earlier_row_behind_the_border():
    corpus = generate(rows=1000)
    found = count_leaks(corpus.frame, corpus.truth)
    border = round(1000 * 0.85)
    originals = corpus.truth["duplicate_of"][border:].drop_nulls()
    assert found.planted == int((originals < border).sum()) > 0
    assert found.found >= 0.7 * found.planted
    assert found.flagged >= found.found


def test_wrong_labels_are_counted_among_the_rows_that_were_looked_at():
    truth = pl.DataFrame({"is_wrong_label": [True, True, False, False, True]})
    findings = pl.DataFrame(
        {
            "check": ["label_issues", "label_issues", "consensus", "duplicates", "label_issues"],
            "kind": ["wrong", "hard", "votes say otherwise", "exact copy", "wrong"],
            "line": [0, 1, 2, 4, 0],
        }
    )
    found = count_wrong_labels(findings, truth, rows=np.array([0, 1, 2, 3]))
    assert (found.planted, found.found, found.flagged) == (2, 1, 2)
    assert found.sentence.endswith("found 1 of 2 planted; of 2 flagged, 50% are planted")
    assert not found.is_found
    assert replace(found, found=2).is_found


def test_annotators_are_ranked_by_what_was_measured_and_told_beside_the_truth():
    truth = pl.DataFrame({"true_intent": ["x", "x", "y", "y"]})
    frame = pl.DataFrame({"a": ["x", "x", "y", "y"], "b": ["x", "y", "y", "x"]})
    measured = tuple(
        Measurement("annotator_accuracy", value, "fraction", 4, "", split="train", slice=f"annotator={name}")
        for name, value in (("a", 0.9), ("b", 0.6))
    )
    check = CheckResult("consensus", Outcome.UNDECIDED, "", {}, measurements=measured)
    ranked = rank_annotators([check, replace(check, measurements=measured[:1])], frame, truth)
    assert [(guess.name, guess.true) for guess in ranked] == [("b", 0.5), ("a", 1.0)]


def test_the_region_served_worst_is_the_one_measured_furthest_below_the_rest():
    def gap(region, value):
        where = f"region={region}"
        return Measurement("accuracy_gap", value, "fraction", 90, "", value - 0.1, value + 0.1, "dev", where)

    audit = AuditResult("fairness", "", (gap("east", -0.02), gap("south", -0.12), gap("west", 0.05)))
    assert find_region_served_worst((audit,)).slice == "region=south"
    assert find_region_served_worst((AuditResult("fairness", "", (gap("east", 0.1),)),)) is None


def findings_of(rows, *, check="label_issues", kind="wrong"):
    return pl.DataFrame({"check": check, "kind": kind, "line": rows})


def test_only_rows_whose_label_is_called_wrong_are_doubted():
    wrong, hard = findings_of([5, 3, 3]), findings_of([8], kind="hard")
    votes = findings_of([1], check="consensus", kind="votes say otherwise")
    assert doubted_rows(pl.concat([wrong, hard, votes])).tolist() == [1, 3, 5]


def test_starting_over_keeps_what_an_earlier_tour_released_and_its_caches(tmp_path):
    assert start_over(tmp_path) is None
    kept = tmp_path / ".smallcraft"
    (tmp_path / "labels").mkdir()
    for name in ("registry/log/checkpoint", "ledger.jsonl", "bundles/tickets@1/bundle.json", "cache/x"):
        (kept / name).parent.mkdir(parents=True, exist_ok=True)
        (kept / name).write_text(name)
    first = start_over(tmp_path)
    assert not (tmp_path / "labels").exists()
    assert (first / "registry" / "log" / "checkpoint").read_text() == "registry/log/checkpoint"
    assert (first / "bundles" / "tickets@1" / "bundle.json").exists()
    assert sorted(path.name for path in kept.iterdir()) == ["bundles", "cache", "earlier"]
    assert start_over(tmp_path) is None
    (kept / "ledger.jsonl").write_text("again")
    assert start_over(tmp_path) == first.with_name("2")
