"""Exact copies by digest and bucket are those that are found with all rows side by side."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.data.checks.duplicates import contradictions, exact_copies
from smallcraft.data.duplicates import normalised
from smallcraft.data.partitions.buckets import Buckets, read_parts
from smallcraft.data.partitions.copies import (
    KEY,
    CopyCount,
    count_copies,
    merge_copies,
    normalised_column,
    row_keys,
)
from smallcraft.data.partitions.places import places_of
from smallcraft.records import Roles

TEXTS = st.text(alphabet="aB cé \t\u3000.?!\"'()\x1c\x0bß", max_size=8)
ROLES = Roles(label="label", text="text", features=("size", "plan"))


def table(texts, rng) -> pl.DataFrame:
    n = len(texts)
    return pl.DataFrame(
        {
            "text": texts,
            "label": rng.choice(["x", "y", "z"], n).tolist(),
            "size": rng.choice([0.0, -0.0, 1.5, None], n).tolist(),
            "plan": rng.choice(["a", "b", None], n).tolist(),
        },
        schema_overrides={"size": pl.Float64},
    )


def counted(keys: np.ndarray, folder) -> CopyCount:
    buckets = Buckets(folder, KEY)
    for part in np.array_split(keys, 3):
        buckets.add(part)
    return merge_copies([count_copies(part) for (part,) in read_parts(buckets, part_bytes=500)])


@given(st.lists(TEXTS, max_size=30))
def test_texts_are_normalised_as_in_memory(texts):
    assert normalised_column(pl.Series("t", texts, pl.String)).to_list() == [
        normalised(text) for text in texts
    ]


@given(
    texts=st.lists(st.sampled_from(["a b", "A  b!", "c", "é", "É"]), min_size=1, max_size=60),
    seed=st.integers(0, 99),
)
def test_copies_and_contradictions_are_those_that_are_found_side_by_side(tmp_path_factory, texts, seed):
    frame = table(texts, np.random.default_rng(seed))
    groups = exact_copies(frame, ROLES)
    known = contradictions(groups, frame["label"])
    found = counted(row_keys(frame, ROLES, places_of(0, 0, frame.height)), tmp_path_factory.mktemp("buckets"))
    assert (found.rows, found.distinct) == (len(texts), len(np.unique(groups)))
    assert (found.contradictions, found.wrong) == (len(known), sum(one.wrong for one in known))
    assert {one.places for one in found.examples} == {one.rows[:10] for one in known}


def test_features_alone_tell_copies_where_there_is_no_text(tmp_path):
    roles = Roles(label="label", features=("size", "plan"))
    frame = table(["x"] * 200, np.random.default_rng(0))
    found = counted(row_keys(frame, roles, places_of(0, 0, 200)), tmp_path)
    assert found.distinct == len(np.unique(exact_copies(frame, roles)))


@pytest.mark.parametrize("n", [0, 1])
def test_of_few_rows_none_is_a_copy(n):
    frame = pl.DataFrame(
        {"text": ["a"] * n, "label": ["x"] * n}, schema={"text": pl.String, "label": pl.String}
    )
    keys = row_keys(frame, Roles(label="label", text="text"), places_of(0, 0, n))
    assert count_copies(keys) == CopyCount(n, n)
