"""Short forms written out, and written-out forms shortened."""

from __future__ import annotations

import re

import numpy as np

from smallcraft.evaluate.perturbations.text_places import MANY, TextPlaces

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


def change_form(form: str, rng: np.random.Generator | None = None) -> str:  # noqa: ARG001 - nothing is drawn
    """The other form, with a capital first letter where there was one."""
    other = _OTHER[" ".join(form.lower().replace("\u2019", "'").split())]
    return other[0].upper() + other[1:] if form[0].isupper() else other


# Changes `do not` to `don't` and back; a form with two readings (`he's`) stays.
CONTRACTIONS = TextPlaces(
    "contractions", _FORMS, change_form, "forms that can be shortened or written out", MANY
)
