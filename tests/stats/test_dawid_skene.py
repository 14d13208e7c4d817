import json
import subprocess

import numpy as np
import pytest
from benchmarks.peers import CROWD_KIT
from hypothesis import given
from hypothesis import strategies as st
from tests.stats.crowds import draw_matrices, draw_probs, draw_votes

from smallcraft.errors import InvalidInputError
from smallcraft.stats.dawid_skene import fit_crowd, fit_dawid_skene, majority_vote, one_coin
from smallcraft.stats.vote_symbols import Witness

ALL = (fit_dawid_skene, fit_crowd, majority_vote, one_coin)

ASK_CROWD_KIT = """
import json, sys
import numpy as np, pandas as pd
from crowdkit.aggregation import DawidSkene, MajorityVote, OneCoinDawidSkene
item, who, label = np.load(sys.argv[1])
frame = pd.DataFrame({"task": item, "worker": who, "label": label})
answer = {}
for name, method in {
    "dawid_skene": DawidSkene(n_iter=15, tol=-np.inf), "one_coin": OneCoinDawidSkene(n_iter=30)
}.items():
    method.fit(frame)
    answer[name] = method.probas_.sort_index()[sorted(method.probas_.columns)].to_numpy().tolist()
json.dump(answer, sys.stdout)
"""


def fit(method, drawn, **options):
    return method(drawn.starts, drawn.annotator, drawn.label, **drawn.sizes, **options)


def accuracy(found, drawn):
    return float((found.posterior.argmax(axis=1) == drawn.truth).mean())


def usual(seed, *, people=12, k=3, items=600, each=3, right=(0.5, 0.95)):
    rng = np.random.default_rng(seed)
    return draw_votes(draw_matrices(people, k, right=right, rng=rng), items=items, each=each, seed=seed)


def witness_from(probs):
    """Its class and in which third of the confidences it falls."""
    predicted, sure = probs.argmax(axis=1), probs.max(axis=1)
    third = np.digitize(sure, np.quantile(sure, [1 / 3, 2 / 3]))
    return Witness((predicted * 3 + third).astype(np.int32), 3 * probs.shape[1])


# --- by hand ---------------------------------------------------------------------------


def test_the_first_pass_is_the_one_counted_by_hand():
    # Two items, three votes each: 0 0 1 and 1 1 1. Shares are (2/3, 1/3) and (0, 1).
    starts, who = np.array([0, 3, 6]), np.array([0, 1, 2, 0, 1, 2], dtype=np.int32)
    label = np.array([0, 0, 1, 1, 1, 1], dtype=np.int32)
    found = fit_dawid_skene(
        starts, who, label, n_annotators=3, n_classes=2, pseudo_votes=np.ones((2, 2)), max_iter=1
    )
    first = np.array(
        [[(2 / 3 + 1) / (2 / 3 + 2), 1 / (2 / 3 + 2)], [(1 / 3 + 1) / (4 / 3 + 2), 2 / (10 / 3)]]
    )
    third = np.array([[1 / (8 / 3), (2 / 3 + 1) / (8 / 3)], [1 / (10 / 3), (4 / 3 + 1) / (10 / 3)]])
    assert found.confusion[0] == pytest.approx(first, abs=1e-5)
    assert found.confusion[1] == pytest.approx(first, abs=1e-5)
    assert found.confusion[2] == pytest.approx(third, abs=1e-5)
    prior = np.array([2 / 3 + 0.5, 4 / 3 + 0.5]) / 3
    assert found.prior == pytest.approx(prior, abs=1e-5)
    joint = prior * first[:, 0] ** 2 * third[:, 1], prior * first[:, 1] ** 2 * third[:, 1]
    assert found.posterior == pytest.approx(np.array([row / row.sum() for row in joint]), abs=1e-5)
    likelihood = np.log(joint[0].sum()) + np.log(joint[1].sum())
    assert found.log_likelihood == pytest.approx(likelihood, abs=1e-4)
    priors = 2 * np.log(first).sum() + np.log(third).sum() + 0.5 * np.log(prior).sum()
    assert found.objective == pytest.approx(likelihood + priors, abs=1e-4)


