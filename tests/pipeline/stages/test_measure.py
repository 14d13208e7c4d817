from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from tests.pipeline.conftest import FIXED

from smallcraft.bundle.runtime import Bundle, open_bundle
from smallcraft.models.ladder import Attempt
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.events import SilentListener
from smallcraft.pipeline.stages import measure
from smallcraft.pipeline.stages.measure import (
    MeasuredSplit,
    measure_candidate,
    predict_split,
    recall_cost,
    recall_train_cost,
)
from smallcraft.pipeline.stages.prepare import prepare_data
from smallcraft.pipeline.workspace import Workspace
from smallcraft.records import CandidateStatus, Measurement


def dev_of(folder):
    config = load_config(folder)
    prepared = prepare_data(config, SilentListener())
    return MeasuredSplit(
        "dev", prepared.splits.frames["dev"], prepared.splits.refs["dev"], config.roles()
    ), config


def attempt_of(folder, rung="ngram", *, train_cpu_s=1.5):
    path = next(Workspace(folder).bundles.glob(f"{rung}-*"))
    bundle = open_bundle(path)
    return Attempt(rung, CandidateStatus.MEASURED, path, bundle.digest, bundle.decoder, train_cpu_s)


@pytest.mark.usefixtures("fixed_costs")
def test_what_is_measured_is_the_bundle_itself(tiny):
    split, config = dev_of(tiny)
    measured = measure_candidate(attempt_of(tiny), split, config)
    bundle = open_bundle(attempt_of(tiny).bundle)
    texts, labels = split.frame["message"].to_list(), split.frame["intent"].to_list()
    np.testing.assert_array_equal(measured.predictions.probs, bundle.predict_proba(texts))
    right = np.mean([guess == label for guess, label in zip(bundle.predict(texts), labels, strict=True)])
    assert measured.evidence.find("accuracy", split="dev").value == right
    assert measured.evidence.candidate == bundle.digest
    assert {found.name for found in FIXED} < {found.name for found in measured.evidence.measurements}


@pytest.mark.parametrize("status", [CandidateStatus.SKIPPED, CandidateStatus.CRASHED])
def test_a_rung_without_a_bundle_keeps_its_reason_and_has_no_numbers(tiny, status):
    split, config = dev_of(tiny)
    measured = measure_candidate(Attempt("frozen", status, reason="no backbone"), split, config)
    assert (measured.evidence.status, measured.evidence.reason) == (status, "no backbone")
    assert (measured.evidence.measurements, measured.predictions) == ((), None)


def test_answers_are_remembered_and_not_asked_twice(tiny, monkeypatch):
    split, _ = dev_of(tiny)
    bundle = open_bundle(attempt_of(tiny).bundle)
    first = predict_split(bundle, split, Workspace(tiny))
    monkeypatch.setattr(Bundle, "predict_proba", lambda bundle, rows: pytest.fail("asked again"))
    again = predict_split(bundle, split, Workspace(tiny))
    np.testing.assert_array_equal(first.probs, again.probs)


def test_rows_of_one_key_are_one_cluster_and_without_a_key_every_row_stands_alone(tiny):
    split, _ = dev_of(tiny)
    bundle = open_bundle(attempt_of(tiny).bundle)
    assert predict_split(bundle, split, Workspace(tiny)).clusters is None
    customers = pl.Series("customer", [f"c{row // 4}" for row in range(split.frame.height)])
    keyed = replace(
        split, frame=split.frame.with_columns(customers), roles=replace(split.roles, key="customer")
    )
    clusters = predict_split(bundle, keyed, Workspace(tiny)).clusters
    assert [code == clusters[0] for code in clusters] == [row < 4 for row in range(split.frame.height)]


def test_costs_are_measured_once_a_bundle(tiny, monkeypatch):
    split, config = dev_of(tiny)
    asked = []

    def count(bundle, rows, *, seed):
        asked.append(rows)
        return (*FIXED, whole)

    whole = Measurement("size_mb", 2.0, "MB", 3, "bytes of the files", low=2)
    monkeypatch.setattr(measure, "measure_cost", count)
    bundle = attempt_of(tiny)
    found = [recall_cost(bundle.bundle, "sha256:" + "7" * 64, split, config) for _ in range(2)]
    assert found[0] == (*FIXED, whole)
    assert repr(found[0]) == repr(found[1])
    assert [list(rows) for rows in asked] == [["message"]]


def test_training_is_charged_what_it_took_when_the_bundle_was_made(tiny):
    config = load_config(tiny)
    fresh = Attempt("ngram", CandidateStatus.MEASURED, tiny, "sha256:" + "8" * 64, None, 2.5)
    first = recall_train_cost(fresh, config)
    assert first.value == 2.5
    later = Attempt("ngram", CandidateStatus.MEASURED, tiny, "sha256:" + "8" * 64, None, 0.1)
    assert recall_train_cost(later, config) == first


def test_a_refit_is_charged_with_the_training_that_came_before(tiny):
    config = load_config(tiny)
    attempt = Attempt("ngram", CandidateStatus.MEASURED, tiny, "sha256:" + "9" * 64, None, 2.0)
    before = recall_train_cost(attempt, config)
    assert recall_train_cost(attempt, config, before=before).value == 4.0
    assert recall_train_cost(attempt, config).value == 2.0
