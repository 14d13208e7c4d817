"""Contestants get the same tables, their answers are told apart, and they are charged for what they fill."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from benchmarks.children.probabilities import digest_of, draw_probabilities


def test_every_contestant_draws_the_same_table_of_probabilities():
    first, again = draw_probabilities(500, 7), draw_probabilities(500, 7)
    assert digest_of(*first) == digest_of(*again)
    labels, probs = first
    assert probs.sum(axis=1) == pytest.approx(np.ones(500))
    assert set(labels.tolist()) == set(range(7))
    assert 0.75 < (probs.argmax(axis=1) == labels).mean() < 0.95


def test_one_other_value_shape_or_type_is_another_answer():
    answer = np.array([1, 2, 3, 4])
    others = [np.array([1, 2, 3, 5]), answer.reshape(2, 2), answer.astype(np.int32)]
    assert len({digest_of(array) for array in (answer, *others)}) == 4


MEASURE = """
import json
import numpy as np
from benchmarks.children.probabilities import extra_peak_mib

nothing = extra_peak_mib(lambda: None)
kept = extra_peak_mib(lambda: np.ones(4 << 20))
freed = extra_peak_mib(lambda: float(np.ones(4 << 20).sum()))
print(json.dumps([nothing, kept, freed]))
"""


def test_memory_that_work_fills_and_keeps_or_frees_is_counted():
    # In a process of its own: one that freed much before fills those pages again and does not grow.
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE], check=True, capture_output=True, text=True, cwd=root
    )
    nothing, kept, freed = json.loads(done.stdout)
    if nothing is None:
        pytest.skip("this system does not tell the peak of resident memory")
    assert nothing == pytest.approx(0, abs=4)
    assert kept == pytest.approx(32, abs=4)
    assert freed == pytest.approx(32, abs=4)
