"""Every promise of every stage is tried, in order."""

from __future__ import annotations

from smallcraft.pipeline.selftest import metrics, preprocessing, records, training, whole
from smallcraft.pipeline.selftest.run import PROMISES, run_selftest


def test_every_promise_of_every_stage_is_in_the_list_once():
    claims = [promise.claim for promise in PROMISES]
    assert len(set(claims)) == len(claims)
    for module in (preprocessing, training, metrics, records, whole):
        assert set(module.PROMISES) <= set(PROMISES)


def test_promises_come_one_by_one():
    first = next(run_selftest(seed=1))
    assert (first.stage, first.is_kept) == ("preprocessing", True)
