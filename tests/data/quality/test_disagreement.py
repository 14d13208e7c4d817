import numpy as np
import pytest
from tests.data.quality.crowd_votes import named
from tests.stats.crowds import draw_matrices, draw_votes

from smallcraft.data.quality.disagreement import inspect_disagreement
from smallcraft.records import Outcome

NAMES = ("disagreement", "krippendorff_alpha", "unanimous_share", "ambiguity", "worker_error")


def usual(seed, *, items=600, each=3, right=(0.7, 0.95)):
    rng = np.random.default_rng(seed)
    return draw_votes(draw_matrices(8, 3, right=right, rng=rng), items=items, each=each, seed=seed)


def measured(result):
    return {one.name: one for one in result.measurements}


def test_everything_is_measured_with_interval_count_method_and_split():
    result = inspect_disagreement(named(usual(1)), split="train")
    found = measured(result)
    assert tuple(found) == NAMES
    for one in found.values():
        assert one.low <= one.value <= one.high
        assert (one.n, one.split, one.slice) == (600, "train", "all")
        assert "95% percentile bootstrap" in one.method
    assert result.numbers["disagreement"] == found["disagreement"].value
    assert result.outcome is Outcome.PASS


def test_shares_are_those_counted_over_pairs():
    drawn = usual(2, each=2)
    pairs = drawn.label.reshape(-1, 2)
    found = measured(inspect_disagreement(named(drawn), split="all"))
    assert found["disagreement"].value == pytest.approx((pairs[:, 0] != pairs[:, 1]).mean())
    assert found["unanimous_share"].value == pytest.approx((pairs[:, 0] == pairs[:, 1]).mean())


def test_the_same_seed_gives_the_same_intervals():
    votes = named(usual(3))
    one, other = (inspect_disagreement(votes, split="all", seed=5) for _ in range(2))
    assert one == other


def test_a_higher_confidence_is_wider():
    votes = named(usual(3))
    widths = []
    for confidence in (0.8, 0.99):
        one = measured(inspect_disagreement(votes, split="all", confidence=confidence))["krippendorff_alpha"]
        widths.append(one.high - one.low)
    assert widths[1] > 1.5 * widths[0]


def test_a_careless_annotator_among_careful_ones_is_worker_error():
    matrices = np.array([[[0.98, 0.02], [0.02, 0.98]]] * 4 + [[[0.6, 0.4], [0.4, 0.6]]])
    drawn = draw_votes(matrices, items=1500, each=5, seed=4)
    found = measured(inspect_disagreement(named(drawn), split="all"))
    assert found["worker_error"].value > 5 * found["ambiguity"].value


def test_items_that_split_careful_annotators_are_ambiguity():
    """Four of five items are clear to all; the fifth is a toss."""
    clear = draw_votes(np.array([[[0.99, 0.01], [0.01, 0.99]]] * 6), items=1600, each=2, seed=5)
    torn = draw_votes(np.array([[[0.5, 0.5], [0.5, 0.5]]] * 6), items=400, each=2, seed=6)
    starts = np.concatenate([clear.starts, clear.starts[-1] + torn.starts[1:]])
    pairs = [(clear.annotator, torn.annotator), (clear.label, torn.label), (clear.truth, torn.truth)]
    drawn = type(clear)(starts, *(np.concatenate(pair) for pair in pairs), clear.confusion)
    found = measured(inspect_disagreement(named(drawn), split="all"))
    assert found["ambiguity"].value > 3 * found["worker_error"].value


def test_votes_by_chance_are_undecided_and_contrary_ones_fail():
    toss = draw_votes(np.full((6, 2, 2), 0.5), items=400, each=3, seed=7)
    assert inspect_disagreement(named(toss), split="all").outcome is Outcome.UNDECIDED
    contrary = draw_votes(np.array([[[1.0, 0.0]] * 2, [[0.0, 1.0]] * 2]), items=50, each=2, seed=8)
    assert inspect_disagreement(named(contrary), split="all").outcome is Outcome.FAIL


def test_without_two_votes_on_a_row_nothing_is_measured_and_that_is_said():
    result = inspect_disagreement(named(usual(9, each=1)), split="dev")
    assert result.outcome is Outcome.UNDECIDED
    assert "no row of dev has two votes; have some rows labelled twice" in result.summary
    assert all(one.value is None and one.detail == "no row has two votes" for one in result.measurements)
    assert result.numbers["disagreement"] is None


def test_one_label_throughout_has_no_alpha_and_is_undecided():
    drawn = draw_votes(np.array([[[1.0, 0.0]] * 2] * 3), items=20, each=2, seed=10)
    result = inspect_disagreement(named(drawn), split="all")
    assert result.outcome is Outcome.UNDECIDED
    assert measured(result)["krippendorff_alpha"].detail == "every vote is the same label"
    assert measured(result)["disagreement"].value == 0


def test_the_labels_that_are_mixed_up_most_come_first():
    matrices = np.repeat(np.eye(3)[None] * 0.96 + 0.02 * (1 - np.eye(3)), 6, axis=0)
    matrices[:, 0] = [0.7, 0.02, 0.28]
    drawn = draw_votes(matrices, items=800, each=3, seed=11)
    found = inspect_disagreement(named(drawn), split="all").findings
    assert found[0].what.startswith("annotators are torn between 'bill' and 'other' on ")
    rows = [int(finding.what.split(" on ")[1].split()[0].replace(",", "")) for finding in found]
    assert rows == sorted(rows, reverse=True)
    assert all(finding.row is None for finding in found)
