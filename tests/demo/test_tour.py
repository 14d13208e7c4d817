from __future__ import annotations

import polars as pl
import pytest

from smallcraft.api import load
from smallcraft.demo import tour
from smallcraft.demo.tour import EXAMPLES, change_one_byte, count_found
from smallcraft.pipeline.verifying import verify_project
from smallcraft.pipeline.workspace import Workspace, open_registry


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
