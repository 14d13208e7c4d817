"""A CSV file of labelled texts of up to 100 characters, of which a stated share is labelled wrongly."""

from __future__ import annotations

from pathlib import Path

import numpy as np

CLASSES, WRONG_SHARE = 20, 0.04
_WORDS, _OF_A_CLASS, _OWN_SHARE, _BLOCK = 30_000, 200, 0.25, 50_000
_LETTERS = np.array(list("abcdefghijklmnopqrstuvwxyz"))


def write_labelled_texts(path: Path, rows: int) -> np.ndarray:
    """Words as frequent as in a language (Zipf), a quarter of them from a list of the class's own.

    Returns:
        `(rows,)` bool, true where the written label is wrong.
    """
    rng = np.random.default_rng(21)
    lengths = rng.integers(3, 10, _WORDS)
    words = np.array(["".join(rng.choice(_LETTERS, length)) for length in lengths])
    reach = np.cumsum(1 / np.arange(1, _WORDS + 1))
    own = np.stack([rng.choice(_WORDS, _OF_A_CLASS, replace=False) for _ in range(CLASSES)])
    truth = rng.integers(0, CLASSES, rows)
    is_wrong = rng.random(rows) < WRONG_SHARE
    given = np.where(is_wrong, (truth + rng.integers(1, CLASSES, rows)) % CLASSES, truth)
    with path.open("w", encoding="utf-8") as file:
        file.write("message,intent\n")
        for begin in range(0, rows, _BLOCK):
            block = slice(begin, min(begin + _BLOCK, rows))
            shape = (block.stop - block.start, 18)
            chosen = np.searchsorted(reach, rng.random(shape) * reach[-1])
            of_class = own[truth[block][:, None], rng.integers(0, _OF_A_CLASS, shape)]
            chosen = np.where(rng.random(shape) < _OWN_SHARE, of_class, chosen)
            for row, label in zip(words[chosen].tolist(), given[block].tolist(), strict=True):
                file.write(f"{' '.join(row)[:100].strip()},class_{label}\n")
    return is_wrong
