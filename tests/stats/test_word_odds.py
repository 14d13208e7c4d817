import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.errors import InvalidInputError
from smallcraft.stats.word_odds import log_odds_ratios, rank_words, standard_errors

COUNTS = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 50), max_size=6)


def drawn(rng, shares, rows):
    return {f"w{place}": int(n) for place, n in enumerate(rng.multinomial(rows, shares))}


def test_scores_are_standard_normal_for_words_of_no_change():
    """The words of one law drawn twice; those met 20 times or more; seed 6."""
    rng = np.random.default_rng(6)
    shares = rng.dirichlet(np.full(300, 0.5))
    scores = []
    for _ in range(40):
        old, new = (rng.multinomial(n, shares).astype(float) for n in (20000, 5000))
        common = new >= 20
        scores.append(
            (log_odds_ratios(old, new, prior_words=500) / standard_errors(old, new, prior_words=500))[common]
        )
    scores = np.concatenate(scores)
    assert abs(scores.mean()) < 0.15
    assert 0.8 < scores.std() < 1.1


def test_an_absurd_token_stands_first():
    rng = np.random.default_rng(7)
    shares = rng.dirichlet(np.full(200, 0.5))
    old, new = drawn(rng, shares, 50000), drawn(rng, shares, 4000)
    new["â€™"] = 40
    found = rank_words(old, new)
    assert found[0].word == "â€™"
    assert found[0].score > 2 * found[1].score
    assert (found[0].window_count, found[0].reference_count) == (40, 0)


def test_a_word_met_twice_does_not_stand_before_one_met_often():
    old = {"the": 5000, "refund": 100}
    new = {"the": 500, "refund": 60, "zyx": 2}
    assert [found.word for found in rank_words(old, new)][:1] == ["refund"]


@given(COUNTS, COUNTS)
def test_only_words_that_the_window_has_more_of_are_given_best_first(old, new):
    found = rank_words(old, new)
    scores = [each.score for each in found]
    assert scores == sorted(scores, reverse=True)
    assert all(each.score > 0 and each.window_count > 0 for each in found)


@given(COUNTS.filter(lambda counts: sum(counts.values()) > 0))
def test_swapping_the_sides_turns_the_sign(counts):
    old = np.array([counts.get(word, 0) for word in "abcdef"], dtype=float)
    new = old[::-1].copy()
    np.testing.assert_allclose(
        log_odds_ratios(old, new, prior_words=9), -log_odds_ratios(new, old, prior_words=9), atol=1e-9
    )


def test_no_words_are_no_ranking_and_negative_counts_are_refused():
    assert rank_words({}, {}) == ()
    assert len(rank_words({"a": 1}, dict.fromkeys("bcdefg", 9), most=2)) == 2
    with pytest.raises(InvalidInputError, match="word counts are at least 0"):
        rank_words({"a": -1}, {"b": 1})