def test_majority_vote_gives_shares_and_breaks_ties_by_the_common_class_and_then_the_first():
    starts, who = np.array([0, 2, 3, 5]), np.array([0, 1, 0, 0, 1], dtype=np.int32)
    label = np.array([0, 2, 2, 0, 1], dtype=np.int32)
    found = majority_vote(starts, who, label, n_annotators=2, n_classes=3)
    expected = np.array([[0.5, 0, 0.5], [0, 0, 1], [0.5, 0.5, 0]])
    assert found.posterior == pytest.approx(expected, abs=1e-5)
    # Class 0 and class 2 are both voted for twice, class 1 once.
    assert found.posterior.argmax(axis=1).tolist() == [0, 2, 0]


# --- laws ------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ALL)
@pytest.mark.parametrize("each", [1, 2, 3])
def test_rows_of_every_answer_sum_to_one(method, each):
    found = fit(method, usual(1, each=each, items=80))
    for rows in (found.posterior, found.confusion, found.prior):
        assert rows.sum(axis=-1) == pytest.approx(np.ones(rows.shape[:-1]))
        assert (rows >= 0).all()


@pytest.mark.parametrize("with_witness", [False, True])
def test_the_objective_never_falls(with_witness):
    drawn = usual(2, items=200)
    witness = witness_from(draw_probs(drawn.truth, 3, pull=1.0, seed=2)) if with_witness else None
    climbed = [
        fit(fit_dawid_skene, drawn, witness=witness, max_iter=passes, tol=0.0).objective
        for passes in range(1, 40)
    ]
    assert np.diff(climbed).min() >= -1e-9
    assert climbed[-1] - climbed[0] > 1


def test_the_objective_of_one_coin_never_falls():
    drawn = usual(3, items=200)
    climbed = [fit(one_coin, drawn, max_iter=passes, tol=0.0).objective for passes in range(1, 30)]
    assert np.diff(climbed).min() >= -1e-9


def test_running_out_of_passes_is_told():
    drawn = usual(2, items=200)
    assert not fit(fit_dawid_skene, drawn, max_iter=2).converged
    assert fit(fit_dawid_skene, drawn).converged


@given(st.integers(0, 2**32))
def test_renaming_classes_and_annotators_renames_the_answer(seed):
    rng = np.random.default_rng(seed)
    drawn = usual(seed, items=60, people=5)
    people, classes = rng.permutation(5), rng.permutation(3)
    one = fit(fit_crowd, drawn)
    other = fit_crowd(
        drawn.starts,
        people[drawn.annotator].astype(np.int32),
        classes[drawn.label].astype(np.int32),
        **drawn.sizes,
    )
    # Ties of the start lean to the first of equally common classes; sums run in another order.
    assert other.posterior[:, classes] == pytest.approx(one.posterior, abs=1e-3)


def test_the_same_votes_give_the_same_answer_to_the_last_bit():
    drawn = usual(4)
    assert np.array_equal(fit(fit_crowd, drawn).posterior, fit(fit_crowd, drawn).posterior)


# --- what it is good for ---------------------------------------------------------------


def test_known_matrices_are_found_again():
    rng = np.random.default_rng(5)
    matrices = draw_matrices(6, 3, right=(0.6, 0.95), rng=rng)
    drawn = draw_votes(matrices, items=8000, each=5, seed=5)
    found = fit(fit_crowd, drawn)
    assert np.abs(found.confusion - matrices).max() < 0.05
    assert np.abs(found.prior - 1 / 3).max() < 0.02


@pytest.mark.parametrize("each", [2, 3])
def test_annotators_with_habits_are_understood_better_than_by_counting_heads(each):
    gains = []
    for seed in range(6):
        drawn = usual(seed, people=10, k=4, items=800, each=each, right=(0.4, 0.98))
        gains.append(accuracy(fit(fit_crowd, drawn), drawn) - accuracy(fit(majority_vote, drawn), drawn))
    assert min(gains) > 0.03


@pytest.mark.parametrize("seed", range(4))
def test_few_votes_an_annotator_lose_nothing_to_the_majority(seed):
    """With 200 annotators of some 20 votes, matrices without a prior from the crowd would overfit."""
    rng = np.random.default_rng(seed)
    right = rng.uniform(0.5, 0.9, 200)
    matrices = np.full((200, 3, 3), ((1 - right) / 2)[:, None, None])
    matrices[:, np.arange(3), np.arange(3)] = right[:, None]
    drawn = draw_votes(matrices, items=2000, each=2, seed=seed)
    assert accuracy(fit(fit_crowd, drawn), drawn) >= accuracy(fit(majority_vote, drawn), drawn) - 0.005
    loose = fit(fit_dawid_skene, drawn, pseudo_votes=np.full((3, 3), 0.01))
    assert accuracy(fit(fit_crowd, drawn), drawn) > accuracy(loose, drawn) + 0.03


