"""One look at the sealed rows: counted, told to three decimals, free when repeated, refused when spent."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import accuracy_score, f1_score, log_loss
from tests.projects import change_project

from smallcraft.bundle.runtime import open_bundle
from smallcraft.evaluate.choice.decide import not_inferior
from smallcraft.evaluate.meter.ledger import verify_ledger
from smallcraft.models.ladder import Attempt
from smallcraft.pipeline.config import Config, load_config, parse_config
from smallcraft.pipeline.events import SilentListener
from smallcraft.pipeline.stages import confirm
from smallcraft.pipeline.stages.confirm import CERT_GATE, INCUMBENT_GATE, confirm_winner
from smallcraft.pipeline.stages.incumbent import Incumbent, unseen_rows
from smallcraft.pipeline.stages.logs import row_ids
from smallcraft.pipeline.stages.measure import Measured, MeasuredSplit, predict_split
from smallcraft.pipeline.stages.predictions import keep_rows
from smallcraft.pipeline.stages.prepare import prepare_data
from smallcraft.pipeline.workspace import Workspace
from smallcraft.records import CandidateStatus, Evidence, Measurement, Outcome
from smallcraft.registry.memory.rows import RowIds, SplitRows
from smallcraft.stats.intervals import wilson_interval

NOW = datetime(2026, 11, 22, tzinfo=UTC)
ON_DEV = Evidence(
    "ngram",
    CandidateStatus.MEASURED,
    "sha256:" + "a" * 64,
    tuple(
        Measurement(name, 0.9, unit, 240, "on dev", 0.85, 0.93, "dev")
        for name, unit in (("macro_f1", "fraction"), ("accuracy", "fraction"), ("log_loss", "nats"))
    ),
)


class Case:
    """A tiny project's bundle, its cert rows with every fourth label changed, and a fresh ledger."""

    def __init__(self, folder: Path, quality: str = "") -> None:
        change_project(folder, "[ladder]", f"[quality]\n{quality}\n[ladder]")
        self.folder, self.config = folder, load_config(folder)
        prepared = prepare_data(self.config, SilentListener())
        cert, ref = prepared.splits.frames["cert"], prepared.splits.refs["cert"]
        labels = [cert["intent"][0] if row % 4 == 0 else label for row, label in enumerate(cert["intent"])]
        frame = cert.with_columns(pl.Series("intent", labels))
        self.split = MeasuredSplit(
            "cert", frame, replace(ref, digest="sha256:" + "c" * 64), self.config.roles()
        )
        self.bundle = open_bundle(next(Workspace(folder).bundles.glob("ngram-*")))
        self.labels = labels
        # Nothing was ever asked: neither in the ledger nor in the log.
        for path in Workspace(folder).root.glob("ledger.jsonl*"):
            path.unlink()
        shutil.rmtree(Workspace(folder).registry)

    def ask(self, rung="ngram", *, incumbent=None, config: Config | None = None, on_dev=ON_DEV, now=NOW):
        bundle = open_bundle(next(Workspace(self.folder).bundles.glob(f"{rung}-*")))
        attempt = Attempt(rung, CandidateStatus.MEASURED, bundle.path, bundle.digest, bundle.decoder)
        released = Measured(attempt, Evidence(rung, CandidateStatus.MEASURED, bundle.digest), None)
        return confirm_winner(
            *(released, on_dev, self.split, config or self.config),
            meter=self.split.ref.digest,
            incumbent=incumbent,
            now=now,
            listener=SilentListener(),
        )

    @property
    def entries(self):
        return verify_ledger(Workspace(self.folder).ledger)


def found(confirmation, name):
    (measurement,) = [m for m in confirmation.answer.measurements if m.name == name]
    return measurement


