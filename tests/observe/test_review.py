"""Review batches: three arms, each row once, and the random one knows its chances."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.observe.alarms import Example
from smallcraft.observe.review import pick_review, write_review


def rows(n: int, *, arm: str, first: int = 0) -> list[Example]:
    return [
        Example(
            window_start_s=0,
            values=(("x", float(first + at)),),
            answer="yes",
            confidence=(at % 50) / 50,
            arm=arm,
            inclusion=0.5 if arm == "random" else None,
            score=float(at),
        )
        for at in range(n)
    ]


CANDIDATES = [*rows(200, arm="random"), *rows(60, arm="drifted", first=1000)]


def pick(size: int = 100, *, candidates=CANDIDATES, seed: int = 0):
    return pick_review(candidates, size=size, rng=np.random.default_rng(seed))


def test_arms_have_their_shares():
    assert Counter(row.arm for row in pick().rows) == {"drifted": 50, "random": 30, "uncertain": 20}


@pytest.mark.parametrize("size", [1, 7, 100, 260, 999])
def test_no_row_comes_twice_and_none_beyond_what_is_wanted(size):
    found = pick(size).rows
    assert len({row.values for row in found}) == len(found) == min(size, len(CANDIDATES))


def test_random_rows_alone_carry_a_chance_and_it_is_theirs():
    for row in pick().rows:
        assert row.inclusion == (pytest.approx(0.5 * 30 / 200) if row.arm == "random" else None)


def test_each_random_row_is_picked_as_often_as_it_says():
    picked = Counter(row.values for seed in range(400) for row in pick(seed=seed).rows if row.arm == "random")
    counts = np.array(list(picked.values()))
    assert len(counts) == 200
    assert counts.mean() == 400 * 30 / 200
    assert counts.max() < 100


def test_the_drifted_arm_is_where_the_change_is_and_the_uncertain_one_where_the_model_doubts():
    # A row that was kept twice is drawn from its random copy.
    far = [row for row in pick(20).rows if row.arm == "drifted"]
    assert min(row.score for row in far) > 180
    unsure = [row for row in pick(20).rows if row.arm == "uncertain"]
    assert max(row.confidence for row in unsure) < 0.1


def test_a_row_that_was_kept_for_two_arms_is_one_row():
    both = [*rows(10, arm="random"), *rows(10, arm="drifted")]
    assert len(pick(20, candidates=both).rows) == 10


def test_the_seed_alone_decides():
    assert pick(seed=3) == pick(seed=3)
    assert pick(seed=3) != pick(seed=4)


def test_an_empty_batch_is_refused():
    with pytest.raises(InvalidInputError, match="at least 1 row"):
        pick(0)


def test_nothing_to_pick_from_is_an_empty_batch():
    assert pick(5, candidates=[]).rows == ()


def test_the_file_has_a_line_a_row_that_says_where_it_comes_from(tmp_path, alarm):
    path = write_review(pick(10), alarm, tmp_path / "review")
    found = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert len({line["item_id"] for line in found}) == 10
    assert {line["alarm"] for line in found} == {alarm.id}
    assert all(set(line["values"]) == {"x"} for line in found)
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert write_review(pick(10), alarm, tmp_path / "review") == path
