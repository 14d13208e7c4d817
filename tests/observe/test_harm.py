"""Harm: labels prove it, estimates ask for labels, and what is not known is not called benign."""

from __future__ import annotations

import numpy as np
import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.observe.alarms import HarmVerdict
from smallcraft.observe.harm import HarmBaseline, Unlabelled, judge_harm, judge_losses, mean_loss
from smallcraft.stats.histograms import count_values
from smallcraft.stats.sequences.betting import count_losses

CONFUSION = np.array([[900, 60], [40, 1000]])
BASELINE = HarmBaseline(loss_bound=0.1, group_bounds={"sex=f": 0.1, "sex=m": 0.1}, confusion=CONFUSION)
CALM = Unlabelled(
    confidences=count_values(np.full(3000, 0.96)),
    answers=np.array([1400, 1600], dtype=np.int64),
    outside=0.01,
)


def losses(share: float, n: int) -> np.ndarray:
    return count_losses((np.arange(n) < share * n).astype(float))


def judge(by_group=None, rows=CALM, baseline=BASELINE):
    return judge_harm(baseline, losses=by_group or {}, rows=rows, rng=np.random.default_rng(0))


def test_labels_above_the_limit_prove_harm():
    found = judge({"all": losses(0.3, 400)})
    assert (found.verdict, found.labels) == (HarmVerdict.HARMFUL, 400)
    assert "0.300" in found.sentence


def test_labels_below_the_limit_prove_none():
    assert judge({"all": losses(0.05, 2000)}).verdict is HarmVerdict.BENIGN


def test_few_labels_within_the_limit_take_nothing_from_estimates_that_agree():
    found = judge({"all": losses(0.1, 20)})
    assert found.verdict is HarmVerdict.BENIGN
    assert "20 labels do not settle it" in found.sentence
    assert found.labels == 20


@pytest.mark.parametrize(
    ("share", "rows"), [(0.3, CALM), (0.1, Unlabelled())], ids=["beyond the limit", "no estimates"]
)
def test_few_labels_ask_for_more_beyond_the_limit_or_where_nothing_else_is_known(share, rows):
    found = judge({"all": losses(share, 20)}, rows=rows)
    assert found.verdict is HarmVerdict.UNKNOWN
    assert "label these rows" in found.sentence


def test_harm_to_one_group_is_harm():
    groups = {"all": losses(0.06, 3000), "sex=f": losses(0.35, 300), "sex=m": losses(0.03, 2700)}
    found = judge(groups)
    assert found.verdict is HarmVerdict.HARMFUL
    assert "sex=f" in found.sentence


def test_a_group_with_too_few_labels_is_named():
    found = judge({"all": losses(0.04, 3000), "sex=f": losses(0.1, 10)})
    assert found.verdict is HarmVerdict.BENIGN
    assert "too few labels to settle loss of sex=f" in found.sentence


def test_estimates_that_agree_say_benign_and_name_what_they_assume():
    found = judge()
    assert found.verdict is HarmVerdict.BENIGN
    assert all(sign.assumes for sign in found.signs)
    assert {sign.name for sign in found.signs} == {
        "accuracy by confidence",
        "accuracy by label shift",
        "rows outside the reference",
    }


@pytest.mark.parametrize(
    "rows",
    [
        Unlabelled(),
        Unlabelled(confidences=CALM.confidences),
        Unlabelled(confidences=count_values(np.full(3000, 0.6)), answers=CALM.answers),
        Unlabelled(confidences=CALM.confidences, answers=CALM.answers, outside=0.3),
    ],
    ids=["nothing known", "one estimate alone", "a worse estimate", "rows like none before"],
)
def test_without_labels_doubt_asks_for_labels(rows):
    found = judge(rows=rows)
    assert found.verdict is HarmVerdict.UNKNOWN
    assert "label these rows" in found.sentence


def test_weighted_rows_tell_their_effective_size():
    rows = Unlabelled(is_right=np.array([True] * 95 + [False] * 5), odds=np.linspace(0.5, 2, 100))
    (sign, _) = judge(rows=rows).signs
    assert "effective sample size" in sign.assumes


def test_signs_of_labels_are_wrong_as_seldom_as_one_may_be():
    rng, wrong = np.random.default_rng(5), 0
    for _ in range(200):
        counts = {
            name: count_losses((rng.random(200) < 0.12).astype(float)) for name in ("all", "g=a", "g=b")
        }
        signs = judge_losses(counts, HarmBaseline(loss_bound=0.1, tolerance=0.02))
        wrong += any(sign.verdict is HarmVerdict.HARMFUL for sign in signs)
    assert wrong <= 10


def test_no_loss_is_none_and_not_zero():
    assert mean_loss(losses(0, 0)) is None
    assert mean_loss(losses(0.25, 8)) == 0.25


@pytest.mark.parametrize("given", [{"loss_bound": 1.5}, {"loss_bound": 0.1, "tolerance": -1}])
def test_losses_beyond_one_are_refused(given):
    with pytest.raises(InvalidInputError, match="divide losses"):
        HarmBaseline(**given)
