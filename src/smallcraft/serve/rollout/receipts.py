"""Receipts: each change of a rollout with what it was decided on, bound to all earlier ones by a chain.

A receipt holds the state before the change whole, counts included, so that whoever has it can decide anew
(`replaying`). Its schema is `docs/schemas/receipt.json`.
Leaves to others: storage (`serve.state`), words (`causes`).
Always: equal decisions give equal bytes; each receipt names the digest of the one before.
Not covered: an owner who writes a whole chain anew (keep its last digest elsewhere).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from smallcraft.canonical import canonical_json, digest_bytes
from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.serve.rollout.causes import Cause, as_e_value
from smallcraft.serve.rollout.evidence import RolloutEvidence, Weighed
from smallcraft.serve.rollout.phases import Decision, Rule
from smallcraft.serve.rollout.standing import Order, RolloutState
from smallcraft.serve.rollout.stored_form import Form, to_form

FORMAT = 1
_LARGEST_EXACT = 2**53


@dataclass(frozen=True, slots=True)
class Receipt:
    """A written receipt.

    Attributes:
        form: Its fields, as in the schema.
        digest: Of its canonical JSON.
    """

    form: Mapping[str, Any]
    digest: str

    @property
    def rollout(self) -> str:
        """Id of the rollout."""
        return str(self.form["rollout"])

    @property
    def number(self) -> int:
        """From 1, each once in a rollout."""
        return int(self.form["number"])

    @property
    def cause(self) -> str:
        """Why, in plain words."""
        return str(self.form["cause"])

    def to_json(self) -> bytes:
        """Canonical JSON of the form with its digest beside, as a file holds it."""
        return canonical_json({**self.form, "digest": self.digest})


def write_receipt(
    before: RolloutState,
    decision: Decision,
    cause: Cause,
    evidence: RolloutEvidence | None,
    *,
    now: float,
    shown: datetime,
    order: Order | None = None,
) -> Receipt:
    """The receipt of a change.

    Args:
        before: Where the rollout stood.
        decision: The change.
        cause: Why.
        evidence: What it was decided on; None before the first step.
        now: Monotonic seconds.
        shown: Wall time, for people; nothing is decided by it.
        order: What led to it; None for none.
    """
    number = before.receipts + 1
    form = {
        "format": FORMAT,
        "rollout": before.id,
        "number": number,
        "previous": before.last_receipt,
        "at": shown.astimezone(UTC).isoformat(timespec="milliseconds"),
        "now_s": now,
        "epoch": before.epoch,
        "rule": decision.rule.value,
        "from": None if decision.rule is Rule.STARTED else _standing_form(before),
        "to": {
            "phase": decision.phase,
            "stage": decision.stage,
            "step": before.step + int(decision.opens_step),
            "weight": decision.weight,
        },
        "cause": cause.sentence,
        **{name: to_form(getattr(cause, name)) for name in _NUMBERS_OF_CAUSE},
        "evidence": evidence_form(evidence),
        "order": to_form(order),
        "state": to_form(before),
        "replay": f"smallcraft rollout replay {before.id}/{number}",
    }
    return seal(form)


def seal(form: Mapping[str, Any]) -> Receipt:
    """A form with the digest that belongs to it."""
    return Receipt(form, digest_bytes(canonical_json(form)))


def parse_receipt(data: bytes | str) -> Receipt:
    """A receipt as a file or the store holds it; whether its numbers agree is for `replaying` to say.

    Raises:
        InvalidInputError: It is no receipt, or one of a format that this version does not read.
    """
    try:
        form = read_numbers(data)
        digest = form.pop("digest")
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise InvalidInputError(
            f"a receipt is a JSON object with a digest, got {error!r}; name a file that a server wrote"
        ) from error
    if form.get("format") != FORMAT:
        raise InvalidInputError(
            f"this version reads receipts of format {FORMAT}, got {form.get('format')!r}; use the version"
            " that wrote it"
        )
    missing = sorted(FIELDS - set(form))
    if missing or not isinstance(digest, str):
        raise InvalidInputError(
            f"a receipt has all fields of its schema, this one lacks {missing or ['digest']}; "
            "take it from `smallcraft rollout receipts --json`"
        )
    return Receipt(form, digest)


def read_numbers(data: bytes | str) -> Any:  # noqa: ANN401 - JSON
    """JSON as canonical JSON wrote it, so that writing it again gives the same bytes.

    A number past 2**53 was a float, such as a large e-value: canonical JSON writes it without a point.

    >>> read_numbers("[3, 19102299369557652]")
    [3, 1.9102299369557652e+16]
    """
    return json.loads(data, parse_int=_whole)


def _whole(text: str) -> int | float:
    value = int(text)
    return value if abs(value) <= _LARGEST_EXACT else float(text)


def check_chain(receipts: Sequence[Receipt], *, last: str | None = None) -> None:
    """Refuse receipts of one rollout that were changed, dropped, added or put in another order.

    Args:
        receipts: All of a rollout, oldest first.
        last: Digest of the last one, as known from elsewhere; None when it is not.

    Raises:
        IntegrityError: Names the receipt.
    """
    previous, stood = None, None
    for place, receipt in enumerate(receipts, start=1):
        name = f"receipt {place} of rollout {receipt.rollout}"
        actual = seal(receipt.form).digest
        if actual != receipt.digest:
            raise IntegrityError(
                f"{name} was changed: its bytes have {actual}, it says {receipt.digest};"
                " replay it to see where"
            )
        if (receipt.number, receipt.form["previous"]) != (place, previous):
            raise IntegrityError(
                f"{name} should follow {previous or 'none'}, got number {receipt.number} after"
                f" {receipt.form['previous'] or 'none'}; one was dropped, added or moved"
            )
        if receipt.form["from"] != stood:
            raise IntegrityError(
                f"{name} should go on from {stood}, got {receipt.form['from']}; one is missing"
            )
        previous, stood = receipt.digest, receipt.form["to"]
    if last is not None and previous != last:
        raise IntegrityError(
            f"the last receipt should be {last}, got {previous or 'none'};"
            " one was dropped or added at the end"
        )


def evidence_form(evidence: RolloutEvidence | None) -> Form | None:
    """Evidence of one rollout as plain values; logarithms, and e-values beside them."""
    if evidence is None:
        return None
    return {
        "combined": _logarithm(evidence.combined),
        "e_value": as_e_value(float(evidence.combined)),
        "mismatch": _logarithm(evidence.mismatch),
        "guardrails": {name: _weighed_form(weighed) for name, weighed in evidence.guardrails.items()},
        "parts": {name: _weighed_form(weighed) for name, weighed in evidence.parts.items()},
    }


def _weighed_form(weighed: Weighed | None) -> Form | None:
    if weighed is None:
        return None
    return {
        "against": _logarithm(weighed.against),
        "non_inferior": _logarithm(weighed.non_inferior),
        "observed": to_form(weighed.observed),
    }


def _logarithm(value: object) -> float | None:
    """A finite logarithm; None for an e-value of 0, which has none."""
    logarithm = float(value)  # type: ignore[arg-type] # an array without axes
    return logarithm if math.isfinite(logarithm) else None


def _standing_form(state: RolloutState) -> Form:
    return {"phase": state.phase, "stage": state.stage, "step": state.step, "weight": state.weight}


_NUMBERS_OF_CAUSE = ("metric", "test", "stable", "canary", "e_value", "threshold")
FIELDS = frozenset(
    {"format", "rollout", "number", "previous", "at", "now_s", "epoch", "rule", "from", "to", "cause"}
    | {"evidence", "order", "state", "replay", *_NUMBERS_OF_CAUSE}
)
