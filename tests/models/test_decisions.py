"""What is fitted keeps what was asked: budgets, coverage, trees, thresholds, intervals."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import binom

from smallcraft.bundle.decoder import Decoder
from smallcraft.bundle.decoders.argmax import Argmax
from smallcraft.bundle.decoders.thresholds import Thresholds
from smallcraft.bundle.decoders.value import Value
from smallcraft.canonical import canonical_json
from smallcraft.errors import InvalidInputError
from smallcraft.models.calibrate import fit_decoder
from smallcraft.models.decisions import KINDS, DecisionPlan, complete_decoder, fit_decider
from smallcraft.models.parts.f1_thresholds import fit_thresholds

CLASSES = ("cards/lost", "cards/new", "loans/rate", "loans/new")


def drawn(rng, n, spread=3.0):
    """Calibrated probabilities of four classes, and labels drawn from them."""
    probs = softmax(rng.normal(0, spread, (n, len(CLASSES))), axis=1)
    return probs, (probs.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)


def errors_of(decider, probs, truth):
    """Wrong answers and answers, where a node above the true label is right."""
    found = decider.decide(probs, CLASSES)
    answered = ~found.abstained
    wrong = [
        not f"{CLASSES[code]}/".startswith(f"{label}/")
        for label, code in zip(found.labels, truth, strict=True)
        if label is not None
    ]
    return sum(wrong), int(answered.sum())


@pytest.fixture(scope="module")
def fitted():
    return drawn(np.random.default_rng(0), 1500)


@pytest.fixture(scope="module")
def fresh():
    return drawn(np.random.default_rng(1), 20_000)


@pytest.mark.parametrize("kind", ["abstain", "hierarchical"])
@pytest.mark.parametrize("budget", [0.03, 0.08])
def test_a_budget_is_kept_on_new_rows_and_the_promise_tells_the_counts(fitted, fresh, kind, budget):
    decider = fit_decider(DecisionPlan(kind, errors_at_most=budget), *fitted, CLASSES)
    assert decider.promise["is_kept"]
    assert decider.promise["rows"] == 1500
    assert (decider.promise["errors"], decider.promise["answered"]) == errors_of(decider, *fitted)
    errors, answered = errors_of(decider, *fresh)
    # Twenty thousand rows tell the true share but for four standard errors.
    assert errors / answered < budget + 4 * np.sqrt(budget / answered)
    assert answered / 20_000 > 0.15


def test_a_tree_answers_more_rows_within_the_same_budget(fitted, fresh):
    shares = {}
    for kind in ("abstain", "hierarchical"):
        decider = fit_decider(DecisionPlan(kind, errors_at_most=0.03), *fitted, CLASSES)
        shares[kind] = errors_of(decider, *fresh)[1] / 20_000
    assert shares["hierarchical"] > shares["abstain"] + 0.02


def test_the_tree_may_be_told_by_parents(fitted):
    told = tuple((name, name.split("/")[0]) for name in CLASSES)
    plan = DecisionPlan("hierarchical", errors_at_most=0.05)
    by_name = fit_decider(plan, *fitted, CLASSES)
    by_parents = fit_decider(replace(plan, parents=told), *fitted, CLASSES)
    assert by_parents.threshold == by_name.threshold
    answers = [decider.decide(fitted[0], CLASSES).labels for decider in (by_name, by_parents)]
    assert answers[0] == answers[1]


def test_a_budget_that_the_rows_cannot_show_is_not_promised_and_says_what_would_settle_it():
    probs, truth = drawn(np.random.default_rng(2), 40, spread=8.0)
    decider = fit_decider(DecisionPlan("abstain", errors_at_most=0.02), probs, truth, CLASSES)
    assert not decider.promise["is_kept"]
    assert 60 < decider.promise["more_rows"] < 1000
    # It is no bundle that says nothing at all: the threshold that comes nearest is taken.
    assert not decider.decide(probs, CLASSES).abstained.all()


def test_the_promise_is_kept_at_its_level_and_an_uncorrected_one_is_not(fresh):
    """Many small projects: each takes a threshold, and its true error is read off the fresh rows."""
    rng, runs, budget, confidence = np.random.default_rng(3), 150, 0.05, 0.8
    sure, wrong = fresh[0].max(axis=1), fresh[0].argmax(axis=1) != fresh[1]
    order = np.argsort(-sure)
    ordered, true_shares = sure[order], np.cumsum(wrong[order]) / np.arange(1, 20_001)

    def true_error(threshold):
        return true_shares[max(np.searchsorted(-ordered, -threshold, side="right") - 1, 0)]

    broken = naively = 0
    for _ in range(runs):
        probs, truth = drawn(rng, 400)
        plan = DecisionPlan("abstain", errors_at_most=budget, confidence=confidence)
        decider = fit_decider(plan, probs, truth, CLASSES)
        broken += decider.promise["is_kept"] and true_error(decider.threshold) > budget
        scores = np.sort(probs.max(axis=1))[::-1]
        misses = (probs.argmax(axis=1) != truth)[np.argsort(-probs.max(axis=1))]
        within = np.flatnonzero(np.cumsum(misses) / np.arange(1, 401) <= budget)
        naively += true_error(scores[within[-1]]) > budget
    assert broken <= binom.ppf(0.999, runs, 1 - confidence) < naively


# --- sets ------------------------------------------------------------------------------


@pytest.mark.parametrize("score", ["lac", "aps", "raps"])
@pytest.mark.parametrize("by_class", [False, True])
def test_sets_hold_the_true_label_as_often_as_promised(fitted, fresh, score, by_class):
    plan = DecisionPlan("conformal", coverage=0.85, score=score, by_class=by_class)
    found = fit_decider(plan, *fitted, CLASSES).decide(fresh[0], CLASSES)
    covered = np.array([CLASSES[code] in names for names, code in zip(found.sets, fresh[1], strict=True)])
    # The coverage of one fit is a beta variable around the promise: four standard errors of 1,500 rows.
    assert covered.mean() > 0.85 - 4 * np.sqrt(0.85 * 0.15 / 1200)
    if by_class:
        for code in range(4):
            assert covered[fresh[1] == code].mean() > 0.85 - 4 * np.sqrt(0.85 * 0.15 / 250)


def test_lac_has_the_smallest_sets_and_is_the_usual_score(fitted, fresh):
    sizes = {}
    for score in ("lac", "aps"):
        found = fit_decider(DecisionPlan("conformal", score=score), *fitted, CLASSES).decide(
            fresh[0], CLASSES
        )
        sizes[score] = np.mean([len(names) for names in found.sets])
    assert sizes["lac"] < sizes["aps"]
    assert DecisionPlan().score == "lac"


def test_a_class_with_too_few_rows_for_a_coverage_of_its_own_is_in_every_set(fitted):
    probs, truth = fitted
    kept = (truth != 2) | (np.cumsum(truth == 2) <= 5)
    plan = DecisionPlan("conformal", coverage=0.9, by_class=True)
    decider = fit_decider(plan, probs[kept], truth[kept], CLASSES)
    assert decider.limits[2] is None
    assert all(CLASSES[2] in names for names in decider.decide(probs, CLASSES).sets)


# --- several labels, numbers -------------------------------------------------------------


def test_several_labels_get_thresholds_by_f1():
    rng = np.random.default_rng(4)
    probs = rng.beta(0.5, 2, (300, 3))
    truth = (rng.random(probs.shape) < probs).astype(np.int64)
    decider = fit_decider(DecisionPlan(), probs, truth, ("a", "b", "c"), task="multilabel", seed=3)
    assert decider == Thresholds(tuple(fit_thresholds(probs, truth > 0, seed=3).tolist()))


def test_a_number_gets_an_interval_that_holds_as_often_as_promised():
    rng = np.random.default_rng(5)
    values, fresh_values = rng.normal(0, 3, (2, 4000))
    truth, fresh_truth = (part + rng.standard_t(4, 4000) for part in (values, fresh_values))
    plan = DecisionPlan(coverage=0.9)
    decider = fit_decider(plan, values[:, None], truth, ("hours",), task="regression")
    found = decider.decide(fresh_values[:, None], ("hours",))
    held = np.mean((found.low <= fresh_truth) & (fresh_truth <= found.high))
    assert held == pytest.approx(0.9, abs=4 * np.sqrt(0.9 * 0.1 / 2000))
    assert decider.coverage == 0.9


def test_a_number_of_too_few_rows_gets_no_interval():
    decider = fit_decider(DecisionPlan(), np.zeros((5, 1)), np.arange(5.0), ("hours",), task="regression")
    assert decider == Value()


# --- plans -------------------------------------------------------------------------------


@pytest.mark.parametrize(("task", "kind"), [("multilabel", "abstain"), ("regression", "conformal")])
def test_a_kind_of_another_task_is_refused(task, kind):
    with pytest.raises(InvalidInputError, match=f"'{kind}' is none for {task}; write one of"):
        fit_decider(DecisionPlan(kind, errors_at_most=0.1), np.ones((3, 1)), np.ones(3), ("a",), task=task)


@pytest.mark.parametrize("kind", ["abstain", "hierarchical"])
def test_without_a_budget_there_is_no_threshold(kind, fitted):
    with pytest.raises(InvalidInputError, match=r"needs an error budget; add errors_at_most = 0.02"):
        fit_decider(DecisionPlan(kind), *fitted, CLASSES)


@pytest.mark.parametrize(("task", "kinds"), KINDS.items())
def test_without_a_kind_the_first_of_the_task_is_taken(task, kinds):
    truth = {"multiclass": np.arange(20) % 2, "multilabel": np.ones((20, 2)), "regression": np.ones(20)}
    probs = np.full((20, 1 if task == "regression" else 2), 0.5)
    assert fit_decider(DecisionPlan(), probs, truth[task], ("a", "b"), task=task).name == kinds[0]


# --- the whole decoder -------------------------------------------------------------------


def out_of_fold(rng, n):
    logits = rng.normal(0, 2, (n, 4))
    return logits, (softmax(logits, axis=1).cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)


def completed(logits, labels, plan, n):
    decoder = fit_decoder(logits, labels, tolerance=0.01, confidence=0.95)
    folds = np.arange(n) % 5
    return decoder, complete_decoder(decoder, logits, labels, CLASSES, folds=folds, plan=plan)


def test_without_a_plan_a_calibrated_decoder_stays_as_it_was():
    logits, labels = out_of_fold(np.random.default_rng(6), 500)
    decoder, found = completed([logits], labels, DecisionPlan(), 500)
    assert found == decoder
    assert found.decides == Argmax()
    assert "decision" not in found.describe()


def test_rows_that_a_stage_did_not_answer_take_no_part():
    rng = np.random.default_rng(7)
    logits, labels = out_of_fold(rng, 600)
    second = logits + rng.normal(0, 0.5, logits.shape)
    second[np.arange(600) % 5 > 1] = np.nan
    plan = DecisionPlan("abstain", errors_at_most=0.2)
    _, found = completed([logits, second], labels, plan, 600)
    assert found.decider.promise["rows"] == 240
    assert Decoder.read(json.loads(canonical_json(found.describe()))) == found


def test_a_decoder_with_a_calibrator_decides_by_corrected_probabilities():
    """The second class is told too often; the threshold is fitted to what the bundle will say."""
    rng = np.random.default_rng(8)
    logits, labels = out_of_fold(rng, 1500)
    logits[:, 1] += 2.0
    _, found = completed([logits], labels, DecisionPlan("abstain", errors_at_most=0.2), 1500)
    assert found.calibrator.name == "vector"
    assert found.decider.promise["is_kept"]
