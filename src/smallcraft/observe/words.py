"""Words of a text column that a change brought: a fault of a pipeline shows up here as one absurd token.

Leaves to others: the score (`stats.word_odds`), counting (`data.profiles`).
Always: words of all text columns together, most telling first, of both directions.
"""

from __future__ import annotations

from smallcraft.data.profiles.categories import CategoryProfile
from smallcraft.data.profiles.profile import Profile
from smallcraft.observe.alarms import Word
from smallcraft.stats.word_odds import WordOdds, rank_words

TOKENS = "tokens"
MOST_WORDS = 20
# Below it a difference is within what many words show by chance.
LEAST_SCORE = 4.0


def find_words(reference: Profile, window: Profile, *, most: int = MOST_WORDS) -> tuple[Word, ...]:
    """Words that come more often, and less often, than in the reference.

    Args:
        reference: Of the release.
        window: Of the windows since the change began.
        most: How many to give at most.
    """
    found: list[Word] = []
    for name, column in window.columns.items():
        text, _, aspect = name.rpartition("/")
        known = reference.columns.get(name)
        if (
            aspect != TOKENS
            or not isinstance(column, CategoryProfile)
            or not isinstance(known, CategoryProfile)
        ):
            continue
        before, now = known.as_mapping(), column.as_mapping()
        rows = (max(known.n, 1), max(column.n, 1))
        more, less = rank_words(before, now, most=most), rank_words(now, before, most=most)
        found += [_word(text, odds, rows, sign=1) for odds in more if odds.score >= LEAST_SCORE]
        found += [_word(text, odds, rows, sign=-1) for odds in less if odds.score >= LEAST_SCORE]
    found.sort(key=lambda word: (-abs(word.z), word.column, word.token))
    return tuple(found[:most])


def _word(column: str, odds: WordOdds, rows: tuple[int, int], *, sign: int) -> Word:
    """With the shares of rows that have it; sides are swapped for words that come less often."""
    before, now = odds.reference_count, odds.window_count
    if sign < 0:
        before, now = now, before
    return Word(column, odds.word, sign * odds.score, before / rows[0], now / rows[1])
