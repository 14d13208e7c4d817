"""A split that ignores keys breaks the promise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from smallcraft.data.split import split_table
from smallcraft.pipeline.selftest import preprocessing
from smallcraft.pipeline.selftest.promise import BrokenPromiseError
from smallcraft.records import Roles


@pytest.mark.parametrize("promise", preprocessing.PROMISES, ids=lambda promise: promise.claim)
@pytest.mark.parametrize("seed", [1, 2])
def test_promises_hold_for_other_seeds_too(promise, seed, tmp_path):
    assert promise.attempt(tmp_path, seed)


def test_a_split_that_ignores_keys_is_noticed(monkeypatch, tmp_path):
    def careless(table, *, fractions, seed):
        roles = Roles(label="intent", text="message")
        return split_table(
            replace(table, ref=replace(table.ref, roles=roles)), fractions=fractions, seed=seed
        )

    monkeypatch.setattr(preprocessing, "split_table", careless)
    with pytest.raises(BrokenPromiseError, match=r"[1-9]\d* senders or messages stand in two splits"):
        preprocessing.keys_and_copies_stay_together(tmp_path, 0)


def test_a_loader_that_reads_nothing_is_noticed(monkeypatch, tmp_path):
    real = preprocessing.load_table
    kept = []

    def forgetful(path, roles):
        kept.append(real(path, roles))
        return kept[0]

    monkeypatch.setattr(preprocessing, "load_table", forgetful)
    with pytest.raises(BrokenPromiseError, match="1 digests of two tables"):
        preprocessing.a_changed_label_changes_the_digest(tmp_path, 0)
