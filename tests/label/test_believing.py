import numpy as np
import polars as pl
import pytest

from smallcraft.data.votes import votes_from_long
from smallcraft.label.believing import USUAL_SKILL, believe, prior_of_rows

K = 4


def crowd(rows, skills, *, seed=0):
    """Votes of people who are right so often, on rows whose labels are wrong with a known chance each."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, K, rows)
    wrong = rng.random(rows)
    given = np.where(rng.random(rows) < wrong, (truth + rng.integers(1, K, rows)) % K, truth)
    said = [np.where(rng.random(rows) < s, truth, (truth + rng.integers(1, K, rows)) % K) for s in skills]
    lines = [
        (f"{row}", f"p{person}", str(said[person][row]))
        for row in range(rows)
        for person in range(len(skills))
    ]
    frame = pl.DataFrame(lines, schema=["item", "annotator", "label"], orient="row")
    votes = votes_from_long(frame, item="item", annotator="annotator", label="label", source="test")
    probs = np.full((rows, K), 1 / K)
    return truth, given, prior_of_rows(probs, given, wrong), votes


def test_the_posterior_is_calibrated_and_skills_are_found():
    truth, _, prior, votes = crowd(3000, [0.95, 0.6])
    belief = believe(prior, votes)
    assert belief.skill == pytest.approx([0.95, 0.6], abs=0.04)
    sure = belief.posterior.max(axis=1)
    is_right = belief.posterior.argmax(axis=1) == truth
    for part in np.array_split(np.argsort(sure), 5):
        assert sure[part].mean() == pytest.approx(is_right[part].mean(), abs=0.05)


def test_one_person_on_doubted_rows_is_believed_against_their_labels():
    """Who knows the whole table alone would call a person careless who contradicts nearly all."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, K, 300)
    given = np.where(rng.random(300) < 0.8, (truth + 1) % K, truth)
    votes = votes_from_long(
        pl.DataFrame(
            {"item": [str(row) for row in range(300)], "annotator": "ann", "label": truth.astype(str)}
        ),
        item="item",
        annotator="annotator",
        label="label",
        source="test",
    )
    belief = believe(prior_of_rows(np.full((300, K), 1 / K), given, np.full(300, 0.8)), votes)
    assert (belief.posterior.argmax(axis=1) == truth).all()
    assert belief.skill[0] > 0.85


def test_rows_nobody_voted_on_keep_their_prior():
    _, _, prior, votes = crowd(50, [0.9])
    places = np.concatenate([np.arange(49), [-1]])
    posterior = believe(prior, votes.at(places)).posterior
    assert np.allclose(posterior[49], prior[49])


def test_known_rows_hold_their_truth_and_teach_who_is_right():
    truth, _, prior, votes = crowd(200, [0.3])
    flat = np.full_like(prior, 1 / K)
    blind, taught = believe(flat, votes), believe(flat, votes, truth=truth)
    assert taught.skill[0] == pytest.approx(0.3, abs=0.1)
    assert blind.skill[0] > taught.skill[0]
    assert (taught.posterior.argmax(axis=1) == truth).all()


def test_one_vote_leaves_a_person_near_the_usual_skill():
    _, _, prior, votes = crowd(1, [0.0])
    assert believe(prior, votes).skill[0] == pytest.approx(USUAL_SKILL, abs=0.1)


def test_a_prior_sums_to_one_and_gives_the_label_its_chance():
    probs = np.array([[1.0, 0.0], [0.3, 0.7], [0.5, 0.5]])
    prior = prior_of_rows(probs, np.array([0, 1, -1]), np.array([0.25, 0.1, 0.5]))
    assert np.allclose(prior.sum(axis=1), 1)
    assert prior.tolist() == [[0.75, 0.25], pytest.approx([0.1, 0.9]), [0.5, 0.5]]
