"""The error budget is kept as often as promised, and the coverage too; simulations with known truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, binom

from smallcraft.errors import InvalidInputError
from smallcraft.stats.decisions import BudgetSearch, conformal_limit, least_answers, search_threshold

BUDGET, CONFIDENCE = 0.05, 0.9
# Scores are uniform; a row of score s is answered wrongly with probability (1 - s) ** 3.
ANSWERABLE = (4 * BUDGET) ** (1 / 3)


def true_error(threshold: float) -> float:
    """Share of wrong answers among all rows with at least this score."""
    return (1 - max(threshold, 0.0)) ** 3 / 4


def drawn(rng, n):
    scores = rng.random(n)
    return scores, rng.random(n) < (1 - scores) ** 3


def searched(scores, wrong, budget=BUDGET, confidence=CONFIDENCE, expected=3) -> BudgetSearch:
    """`expected`: the power of the model's own idea of its errors; 3 is right."""
    return search_threshold(
        scores,
        lambda threshold: int(wrong[scores >= threshold].sum()),
        lambda threshold: float(((1 - scores[scores >= threshold]) ** expected).sum()),
        errors_at_most=budget,
        confidence=confidence,
    )


def naive_threshold(scores, wrong):
    """The lowest one at which the errors counted are within the budget."""
    order = np.argsort(-scores)
    shares = np.cumsum(wrong[order]) / np.arange(1, len(scores) + 1)
    within = np.flatnonzero(shares <= BUDGET)
    return scores[order][within[-1]]


@pytest.mark.parametrize(("expected", "least_kept"), [(3, 0.95), (1, 0.8), (9, 0.2)])
def test_the_budget_is_broken_no_more_often_than_promised_and_a_naive_threshold_breaks_it(
    expected, least_kept
):
    """Also where the model thinks too ill of itself, or far too well: then it promises less often."""
    rng, runs = np.random.default_rng(0), 300
    broken, naively, kept, shares = 0, 0, 0, []
    for _ in range(runs):
        scores, wrong = drawn(rng, 1000)
        found = searched(scores, wrong, expected=expected)
        kept += found.is_kept
        broken += found.is_kept and true_error(found.trial.threshold) > BUDGET
        naively += true_error(naive_threshold(scores, wrong)) > BUDGET
        shares += [found.trial.answered / 1000] * found.is_kept
    # So many breaks would come by chance in one of a thousand such simulations of a budget kept exactly.
    most = binom.ppf(0.999, runs, 1 - CONFIDENCE)
    assert broken <= most < naively
    assert kept > least_kept * runs
    assert 0.4 < np.mean(shares) < ANSWERABLE


def test_where_every_answer_errs_too_often_the_promise_is_seldom_made():
    rng, runs = np.random.default_rng(1), 200
    promised = 0
    for _ in range(runs):
        wrong = rng.random(500) < BUDGET + 0.001
        promised += searched(rng.random(500), wrong).is_kept
    assert promised <= binom.ppf(0.999, runs, 1 - CONFIDENCE)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 400), st.sampled_from([1, 3, 50]))
def test_what_is_reported_is_what_the_rows_say(seed, n, steps):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, steps + 1, n) / steps
    wrong = rng.random(n) < 0.2 * (1 - scores)
    found = searched(scores, wrong)
    answered = scores >= found.trial.threshold
    assert found.rows == n
    assert found.trial.answered == answered.sum() > 0
    assert found.trial.errors == wrong[answered].sum()
    errors, total = found.trial.errors, found.trial.answered
    bound = 1.0 if errors == total else beta.ppf(CONFIDENCE, errors + 1, total - errors)
    assert found.trial.bound == pytest.approx(bound, rel=1e-9)
    assert found.is_kept == (found.more_rows is None and bound <= BUDGET) or not found.is_kept
    assert not found.is_kept or bound <= BUDGET


def test_a_model_that_is_never_wrong_answers_everything():
    scores = np.random.default_rng(2).random(300)
    found = searched(scores, np.zeros(300, dtype=bool))
    assert found.is_kept
    assert found.trial.answered == 300


def test_too_few_rows_to_show_anything_say_how_many_more_would():
    scores = np.linspace(0.5, 1, 30)
    found = searched(scores, np.zeros(30, dtype=bool))
    assert not found.is_kept
    assert found.more_rows == pytest.approx(least_answers(BUDGET, confidence=CONFIDENCE) - 30, abs=1)


def test_the_rows_said_to_be_missing_are_about_enough():
    """Every answer errs equally often, so the rows needed follow from the bound of all of them."""
    rng = np.random.default_rng(3)
    wrong = rng.permutation(np.arange(200) < 8)
    found = searched(rng.random(200), wrong)
    assert not found.is_kept
    n = 200 + found.more_rows
    assert beta.ppf(CONFIDENCE, 0.04 * n + 1, 0.96 * n) == pytest.approx(BUDGET, rel=0.5)


def test_no_number_of_rows_is_named_where_errors_are_too_frequent():
    scores = np.linspace(0, 1, 400)
    assert searched(scores, np.arange(400) % 4 == 0).more_rows is None


def test_the_order_of_rows_does_not_matter():
    scores, wrong = drawn(np.random.default_rng(4), 500)
    assert searched(scores, wrong) == searched(scores[::-1], wrong[::-1])


@pytest.mark.parametrize("budget", [0.005, 0.02, 0.1, 0.5])
def test_one_answer_fewer_than_the_least_shows_nothing(budget):
    least = least_answers(budget, confidence=0.95)
    assert (1 - budget) ** least <= 0.05 < (1 - budget) ** (least - 1)


def test_no_rows_and_a_percent_are_refused_with_the_remedy():
    with pytest.raises(InvalidInputError, match="needs labelled rows, got none; label some"):
        searched(np.empty(0), np.empty(0, dtype=bool))
    with pytest.raises(InvalidInputError, match=r"errors_at_most must be a fraction .* write 0.02 for 2%"):
        searched(np.ones(9), np.zeros(9, dtype=bool), budget=2)


# --- coverage ----------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "coverage"), [(9, 0.9), (19, 0.9), (37, 0.9), (99, 0.95), (20, 0.5)])
def test_the_coverage_of_a_new_row_is_exact(n, coverage):
    """The rank of one more uniform score is uniform: the limit covers it with `rank / (n + 1)`."""
    rng = np.random.default_rng(5)
    runs = 4000
    covered = sum(rng.random() <= conformal_limit(rng.random(n), coverage=coverage) for _ in range(runs))
    exact = math.ceil(round((n + 1) * coverage, 9)) / (n + 1)
    assert exact >= coverage
    assert abs(covered - runs * exact) < 4 * math.sqrt(runs * exact * (1 - exact))


def test_a_plain_quantile_would_cover_too_little():
    """Without the row more, nine scores give a limit that covers 80 % instead of 90 %."""
    scores = np.arange(9.0)
    assert conformal_limit(scores, coverage=0.9) == 8.0
    assert np.quantile(scores, 0.9, method="inverted_cdf") == 8.0
    assert conformal_limit(np.arange(20.0), coverage=0.9) == 18.0
    assert np.quantile(np.arange(20.0), 0.9, method="inverted_cdf") == 17.0


@pytest.mark.parametrize("coverage", [0.9, 0.95, 0.99])
def test_with_too_few_rows_there_is_no_limit(coverage):
    least = round(1 / (1 - coverage)) - 1
    assert conformal_limit(np.arange(float(least)), coverage=coverage) == least - 1
    assert conformal_limit(np.arange(least - 1.0), coverage=coverage) is None
