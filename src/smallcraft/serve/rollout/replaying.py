"""A receipt decided anew: from the counts it carries to the same decision, bit for bit.

Leaves to others: finding the receipt (`serve.state`), the chain that binds it to the others (`receipts`).
Always: nothing that follows from counts, plan and state is believed; all of it is computed again.
Covered: a changed number, word or decision; which of them is told.
Not covered: counts, evidence and words changed together so that they agree (the chain's digests tell).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from smallcraft.canonical import canonical_json
from smallcraft.errors import InvalidInputError
from smallcraft.serve.rollout.causes import explain
from smallcraft.serve.rollout.phases import Decision, Rule, decide, weigh_state
from smallcraft.serve.rollout.receipts import Receipt, read_numbers, seal, write_receipt
from smallcraft.serve.rollout.standing import RolloutState
from smallcraft.serve.rollout.stored_form import order_from, state_from

# Another machine's logarithm may differ in the last bits; a person's change does not hide in them.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Difference:
    """A place where a receipt says something else than what follows from its counts.

    Attributes:
        path: Such as `evidence.guardrails.errors.against`.
        stated: As JSON.
        replayed: As JSON.
    """

    path: str
    stated: str
    replayed: str


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of deciding anew.

    Attributes:
        receipt: The one that was replayed.
        decided: What follows from its counts; None for no change.
        differences: What the receipt says otherwise.
        is_exact: Whether all numbers agree to the last bit.
        is_sealed: Whether the digest beside the receipt belongs to it.
    """

    receipt: Receipt
    decided: Decision | None
    differences: tuple[Difference, ...]
    is_exact: bool
    is_sealed: bool

    @property
    def agrees(self) -> bool:
        """Whether the receipt is what the rules give."""
        return self.is_sealed and not self.differences

    @property
    def sentence(self) -> str:
        """The result in plain words; of several differences the first one."""
        name = f"receipt {self.receipt.number} of rollout {self.receipt.rollout}"
        if self.differences:
            first = self.differences[0]
            more = f" (and {len(self.differences) - 1} more)" if len(self.differences) > 1 else ""
            return (
                f"{name} does not follow from its counts: {first.path} is {first.stated}, the rules give"
                f" {first.replayed}{more}; it, or a count, was changed"
            )
        if not self.is_sealed:
            return (
                f"{name} was changed where no rule looks, such as its time: its digest does not belong to it"
            )
        bits = "to the last bit" if self.is_exact else "up to this machine's rounding"
        return f"{name} was decided anew from its counts: the same decision and numbers, {bits}"


def replay(receipt: Receipt) -> Replay:
    """Decide a receipt anew.

    Args:
        receipt: As `parse_receipt` read it, whoever may have changed it.

    Raises:
        InvalidInputError: What it was decided on cannot be read.
    """
    form = receipt.form
    try:
        shown, now = datetime.fromisoformat(form["at"]), float(form["now_s"])
        order = order_from(form["order"])
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise InvalidInputError(
            f"a receipt says when and on whose order it was decided, got {error!r}; it was changed"
        ) from error
    state = state_from(form["state"])
    evidence = weigh_state(state)
    decision = _began(state, form) or decide(state, evidence, now=now, order=order)
    # Where nothing would have changed, there is nothing else to compare.
    stated: Any = {"rule": form["rule"], "to": form["to"]}
    again: Any = {"rule": None, "to": None}
    if decision is not None:
        stated = form
        cause = explain(state, decision, evidence, now=now, order=order)
        again = write_receipt(state, decision, cause, evidence, now=now, shown=shown, order=order).form
    differences, is_exact = _compare(stated, again)
    return Replay(receipt, decision, differences, is_exact, seal(form).digest == receipt.digest)


def _began(state: RolloutState, form: Any) -> Decision | None:  # noqa: ANN401 - JSON
    """The start, which no rule decides."""
    is_start = state.receipts == 0 and state.phase == "loading" and form["rule"] == Rule.STARTED
    return Decision(Rule.STARTED, "loading", 0, 0.0) if is_start else None


def _compare(stated: Any, again: Any) -> tuple[tuple[Difference, ...], bool]:  # noqa: ANN401 - JSON
    differences, is_exact = [], True
    for path, one, other in _leaves("", _plain(stated), _plain(again)):
        if _is_rounding(one, other):
            is_exact = False
        else:
            differences.append(Difference(path, json.dumps(one), json.dumps(other)))
    return tuple(differences), is_exact and not differences


def _leaves(path: str, one: Any, other: Any) -> Iterator[tuple[str, Any, Any]]:  # noqa: ANN401 - JSON
    """Where two JSON values differ, each leaf with its path."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted(set(one) | set(other)):
            yield from _leaves(f"{path}.{name}" if path else name, one.get(name), other.get(name))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for place, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from _leaves(f"{path}.{place}", left, right)
    elif type(one) is not type(other) or one != other:
        yield path, one, other


def _is_rounding(one: Any, other: Any) -> bool:  # noqa: ANN401 - JSON
    """Whether two numbers, not both whole, are the same but for the last bits."""
    if {type(one), type(other)} not in ({float}, {float, int}):
        return False
    return math.isclose(one, other, rel_tol=_ROUNDING, abs_tol=_ROUNDING)


def _plain(form: Any) -> Any:  # noqa: ANN401 - JSON
    """As it reads after a round through a file, where 1.0 is 1."""
    return read_numbers(canonical_json(form))
