"""A round through the project's own verbs, on a made-up corpus."""

from __future__ import annotations

from benchmarks.campaigns.rounds import run_project_round
from benchmarks.datasets import Dataset, Rows
from tests.projects import message_rows


def corpus():
    train, test = message_rows(240), message_rows(60, seed=9)
    parts = [Rows({"text": list(one["message"])}, one["intent"]) for one in (train, test)]
    return Dataset("made up", *parts)


def test_a_round_repairs_more_by_a_targeted_answer_than_by_a_blind_one_and_counts_every_row():
    found = run_project_round(corpus(), wrong=0.2, right=0.9, answers=60, seed=0)
    assert 150 < found.rows < 240
    assert 0.1 * found.rows < found.wrong < 0.3 * found.rows
    assert found.asked["targeted"] > 3 * found.asked["random"] > 0
    assert found.repaired["targeted"] > 0.3 * found.asked["targeted"]
    assert found.repaired["targeted"] + found.repaired["random"] <= found.wrong
    assert found.ratio > 1.5
    assert found.on_test.n == 60
    assert found.on_test.after > found.on_test.before
