"""Digits changed inside numbers; meant for labels that no number decides."""

from __future__ import annotations

import re

import numpy as np

from smallcraft.evaluate.perturbations.text_places import MANY, TextPlaces

_NUMBER = re.compile(r"[0-9]+")


def other_number(number: str, rng: np.random.Generator) -> str:
    """A number of as many digits, each of them another one."""
    changed = [str((int(digit) + int(rng.integers(1, 10))) % 10) for digit in number]
    if len(changed) > 1 and changed[0] == "0" and number[0] != "0":
        changed[0] = "1" if number[0] != "1" else "2"
    return "".join(changed)


# Replaces every digit of a number by another; as many digits as before, no new leading zero.
NUMBERS = TextPlaces("numbers", _NUMBER, other_number, "numbers", MANY)
