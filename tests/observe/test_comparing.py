"""Drift between two files: what moved is claimed, what did not is not, and a rule says what it means."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.observe.comparing import METRICS, compare
from smallcraft.observe.frames import profile_frame
from smallcraft.observe.statistics import prepare_reference
from smallcraft.records import Outcome


def table(n: int, *, seed: int, shift: float = 0.0, columns: int = 6) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    numbers = {f"n{at}": rng.normal(shift * (at == 0), 1, n) for at in range(columns)}
    return pl.DataFrame({**numbers, "s": rng.choice(["x", "y", "z"], n)})


@pytest.fixture(scope="module")
def reference():
    return profile_frame(table(20_000, seed=1))


def test_equal_tables_have_not_drifted(reference):
    found = compare(reference, profile_frame(table(20_000, seed=2)))
    assert (found.outcome, found.drifted) == (Outcome.PASS, ())
    assert found.sentence == "none of 7 columns drifted"


def test_the_column_that_moved_is_claimed_alone_with_what_carries_it(reference):
    found = compare(reference, profile_frame(table(20_000, seed=2, shift=0.3)))
    assert (found.outcome, found.drifted) == (Outcome.FAIL, ("n0",))
    first = found.columns[0]
    assert first.shift_sd == pytest.approx(0.3, abs=0.03)
    assert first.kl_sd == pytest.approx(0.3, abs=0.05)
    assert {each.column for each in found.slices} == {"n0"}


def test_a_real_shift_within_the_tolerance_is_none(reference):
    moved = profile_frame(table(20_000, seed=2, shift=0.06))
    assert compare(reference, moved, tolerance_sd=0.0).drifted == ("n0",)
    assert compare(reference, moved, tolerance_sd=0.1).drifted == ()


def test_false_claims_are_rare():
    rng, claims = np.random.default_rng(7), 0
    for _ in range(60):
        first, second = (profile_frame(table(400, seed=int(rng.integers(1 << 30)))) for _ in range(2))
        claims += bool(compare(first, second, tolerance_sd=0.0).drifted)
    assert claims <= 8


def test_one_outlier_does_not_hide_a_shift(reference):
    moved = table(1000, seed=2, shift=2.0).with_columns(
        pl.when(pl.int_range(pl.len()) == 0).then(1e6).otherwise(pl.col("n0")).alias("n0")
    )
    (first, *_) = compare(reference, profile_frame(moved)).columns
    assert (first.column, first.has_drifted) == ("n0", True)
    assert first.kl > 1


def test_too_few_rows_are_undecided(reference):
    found = compare(reference, profile_frame(table(20, seed=2)))
    assert found.outcome is Outcome.UNDECIDED
    assert "more rows" in found.sentence
    assert compare(reference, profile_frame(table(0, seed=2))).outcome is Outcome.UNDECIDED


def test_columns_on_one_side_alone_are_told(reference):
    other = table(5000, seed=2).drop("n1").with_columns(new=pl.lit(1.0), n2=pl.lit("text"))
    found = compare(reference, profile_frame(other))
    assert (found.outcome, found.missing, found.added) == (Outcome.FAIL, ("n1", "n2"), ("new",))
    assert "n1" in found.sentence


def test_a_plain_rule_says_what_it_means_and_how_often_it_fires_on_nothing(reference):
    found = compare(reference, profile_frame(table(500, seed=2, shift=0.5)), metric="kl", threshold=0.05)
    assert found.drifted == ("n0",)
    assert found.rule.threshold_sd == pytest.approx(0.316, abs=0.001)
    assert 0 < found.rule.false_fires < 0.1
    assert compare(reference, reference, metric="psi", threshold=0.1).rule.threshold_sd is None


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_can_be_ruled_by(reference, metric):
    found = compare(reference, profile_frame(table(5000, seed=2, shift=3.0)), metric=metric, threshold=1e-9)
    assert "n0" in found.drifted


@pytest.mark.parametrize("rule", [{"metric": "kl"}, {"threshold": 1.0}])
def test_half_a_rule_is_refused(reference, rule):
    with pytest.raises(InvalidInputError, match="both"):
        compare(reference, reference, **rule)


def test_an_unknown_metric_is_refused_with_the_nearest(reference):
    with pytest.raises(InvalidInputError, match="did you mean 'hellinger'"):
        compare(reference, reference, metric="helinger", threshold=1.0)


def test_a_prepared_reference_changes_nothing(reference):
    current = profile_frame(table(500, seed=2))
    assert compare(reference, current, prepared=prepare_reference(reference)) == compare(reference, current)
