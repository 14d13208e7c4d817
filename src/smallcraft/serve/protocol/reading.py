"""From an opened request to a question for one model.

Always: whatever was sent, a question that fits the model, or an `InvalidInputError` that says what to change.
"""

from __future__ import annotations

from collections.abc import Mapping

from smallcraft.errors import InvalidInputError
from smallcraft.serve.protocol.columns import arrange_columns
from smallcraft.serve.protocol.interface import ModelInterface
from smallcraft.serve.protocol.limits import LIMITS, Limits
from smallcraft.serve.protocol.messages import one_of, shown
from smallcraft.serve.protocol.opening import Opened
from smallcraft.serve.protocol.plain import arrange_rows
from smallcraft.serve.protocol.tensors import read_tensors
from smallcraft.serve.protocol.wanted import read_wanted
from smallcraft.serve.questions import Question


def choose_head(opened: Opened, heads: Mapping[str, ModelInterface]) -> ModelInterface:
    """The head that a request names.

    Args:
        opened: The request.
        heads: Name to interface, the model's own under the empty name.

    Raises:
        InvalidInputError: There is none of that name.
    """
    interface = heads.get(opened.head)
    if interface is None:
        known = [name for name in heads if name]
        raise InvalidInputError(
            f"parameters.head must name a head of the model, got {shown(opened.head)}; "
            f"{one_of(opened.head, known)}; {'name one of them' if known else 'leave it out'}"
        )
    return interface


def read_question(opened: Opened, interface: ModelInterface, limits: Limits = LIMITS) -> Question:
    """What is asked, as the model reads it.

    Args:
        opened: By `open_infer` or `open_predict`.
        interface: Of the model, or its head, that will answer.
        limits: Of rows and texts.

    Raises:
        InvalidInputError: The request does not fit the model.
    """
    if opened.form == "tensors":
        inputs = arrange_columns(read_tensors(opened, limits), interface, limits)
        outputs = read_wanted(opened, interface)
    else:
        inputs, outputs = arrange_rows(opened, interface, limits), ()
    return Question(inputs, opened.key, opened.head, opened.id, outputs, opened.form)
