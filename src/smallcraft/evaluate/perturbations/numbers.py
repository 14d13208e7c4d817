"""Digits changed inside numbers; meant for labels that no number decides."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from smallcraft.bundle.inputs import InputSpec
from smallcraft.evaluate.perturbations.perturbation import ColumnKind, Columns
from smallcraft.evaluate.perturbations.touching import amount_at, touch_share, touch_texts

_NUMBER = re.compile(r"[0-9]+")


@dataclass(frozen=True)
class Numbers:
    """Replaces every digit of a number by another; as many digits as before, no new leading zero."""

    name: str = "numbers"
    changes: frozenset[ColumnKind] = frozenset({"text"})
    amount: tuple[float, float, float] = (0.34, 0.67, 1.0)
    touches: str = "numbers"

    def perturb(self, rows: Columns, spec: InputSpec, *, severity: int, rng: np.random.Generator) -> Columns:
        """Every text, changed."""
        share = amount_at(self.amount, severity)
        return touch_texts(
            rows,
            spec,
            lambda text: touch_share(
                text, _NUMBER, lambda number: other_number(number, rng), share=share, rng=rng
            ),
        )


def other_number(number: str, rng: np.random.Generator) -> str:
    """A number of as many digits, each of them another one."""
    changed = [str((int(digit) + int(rng.integers(1, 10))) % 10) for digit in number]
    if len(changed) > 1 and changed[0] == "0" and number[0] != "0":
        changed[0] = "1" if number[0] != "1" else "2"
    return "".join(changed)