def test_the_scores_are_those_of_the_released_bundle_told_to_three_decimals(tiny):
    case = Case(tiny)
    confirmation = case.ask()
    guesses = case.bundle.predict(case.split.frame["message"].to_list())
    assert found(confirmation, "accuracy").value == round(accuracy_score(case.labels, guesses), 3) < 1
    assert found(confirmation, "macro_f1").value == round(f1_score(case.labels, guesses, average="macro"), 3)
    assert case.entries[0].answer == {
        "macro_f1": found(confirmation, "macro_f1").value,
        "accuracy": found(confirmation, "accuracy").value,
    }


def test_a_look_is_paid_for_once_and_a_repeated_one_is_free(tiny, monkeypatch):
    case = Case(tiny)
    first = case.ask()
    monkeypatch.setattr(
        "smallcraft.pipeline.stages.confirm.open_bundle", lambda path: pytest.fail("looked again")
    )
    again = case.ask()
    assert again.answer == replace(first.answer, is_repeated=True)
    assert (first.answer.queries, first.answer.is_repeated) == (1, False)
    assert first.answer.ledger_head == case.entries[0].digest


def test_what_a_look_reveals_is_counted_by_the_answers_it_can_give(tiny):
    assert Case(tiny).ask().answer.bits == pytest.approx(2 * math.log2(1001))


def test_a_log_loss_reveals_more_than_a_share_since_it_can_be_more_numbers(tiny):
    case = Case(tiny, 'metric = "log_loss"')
    confirmation = case.ask()
    assert confirmation.answer.bits == pytest.approx(math.log2(36051) + math.log2(1001))
    probs = case.bundle.predict_proba(case.split.frame["message"].to_list())
    expected = log_loss(case.labels, probs, labels=list(case.bundle.classes))
    assert found(confirmation, "log_loss").value == pytest.approx(expected, abs=5.1e-4)


def test_a_comparison_with_the_incumbent_costs_one_of_three_answers_more(tiny):
    case = Case(tiny)
    incumbent = Incumbent("rows@1", open_bundle(next(Workspace(tiny).bundles.glob("majority-*"))))
    confirmation = case.ask(incumbent=incumbent)
    assert confirmation.answer.bits == pytest.approx(2 * math.log2(1001) + math.log2(3))
    (verdict,) = confirmation.verdicts
    assert (verdict.gate, verdict.outcome) == (INCUMBENT_GATE, Outcome.PASS)
    assert "no more than the margin worse than rows@1" in verdict.reason


def test_a_release_that_is_shown_to_be_worse_than_the_incumbent_fails(tiny):
    case = Case(tiny)
    (verdict,) = case.ask("majority", incumbent=Incumbent("rows@1", case.bundle)).verdicts
    assert verdict.outcome is Outcome.FAIL
    assert verdict.blocks
    assert "shown to be worse than rows@1" in verdict.reason


def test_doubt_about_the_incumbent_says_what_would_settle_it_and_blocks_nothing(tiny):
    case = Case(tiny)
    (verdict,) = case.ask(incumbent=Incumbent("rows@1", case.bundle)).verdicts
    same = verdict.outcome
    assert same in {Outcome.PASS, Outcome.UNDECIDED}
    narrow = replace_quality(case.config, margin=0.0001, metric="accuracy", preregistration=2)
    (verdict,) = case.ask(incumbent=Incumbent("rows@1", case.bundle), config=narrow).verdicts
    assert (verdict.outcome, verdict.blocks) == (Outcome.UNDECIDED, False)
    assert verdict.needs == "more cert rows"


def replace_quality(config: Config, **changes) -> Config:
    changed = config.model_copy(update={"quality": config.quality.model_copy(update=changes)})
    changed._folder = config.folder
    return changed


def test_another_metric_is_another_question_under_a_number_of_its_own(tiny):
    case = Case(tiny)
    case.ask()
    second = case.ask(config=replace_quality(case.config, metric="accuracy", preregistration=2))
    assert (second.answer.queries, second.answer.is_repeated) == (2, False)
    assert (second.answer.registrations, case.entries[1].terms["registration"]) == (2, 2)
    assert second.answer.bound > case.ask().answer.bound


