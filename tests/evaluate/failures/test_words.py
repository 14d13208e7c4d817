from hypothesis import given
from hypothesis import strategies as st

from smallcraft.evaluate.failures.words import words_of


@given(st.text())
def test_words_are_lower_case_and_hold_letters_and_digits_only(text):
    for word in words_of(text):
        assert word
        assert all(part.isalnum() or part in "'’" or not part.isascii() for part in word)
        assert word == word.lower()


def test_words_of_other_scripts_and_apostrophes_are_kept_whole():
    assert words_of("L’été, ça va? Straße-7 don't_go") == ["l’été", "ça", "va", "straße", "7", "don't", "go"]
    assert words_of("... !?") == []
