"""Words that a change brought: an absurd token stands out, and equal texts tell nothing."""

from __future__ import annotations

from smallcraft.data.profiles.categories import from_counts
from smallcraft.data.profiles.profile import Profile
from smallcraft.observe.words import find_words

USUAL = {"the": 900, "loan": 300, "card": 280, "lost": 150}


def texts(counts: dict[str, int], *, n: int = 1000, name: str = "message") -> Profile:
    return Profile(n, 0, {f"{name}/tokens": from_counts(counts, n=n), "job": from_counts({"x": n}, n=n)})


def test_a_fault_of_a_pipeline_is_named_by_its_token():
    window = texts({"the": 90, "loan": 30, "card": 28, "â€™": 40}, n=100)
    first = find_words(texts(USUAL), window)[0]
    assert (first.column, first.token, first.before, first.now) == ("message", "â€™", 0.0, 0.4)
    assert first.z > 4


def test_words_that_went_away_are_told_with_a_minus():
    found = {word.token: word for word in find_words(texts(USUAL), texts({**USUAL, "loan": 20}))}
    assert found["loan"].z < -4
    assert (found["loan"].before, found["loan"].now) == (0.3, 0.02)


def test_equal_texts_and_columns_that_are_none_tell_nothing():
    assert find_words(texts(USUAL), texts(USUAL)) == ()
    assert find_words(texts(USUAL, name="other"), texts({"new": 100})) == ()
