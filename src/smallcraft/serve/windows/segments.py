"""Which segment each row of a request belongs to: the value of one column, as text.

The column is the model's, or one that only the sender's record has: `/predict` takes whole records, and
`parameters` may name it for all rows of a request.
Leaves to others: profiles of segments (`windows.feeding`).
Always: a segment for every row; no more different ones a release than the limit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from smallcraft.bundle.inputs import Inputs, InputSpec, category_text
from smallcraft.data.profiles.profile import EVERYTHING
from smallcraft.serve.questions import ModelFacts

if TYPE_CHECKING:
    # It imports what only a server has; files are cut into segments without one.
    from smallcraft.serve.protocol.opening import Opened

UNKNOWN = "unknown"
OTHER = "other"
_LONGEST = 80


class Segments:
    """The segments of all releases; used in one thread.

    Args:
        column: Whose values they are; None for one segment of all rows.
        most: How many a release may have; rows of further ones are `other`.
    """

    def __init__(self, column: str | None, *, most: int) -> None:
        self._column = column
        self._most = most
        self._known: dict[str, dict[str, str]] = {}

    @property
    def of_nothing(self) -> str:
        """Where a request counts whose rows were never read."""
        return EVERYTHING if self._column is None else UNKNOWN

    def of(self, opened: Opened, inputs: Inputs, facts: ModelFacts) -> Sequence[str] | None:
        """The segment of each row; None where all are of one, always.

        Args:
            opened: The request as it came.
            inputs: Its rows, as the release reads them.
            facts: Of the release.
        """
        if self._column is None:
            return None
        known = self._known.get(facts.digest)
        if known is None:
            known = self._known[facts.digest] = {UNKNOWN: UNKNOWN}
        values = _values(self._column, opened, inputs, facts.spec)
        return [self._one_of(known, value) for value in values]

    def _one_of(self, known: dict[str, str], value: object) -> str:
        """The segment of a value: always the same string, so that none of a request is held."""
        name = value if type(value) is str and value in known else _name(value)
        if name not in known:
            # One of them is the unknown one.
            if len(known) > self._most:
                return OTHER
            known[name] = name
        return known[name]


def _values(column: str, opened: Opened, inputs: Inputs, spec: InputSpec) -> Sequence[Any]:
    if column in spec.categories:
        return inputs.categories[spec.categories.index(column)]
    if column in spec.numbers:
        return [float(value) for value in inputs.numbers[:, spec.numbers.index(column)]]
    if opened.form == "row":
        records: Sequence[object] = [opened.content]
    elif opened.form == "rows":
        records = opened.content["rows"]
    else:
        records = [None] * inputs.n
    usual = opened.parameters.get(column)
    return [record.get(column, usual) if type(record) is dict else usual for record in records]


def _name(value: object) -> str:
    """A value as a segment; what is no single value is not known."""
    if isinstance(value, float) and not math.isfinite(value):
        return UNKNOWN
    if not isinstance(value, str | int | float):
        return UNKNOWN
    return category_text(value)[:_LONGEST] or UNKNOWN
