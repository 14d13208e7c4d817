"""The fifty tasks of the trunk's benchmark: what they are and that each can be learned and asked."""

from __future__ import annotations

from collections import Counter

import pytest
from benchmarks.datasets import read_banking77, read_clinc150
from benchmarks.suites.trunk import N_TASKS, make_tasks


@pytest.mark.realdata
def test_there_are_fifty_tasks_whose_test_labels_were_all_trained():
    tasks = make_tasks(read_banking77(), read_clinc150())
    assert len({task["name"] for task in tasks}) == len(tasks) == N_TASKS
    classes = [len(set(task["train"]["labels"])) for task in tasks]
    assert Counter(classes) == {150: 1, 77: 1, 15: 10, 2: 38}
    for task in tasks:
        assert set(task["test"]["labels"]) <= set(task["train"]["labels"])
        assert len(task["test"]["texts"]) == len(task["test"]["labels"]) > 0


@pytest.mark.realdata
def test_one_against_the_rest_keeps_every_row_of_the_one_and_all_of_the_test():
    banking = read_banking77()
    task = make_tasks(banking, read_clinc150())[-1]
    intent = task["name"].removeprefix("banking77 ")
    counts = Counter(task["train"]["labels"])
    assert counts[intent] == Counter(label.replace("?", "") for label in banking.train.labels)[intent]
    assert 1000 <= counts["another"] <= 1200
    assert len(task["test"]["labels"]) == len(banking.test.labels)
