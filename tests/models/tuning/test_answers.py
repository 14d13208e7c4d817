"""Answers come in the order asked for, and each row's from that row alone."""

from __future__ import annotations

import numpy as np
import pytest

from smallcraft.models.tuning.answers import answer

pytestmark = pytest.mark.torch


def test_answers_stand_in_the_order_of_the_rows(lesson):
    module = lesson.learner().eval()
    rows = np.array([90, 3, 44, 17, 3])
    found = answer(module, lesson.ids, rows)
    for place, row in enumerate(rows):
        alone = module(lesson.ids.batch(np.array([row])))
        assert np.allclose(found.embeddings[place], alone.embedding.detach().numpy()[0], atol=1e-5)
        assert np.allclose(found.logits[place], alone.logits.detach().numpy()[0], atol=1e-5)