@pytest.mark.parametrize("each", [2, 3])
def test_a_witness_that_knows_something_helps(each):
    for seed in range(4):
        drawn = usual(seed, items=1500, each=each, right=(0.5, 0.9))
        witness = witness_from(draw_probs(drawn.truth, 3, pull=1.5, seed=seed))
        alone, together = fit(fit_crowd, drawn), fit(fit_crowd, drawn, witness=witness)
        assert accuracy(together, drawn) > accuracy(alone, drawn) + 0.02


def test_a_witness_that_knows_nothing_does_little():
    drawn = usual(6, items=2000)
    noise = Witness(np.random.default_rng(606).integers(0, 9, 2000).astype(np.int32), 9)
    alone, together = fit(fit_crowd, drawn), fit(fit_crowd, drawn, witness=noise)
    assert abs(accuracy(together, drawn) - accuracy(alone, drawn)) < 0.01


def test_where_nobody_votes_twice_a_sure_witness_tells_a_careless_annotator_from_the_others():
    matrices = np.array([[[0.98, 0.02], [0.02, 0.98]]] * 5 + [[[0.6, 0.4], [0.4, 0.6]]])
    drawn = draw_votes(matrices, items=6000, each=1, seed=13)
    witness = witness_from(draw_probs(drawn.truth, 2, pull=3.0, seed=113))
    alone, together = fit(fit_crowd, drawn), fit(fit_crowd, drawn, witness=witness)
    assert accuracy(together, drawn) > accuracy(alone, drawn) + 0.03
    hits = np.diagonal(together.confusion, axis1=1, axis2=2).mean(axis=1)
    assert hits[5] < 0.75
    assert hits[:5].min() > 0.95


def test_where_nobody_votes_twice_a_weak_witness_overrules_nobody():
    drawn = draw_votes(np.array([[[0.98, 0.02], [0.02, 0.98]]] * 6), items=3000, each=1, seed=14)
    weak = witness_from(draw_probs(drawn.truth, 2, pull=0.7, seed=114))
    found = fit(fit_crowd, drawn, witness=weak)
    assert (found.posterior.argmax(axis=1) == drawn.label).mean() > 0.999


# --- traps -----------------------------------------------------------------------------


def test_an_annotator_with_three_right_votes_is_judged_like_the_crowd():
    rng = np.random.default_rng(7)
    matrices = draw_matrices(4, 2, right=(0.8, 0.85), rng=rng)
    drawn = draw_votes(matrices, items=500, each=4, seed=7)
    keep = (drawn.annotator != 3) | (drawn.items < 3)
    starts = np.concatenate([[0], np.cumsum(np.bincount(drawn.items[keep], minlength=500))])
    label = np.where(drawn.annotator == 3, drawn.truth[drawn.items], drawn.label)[keep].astype(np.int32)
    found = fit_crowd(starts, drawn.annotator[keep], label, **drawn.sizes)
    hits = np.diagonal(found.confusion[3])
    assert hits.max() < 0.9
    assert hits == pytest.approx(np.diagonal(found.confusion[:3].mean(axis=0)), abs=0.05)


def test_an_annotator_without_a_vote_is_as_the_crowd():
    drawn = usual(8, people=4, items=300)
    found = fit_crowd(drawn.starts, drawn.annotator, drawn.label, n_annotators=5, n_classes=3)
    crowd = np.diagonal(found.confusion[:4].mean(axis=0))
    assert np.diagonal(found.confusion[4]) == pytest.approx(crowd, abs=0.06)


@pytest.mark.parametrize("method", [fit_crowd, majority_vote])
def test_one_vote_an_item_stands_as_it_is(method):
    for prior in (None, [0.985, 0.01, 0.005]):
        rng = np.random.default_rng(9)
        drawn = draw_votes(
            draw_matrices(5, 3, right=(0.7, 0.99), rng=rng), items=1000, each=1, seed=9, prior=prior
        )
        assert fit(method, drawn).posterior.argmax(axis=1).tolist() == drawn.label.tolist()


