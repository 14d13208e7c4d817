"""Letters replaced by ones that look the same in another script."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from smallcraft.bundle.inputs import InputSpec
from smallcraft.evaluate.perturbations.perturbation import ColumnKind, Columns
from smallcraft.evaluate.perturbations.touching import amount_at, pick, touch_share, touch_texts

LOOK_ALIKE = dict(
    zip(
        "aceopxyABCEHKMOPTX",
        "\u0430\u0441\u0435\u043e\u0440\u0445\u0443"
        "\u0410\u0412\u0421\u0415\u041d\u041a\u041c\u041e\u0420\u0422\u0425",
        strict=True,
    )
)
_WORD = re.compile(rf"\w*[{''.join(LOOK_ALIKE)}]\w*")


@dataclass(frozen=True)
class Homoglyph:
    """Replaces one letter of a word by its Cyrillic look-alike."""

    name: str = "homoglyph"
    changes: frozenset[ColumnKind] = frozenset({"text"})
    amount: tuple[float, float, float] = (0.1, 0.2, 0.4)
    touches: str = "words with such a letter"

    def perturb(self, rows: Columns, spec: InputSpec, *, severity: int, rng: np.random.Generator) -> Columns:
        """Every text, changed."""
        share = amount_at(self.amount, severity)
        return touch_texts(
            rows,
            spec,
            lambda text: touch_share(text, _WORD, lambda word: disguise(word, rng), share=share, rng=rng),
        )


def disguise(word: str, rng: np.random.Generator) -> str:
    """The word with all places of one of its letters replaced by the look-alike."""
    letter = pick(sorted(set(word) & set(LOOK_ALIKE)), rng)
    return word.replace(letter, LOOK_ALIKE[letter])
