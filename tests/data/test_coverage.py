"""Laws of coverage: train is its own yardstick; a random split rarely brings more, another world does."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.data.coverage import Shares, find_unseen, word_sets
from smallcraft.records import Roles
from smallcraft.stats.intervals import clopper_pearson_interval, share_interval

TEXT = Roles(label="label", text="text")
ROLES = Roles(label="label", features=("job", "age"), groups=("region",))


def compare(train: dict, split: dict, roles: Roles = ROLES):
    frames = [
        pl.DataFrame({"label": ["x"] * len(next(iter(side.values())))} | side) for side in (train, split)
    ]
    for name in roles.named:
        frames = [
            frame if name in frame.columns else frame.with_columns(pl.lit("r").alias(name))
            for frame in frames
        ]
    return {(found.kind, found.column): found for found in find_unseen(*frames, roles)}


# --- by hand -------------------------------------------------------------------------


def test_unseen_values_are_counted_beside_train_s_own_singles():
    train = {"job": ["a", "a", "b", None], "age": [1.0, 2.0, 3.0, None]}
    found = compare(train, {"job": ["a", "b", "c", None, "d"], "age": [0.0, 1.0, None, 3.0, 3.5]})
    jobs, ages = found["unseen value", "job"], found["outside range", "age"]
    assert (jobs.rows.tolist(), jobs.split.value, jobs.train.value) == ([2, 4], 2 / 4, 1 / 3)
    assert (ages.rows.tolist(), ages.split.value, ages.train.value) == ([0, 4], 2 / 4, 2 / 3)


def test_a_highest_number_seen_twice_is_not_beyond_the_others():
    found = compare({"job": ["a"] * 4, "age": [1.0, 1.0, 2.0, 2.0]}, {"job": ["a"], "age": [1.5]})
    assert found["outside range", "age"].train.value == 0.0


def test_cells_are_of_label_and_group():
    roles = Roles(label="label", features=("age",), groups=("region",))
    train = {"label": ["x", "x", "y"], "region": ["eu", "us", "eu"], "age": [1.0, 2.0, 3.0]}
    split = {"label": ["y", "y", None, "x"], "region": ["us", "eu", "us", None], "age": [2.0] * 4}
    cells = compare(train, split, roles)["unseen cell", "region"]
    assert (cells.rows.tolist(), cells.split.value, cells.train.value) == ([0], 1 / 2, 1.0)


def test_labels_and_groups_do_not_run_together():
    roles = Roles(label="label", features=("age",), groups=("region",))
    train = {"label": ["ab", "a"], "region": ["c", "c"], "age": [1.0, 2.0]}
    cells = compare(train, {"label": ["a"], "region": ["bc"], "age": [1.0]}, roles)["unseen cell", "region"]
    assert cells.rows.tolist() == [0]


def test_rows_of_one_key_are_left_out_together():
    roles = Roles(label="label", features=("job", "age"), key="customer")
    train = {"job": ["a", "a", "b"], "age": [5.0, 5.0, 1.0], "customer": ["c1", "c1", None]}
    found = compare(train, {"job": ["a"], "age": [1.0], "customer": ["c9"]}, roles)
    assert found["unseen value", "job"].train.value == 1.0
    assert found["outside range", "age"].train.value == 1.0
    assert len(found["unseen value", "job"].train.totals) == 2


def test_unseen_words_are_told_by_hand():
    found = compare({"text": ["The card, the CARD", "a card", None]}, {"text": ["the new card", ""]}, TEXT)
    words = found["unseen words", "text"]
    assert (words.split.value, words.rows.tolist()) == (1 / 3, [0])
    assert words.train.value == 3 / 6


def test_signs_of_scripts_without_spaces_count_as_words():
    words = compare({"text": ["価格は", "価格"]}, {"text": ["価は高"]}, TEXT)["unseen words", "text"]
    assert (words.split.value, words.train.value) == (1 / 3, 1 / 5)


@given(
    st.lists(st.text(alphabet="abc ,A", max_size=8), min_size=1, max_size=8),
    st.lists(st.text("abcd ", max_size=8), max_size=5),
)
def test_word_shares_agree_with_counting_them_one_by_one(train, split):
    words = compare({"text": train}, {"text": [*split, "a"]}, TEXT)["unseen words", "text"]
    tokens = [re.findall(r"\w+", text.lower()) for text in train]
    own = sum(
        word not in {w for other, t in enumerate(tokens) if other != at for w in t}
        for at, row in enumerate(tokens)
        for word in row
    )
    known = {word for row in tokens for word in row}
    tried = [word for text in [*split, "a"] for word in re.findall(r"\w+", text.lower())]
    assert words.split.value == pytest.approx(sum(word not in known for word in tried) / len(tried))
    assert words.train.value == (own / sum(map(len, tokens)) if any(tokens) else None)


@given(st.lists(st.text(alphabet="ab ,B", max_size=8), max_size=10))
def test_word_sets_are_equal_where_the_sets_are(texts):
    sets = [frozenset(re.findall(r"\w+", text.lower())) for text in texts]
    hashes = word_sets(pl.Series(texts, dtype=pl.String)).to_list()
    assert all((hashes[i] == hashes[j]) == (sets[i] == sets[j]) for i in range(len(sets)) for j in range(i))


# --- intervals -----------------------------------------------------------------------


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_rows_that_stand_alone_give_the_exact_interval_nearly(hits):
    shares = Shares(np.array(hits, dtype=float), np.ones(len(hits)))
    interval, exact = shares.interval(level=0.95), clopper_pearson_interval(sum(hits), len(hits))
    assert interval.low <= exact.low + 1e-9
    assert interval.high >= exact.high - 1e-9
    assert interval.low <= shares.value <= interval.high


def test_clusters_agree_with_the_interval_of_shares_over_rows():
    rng = np.random.default_rng(1)
    clusters = np.repeat(np.arange(40), 5)
    hits = rng.random(200) < np.repeat(rng.random(40), 5)
    shares = Shares(np.bincount(clusters, weights=hits), np.bincount(clusters).astype(float))
    ours, theirs = shares.interval(level=0.95), share_interval(hits, clusters=clusters)
    assert (ours.low, ours.high) == (pytest.approx(theirs.low), pytest.approx(theirs.high))


def test_clusters_without_a_spread_are_worth_a_row_each():
    shares = Shares(np.full(20, 2.0), np.full(20, 9.0))
    interval = shares.interval(level=0.95)
    assert 0 < interval.low < 2 / 9 < interval.high < 0.5


def test_a_share_of_nothing_has_no_value_and_no_interval():
    nothing = Shares(np.array([]), np.array([]))
    assert (nothing.value, nothing.interval(level=0.95)) == (None, None)


# --- simulations ---------------------------------------------------------------------


def world(rng: np.random.Generator, rows: int, *, shift: int = 0) -> dict:
    ranks = rng.zipf(1.6, size=(rows, 6)).clip(max=5_000) + shift
    return {
        "text": [" ".join(f"w{rank}" for rank in row) for row in ranks],
        "label": rng.choice(["x", "y"], rows),
        "job": [f"job{rank}" for rank in ranks[:, 0]],
        "age": rng.normal(size=rows) + shift / 1_000,
        "region": rng.choice(list("abcdefgh"), rows),
    }


EVERYTHING = replace(ROLES, text="text")


def test_a_random_split_rarely_brings_clearly_more():
    rng = np.random.default_rng(11)
    alarms = trials = 0
    for _ in range(60):
        found = compare(world(rng, 400), world(rng, 100), EVERYTHING)
        alarms += sum(entry.is_clearly_more(level=0.95) for entry in found.values())
        trials += len(found)
    assert alarms <= 0.05 * trials


def test_a_split_from_another_world_brings_clearly_more():
    rng = np.random.default_rng(12)
    found = compare(world(rng, 400), world(rng, 100, shift=5_000), EVERYTHING)
    assert {kind for (kind, _), entry in found.items() if entry.is_clearly_more(level=0.99)} == {
        "unseen value",
        "outside range",
        "unseen words",
    }


@pytest.mark.slow
def test_intervals_of_unseen_words_cover_the_true_share():
    rng = np.random.default_rng(13)
    train = world(rng, 300)
    many = compare(train, world(rng, 30_000), TEXT)["unseen words", "text"].split.value
    covered = 0
    for _ in range(300):
        interval = compare(train, world(rng, 80), TEXT)["unseen words", "text"].split.interval(level=0.95)
        covered += interval.low <= many <= interval.high
    assert covered >= 0.92 * 300
