import numpy as np
import pytest
from tests.stats.crowds import draw_matrices, draw_probs, draw_votes

from smallcraft.stats.dawid_skene import fit_crowd
from smallcraft.stats.vote_calibration import (
    Evidence,
    evidence_of,
    unweighted,
    weigh_by_truth,
    weigh_by_votes,
)
from smallcraft.stats.vote_symbols import Witness


def draw(seed, *, n=4000, k=3, sharpened=1.0, bias=None):
    """Truths drawn from a softmax of scores, and the scores made too sharp."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(n, k)) * 2
    shifted = scores + (0 if bias is None else np.asarray(bias))
    probs = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    truth = (rng.random(n)[:, None] > probs.cumsum(axis=1)).sum(axis=1)
    return Evidence(scores * sharpened, None), truth


@pytest.mark.parametrize("sharpened", [0.5, 1.0, 4.0])
def test_evidence_that_is_too_sure_is_weighed_down_to_what_it_is_worth(sharpened):
    weights = weigh_by_truth(*draw(1, sharpened=sharpened))
    assert weights.votes * sharpened == pytest.approx(1, abs=0.08)
    assert np.abs(weights.bias).max() < 0.15


def test_a_class_that_evidence_favours_wrongly_is_put_back():
    weights = weigh_by_truth(*draw(2, n=20_000, bias=[1.0, 0.0, -1.0]))
    assert weights.bias - weights.bias.mean() == pytest.approx([1, 0, -1], abs=0.1)


def test_two_sources_get_a_weight_each():
    evidence, truth = draw(3, n=20_000)
    other, _ = draw(4, n=20_000)
    mixed = Evidence(3 * (evidence.votes - other.votes), 0.5 * other.votes)
    weights = weigh_by_truth(mixed, truth)
    assert weights.votes == pytest.approx(1 / 3, abs=0.03)
    assert weights.witness == pytest.approx(2, abs=0.15)


@pytest.mark.parametrize("curve", [0.5, 2.0])
def test_evidence_whose_worth_does_not_grow_evenly_is_bent_straight(curve):
    """Its makers' lag is `2 * (lag / 2) ** curve`."""
    evidence, truth = draw(7, n=20_000, k=2)
    lag = evidence.votes.max(axis=1, keepdims=True) - evidence.votes
    weights = weigh_by_truth(Evidence(-2 * (lag / 2) ** curve, None), truth)
    assert weights.curve == pytest.approx(1 / curve, rel=0.1)
    posterior = weights.posterior(Evidence(-2 * (lag / 2) ** curve, None))
    expected = np.exp(evidence.votes) / np.exp(evidence.votes).sum(axis=1, keepdims=True)
    assert np.abs(posterior - expected).max() < 0.04


def test_few_truths_change_little():
    evidence, truth = draw(5, n=3)
    weights = weigh_by_truth(evidence, truth)
    assert 0.4 < weights.votes < 2.5
    assert np.abs(weights.bias).max() < 1.5


def test_the_weights_are_the_likeliest_ones_but_for_their_prior():
    evidence, truth = draw(6, n=300, sharpened=3.0)
    best = weigh_by_truth(evidence, truth)

    def loss(votes, curve, bias):
        posterior = type(best)(votes, 1.0, bias, curve, best.bend).posterior(evidence)
        seen = -np.log(posterior[np.arange(300), truth]).sum()
        return seen + 0.5 * (np.log(votes) ** 2 + np.log(curve) ** 2 + (bias**2).sum())

    least = loss(best.votes, best.curve, best.bias)
    for step in np.vstack([np.eye(5), -np.eye(5)]) * 0.02:
        moved = best.votes * np.exp(step[0]), best.curve * np.exp(step[1]), best.bias + step[2:]
        assert loss(*moved) > least


def test_a_posterior_taken_apart_and_weighed_as_it_was_is_itself():
    drawn = draw_votes(
        draw_matrices(6, 3, right=(0.5, 0.9), rng=np.random.default_rng(7)), items=300, each=3, seed=7
    )
    codes = draw_probs(drawn.truth, 3, pull=1.0, seed=7).argmax(axis=1).astype(np.int32)
    for witness in (None, Witness(codes, 3)):
        fit = fit_crowd(drawn.starts, drawn.annotator, drawn.label, **drawn.sizes, witness=witness)
        again = unweighted(3).posterior(evidence_of(fit, witness))
        assert again == pytest.approx(fit.posterior, abs=1e-9)


def held_out(fit, drawn):
    said = fit.confusion[drawn.annotator, :, drawn.label]
    return Evidence(evidence_of(fit, None).votes[drawn.items] - np.log(said), None), said


def test_votes_that_are_independent_are_left_as_sure_as_they_were():
    matrices = draw_matrices(8, 3, right=(0.6, 0.9), rng=np.random.default_rng(8))
    drawn = draw_votes(matrices, items=4000, each=4, seed=8)
    fit = fit_crowd(drawn.starts, drawn.annotator, drawn.label, **drawn.sizes)
    weights = weigh_by_votes(*held_out(fit, drawn), rng=np.random.default_rng(0))
    # Matrices drawn towards the crowd's are a little too careful.
    assert 0.9 < weights.votes < 1.3
    assert not weights.bias.any()


def test_hard_items_on_which_all_err_make_votes_count_less():
    """On a third of the items every vote is nearly a toss."""
    clear = draw_votes(np.array([[[0.95, 0.05], [0.05, 0.95]]] * 6), items=2000, each=5, seed=9)
    hard = draw_votes(np.array([[[0.55, 0.45], [0.45, 0.55]]] * 6), items=1000, each=5, seed=10)
    starts = np.concatenate([clear.starts, clear.starts[-1] + hard.starts[1:]])
    who = np.concatenate([clear.annotator, hard.annotator])
    label = np.concatenate([clear.label, hard.label])
    together = type(clear)(starts, who, label, np.append(clear.truth, hard.truth), clear.confusion)
    fit = fit_crowd(starts, who, label, n_annotators=6, n_classes=2)
    weights = weigh_by_votes(*held_out(fit, together), rng=np.random.default_rng(0))
    assert weights.votes < 0.8
    before, after = fit.posterior, weights.posterior(evidence_of(fit, None))
    losses = [-np.log(p[np.arange(3000), together.truth]).mean() for p in (before, after)]
    assert losses[1] < losses[0] - 0.02


def test_many_held_out_votes_are_sampled_by_the_generator():
    rng = np.random.default_rng(11)
    said = rng.dirichlet([1, 1], 60_000)
    evidence = Evidence(rng.normal(size=(60_000, 2)), None)
    one, other = (weigh_by_votes(evidence, said, rng=np.random.default_rng(0)) for _ in range(2))
    assert one.votes == other.votes
