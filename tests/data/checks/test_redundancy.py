"""Laws of redundancy: copies, small classes and strange rows are undecided, by rules that can be derived."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.stats import norm

from smallcraft.data.checks.redundancy import Redundancy, honest_coverage, least_rows_to_tell
from smallcraft.records import Outcome, Roles
from smallcraft.stats.intervals import clopper_pearson_interval

TEXT = Roles(label="label", text="text")
WORDS = np.array(["card", "money", "lost", "refund", "late", "login", "error", "phone", "price", "open"])


def rows(n: int, seed: int = 0, *, copies: int = 0, prefix: str = "") -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    texts = [f"{prefix}{' '.join(rng.choice(WORDS, 8))} {prefix}{rng.integers(40)}" for _ in range(n)]
    texts = [*texts[: n - copies], *(text.upper() + "!" for text in texts[:copies])]
    return pl.DataFrame({"text": texts, "label": ["a", "b"] * (n // 2)})


def inspect(roles: Roles = TEXT, **splits: pl.DataFrame):
    return Redundancy().inspect(splits, roles)


def kinds(result) -> set[str]:
    return {finding.kind for finding in result.findings}


def test_rows_of_one_world_pass():
    result = inspect(train=rows(400, 1), dev=rows(100, 2), cert=rows(100, 3))
    assert (result.outcome, result.findings) == (Outcome.PASS, ())
    assert result.numbers["distinct_rows_train"] == result.numbers["independent_rows_train"] == 400
    assert "400 of 400 in train" in result.summary


def test_copies_leave_fewer_independent_rows():
    result = inspect(all=rows(100, copies=20))
    numbers = result.numbers
    assert numbers["distinct_rows_all"] == 80
    assert numbers["independent_rows_all"] == pytest.approx(100**2 / (60 + 20 * 4))
    assert kinds(result) == {"copies"}
    assert (
        "copies leave 71 independent of 100 rows in the data: intervals of 95% cover about 90%"
        in result.summary
    )


@pytest.mark.parametrize(("copies", "outcome"), [(10, Outcome.PASS), (12, Outcome.UNDECIDED)])
def test_copies_matter_once_an_interval_no_longer_covers_95_percent(copies, outcome):
    assert inspect(dev=rows(500, copies=copies)).outcome is outcome


def test_copies_in_train_widen_no_interval():
    assert inspect(train=rows(100, copies=20)).outcome is Outcome.PASS


def test_texts_of_the_same_words_are_alike():
    frame = pl.DataFrame({"text": ["lost my card", "my card, lost", "refund"], "label": ["a"] * 3})
    numbers = inspect(train=frame).numbers
    assert numbers["independent_rows_train"] == 3
    assert numbers["independent_rows_by_words_train"] == pytest.approx(9 / 5)


def test_equal_texts_with_other_features_are_no_copies():
    frame = pl.DataFrame({"text": ["a", "A!", "a"], "n": [1.0, 1.0, 2.0], "label": ["a"] * 3})
    numbers = inspect(Roles(label="label", text="text", features=("n",)), train=frame).numbers
    assert (numbers["distinct_rows_train"], numbers["independent_rows_by_words_train"]) == (
        2,
        pytest.approx(9 / 5),
    )


def test_copies_are_not_told_where_most_feature_rows_are_equal():
    frame = pl.DataFrame({"n": [1.0, 2.0] * 50, "label": ["a", "b"] * 50})
    result = inspect(Roles(label="label", features=("n",)), all=frame)
    assert (result.outcome, result.numbers["distinct_rows_all"]) == (Outcome.PASS, 2)
    assert result.numbers["independent_rows_all"] is None
    assert "not told of 100 in the data" in result.summary


@pytest.mark.parametrize(("size", "found"), [(5, {"small class"}), (6, set())])
def test_a_class_too_small_to_be_told_from_chance_is_undecided(size, found):
    frame = pl.concat([rows(60), rows(20, 5).head(size).with_columns(label=pl.lit("rare"))])
    result = inspect(cert=frame)
    assert kinds(result) == found
    assert result.numbers["smallest_class_cert"] == size
    shown = clopper_pearson_interval(size, size)
    assert result.numbers["perfect_record_shows_cert"] == shown.low
    assert (shown.low > 0.5) is (found == set())


def test_small_classes_of_train_are_no_matter_of_intervals():
    frame = pl.concat([rows(60), rows(20, 5).head(2).with_columns(label=pl.lit("rare"))])
    assert inspect(train=frame).outcome is Outcome.PASS


def test_the_widest_interval_of_a_class_is_told():
    numbers = inspect(dev=rows(40)).numbers
    widest = max(
        (lambda bounds: bounds.high - bounds.low)(clopper_pearson_interval(hits, 20)) for hits in range(21)
    )
    assert numbers["widest_interval_of_smallest_class_dev"] == pytest.approx(widest)


def test_a_split_from_elsewhere_is_undecided_and_its_words_are_measured():
    result = inspect(train=rows(400, 1), cert=rows(100, 2, prefix="x"))
    assert kinds(result) == {"unseen words"}
    (measured,) = result.measurements
    assert (measured.name, measured.split, measured.slice) == ("out_of_vocabulary_share", "cert", "text")
    assert measured.low < measured.value < measured.high
    assert measured.value == pytest.approx(2 / 9)
    assert measured.n == 900
    assert result.flagged == ()


def test_rows_with_unseen_values_are_flagged_and_a_few_are_no_matter():
    roles = Roles(label="label", features=("job", "age"), groups=("region",))
    rng = np.random.default_rng(4)

    def frame(n: int) -> pl.DataFrame:
        jobs = [f"job{rank}" for rank in rng.zipf(1.8, n)]
        columns = {"job": jobs, "age": rng.normal(size=n), "label": rng.choice(["a", "b"], n)}
        return pl.DataFrame(columns | {"region": rng.choice(["eu", "us"], n)})

    train, dev = frame(300), frame(100)
    result = inspect(roles, train=train, dev=dev)
    new = [at for at, job in enumerate(dev["job"]) if job not in set(train["job"])]
    flagged = {(entry.split, entry.kind): entry.rows.tolist() for entry in result.flagged}
    assert flagged["dev", "unseen value"] == new != []
    assert result.numbers["rows_with_unseen_value_dev"] == len(new)
    assert result.outcome is Outcome.PASS
    assert {measured.slice for measured in result.measurements} == {"job", "age", "region"}


def test_coverage_with_copies_is_that_of_the_normal():
    reach = norm.ppf(0.975) * np.sqrt(0.7)
    assert honest_coverage(0.7) == pytest.approx(2 * norm.cdf(reach) - 1)


def test_the_least_rows_are_the_first_whose_perfect_record_beats_one_half():
    least = least_rows_to_tell()
    assert (
        clopper_pearson_interval(least, least).low > 0.5 >= clopper_pearson_interval(least - 1, least - 1).low
    )
