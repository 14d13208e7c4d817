"""From a candidate's name to a rung: `frozen` is the rung itself, `frozen:fp32` the same one unrounded.

Leaves to others: what a form is (`models.forms`), the rungs (`models.rungs`).
Always: the exact form shares everything trained with the rounded one, its decoder too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.stage import Stage
from smallcraft.contracts import Need, Rung
from smallcraft.errors import InvalidInputError
from smallcraft.models.exact import list_rounded
from smallcraft.models.forms import FORMS, check_form, parse_candidate
from smallcraft.models.rungs import BUILTIN
from smallcraft.models.workshop import Workshop
from smallcraft.plugins import find_plugin
from smallcraft.records import Task


@dataclass(frozen=True)
class ExactRung:
    """A rung whose stages are written in fp32.

    Attributes:
        rung: Trains them.
    """

    rung: Rung[Workshop, Stage]

    @property
    def name(self) -> str:
        """The candidate's, form included."""
        return f"{self.rung.name}:fp32"

    @property
    def needs(self) -> frozenset[Need]:
        """The rung's."""
        return self.rung.needs

    @property
    def tasks(self) -> frozenset[Task]:
        """The rung's."""
        return self.rung.tasks

    @property
    def is_raced(self) -> bool:
        """The rung's."""
        return self.rung.is_raced

    @property
    def no_cheaper_than(self) -> str | None:
        """The rung's: exact products cost at least what rounded ones do."""
        return self.rung.no_cheaper_than

    @property
    def rounds(self) -> bool:
        """Never."""
        return False

    def estimate_cpu_s(self, workshop: Workshop) -> float | None:
        """The rung's."""
        return self.rung.estimate_cpu_s(workshop)

    def stages(self, workshop: Workshop) -> tuple[Stage, ...]:
        """Unrounded, from the same trained weights.

        Raises:
            InvalidInputError: The rung rounded something all the same.
        """
        stages = self.rung.stages(workshop.in_form("fp32"))
        if rounded := list_rounded(stages):
            raise InvalidInputError(
                f"rung '{self.rung.name}' must write its form 'fp32' unrounded, but {', '.join(rounded)} "
                f"is INT8; write '{self.rung.name}'"
            )
        return stages

    def out_of_fold(self, workshop: Workshop) -> tuple[NDArray[np.float64], ...]:
        """The rung's: what is trained does not depend on the form."""
        return self.rung.out_of_fold(workshop.in_form("int8"))


def find_rung(name: str) -> Rung[Workshop, Stage]:
    """The rung that a candidate's name means.

    Args:
        name: `<rung>` or `<rung>:<form>`.

    Raises:
        InvalidInputError: No such rung, or it has no such form.
    """
    wanted = parse_candidate(name)
    rung = find_plugin("rungs", wanted.rung, BUILTIN)
    # A rung of a plug-in may not say whether it rounds; what it writes is looked at.
    check_form(wanted, rounds=getattr(rung, "rounds", True))
    return rung if wanted.form == "int8" else ExactRung(rung)


def place_of(name: str) -> tuple[int, int]:
    """Where a candidate stands on the ladder, the exact form behind the rounded one; plug-ins come last."""
    wanted, order = parse_candidate(name), list(BUILTIN)
    rung = order.index(wanted.rung) if wanted.rung in order else len(order)
    return rung, FORMS.index(wanted.form)
