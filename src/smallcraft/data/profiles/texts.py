"""What is seen of texts: length, words that the reference does not know, language, damage, words in how many.

Words here are for explaining and for a rate of unknown ones, whatever tokens the model reads: runs of letters
and digits, single signs of Chinese and Japanese, runs of other signs (where a fault of a pipeline shows).
Leaves to others: profiles (`data.profiles.measuring`), odds of words (`stats.word_odds`).
Always: a text's facts depend on it alone; every digit reads 0, so that no number of a card or a phone is kept
as a word.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from smallcraft.data.profiles.damage import damage_of
from smallcraft.data.profiles.languages import language_of

_SIGNS = "\u3040-\u30ff\u3400-\u9fff"
_WORD = re.compile(rf"[{_SIGNS}]|[^\W{_SIGNS}]+|[^\w\s]+")
_DIGITS = dict.fromkeys(map(ord, "123456789"), "0")
_LONGEST_WORD = 40
_MOST_WORDS = 2_000
_MOST_CHARACTERS = 50_000
# A word is known when so many texts of the reference had it.
LEAST_TEXTS = 2
MOST_KNOWN = 50_000


@dataclass(frozen=True)
class Vocabulary:
    """The words that a reference knows.

    Attributes:
        hashes: `(m,)` uint32 ascending, `hash_word` of each.
    """

    hashes: NDArray[np.uint32]

    @cached_property
    def _known(self) -> frozenset[int]:
        return frozenset(self.hashes.tolist())

    def __contains__(self, word: str) -> bool:
        return hash_word(word) in self._known


@dataclass(frozen=True)
class TextFacts:
    """What is seen of `n` texts.

    Attributes:
        lengths: `(n,)` float64 characters; NaN where there is no text.
        unknown: `(n,)` float64, share of words that the reference does not know; NaN where there is no word.
            None without a vocabulary.
        languages: `n` (`language_of`); None where there is no text.
        damages: `n` (`damage_of`); None where there is no text.
        words: In how many texts each word stands.
    """

    lengths: NDArray[np.float64]
    unknown: NDArray[np.float64] | None
    languages: tuple[str | None, ...]
    damages: tuple[str | None, ...]
    words: Mapping[str, int]


def hash_word(word: str) -> int:
    """32 bits that are the same in every process."""
    return zlib.crc32(word.encode("utf-8", "surrogatepass"))


def words_of(text: str) -> list[str]:
    """A text's words in lower case and in order, every digit as 0; the first 2,000.

    >>> words_of("Don't &nbsp; 東京 24")
    ['don', "'", 't', '&', 'nbsp', ';', '東', '京', '00']
    """
    words = _WORD.findall(text[:_MOST_CHARACTERS].lower().translate(_DIGITS))
    if len(words) > _MOST_WORDS:
        del words[_MOST_WORDS:]
    return [word[:_LONGEST_WORD] for word in words] if len(text) > _LONGEST_WORD else words


def read_texts(texts: Sequence[str | None], *, vocabulary: Vocabulary | None) -> TextFacts:
    """What is seen of texts.

    Args:
        texts: `n`, None where there is none.
        vocabulary: Of the reference; None where there is none.
    """
    lengths, unknown = np.full(len(texts), np.nan), np.full(len(texts), np.nan)
    languages: list[str | None] = [None] * len(texts)
    damages: list[str | None] = [None] * len(texts)
    counts: Counter[str] = Counter()
    is_known: dict[str, bool] = {}
    for row, text in enumerate(texts):
        if text is None:
            continue
        words = words_of(text)
        distinct = set(words)
        counts.update(distinct)
        lengths[row] = len(text)
        languages[row], damages[row] = language_of(text, distinct), damage_of(text)
        if vocabulary is not None and words:
            for word in distinct:
                if word not in is_known:
                    is_known[word] = word in vocabulary
            unknown[row] = 1.0 - sum([is_known[word] for word in words]) / len(words)
    return TextFacts(
        lengths, None if vocabulary is None else unknown, tuple(languages), tuple(damages), counts
    )


def learn_vocabulary(texts: Iterable[str | None], *, least_texts: int = LEAST_TEXTS) -> Vocabulary:
    """The words that at least so many texts have; the most frequent 50,000.

    Args:
        texts: Of the reference.
        least_texts: How many.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(set(words_of(text or "")))
    often = [word for word, count in counts.items() if count >= least_texts]
    often.sort(key=lambda word: (-counts[word], word))
    hashes = {hash_word(word) for word in often[:MOST_KNOWN]}
    return Vocabulary(np.array(sorted(hashes), dtype=np.uint32))