def test_a_lone_vote_among_others_is_weighed_by_its_annotator():
    """A careless annotator's lone vote for a rare class is doubted; a careful one's is not."""
    matrices = np.array([[[0.99, 0.01], [0.01, 0.99]]] * 3 + [[[0.55, 0.45], [0.45, 0.55]]])
    drawn = draw_votes(matrices, items=2000, each=4, seed=10, prior=[0.9, 0.1])
    starts = np.append(drawn.starts, [drawn.starts[-1] + 1, drawn.starts[-1] + 2])
    who = np.append(drawn.annotator, [0, 3]).astype(np.int32)
    label = np.append(drawn.label, [1, 1]).astype(np.int32)
    careful, careless = fit_crowd(starts, who, label, n_annotators=4, n_classes=2).posterior[-2:, 1]
    assert careful > 0.8
    assert careless < 0.3


@pytest.mark.parametrize("method", ALL)
def test_a_class_nobody_votes_for_is_nobody_s_consensus(method):
    drawn = usual(11, items=200)
    found = method(drawn.starts, drawn.annotator, drawn.label, n_annotators=12, n_classes=5)
    assert found.posterior.shape == (200, 5)
    assert found.posterior[:, 3:].max() < 0.05
    assert found.prior[3:].max() < 0.01


@pytest.mark.parametrize("method", ALL)
def test_items_without_votes_change_nothing_and_have_the_prior(method):
    drawn = usual(12, items=200)
    found = fit(method, drawn)
    padded = method(
        np.append(drawn.starts, [drawn.starts[-1]] * 300), drawn.annotator, drawn.label, **drawn.sizes
    )
    assert padded.posterior[:200] == pytest.approx(found.posterior, abs=1e-9)
    assert padded.posterior[200:] == pytest.approx(np.tile(padded.posterior[-1], (300, 1)))
    assert padded.posterior[-1] == pytest.approx(found.prior, abs=0.05)


@pytest.mark.parametrize("method", ALL)
def test_one_class_and_no_votes_at_all_are_answered(method):
    one = method(
        np.array([0, 2]), np.array([0, 1], np.int32), np.zeros(2, np.int32), n_annotators=2, n_classes=1
    )
    assert one.posterior.tolist() == [[1.0]]
    empty = np.empty(0, np.int32)
    none = method(np.array([0, 0, 0]), empty, empty, n_annotators=1, n_classes=2)
    assert none.posterior == pytest.approx(np.full((2, 2), 0.5))


@pytest.mark.parametrize("pseudo", [np.zeros((3, 3)), np.ones((2, 2)), np.ones((4, 3, 3))])
def test_pseudo_votes_that_do_not_fit_are_refused(pseudo):
    with pytest.raises(
        InvalidInputError, match="pseudo_votes must be 3 x 3, or one such matrix an annotator"
    ):
        fit(fit_dawid_skene, usual(1, items=20), pseudo_votes=pseudo)


# --- beside the peer -------------------------------------------------------------------


@pytest.mark.peer
@pytest.mark.slow
def test_posteriors_agree_with_crowd_kit_where_the_priors_vanish(tmp_path, peer_python):
    python = peer_python(CROWD_KIT)
    drawn = usual(1, people=8, items=1000, each=5, right=(0.6, 0.95))
    path = tmp_path / "votes.npy"
    np.save(path, np.stack([drawn.items, drawn.annotator, drawn.label]))
    done = subprocess.run(
        [str(python), "-c", ASK_CROWD_KIT, str(path)], capture_output=True, text=True, check=True
    )
    theirs = json.loads(done.stdout)
    # The same start and the same number of passes; one pseudo-item of class prior is ours alone.
    ours = fit(fit_dawid_skene, drawn, pseudo_votes=np.full((3, 3), 1e-9), max_iter=15, tol=-np.inf)
    assert ours.iterations == 15
    assert ours.posterior == pytest.approx(np.array(theirs["dawid_skene"]), abs=2e-3)
    coins = fit(one_coin, drawn).posterior.argmax(axis=1)
    assert (coins == np.array(theirs["one_coin"]).argmax(axis=1)).mean() > 0.99
