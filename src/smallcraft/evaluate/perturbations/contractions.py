"""Short forms written out, and written-out forms shortened."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from smallcraft.bundle.inputs import InputSpec
from smallcraft.evaluate.perturbations.perturbation import ColumnKind, Columns
from smallcraft.evaluate.perturbations.touching import amount_at, touch_share, touch_texts

PAIRS = (
    *(("do not", "don't"), ("does not", "doesn't"), ("did not", "didn't"), ("is not", "isn't")),
    *(("are not", "aren't"), ("was not", "wasn't"), ("were not", "weren't"), ("have not", "haven't")),
    *(("has not", "hasn't"), ("had not", "hadn't"), ("will not", "won't"), ("would not", "wouldn't")),
    *(("can not", "can't"), ("could not", "couldn't"), ("should not", "shouldn't"), ("i am", "i'm")),
    *(("i have", "i've"), ("i will", "i'll"), ("you are", "you're"), ("you have", "you've")),
    *(("we are", "we're"), ("we have", "we've"), ("they are", "they're"), ("they have", "they've")),
    *(("you will", "you'll"), ("we will", "we'll"), ("let us", "let's")),
)
_OTHER = {
    **dict(PAIRS),
    **{short: full for full, short in PAIRS},
    "cannot": "can't",
}
_FORMS = re.compile(
    r"\b(?:"
    + "|".join(re.escape(form).replace(r"\ ", r"\s+").replace("'", "['\u2019]") for form in _OTHER)
    + r")\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Contractions:
    """Changes `do not` to `don't` and back; a form with two readings (`he's`) stays."""

    name: str = "contractions"
    changes: frozenset[ColumnKind] = frozenset({"text"})
    amount: tuple[float, float, float] = (0.34, 0.67, 1.0)
    touches: str = "forms that can be shortened or written out"

    def perturb(self, rows: Columns, spec: InputSpec, *, severity: int, rng: np.random.Generator) -> Columns:
        """Every text, changed."""
        share = amount_at(self.amount, severity)
        return touch_texts(
            rows, spec, lambda text: touch_share(text, _FORMS, change_form, share=share, rng=rng)
        )


def change_form(form: str) -> str:
    """The other form, with a capital first letter where there was one."""
    other = _OTHER[" ".join(form.lower().replace("\u2019", "'").split())]
    return other[0].upper() + other[1:] if form[0].isupper() else other
