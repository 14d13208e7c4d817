"""Perturbed copies of training texts: words dropped or swapped, a typo, another case; the label stays.

Always: a copy follows its row's fold and stands in a part of its own, behind the real rows; the same texts
and seed give the same copies.
Left to others: when to blank the copies' own logits, which are no evidence (the ladder).
Not covered: paraphrases, and texts in scripts without spaces (words are what spaces part).

Source:
    Wei and Zou (2019), EDA: easy data augmentation (random deletion and swap).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.inputs import Inputs
from smallcraft.errors import InvalidInputError
from smallcraft.models.workshop import COPIES, Workshop

_DROPPED = 0.15
_LETTERS = "abcdefghijklmnopqrstuvwxyz"

Perturb = Callable[[list[str], np.random.Generator], list[str]]


def augment_workshop(workshop: Workshop, copies: int) -> Workshop:
    """The workshop with that many perturbed copies of each row behind its rows.

    Args:
        workshop: Real rows.
        copies: Of each row; 0 for none.

    Raises:
        InvalidInputError: There is no text to perturb, or the number is negative.
    """
    if copies < 0:
        raise InvalidInputError(f"copies must be 0 or more, got {copies}; 0 trains on the rows as they are")
    if copies == 0:
        return workshop
    if workshop.spec.text is None:
        raise InvalidInputError(
            "augment perturbs texts, and the project names no text column; take `augment` out of [ladder]"
        )
    made = [
        (f"{COPIES}{number + 1}-{name}", _perturb_inputs(inputs, [workshop.seed, number, place]))
        for number in range(copies)
        for place, (name, inputs) in enumerate(workshop.parts)
    ]
    times = copies + 1
    teacher = workshop.teacher
    return replace(
        workshop,
        parts=(*workshop.parts, *made),
        labels=np.concatenate([workshop.labels] * times),
        folds=np.concatenate([workshop.folds] * times),
        teacher=None if teacher is None else np.concatenate([teacher] * times),
        _made={},
    )


def real_rows(workshop: Workshop) -> NDArray[np.bool_]:
    """`(n,)` True for the rows that are no copies."""
    flags = [np.full(inputs.n, not name.startswith(COPIES)) for name, inputs in workshop.parts]
    return np.concatenate(flags) if flags else np.empty(0, dtype=np.bool_)


def blank_copies(
    logits: Sequence[NDArray[np.float64]], workshop: Workshop
) -> tuple[NDArray[np.float64], ...]:
    """Out-of-fold logits of each stage with NaN for copies, so that nothing is calibrated by them."""
    real = real_rows(workshop)
    if real.all():
        return tuple(logits)
    return tuple(np.where(real[:, None], stage, np.nan) for stage in logits)


def _perturb_inputs(inputs: Inputs, seed: Sequence[int]) -> Inputs:
    rng = np.random.default_rng(seed)
    return Inputs(
        n=inputs.n,
        texts=[perturb_text(text, rng) for text in inputs.texts or []],
        numbers=inputs.numbers,
        categories=inputs.categories,
    )


def perturb_text(text: str, rng: np.random.Generator) -> str:
    """One of the perturbations, drawn evenly; a text of no words stays as it is.

    Args:
        text: Words parted by white space.
        rng: Draws which, and where.
    """
    words = text.split()
    if not words:
        return text
    kinds = list(PERTURBATIONS)
    return " ".join(PERTURBATIONS[kinds[rng.integers(len(kinds))]](words, rng))


def _drop_words(words: list[str], rng: np.random.Generator) -> list[str]:
    """Each word goes with a chance of 0.15; one stays."""
    kept = [word for word, chance in zip(words, rng.random(len(words)), strict=True) if chance >= _DROPPED]
    return kept or [words[rng.integers(len(words))]]


def _swap_words(words: list[str], rng: np.random.Generator) -> list[str]:
    """Two neighbours change places."""
    if len(words) < 2:
        return words
    at = int(rng.integers(len(words) - 1))
    return [*words[:at], words[at + 1], words[at], *words[at + 2 :]]


def _mistype(words: list[str], rng: np.random.Generator) -> list[str]:
    """In one word a letter is left out, doubled, changed, or swapped with the next one."""
    at = int(rng.integers(len(words)))
    word = words[at]
    place = int(rng.integers(len(word)))
    before, letter, after = word[:place], word[place], word[place + 1 :]
    other = _LETTERS[rng.integers(len(_LETTERS))]
    typed = (
        before + after or word,
        before + letter + letter + after,
        before + other + after,
        before + after[:1] + letter + after[1:],
    )
    return [*words[:at], typed[rng.integers(len(typed))], *words[at + 1 :]]


def _change_case(words: list[str], rng: np.random.Generator) -> list[str]:
    """All lower, all upper, or each word's first letter upper."""
    change = (str.lower, str.upper, str.title)[rng.integers(3)]
    return [change(word) for word in words]


PERTURBATIONS: Mapping[str, Perturb] = {
    "drop_words": _drop_words,
    "swap_words": _swap_words,
    "mistype": _mistype,
    "change_case": _change_case,
}
