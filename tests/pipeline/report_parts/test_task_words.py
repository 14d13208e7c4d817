"""The report says of each task what can be said of it."""

from __future__ import annotations

import pytest

from smallcraft.evaluate.by_task import BY_TASK
from smallcraft.pipeline.report_parts.task_words import SCORE_TITLES, WORDS, task_of_evidence
from smallcraft.records import CandidateStatus, Evidence, Measurement


@pytest.mark.parametrize("task", WORDS)
def test_a_task_is_known_by_what_was_measured_of_it(task):
    scores = [Measurement(name, 0.5, "", 9, "", split="dev") for name in BY_TASK[task].names]
    assert task_of_evidence([Evidence("fast", CandidateStatus.MEASURED, None, tuple(scores))]) == task
    words = WORDS[task]
    assert {*words.beside, words.group_score} <= set(BY_TASK[task].names)
    assert {*words.beside, words.group_score} <= set(SCORE_TITLES)
    assert BY_TASK[task].is_better_higher(words.group_score) == words.is_lowest_worst
