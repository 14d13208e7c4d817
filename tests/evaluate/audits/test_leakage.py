"""The controls pass what learned honestly and find what did not."""

from __future__ import annotations

import numpy as np
import pytest
from tests.evaluate.subjects import ClassTwin, predictions, subject_of
from tests.models.toys import TEXT, rows_for, toy_rows, toy_workshop

from smallcraft.bundle.decoder import Decoder
from smallcraft.evaluate.audits.audit import AuditSubject
from smallcraft.evaluate.audits.leakage import LeakageAudit
from smallcraft.pipeline.stages.twin import WorkshopTwin


def lettered(n: int, *, seed: int) -> tuple[dict[str, list[str]], np.ndarray]:
    """Texts whose first letter is their class."""
    labels = np.random.default_rng(seed).integers(4, size=n)
    return {"message": [f"{'abcd'[code]} row {place}" for place, code in enumerate(labels)]}, labels


def measured(result):
    return {measurement.name: measurement for measurement in result.measurements}


def audited(*, is_cheating: bool, metadata=None):
    rows, labels = lettered(400, seed=1)
    dev, truth = lettered(200, seed=2)
    twin = ClassTwin(rows, labels, is_cheating=is_cheating, noise=0.05)
    subject = subject_of(dev, predictions(truth, truth), twin=twin, metadata=metadata or {})
    return LeakageAudit().measure(subject), twin


def test_a_recipe_that_learns_from_what_it_is_given_falls_to_chance():
    result, twin = audited(is_cheating=False)
    found = measured(result)
    accuracy, chance = found["shuffled_label_accuracy"], found["chance_accuracy"]
    assert accuracy.low <= chance.value
    assert accuracy.value == accuracy.hits / accuracy.trials
    assert accuracy.trials == 200
    assert result.findings == ()
    assert "as it should" in result.summary
    assert twin.tries < 5


def test_a_recipe_that_sees_the_true_labels_anyway_is_found():
    result, twin = audited(is_cheating=True)
    accuracy = measured(result)["shuffled_label_accuracy"]
    assert accuracy.value > 0.9
    assert twin.tries == 5
    (finding,) = result.findings
    assert finding.kind == "shuffled labels"
    assert "it should have fallen to chance" in finding.what
    assert "reach the training" in finding.remedy


def test_a_real_recipe_taught_shuffled_labels_falls_to_chance(tmp_path):
    workshop = toy_workshop(tmp_path, n=300)
    dev = toy_rows(150, seed=3)
    given = predictions(dev.labels, dev.labels)
    subject = AuditSubject(
        rows_for(TEXT.names, dev),
        seed=0,
        spec=TEXT,
        predictions=given,
        twin=WorkshopTwin(workshop, "ngram", Decoder(1.0)),
    )
    assert LeakageAudit().measure(subject).findings == ()


def test_row_numbers_that_give_the_label_away_are_found_by_name():
    rows, _ = lettered(200, seed=2)
    truth = np.repeat(np.arange(4), 50)
    metadata = {"row": np.arange(200.0), "length": np.random.default_rng(0).random(200)}
    result = LeakageAudit().measure(subject_of(rows, predictions(truth, truth), metadata=metadata))
    found = measured(result)
    assert found["metadata_accuracy"].value > 0.9
    assert found["metadata_over_majority"].low > 0.5
    (finding,) = result.findings
    assert finding.kind == "metadata"
    assert "row by itself" in finding.what


def test_metadata_that_say_nothing_are_measured_and_no_finding():
    metadata = {"row": np.random.default_rng(0).random(200)}
    result, _ = audited(is_cheating=False, metadata=metadata)
    found = measured(result)
    assert found["metadata_accuracy"].low <= found["metadata_accuracy"].value
    assert found["metadata_accuracy"].hits == found["metadata_accuracy"].value * 200
    assert found["metadata_over_majority"].low <= 0
    assert result.findings == ()


def test_rows_whose_label_is_no_class_are_left_out():
    rows, truth = lettered(200, seed=2)
    truth = np.where(np.arange(200) < 50, -1, truth)
    result = LeakageAudit().measure(
        subject_of(rows, predictions(truth, np.maximum(truth, 0)), metadata={"row": np.arange(200.0)})
    )
    assert measured(result)["metadata_accuracy"].n == 150


@pytest.mark.parametrize("n", [0, 29])
def test_too_few_rows_or_no_twin_or_no_metadata_are_said(n):
    rows, truth = lettered(n, seed=2)
    given = predictions(truth, truth) if n else None
    few = LeakageAudit().measure(subject_of(rows, given, metadata={"row": np.arange(float(n))}))
    assert {m.value for m in few.measurements} == {None}
    assert all(f"there are {n}" in m.detail for m in few.measurements)
    rows, truth = lettered(40, seed=2)
    none = measured(LeakageAudit().measure(subject_of(rows, predictions(truth, truth))))
    assert "a project's build trains one" in none["shuffled_label_accuracy"].detail
    assert "row number" in none["metadata_accuracy"].detail