def test_the_same_question_under_the_next_number_is_paid_for_again(tiny):
    case = Case(tiny)
    first = case.ask().answer
    again = case.ask(config=replace_quality(case.config, preregistration=2)).answer
    assert (again.is_repeated, again.bits, again.registrations) == (False, pytest.approx(2 * first.bits), 2)


@pytest.mark.parametrize(
    "change", [{"metric": "accuracy"}, {"margin": 0.2}, {"confidence": 0.8}, {"floor": 0.5}]
)
def test_what_was_declared_and_changed_after_the_look_gets_no_answer(tiny, change):
    case = Case(tiny)
    case.ask()
    (name,) = change
    refused = case.ask("majority", config=replace_quality(case.config, **change))
    assert (refused.answer.measurements, refused.answer.queries) == ((), 1)
    assert f"was changed after the first look: entry 1 of {NOW.isoformat()} has {name}" in (
        refused.verdicts[0].reason
    )
    assert len(case.entries) == 1


def test_a_raised_floor_is_judged_by_the_answer_that_there_is(tiny):
    case = Case(tiny, "floor = 0.5")
    first = case.ask().answer
    higher = case.ask(config=replace_quality(case.config, floor=0.6)).answer
    assert higher == replace(first, is_repeated=True)
    case.ask("majority", config=replace_quality(case.config, floor=0.6))
    assert [entry.terms["floor"] for entry in case.entries] == [0.5, 0.5]


def test_the_wear_of_an_answer_is_told_with_what_would_help(tiny):
    case = Case(tiny)
    assert "exceeds half the margin, 0.005" in case.ask().answer.wear
    assert "it takes" in case.ask().answer.wear
    wide = replace_quality(case.config, margin=0.9, preregistration=2)
    assert case.ask(config=wide).answer.wear == ""


def test_a_clock_that_was_set_back_is_told(tiny):
    case = Case(tiny)
    case.ask()
    late = case.ask("majority", now=NOW - timedelta(days=1)).answer
    (note,) = late.clock
    assert "entry 2 is dated 2026-11-21" in note
    assert "the clock was set back" in note


def test_a_spent_test_set_answers_nothing_and_nothing_passes_on_it(tiny):
    case = Case(tiny, "cert_bits = 1")
    case.ask()
    refused = case.ask("majority", incumbent=Incumbent("rows@1", case.bundle))
    assert (refused.answer.measurements, refused.answer.bound, refused.answer.ledger_head) == ((), None, None)
    assert refused.answer.queries == 1
    cert, incumbent = refused.verdicts
    assert (cert.gate, cert.outcome, cert.blocks) == (CERT_GATE, Outcome.UNDECIDED, True)
    assert (incumbent.gate, incumbent.outcome, incumbent.blocks) == (INCUMBENT_GATE, Outcome.UNDECIDED, False)
    assert "may reveal 1.0 bits and has revealed 19.9" in cert.reason
    assert len(case.entries) == 1


def test_accuracy_has_the_wilson_interval_of_the_told_value(tiny):
    accuracy = found(Case(tiny).ask(), "accuracy")
    bounds = wilson_interval(round(accuracy.value * 60), 60)
    assert (accuracy.low, accuracy.high) == (bounds.low, bounds.high)


def test_other_scores_take_their_width_from_dev_scaled_to_the_rows_of_cert(tiny):
    score = found(Case(tiny).ask(), "macro_f1")
    assert score.value - score.low == pytest.approx(0.05 * math.sqrt(240 / 60))
    assert score.high - score.value == pytest.approx(0.03 * math.sqrt(240 / 60))


def test_an_interval_stays_where_the_score_can_be(tiny):
    wide = replace(ON_DEV, measurements=tuple(replace(m, low=0.0, high=1.0) for m in ON_DEV.measurements))
    score = found(Case(tiny).ask(on_dev=wide), "macro_f1")
    assert (score.low, score.high) == (0.0, min(1.0, score.value + 0.2))


