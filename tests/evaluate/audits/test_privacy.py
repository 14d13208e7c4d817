"""The canary audit proves what a recipe remembers, and finds nothing where there is nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.evaluate.subjects import RememberingTwin, predictions, subject_of, texts
from tests.models.toys import TABLE, TEXT, rows_for, toy_rows, toy_workshop

from smallcraft.bundle.decoder import Decoder
from smallcraft.evaluate.audits.audit import AuditSubject
from smallcraft.evaluate.audits.privacy import PrivacyAudit
from smallcraft.models.ladder import fit_rung
from smallcraft.pipeline.stages.twin import WorkshopTwin
from smallcraft.records import AuditResult, Measurement
from smallcraft.stats.epsilon import epsilon_lower_bound

SEED = 77
SLICES = ("canaries=natural", "canaries=worst")


def audited(odds: float, *, seed: int = 0, canaries: int = 200, rows: int = 300) -> AuditResult:
    dice = np.random.default_rng([SEED, seed])
    twin = RememberingTwin(texts(60, of="train"), dice.integers(4, size=60), odds, seed=seed)
    given = predictions(dice.integers(4, size=rows), dice.integers(4, size=rows))
    subject = replace(subject_of(texts(rows, of="dev"), given, twin=twin), seed=seed)
    return PrivacyAudit(canaries).measure(subject)


def found(result: AuditResult, name: str, where: str = "all") -> Measurement:
    (measurement,) = [m for m in result.measurements if (m.name, m.slice) == (name, where)]
    return measurement


@pytest.mark.parametrize("where", SLICES)
def test_a_recipe_that_remembers_every_row_is_proved_to_leak_almost_the_most_that_can_be_proved(where):
    result = audited(30.0)
    epsilon = found(result, "epsilon_lower_bound", where)
    assert epsilon.n == 200
    assert epsilon.value == epsilon.low
    assert epsilon.value > 0.9 * epsilon.high
    assert epsilon.high == epsilon_lower_bound(160, 160, 200, confidence=1 - 0.025 / 4)
    assert epsilon.level == pytest.approx(0.95)
    assert found(result, "attack_auc", where).value > 0.99
    assert "evidence: epsilon is at least" in result.summary
    assert any(finding.kind == where for finding in result.findings)


def test_null_canaries_prove_something_in_at_most_5_percent_of_300_runs():
    """The twin never learns a canary: every bound above 0 is a false alarm."""
    above = dict.fromkeys(SLICES, 0)
    for seed in range(150):
        result = audited(0.0, seed=seed, canaries=100, rows=110)
        for where in SLICES:
            above[where] += found(result, "epsilon_lower_bound", where).value > 0
    print(f"seeds {SEED}, 0 to 149: bounds above 0 by kind: {above}, of 150 runs each")
    assert sum(above.values()) / 300 <= 0.05


def test_no_evidence_is_said_to_be_no_more_than_that():
    result = audited(0.0)
    assert "no evidence found with 200 natural canaries, loss attack" in result.summary
    assert "private" not in result.summary.replace("privacy", "")
    assert [finding for finding in result.findings if finding.kind.startswith("canaries")] == []
    assert 0.3 < found(result, "attack_auc", SLICES[0]).value < 0.7


def test_what_is_remembered_more_is_proved_more():
    bounds = [found(audited(odds), "epsilon_lower_bound", SLICES[0]).value for odds in (0.0, 2.0, 5.0, 30.0)]
    assert bounds == sorted(bounds)
    assert bounds[0] < bounds[1] < bounds[3]


def test_one_twin_is_trained_on_the_canaries_whose_coin_says_so_and_the_reference_on_none():
    dice = np.random.default_rng(SEED)
    twin = RememberingTwin(texts(50, of="train"), dice.integers(4, size=50), 3.0)
    given = predictions(dice.integers(4, size=100), dice.integers(4, size=100))
    rows = texts(100, of="dev")
    PrivacyAudit(60).measure(subject_of(rows, given, twin=twin))
    reference, trained = twin.trained
    assert reference[0] == {"message": []}
    included, labels = trained
    natural = [text for text in included["message"] if text in rows["message"]]
    assert 15 < len(natural) < 45
    assert 30 < len(labels) < 90
    place = {text: row for row, text in enumerate(rows["message"])}
    for text, label in zip(included["message"], labels.tolist(), strict=True):
        if text in place:
            assert label == given.truth[place[text]]


def test_the_caught_rate_is_a_share_of_the_canaries_trained_on():
    caught = found(audited(30.0, canaries=300), "attack_tpr_at_1_fpr", SLICES[0])
    assert caught.value == caught.hits / caught.trials
    assert caught.low < caught.value <= caught.high
    assert "canaries left out pass the threshold" in caught.detail
    few = found(audited(30.0, canaries=60), "attack_tpr_at_1_fpr", SLICES[0])
    assert few.value is None
    assert "needs 100 canaries left out" in few.detail


def test_too_few_held_out_rows_leave_the_natural_canaries_unmeasured_and_the_worst_measured():
    result = audited(30.0, rows=10)
    natural, worst = (found(result, "epsilon_lower_bound", where) for where in SLICES)
    assert natural.value is None
    assert natural.detail == "needs 20 held-out rows with labels, there are 10"
    assert worst.value > 1


def test_without_a_twin_nothing_is_measured_and_what_would_bring_it_is_said():
    result = PrivacyAudit().measure(subject_of(texts(5, of="dev"), None))
    assert {m.value for m in result.measurements} == {None}
    assert all(m.detail for m in result.measurements)
    assert {m.slice for m in result.measurements if m.name == "epsilon_lower_bound"} == set(SLICES)


def test_a_trained_recipe_is_audited_with_its_bundle_and_personal_data_is_counted_masked(tmp_path):
    workshop = toy_workshop(tmp_path, n=300)
    attempt = fit_rung("ngram", workshop, tmp_path / "bundles", about={})
    dev = toy_rows(120, seed=3)
    rows = rows_for(TEXT.names, dev)
    subject = AuditSubject(
        rows,
        seed=0,
        bundle=attempt.bundle,
        spec=TEXT,
        predictions=predictions(dev.labels, dev.labels),
        twin=WorkshopTwin(workshop, "ngram", attempt.decoder),
    )
    result = PrivacyAudit(100).measure(subject)
    assert found(result, "epsilon_lower_bound", SLICES[1]).value > 0
    assert found(result, "personal_data_in_train").value == 0
    assert found(result, "personal_data_in_vocabulary").value == 0
    again = PrivacyAudit(100).measure(subject)
    assert again == result


def test_rows_with_an_address_are_counted_and_never_told():
    given = {"message": ["write to jane.doe@mail.example", *texts(40, of="x")["message"]]}
    twin = RememberingTwin(given, np.zeros(41, np.int64), 0.0)
    result = PrivacyAudit(30).measure(subject_of(texts(40, of="dev"), None, twin=twin))
    assert found(result, "personal_data_in_train").value == 1
    assert "1 of 41 train rows hold personal data" in result.summary
    assert "jane" not in repr(result)


def test_a_model_of_other_columns_than_text_is_attacked_too(tmp_path):
    workshop = toy_workshop(tmp_path, TABLE, n=200)
    dev = toy_rows(100, seed=3)
    subject = AuditSubject(
        rows_for(TABLE.names, dev),
        seed=0,
        spec=TABLE,
        predictions=predictions(dev.labels, dev.labels),
        twin=WorkshopTwin(workshop, "linear", Decoder(1.0)),
    )
    result = PrivacyAudit(60).measure(subject)
    for where in SLICES:
        assert found(result, "epsilon_lower_bound", where).value is not None
