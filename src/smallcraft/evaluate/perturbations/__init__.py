"""Perturbations, one a file: changes that leave a row's label as it was, in three severities.

Always: a perturbation changes only the columns it reads, keeps the rows, and is the same for the same seed.
"""

from __future__ import annotations

from collections.abc import Mapping

from smallcraft.evaluate.perturbations.contractions import CONTRACTIONS
from smallcraft.evaluate.perturbations.entities import ENTITIES
from smallcraft.evaluate.perturbations.fillers import FILLER_WORDS
from smallcraft.evaluate.perturbations.homoglyph import HOMOGLYPH
from smallcraft.evaluate.perturbations.jitter import Jitter
from smallcraft.evaluate.perturbations.letter_case import LETTER_CASE
from smallcraft.evaluate.perturbations.missingness import Missingness
from smallcraft.evaluate.perturbations.numbers import NUMBERS
from smallcraft.evaluate.perturbations.perturbation import Perturbation
from smallcraft.evaluate.perturbations.spacing import SPACING
from smallcraft.evaluate.perturbations.truncation import Truncation
from smallcraft.evaluate.perturbations.typo_double import TYPO_DOUBLE
from smallcraft.evaluate.perturbations.typo_drop import TYPO_DROP
from smallcraft.evaluate.perturbations.typo_keyboard import TYPO_KEYBOARD
from smallcraft.evaluate.perturbations.typo_swap import TYPO_SWAP
from smallcraft.evaluate.perturbations.unit_scale import UnitScale
from smallcraft.evaluate.perturbations.unseen_category import UnseenCategory
from smallcraft.evaluate.perturbations.zero_width import ZERO_WIDTH_SPACES

BUILTIN: Mapping[str, Perturbation] = {
    "typo_swap": TYPO_SWAP,
    "typo_drop": TYPO_DROP,
    "typo_double": TYPO_DOUBLE,
    "typo_keyboard": TYPO_KEYBOARD,
    "letter_case": LETTER_CASE,
    "spacing": SPACING,
    "contractions": CONTRACTIONS,
    "fillers": FILLER_WORDS,
    "homoglyph": HOMOGLYPH,
    "zero_width": ZERO_WIDTH_SPACES,
    "numbers": NUMBERS,
    "entities": ENTITIES,
    "truncation": Truncation(),
    "jitter": Jitter(),
    "unit_scale": UnitScale(),
    "missingness": Missingness(),
    "unseen_category": UnseenCategory(),
}
