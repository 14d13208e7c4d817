"""`[label]` of the project file: how rounds of labelling are planned, and in which form they go out.

Leaves to others: what the settings do (`label`).
Always: what is not said here has the usual value; a section that was read can be planned by.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from smallcraft.label.batch import Budget, Shares
from smallcraft.label.formats import BUILTIN as FORMATS
from smallcraft.label.proposing import DEFAULT_STRATEGY
from smallcraft.label.strategies import BUILTIN as STRATEGIES
from smallcraft.label.value import Costs
from smallcraft.pipeline.sections import Fraction, Positive, Section
from smallcraft.plugins import find_plugin

_COSTS, _SHARES = Costs(), Shares()


def known_format(name: str) -> str:
    """A format's key in its folder; `label-studio` is `label_studio`.

    Raises:
        InvalidInputError: There is none of that name.
    """
    key = name.replace("-", "_")
    find_plugin("formats", key, FORMATS)
    return key


def _known_strategy(name: str) -> str:
    find_plugin("strategies", name, STRATEGIES)
    return name


class LabelSection(Section):
    """How rounds of labelling are planned."""

    strategy: Annotated[str, AfterValidator(_known_strategy)] = DEFAULT_STRATEGY
    budget: Positive = 200.0
    unit: Literal["rows", "votes", "money"] = "votes"
    cost_label: Positive = _COSTS.label
    cost_relabel: Positive = _COSTS.relabel
    cost_adjudicate: Positive = _COSTS.adjudicate
    random: Annotated[float, Field(ge=0.10, le=0.15)] = _SHARES.random
    gold: Annotated[float, Field(ge=0, le=0.2)] = _SHARES.gold
    repeats: Annotated[float, Field(ge=0, le=0.5)] = _SHARES.repeats
    skill: Fraction = 0.9
    format: Annotated[str, AfterValidator(known_format)] = "csv"
    guideline: Annotated[str, Field(min_length=1)] = "1"
    unlabelled: str | None = None
    worth: Positive | None = None

    def planned(self, amount: float | None) -> Budget:
        """What a round may cost.

        Args:
            amount: Instead of the declared one; None for that.
        """
        costs = Costs(self.cost_label, self.cost_relabel, self.cost_adjudicate)
        return Budget(self.budget if amount is None else amount, self.unit, costs)

    @property
    def shares(self) -> Shares:
        """Of the arms."""
        return Shares(self.random, self.gold, self.repeats)
