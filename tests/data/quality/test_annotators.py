import numpy as np
import pytest
from scipy.stats import spearmanr
from tests.data.quality.crowd_votes import named
from tests.stats.crowds import draw_matrices, draw_votes

from smallcraft.data.quality.annotators import Bench, hear, judge_annotators
from smallcraft.data.quality.consensus import find_consensus

EVEN = np.array([[[0.9, 0.1], [0.1, 0.9]]] * 3)
HALF = np.array([0.5, 0.5])


def posterior_of(drawn, matrices, prior):
    """By the definition, with the matrices known."""
    scores = np.tile(np.log(prior), (len(drawn.truth), 1))
    np.add.at(scores, drawn.items, np.log(matrices)[drawn.annotator, :, drawn.label])
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def test_the_others_are_the_posterior_of_the_votes_without_one():
    drawn = draw_votes(EVEN, items=50, each=3, seed=1)
    votes, bench = named(drawn), Bench(EVEN, HALF)
    heard = hear(votes, bench)
    assert heard.all_votes == pytest.approx(posterior_of(drawn, EVEN, HALF)[drawn.items], abs=1e-9)
    for place in range(3):
        keep = np.arange(150) % 3 != place
        fewer = type(drawn)(np.arange(0, 101, 2), drawn.annotator[keep], drawn.label[keep], drawn.truth, EVEN)
        assert heard.others[~keep] == pytest.approx(posterior_of(fewer, EVEN, HALF), abs=1e-9)


def test_accuracy_is_the_likeliest_one_given_what_the_others_make_likely():
    drawn = draw_votes(EVEN, items=400, each=3, seed=2)
    votes, bench = named(drawn), Bench(EVEN, HALF)
    others, report = hear(votes, bench).others, judge_annotators(votes, bench)[1]
    own = votes.annotator == 1
    right = others[np.flatnonzero(own), votes.label[own]]
    tried = np.linspace(0.5, 0.999, 500)
    likelihood = [np.log(a * right + (1 - a) * (1 - right)).sum() for a in tried]
    assert report.accuracy == pytest.approx(tried[int(np.argmax(likelihood))], abs=0.002)


@pytest.mark.parametrize(("items", "each"), [(500, 3), (1500, 2), (500, 5)])
def test_intervals_cover_the_share_of_votes_that_is_right(items, each):
    covered = total = 0
    for seed in range(20):
        matrices = draw_matrices(8, 3, right=(0.6, 0.95), rng=np.random.default_rng(seed))
        drawn = draw_votes(matrices, items=items, each=each, seed=seed)
        right = drawn.label == drawn.truth[drawn.items]
        for who, report in enumerate(find_consensus(named(drawn)).annotators):
            share = right[drawn.annotator == who].mean()
            covered += report.interval.low <= share <= report.interval.high
            total += 1
    assert covered / total >= 0.93


def test_worse_annotators_are_ranked_below_better_ones():
    matrices = draw_matrices(12, 3, right=(0.5, 0.98), rng=np.random.default_rng(1))
    drawn = draw_votes(matrices, items=2000, each=3, seed=1)
    told = [report.accuracy for report in find_consensus(named(drawn)).annotators]
    right = drawn.label == drawn.truth[drawn.items]
    shares = [right[drawn.annotator == who].mean() for who in range(12)]
    assert spearmanr(told, shares).statistic > 0.9


def test_intervals_are_wider_where_the_others_are_in_doubt():
    many = draw_votes(np.array([[[0.9, 0.1], [0.1, 0.9]]] * 7), items=300, each=7, seed=3)
    few = draw_votes(np.array([[[0.9, 0.1], [0.1, 0.9]]] * 7), items=1050, each=2, seed=3)
    widths = []
    for drawn in (many, few):
        matrices = np.array([[[0.9, 0.1], [0.1, 0.9]]] * 7)
        reports = judge_annotators(named(drawn), Bench(matrices, HALF))
        assert abs(np.mean([report.judged for report in reports]) - 300) < 20
        widths.append(np.mean([report.interval.high - report.interval.low for report in reports]))
    assert widths[1] > 1.2 * widths[0]


def test_nobody_is_judged_on_items_that_nobody_else_voted_on():
    drawn = draw_votes(EVEN, items=60, each=1, seed=4)
    for report in judge_annotators(named(drawn), Bench(EVEN, HALF)):
        assert (report.judged, report.accuracy, report.interval) == (0, None, None)
        assert report.votes > 0


def test_a_slip_is_named_with_its_share():
    matrices = np.repeat(np.eye(3)[None] * 0.96 + 0.02 * (1 - np.eye(3)), 4, axis=0)
    matrices[2, 0] = [0.6, 0.05, 0.35]
    drawn = draw_votes(matrices, items=3000, each=3, seed=5)
    report = find_consensus(named(drawn)).annotators[2]
    assert (report.slip.truth, report.slip.said) == ("bill", "other")
    assert report.slip.share == pytest.approx(0.35, abs=0.04)
    assert report.slip_words == f"says other for bill, {report.slip.share:.0%}"


def test_an_annotator_who_never_errs_has_no_slip_and_a_bounded_accuracy():
    drawn = draw_votes(np.repeat(np.eye(2)[None], 3, axis=0), items=40, each=3, seed=6)
    for report in find_consensus(named(drawn)).annotators:
        assert report.slip is None
        assert report.slip_words == ""
        assert report.accuracy == pytest.approx(1, abs=1e-3)
        assert 0.8 < report.interval.low < 1
        assert report.interval.high == pytest.approx(1)


def test_three_right_votes_are_no_proof_of_perfection():
    drawn = draw_votes(np.repeat(np.eye(2)[None], 3, axis=0), items=3, each=3, seed=7)
    for report in find_consensus(named(drawn)).annotators:
        assert report.interval.low < 0.6


def test_a_better_vote_weighs_more_and_a_tossed_one_nothing():
    matrices = np.array([[[1.0, 0.0], [0.0, 1.0]], [[0.9, 0.1], [0.1, 0.9]], [[0.5, 0.5], [0.5, 0.5]]])
    drawn = draw_votes(matrices, items=30, each=3, seed=8)
    sound = np.clip(matrices, 1e-12, 1)
    reports = judge_annotators(named(drawn), Bench(sound, HALF))
    entropy = -(0.9 * np.log2(0.9) + 0.1 * np.log2(0.1))
    assert [report.weight for report in reports] == pytest.approx([1, 1 - entropy, 0], abs=1e-6)


def test_annotators_without_a_vote_on_these_rows_are_left_out():
    drawn = draw_votes(EVEN, items=60, each=1, seed=9)
    votes = named(drawn)
    mine = votes.at(np.flatnonzero(votes.annotator == 2))
    reports = judge_annotators(mine, Bench(EVEN, HALF))
    assert [report.name for report in reports] == ["ann_2"]
