"""Perturbations, one a file: changes that leave a row's label as it was, in three severities.

Always: a perturbation changes only the columns it reads, keeps the rows, and is the same for the same seed.
"""

from __future__ import annotations

from collections.abc import Mapping

from smallcraft.evaluate.perturbations.contractions import Contractions
from smallcraft.evaluate.perturbations.entities import Entities
from smallcraft.evaluate.perturbations.fillers import Fillers
from smallcraft.evaluate.perturbations.homoglyph import Homoglyph
from smallcraft.evaluate.perturbations.jitter import Jitter
from smallcraft.evaluate.perturbations.letter_case import LetterCase
from smallcraft.evaluate.perturbations.missingness import Missingness
from smallcraft.evaluate.perturbations.numbers import Numbers
from smallcraft.evaluate.perturbations.perturbation import Perturbation
from smallcraft.evaluate.perturbations.spacing import Spacing
from smallcraft.evaluate.perturbations.truncation import Truncation
from smallcraft.evaluate.perturbations.typo_double import TypoDouble
from smallcraft.evaluate.perturbations.typo_drop import TypoDrop
from smallcraft.evaluate.perturbations.typo_keyboard import TypoKeyboard
from smallcraft.evaluate.perturbations.typo_swap import TypoSwap
from smallcraft.evaluate.perturbations.unit_scale import UnitScale
from smallcraft.evaluate.perturbations.unseen_category import UnseenCategory
from smallcraft.evaluate.perturbations.zero_width import ZeroWidth

BUILTIN: Mapping[str, Perturbation] = {
    "typo_swap": TypoSwap(),
    "typo_drop": TypoDrop(),
    "typo_double": TypoDouble(),
    "typo_keyboard": TypoKeyboard(),
    "letter_case": LetterCase(),
    "spacing": Spacing(),
    "contractions": Contractions(),
    "fillers": Fillers(),
    "homoglyph": Homoglyph(),
    "zero_width": ZeroWidth(),
    "numbers": Numbers(),
    "entities": Entities(),
    "truncation": Truncation(),
    "jitter": Jitter(),
    "unit_scale": UnitScale(),
    "missingness": Missingness(),
    "unseen_category": UnseenCategory(),
}
