"""Texts of about 100 characters from a random vocabulary, with planted copies; written to a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

_WORDS, _PLANTED_SHARE, _BLOCK = 50_000, 0.02, 20_000
_LETTERS = "etaoinshrdlcumwfgypbvkjxqz"


def write_texts(path: Path, rows: int) -> int:
    """One text a line, words as frequent as in a language (Zipf); the last rows copy the first ones.

    Returns:
        How many rows do, each with one letter changed.
    """
    rng = np.random.default_rng(12)
    share = 1 / np.arange(1, len(_LETTERS) + 1) ** 0.7
    lengths = np.clip(rng.poisson(5.5, _WORDS), 2, 14)
    drawn = rng.choice(list(_LETTERS), size=int(lengths.sum()), p=share / share.sum())
    words = ["".join(part) for part in np.split(drawn, np.cumsum(lengths)[:-1])]
    reach = np.cumsum(1 / np.arange(1, _WORDS + 1))
    count = int(rows * _PLANTED_SHARE)
    kept: list[str] = []
    with path.open("w", encoding="utf-8") as file:
        for begin in range(0, rows - count, _BLOCK):
            size = min(_BLOCK, rows - count - begin)
            chosen = np.searchsorted(reach, rng.random((size, 18)) * reach[-1])
            texts = [" ".join(words[word] for word in row)[:110].strip() for row in chosen.tolist()]
            kept += texts[: max(0, count - len(kept))]
            file.writelines(f"{text}\n" for text in texts)
        for text, at in zip(kept, rng.integers(10, 60, count).tolist(), strict=True):
            file.write(f"{text[:at]}#{text[at + 1 :]}\n")
    return count
