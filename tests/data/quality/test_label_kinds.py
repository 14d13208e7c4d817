import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.data.quality.label_kinds import (
    KINDS,
    NO_VOTES,
    UNDECIDED_VOTES,
    Backing,
    VotedLabels,
    Witnesses,
    count_copies,
    count_neighbours,
    read_votes,
    rightly_known,
    tell_kinds,
    usual_margins,
    usual_sureness,
)

G, S, THIRD = 0, 1, 2


def row_with(*, sees_both=False, is_sure=True, **others):
    """One row of which the model says S."""
    values = (-1.0 if sees_both else -5.0, -2.0, 0.9 if is_sure else 0.5, 0.8)
    return Witnesses(*(np.array([value]) for value in values), **others)


def backing(given, suggested, total=None):
    return Backing(*(np.array([count]) for count in (given, suggested, total or given + suggested)))


def votes(label):
    return VotedLabels(("g", "s", "third"), np.array([label]), np.array([0.8]))


def kind_of(witnesses):
    return tell_kinds(witnesses, np.array([G]), np.array([S])).item()


@pytest.mark.parametrize(
    ("witnesses", "kind"),
    [
        (row_with(), "wrong"),
        (row_with(sees_both=True), "ambiguous"),
        (row_with(is_sure=False), "hard"),
        (row_with(neighbours=backing(0, 4, 5)), "wrong"),
        (row_with(neighbours=backing(0, 0, 5)), "wrong"),
        (row_with(neighbours=backing(1, 0, 5)), "wrong"),
        (row_with(neighbours=backing(2, 2, 5)), "wrong"),
        (row_with(neighbours=backing(2, 1, 5)), "ambiguous"),
        (row_with(is_sure=False, neighbours=backing(4, 0, 5)), "hard"),
        (row_with(copies=backing(0, 0, 0)), "wrong"),
        (row_with(copies=backing(0, 1)), "wrong"),
        (row_with(copies=backing(1, 1)), "ambiguous"),
        (row_with(copies=backing(0, 0, 1)), "ambiguous"),
        (row_with(copies=backing(2, 0)), "ambiguous"),
        (row_with(is_sure=False, copies=backing(2, 0)), "hard"),
        (row_with(is_sure=False, copies=backing(1, 1)), "ambiguous"),
        (row_with(votes=votes(NO_VOTES)), "wrong"),
        (row_with(votes=votes(UNDECIDED_VOTES)), "ambiguous"),
        (row_with(votes=votes(THIRD)), "ambiguous"),
        (row_with(votes=votes(G)), "hard"),
        (row_with(sees_both=True, votes=votes(S)), "wrong"),
        (row_with(is_sure=False, votes=votes(S)), "wrong"),
    ],
)
def test_each_line_of_the_rule(witnesses, kind):
    assert kind_of(witnesses) == kind


def test_votes_go_before_everything_else():
    other = {"copies": backing(3, 0), "neighbours": backing(5, 0)}
    assert kind_of(row_with(sees_both=True, **other, votes=votes(S))) == "wrong"


@given(st.integers(0, 2**32 - 1))
def test_every_row_gets_one_of_the_three_kinds(seed):
    rng = np.random.default_rng(seed)
    m = 30
    numbers = [rng.normal(size=m) for _ in range(4)]
    given_count, suggested_count = rng.integers(0, 3, m), rng.integers(0, 3, m)
    counted = Backing(given_count, suggested_count, given_count + suggested_count + rng.integers(0, 2, m))
    people = VotedLabels(("g", "s", "third"), rng.integers(-2, 3, m), rng.random(m))
    witnesses = Witnesses(*numbers, copies=counted, neighbours=counted, votes=people)
    kinds = tell_kinds(witnesses, np.full(m, G), np.full(m, S))
    assert set(kinds.tolist()) <= set(KINDS)


@given(st.integers(2, 5), st.integers(1, 60), st.sampled_from([0.05, 0.2, 0.5]), st.integers(0, 1000))
def test_usual_margins_are_order_statistics_of_the_known_rows(k, n, level, seed):
    rng = np.random.default_rng(seed)
    labels, known = rng.integers(0, k, n), rng.random(n) < 0.7
    probs = rng.dirichlet(np.ones(k), n)
    found = usual_margins(labels, probs, known, level=level)
    for j in range(k):
        own = probs[known & (labels == j)]
        for i in range(k):
            values = np.sort(np.log(own[:, i] / own[:, j]))
            if not len(values):
                assert found[i, j] == np.inf
                continue
            rank = min(int(np.ceil((1 - level) * (len(values) + 1))), len(values))
            assert found[i, j] == pytest.approx(values[rank - 1])


def test_an_exchanged_label_is_called_ambiguous_no_more_often_than_the_level():
    """Rows of class 1 whose label was set to 0 by a coin show for 0 what rows of 1 show for it."""
    rng, called, made = np.random.default_rng(3), 0, 0
    for _ in range(200):
        logits = rng.normal(size=(120, 3)) * 2 + np.array([0.0, 3.0, 0.0])
        probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        exchanged = np.arange(120) < 20
        bounds = usual_margins(np.ones(120, dtype=np.int64), probs, ~exchanged, level=0.1)
        called += int((np.log(probs[exchanged, 0] / probs[exchanged, 1]) > bounds[0, 1]).sum())
        made += 20
    assert 0.08 < called / made < 0.1


def test_sureness_is_the_mean_over_rows_without_a_flag():
    probs = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.3, 0.7]])
    found = usual_sureness(np.array([0, 0, 0, 1]), probs, np.array([False, False, True, True]))
    assert found.tolist() == [0.75, np.inf]


def test_a_row_is_rightly_known_when_predicted_as_given_and_above_its_class():
    probs = np.array([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7]])
    assert rightly_known(np.zeros(3, dtype=np.int64), probs, np.array([0.7, 0.7])).tolist() == [
        True,
        False,
        False,
    ]


@given(st.integers(1, 40), st.integers(2, 4), st.integers(1, 10), st.integers(0, 1000))
def test_copies_are_counted_as_a_loop_would(n, k, groups, seed):
    rng = np.random.default_rng(seed)
    group, labels = rng.integers(0, groups, n) * 7 - 3, rng.integers(0, k, n)
    rows = rng.permutation(n)[: max(1, n // 2)]
    suggested = (labels[rows] + 1) % k
    found = count_copies(group, labels, rows, suggested)
    for at, row in enumerate(rows):
        others = [labels[i] for i in range(n) if group[i] == group[row] and i != row]
        assert found.total[at] == len(others)
        assert found.given[at] == others.count(labels[row])
        assert found.suggested[at] == others.count(suggested[at])


def test_absent_neighbours_are_not_counted():
    found = count_neighbours(np.array([[0, 1, 1, -1, -1]]), np.array([0]), np.array([1]))
    assert (found.given.item(), found.suggested.item(), found.total.item()) == (1, 2, 3)


def test_votes_decide_only_with_more_than_all_other_labels_together():
    posterior = np.array([[0.5, 0.5, 0.0], [0.1, 0.51, 0.39], [0.4, 0.3, 0.3], [0.0, 0.0, 0.0]])
    found = read_votes(("a", "b", "c"), posterior, np.array([True, True, True, False]))
    assert found.label.tolist() == [UNDECIDED_VOTES, 1, UNDECIDED_VOTES, NO_VOTES]
    assert found.support[1] == 0.51