def test_without_a_width_from_dev_there_is_no_interval_but_a_reason(tiny):
    nothing = replace(ON_DEV, measurements=())
    score = found(Case(tiny).ask(on_dev=nothing), "macro_f1")
    assert (score.low, score.high) == (None, None)
    assert "no width" in score.detail


def test_the_bound_holds_at_the_confidence_that_was_declared(tiny):
    answer = Case(tiny, "confidence = 0.9").ask().answer
    assert answer.bound == pytest.approx(math.sqrt(math.log(2 / 0.1) / (2 * 60)))


def knowing(case: Case, rung: str, rows: slice) -> Incumbent:
    """An incumbent that was fitted to some of the sealed rows."""
    ids = np.sort(row_ids(case.split.frame[rows], case.split.roles))
    nothing = np.zeros(0, dtype=np.uint64)
    empty = SplitRows(nothing, nothing, "sha256:0")
    splits = {"train": SplitRows(ids, ids, "sha256:0"), "dev": empty, "cert": empty}
    bundle = open_bundle(next(Workspace(case.folder).bundles.glob(f"{rung}-*")))
    return Incumbent("rows@1", bundle, RowIds(("message",), "intent", splits))


def test_the_incumbent_is_compared_only_on_rows_that_it_never_saw(tiny):
    """On the rows it knows it would look better than it is."""
    case = Case(tiny)
    incumbent = knowing(case, "majority", slice(0, 20))
    (verdict,) = case.ask(incumbent=incumbent).verdicts
    assert "rows@1 on the 40 of 60 cert rows that rows@1 never saw" in verdict.reason
    workspace = Workspace(tiny)
    mine, other = (predict_split(bundle, case.split, workspace) for bundle in (case.bundle, incumbent.bundle))
    unseen = unseen_rows(incumbent, case.split)
    assert unseen.sum() == 40
    quality = case.config.quality
    alone = not_inferior(
        *(keep_rows(predictions, unseen) for predictions in (mine, other)),
        metric=quality.metric,
        margin=quality.margin,
        confidence=quality.confidence,
        seed=case.config.seed,
    )
    assert verdict.outcome is alone.outcome


def test_an_incumbent_that_knows_every_sealed_row_is_compared_on_none_and_blocks_nothing(tiny):
    case = Case(tiny)
    (verdict,) = case.ask(incumbent=knowing(case, "ngram", slice(0, 60))).verdicts
    assert (verdict.outcome, verdict.blocks) == (Outcome.UNDECIDED, False)
    assert "on the 0 of 60 cert rows that rows@1 never saw" in verdict.reason
    assert verdict.needs == "more cert rows"


def test_what_the_incumbent_knows_is_part_of_the_question(tiny):
    case = Case(tiny)
    case.ask(incumbent=knowing(case, "majority", slice(0, 20)))
    assert case.ask(incumbent=knowing(case, "majority", slice(0, 20))).answer.is_repeated
    assert not case.ask(incumbent=knowing(case, "majority", slice(0, 30))).answer.is_repeated
    assert len(case.entries) == 2


def test_an_error_without_an_upper_end_is_told_to_three_digits_of_so_many_numbers():
    config = parse_config('[data]\npath = "x.csv"\nfeatures = ["a"]\nlabel = "y"\ntask = "regression"')
    assert [confirm._rounded(value, "rmse", config) for value in (1234.6, 0.0012349, 0.0)] == [
        1230.0,
        0.00123,
        0,
    ]
    assert confirm._rounded(-7.5, "r2", config) == -1.0
    assert confirm._told_scores(config) == ("rmse", "r2")
    # Nine hundred numbers a decade over sixty decades, nothing at all, and the largest one.
    assert confirm._answers_of("rmse", config) == 900 * 60 + 2
    assert confirm._answers_of("r2", config) == 2001
