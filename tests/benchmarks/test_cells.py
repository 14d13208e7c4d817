"""Contestants draw the same rows, and notes say how far apart the numbers are, not that they agree."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.children.labels import draw_groups, draw_labels, draw_scores
from benchmarks.suites import cells
from benchmarks.suites.suite import Surroundings


def test_every_contestant_draws_the_same_rows():
    for draw in (lambda: draw_labels(500, 4), lambda: draw_scores(500), lambda: (draw_groups(500, 5),)):
        for first, again in zip(draw(), draw(), strict=True):
            assert np.array_equal(first, again)
    truth, first, second = draw_labels(20_000, 10)
    assert [round(float(np.mean(truth == side)), 2) for side in (first, second)] == [0.91, 0.9]
    assert len(np.unique(draw_groups(20_000, 10))) == 10


def test_points_that_differ_are_named_with_how_far():
    close = cells._points("peer", {"accuracy": 0.0, "kappa": 1e-12})
    assert close == "peer: 2 of 2 points differ from ours by 1.0e-12 at most."
    apart = cells._points("peer", {"accuracy": 0.0, "kappa": 0.5})
    assert apart == "peer: 1 of 2 points differ from ours by 0.0e+00 at most; kappa by up to 5.0e-01."


def test_spreads_are_told_with_their_monte_carlo_error():
    values = np.random.default_rng(0).normal(scale=0.1, size=51).tolist()
    note = cells._spreads("peer", "macro-F1", 0.1, values)
    assert "(theirs, 51)" in note
    assert "Monte Carlo standard error of 0.10" in note


def test_time_of_a_bootstrap_counts_the_points_once():
    found = {"fairlearn": [{"groups": [10.0], "sampled": [30.0]}]}
    assert cells._framed(found)["fairlearn"].value == pytest.approx(10 + 1000 * 20 / cells._FRAMES)
    assert cells._framed({}) == {}


@pytest.mark.slow
def test_without_peers_our_own_numbers_stand_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(Surroundings, "python_of", lambda around, _: around.absent.append("no peer"))
    found = cells.measure(Surroundings(tmp_path, is_quick=True))
    assert all(row.ours is not None and row.ours.value > 0 for row in found.rows)
    assert not any(row.peers for row in found.rows)
    assert found.notes[-3:] == ("no peer",) * 3
