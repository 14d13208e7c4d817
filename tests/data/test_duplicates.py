"""Laws of duplicates: what makes no difference is ignored, what does is not, groups are transitive."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.data.duplicates import (
    duplicate_groups,
    exact_groups,
    first_rows,
    joined_groups,
    near_duplicate_pairs,
    normalised,
    renumbered,
    row_copies,
    shared_texts,
)
from smallcraft.errors import InvalidInputError
from smallcraft.records import Roles

LONG = "please tell me when the parcel that I ordered on the third of May will arrive at my house"
texts = st.lists(st.text(alphabet="ab !", max_size=8), max_size=12)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Where is my card?", "where is my card"),
        (" where   is\tmy card ", "where is my card"),
        ("ＷＨＥＲＥ is my card", "where is my card"),
        ("“where is my card…”", "where is my card"),
        ("STRASSE", "straße"),
    ],
)
def test_case_width_space_and_outer_punctuation_make_no_difference(left, right):
    assert normalised(left) == normalised(right)


@pytest.mark.parametrize(
    ("left", "right"), [("?!", "..."), ("a-b", "ab"), ("c++", "c#"), ("good 😀", "good 😡"), ("1.5", "15")]
)
def test_what_stands_inside_makes_a_difference(left, right):
    assert normalised(left) != normalised(right)


@given(st.text())
def test_normalising_twice_changes_nothing(text):
    once = normalised(text)
    assert normalised(once) in {once, normalised(normalised(once))}
    assert exact_groups([text, text.strip()]).tolist() == [0, 0]


@given(texts)
def test_groups_are_numbered_by_first_appearance(rows):
    groups = duplicate_groups(rows)
    assert np.array_equal(renumbered(groups), groups)
    assert [groups[row] for row in first_rows(groups)] == list(range(len(set(groups.tolist()))))


@given(texts)
def test_near_groups_only_join_exact_ones(rows):
    exact, near = exact_groups(rows), duplicate_groups(rows, similarity=0.5)
    assert all(len(set(near[exact == group])) == 1 for group in set(exact.tolist()))
    assert np.array_equal(duplicate_groups(rows, similarity=1.0), exact)


def test_one_changed_letter_in_a_long_text_is_a_copy_and_another_word_in_a_short_one_is_not():
    assert duplicate_groups([LONG, LONG.replace("third", "thirt")]).tolist() == [0, 0]
    assert duplicate_groups(["lost my card", "found my card"]).tolist() == [0, 1]


def test_chains_join_into_one_group():
    steps = [LONG]
    for word in ("xylophone", "quarrelsome", "bzzt"):
        steps.append(f"{steps[-1]} {word[:4]}")
    groups = duplicate_groups(steps, similarity=0.9)
    ends = near_duplicate_pairs(steps[:1], steps[-1:], similarity=0.9)
    assert groups.tolist() == [0, 0, 0, 0]
    assert len(ends) == 0


def test_joining_groups_is_connecting_components():
    groups = np.array([0, 1, 2, 3, 1])
    assert joined_groups(groups, np.array([3, 1]), np.array([1, 0])).tolist() == [0, 0, 1, 0, 0]


def test_pairs_name_the_first_of_equal_left_rows_and_every_right_row():
    pairs = near_duplicate_pairs(["x y", "Hi there", "hi there!"], ["bye", "HI THERE", "hi  there"])
    assert pairs.tolist() == [(1, 1, 1.0), (1, 2, 1.0)]


def test_pairs_agree_with_brute_force_on_distinct_texts():
    rng = np.random.default_rng(5)
    base = [" ".join(rng.choice(list("abcdefgh"), 30)) for _ in range(40)]
    right = [text[:k] + "z" + text[k + 1 :] for text, k in zip(base, rng.integers(0, 59, 40), strict=True)]
    grams = [[{f" {t} "[at : at + 3] for at in range(len(t))} for t in side] for side in (base, right)]
    wanted = {
        (i, j)
        for i, one in enumerate(grams[0])
        for j, other in enumerate(grams[1])
        if len(one & other) / len(one | other) >= 0.8
    }
    pairs = near_duplicate_pairs(base, right, similarity=0.8)
    assert {(int(i), int(j)) for i, j, _ in pairs.tolist()} == wanted
    assert len(wanted) >= 40


def test_one_search_over_three_splits_finds_what_three_searches_find():
    rng = np.random.default_rng(6)
    pool = [" ".join(rng.choice(list("abcdefgh"), 20)) for _ in range(60)]
    pool += [text[:k] + "z" + text[k + 1 :] for text, k in zip(pool, rng.integers(0, 39, 60), strict=True)]
    splits = {name: [pool[at] for at in rng.choice(120, 60)] for name in ("one", "two", "three")}
    shared = shared_texts(splits, similarity=0.7)
    for left, right in (("one", "two"), ("two", "one"), ("one", "three"), ("two", "three")):
        alone = near_duplicate_pairs(splits[left], splits[right], similarity=0.7)
        assert len(alone) > 30
        assert shared.pairs(left, right).tolist() == alone.tolist()


@pytest.mark.parametrize("empty", [([], ["a"]), (["a"], []), ([], [])])
def test_no_rows_have_no_pairs(empty):
    assert len(near_duplicate_pairs(*empty)) == 0
    assert len(duplicate_groups([])) == 0


@pytest.mark.parametrize("similarity", [0, -1, 1.5, float("nan"), 90])
def test_a_similarity_outside_its_range_is_refused(similarity):
    with pytest.raises(InvalidInputError, match=r"similarity must be in \(0, 1\]"):
        duplicate_groups(["a"], similarity=similarity)


def test_rows_without_a_text_are_copies_when_their_features_are_equal():
    frame = pl.DataFrame({"x": [1.0, 2.0, 1.0, 3.0], "y": ["a", "a", "a", "a"], "l": ["p", "p", "q", "q"]})
    copies = row_copies(frame, Roles(label="l", features=("x", "y")))
    assert copies.groups.tolist() == [0, 1, 0, 2]
    assert copies.method == "equal features"


def test_equal_rows_of_a_coarse_table_are_not_called_copies():
    frame = pl.DataFrame({"x": ["a", "b"] * 10, "l": ["p", "q"] * 10})
    copies = row_copies(frame, Roles(label="l", features=("x",)))
    assert not copies.is_meaningful
    assert copies.groups.tolist() == list(range(20))


def test_many_texts_from_one_template_are_told_apart():
    rows = [f"your order number {at * 7919 % 100_000:05d} has been sent on its way" for at in range(20_000)]
    assert np.bincount(duplicate_groups(rows)).max() == 1
    assert np.bincount(duplicate_groups([*rows, *rows[:100]])).max() == 2


@pytest.mark.realdata
def test_real_questions_have_few_copies_and_no_large_chain(shared_data):
    questions = pl.read_csv(shared_data / "banking77" / "train.csv")["text"].to_list()
    sizes = np.bincount(duplicate_groups(questions))
    assert 180 <= len(questions) - len(sizes) <= 230
    assert sizes.max() <= 6
