"""What is seen decides; an error is a broken promise with its reason."""

from __future__ import annotations

import pytest

from smallcraft.pipeline.selftest.promise import BrokenPromiseError, Promise, expect, try_promises


def test_each_promise_works_in_an_empty_folder_of_its_own_that_is_gone_afterwards():
    seen = []

    def litter(folder, seed):
        assert list(folder.iterdir()) == []
        (folder / "litter").write_text(str(seed))
        seen.append(folder)
        return "littered"

    kept = list(try_promises([Promise("whole", "a", litter), Promise("whole", "b", litter)], seed=5))
    assert [found.is_kept for found in kept] == [True, True]
    assert seen[0] != seen[1]
    assert not any(folder.exists() for folder in seen)


def test_an_error_is_a_broken_promise_and_the_next_is_tried():
    def fall_over(folder, seed):
        raise RuntimeError("no more paper")

    first, second = try_promises(
        [Promise("whole", "a", fall_over), Promise("whole", "b", lambda folder, seed: "fine")], seed=0
    )
    assert (first.is_kept, first.seen) == (False, "RuntimeError: no more paper")
    assert (second.is_kept, second.seen) == (True, "fine")


def test_expecting_gives_what_was_seen_or_raises_it():
    assert expect(1 < 2, "one is less") == "one is less"
    with pytest.raises(BrokenPromiseError, match="two is less"):
        expect(2 < 1, "two is less")
