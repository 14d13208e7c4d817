"""The forms a candidate is written in: `int8`, which ships, and `fp32`, in which nothing was rounded.

Both have the same trained weights and the same decoder; only the writing differs. In names the exact form
stands behind a colon: `frozen` is the INT8 candidate, `frozen:fp32` the same one unrounded.
Always: training and calibration know nothing of the form.
Left to others: how an encoder or a head is rounded (`models.quantize`, `bundle.heads.linear`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from smallcraft.errors import InvalidInputError

Form = Literal["int8", "fp32"]
FORMS: tuple[Form, ...] = get_args(Form)


@dataclass(frozen=True)
class CandidateName:
    """A rung in a form.

    Attributes:
        rung: The rung's name.
        form: How it is written.
    """

    rung: str
    form: Form = "int8"

    def __str__(self) -> str:
        return self.rung if self.form == "int8" else f"{self.rung}:{self.form}"


def parse_candidate(name: str) -> CandidateName:
    """A rung and its form from a name.

    Args:
        name: `<rung>` or `<rung>:<form>`.

    Raises:
        InvalidInputError: A form that does not exist.

    >>> parse_candidate("frozen:fp32")
    CandidateName(rung='frozen', form='fp32')
    >>> str(parse_candidate("frozen:int8"))
    'frozen'
    """
    rung, colon, written = name.partition(":")
    form = next((form for form in FORMS if form == written), None)
    if colon and form is None:
        raise InvalidInputError(
            f"the form of a rung must be one of {', '.join(FORMS)}, got '{name}'; "
            f"write '{rung}' or '{rung}:fp32'"
        )
    return CandidateName(rung, form or "int8")


def check_form(candidate: CandidateName, *, rounds: bool) -> None:
    """Refuse the exact form of a rung that has none.

    Args:
        candidate: The rung and the form asked for.
        rounds: Whether the rung rounds anything when it is written.

    Raises:
        InvalidInputError: There is no such form.
    """
    if candidate.form != "int8" and not rounds:
        raise InvalidInputError(
            f"rung '{candidate.rung}' rounds nothing when it is written, so it has no form "
            f"'{candidate.form}'; write '{candidate.rung}'"
        )
