"""Models that answer badly, or learn noise, break the promises."""

from __future__ import annotations

import pytest

from smallcraft.bundle.runtime import Bundle
from smallcraft.pipeline.selftest import training
from smallcraft.pipeline.selftest.promise import BrokenPromiseError


def test_answers_that_are_always_the_same_are_noticed(monkeypatch, tmp_path):
    monkeypatch.setattr(Bundle, "predict", lambda self, rows: [self.classes[0]] * len(rows))
    with pytest.raises(BrokenPromiseError, match="50 of 150 unseen rows right"):
        training.what_words_give_away_is_learned(tmp_path, 0)


def test_a_model_that_saw_the_true_labels_after_all_is_noticed(monkeypatch, tmp_path):
    monkeypatch.setattr(training, "replace", lambda workshop, **changes: workshop)
    with pytest.raises(BrokenPromiseError, match="right after learning shuffled labels"):
        training.shuffled_labels_are_not_learned(tmp_path, 0)
