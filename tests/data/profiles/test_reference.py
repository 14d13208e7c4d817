"""References: measured as windows are, by season, without knowing their own rows too well."""

from __future__ import annotations

import numpy as np
import pytest

from smallcraft.data.profiles.domain import DomainScore
from smallcraft.data.profiles.measuring import measure_rows
from smallcraft.data.profiles.profile import merge_profiles
from smallcraft.data.profiles.reference import make_reference, shorten
from smallcraft.data.profiles.rows import Rows
from smallcraft.errors import InvalidInputError


def drawn(n, seed):
    rng = np.random.default_rng(seed)
    words = np.array([a + b for a in "abcdefghijklmnopqrst" for b in "abcdefghijklmnopqrst"])
    odds = 1 / np.arange(1, 401)
    texts = [" ".join(rng.choice(words, 8, p=odds / odds.sum())) for _ in range(n)]
    return Rows(
        n,
        numbers={"age": rng.normal(size=n)},
        categories={"city": rng.choice(["Bern", "Rom"], n).tolist()},
        texts={"message": texts},
        embedding=rng.normal(size=(n, 5)).astype(np.float32),
    )


@pytest.fixture(scope="module")
def rows():
    return drawn(400, 0)


def test_reference_is_the_profile_of_its_rows(rows):
    reference = make_reference(rows, rng=np.random.default_rng(0), learned_from=drawn(400, 1))
    assert list(reference.profiles) == [0]
    assert reference.whole.n == 400
    expected = shorten(measure_rows(rows, reference.measures).profile)
    assert reference.whole == merge_profiles([expected])
    assert reference.measures.farness.numbers["age"].mean == reference.whole.columns["age"].mean


def test_buckets_of_a_season_add_up_to_the_whole(rows):
    buckets = np.arange(400) % 3
    reference = make_reference(rows, rng=np.random.default_rng(0), buckets=buckets, season="hour_of_day")
    assert sorted(reference.profiles) == [0, 1, 2]
    assert reference.profile(1).n == 133
    assert reference.profile(7) == reference.whole
    assert reference.whole.n == 400


def test_own_rows_know_no_more_words_than_new_ones(rows):
    reference = make_reference(rows, rng=np.random.default_rng(0))
    own = reference.whole.columns["message/unknown"].mean
    new = [
        measure_rows(drawn(400, seed), reference.measures).profile.columns["message/unknown"].mean
        for seed in range(1, 6)
    ]
    naive = measure_rows(rows, reference.measures).profile.columns["message/unknown"].mean
    assert own == pytest.approx(np.mean(new), rel=0.1)
    assert naive < 0.9 * np.mean(new)


def test_domain_classifier_is_trained_on_what_is_learned_from(rows):
    seen = []

    def train(taught):
        seen.append(taught)
        return DomainScore(bias=2.0)

    reference = make_reference(rows, rng=np.random.default_rng(0), train_domain=train)
    assert seen == [rows]
    assert reference.whole.columns["rows/domain"].mean == 2.0


def test_words_are_shortened_and_categories_are_not():
    names = [a + b + c for a in "abcdefghij" for b in "abcdefghij" for c in "abcdefghij"]
    texts = [f"{name} often" for name in names]
    rows = Rows(1_000, categories={"id": names}, texts={"message": texts})
    whole = make_reference(rows, rng=np.random.default_rng(0)).whole
    words = whole.columns["message/tokens"]
    assert len(whole.columns["id"].values) == 1_000
    assert (len(words.values), words.as_mapping()["often"], words.missed, words.total) == (
        600,
        1_000,
        1,
        2_000,
    )


def test_no_rows_are_refused():
    with pytest.raises(InvalidInputError, match="at least 1 row, got none"):
        make_reference(Rows(0), rng=np.random.default_rng(0))


def test_season_without_buckets_is_refused(rows):
    with pytest.raises(InvalidInputError, match="got season 'hour_of_day' and no buckets"):
        make_reference(rows, rng=np.random.default_rng(0), season="hour_of_day")


def test_buckets_of_other_rows_are_refused(rows):
    with pytest.raises(InvalidInputError, match="each of 400 rows, got season 'day' and 3 buckets"):
        make_reference(rows, rng=np.random.default_rng(0), season="day", buckets=np.arange(3))


def test_reserved_names_are_refused():
    with pytest.raises(InvalidInputError, match="got 'answer/class'"):
        make_reference(Rows(1, categories={"answer/class": ["a"]}), rng=np.random.default_rng(0))
