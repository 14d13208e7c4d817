"""A ledger or registry that notices nothing breaks the promises."""

from __future__ import annotations

import pytest

from smallcraft.evaluate.meter.ledger import Ledger
from smallcraft.pipeline.selftest import records
from smallcraft.pipeline.selftest.promise import BrokenPromiseError


@pytest.mark.parametrize("promise", records.PROMISES, ids=lambda promise: promise.claim)
@pytest.mark.parametrize("seed", [1, 2])
def test_promises_hold_for_other_seeds_too(promise, seed, tmp_path):
    assert promise.attempt(tmp_path, seed)


@pytest.mark.parametrize(
    ("name", "attempt"),
    [
        ("verify_ledger", records.an_edited_look_is_found),
        ("verify_registry", records.one_changed_byte_is_found),
    ],
)
def test_a_verification_that_sees_nothing_is_noticed(name, attempt, monkeypatch, tmp_path):
    monkeypatch.setattr(records, name, lambda path: ())
    with pytest.raises(BrokenPromiseError, match="unnoticed"):
        attempt(tmp_path, 0)


def test_a_ledger_that_never_refuses_is_noticed(monkeypatch, tmp_path):
    monkeypatch.setattr(Ledger, "_require_bits", lambda self, *spent: None)
    with pytest.raises(BrokenPromiseError, match="a spent test set answered"):
        records.a_spent_test_set_does_not_answer(tmp_path, 0)
