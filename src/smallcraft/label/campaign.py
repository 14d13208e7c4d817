"""A round of labelling as a record: what was asked, under which design, and how far it has come.

Files belong to `label.campaigns`; what may follow what stands here.
Always: a campaign's asks never change; states only go forward: open, imported, measured, stopped (from any).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, get_args

from smallcraft.canonical import canonical_json, digest_value, plain
from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.label.batch import Ask, Batch, Budget
from smallcraft.label.sheets import Sheet
from smallcraft.label.value import Costs

FORMAT = 1
State = Literal["open", "imported", "measured", "stopped"]
_FOLLOWS: Mapping[State, tuple[State, ...]] = {
    "open": ("imported", "stopped"),
    "imported": ("imported", "measured", "stopped"),
    "measured": ("imported", "measured", "stopped"),
    "stopped": (),
}


@dataclass(frozen=True)
class Campaign:
    """One round.

    Attributes:
        id: Made of the content, so the same round has the same id.
        created: ISO 8601.
        state: How far it has come.
        classes: What may be answered.
        asks: What is asked, in order.
        budget: What it may cost.
        cost: What the batch costs, in the unit of the budget.
        strategy: Of the targeted arm.
        guideline: Version that people read.
        seed: Of everything drawn.
        data: Digest of the table that the rows are of; empty where unknown.
        model: What made the suggestions; empty for none.
        sources: Where the rows came from, in words: `check`, an alarm, abstentions, an undecided gate.
        note: Why it was stopped; else empty.
    """

    id: str
    created: str
    state: State
    classes: tuple[str, ...]
    asks: tuple[Ask, ...]
    budget: Budget
    cost: float
    strategy: str
    guideline: str
    seed: int
    data: str = ""
    model: str = ""
    sources: tuple[str, ...] = ()
    note: str = ""

    @property
    def votes_wanted(self) -> int:
        """Votes asked for."""
        return sum(ask.votes for ask in self.asks)

    def ask_of(self, item: str) -> Ask | None:
        """What was asked about a row; None where it is not of this campaign."""
        return self._by_item.get(item)

    @cached_property
    def _by_item(self) -> Mapping[str, Ask]:
        return {ask.item: ask for ask in self.asks}

    def moved(self, state: State, *, note: str = "") -> Campaign:
        """The campaign in another state.

        Raises:
            InvalidInputError: That state does not follow this one.
        """
        if state not in _FOLLOWS[self.state]:
            allowed = ", ".join(_FOLLOWS[self.state]) or "nothing"
            raise InvalidInputError(
                f"campaign {self.id} is {self.state}; what may follow is {allowed}, not {state}; start "
                "another one"
            )
        return replace(self, state=state, note=note or self.note)

    def sheet(self, texts: Mapping[str, str]) -> Sheet:
        """What to hand out.

        Args:
            texts: The text of each item.

        Raises:
            InvalidInputError: An item has no text.
        """
        lost = [ask.item for ask in self.asks if ask.item not in texts]
        if lost:
            raise InvalidInputError(
                f"{len(lost):,} rows of campaign {self.id} have no text, the first is '{lost[0]}'; pass the "
                "table that the campaign was made from"
            )
        found = tuple(texts[ask.item] for ask in self.asks)
        return Sheet(self.id, self.classes, self.asks, found, self.guideline, self.model)


def start_campaign(
    batch: Batch,
    *,
    classes: tuple[str, ...],
    budget: Budget,
    strategy: str,
    created: str,
    seed: int,
    guideline: str = "1",
    data: str = "",
    model: str = "",
    sources: tuple[str, ...] = (),
) -> Campaign:
    """An open campaign that asks for a batch.

    Args:
        batch: From `label.batch.plan_batch`.
        classes: What may be answered.
        budget: What it was planned within.
        strategy: Of the targeted arm.
        created: ISO 8601.
        seed: Of what was drawn.
        guideline: Version that people read.
        data: Digest of the table.
        model: What made the suggestions.
        sources: Where the rows came from.

    Raises:
        InvalidInputError: The batch asks for nothing.
    """
    if not batch.asks:
        raise InvalidInputError(
            "a campaign asks about one row at least, got none; open more rows of the pool"
        )
    fresh = Campaign(
        "",
        created,
        "open",
        classes,
        batch.asks,
        budget,
        batch.cost,
        strategy,
        guideline,
        seed,
        data,
        model,
        sources,
    )
    return replace(fresh, id=_id_of(fresh))


def encode_campaign(campaign: Campaign) -> bytes:
    """Its document: canonical JSON."""
    return canonical_json({"format": FORMAT, **plain(campaign)}) + b"\n"


def parse_campaign(data: bytes, *, source: str) -> Campaign:
    """A campaign from its document.

    Args:
        data: The bytes.
        source: The file, for messages.

    Raises:
        IntegrityError: It is not what `encode_campaign` writes, or its id is not of its content.
    """
    try:
        document: dict[str, Any] = json.loads(data)
        if document.pop("format") != FORMAT:
            raise ValueError("another format")  # noqa: TRY301 - told below with the rest
        budget = document["budget"]
        found = Campaign(
            **{
                **document,
                "classes": tuple(document["classes"]),
                "asks": tuple(Ask(**ask) for ask in document["asks"]),
                "budget": Budget(**{**budget, "costs": Costs(**budget["costs"])}),
                "sources": tuple(document["sources"]),
            }
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise IntegrityError(f"{source} is no campaign ({error}); put it back from a copy") from error
    if found.id != _id_of(found) or found.state not in get_args(State):
        raise IntegrityError(
            f"{source} was changed: its content does not make its id; put it back from a copy"
        )
    return found


def _id_of(campaign: Campaign) -> str:
    fixed = {name: value for name, value in plain(campaign).items() if name not in {"id", "state", "note"}}
    return "c" + digest_value(fixed).removeprefix("sha256:")[:10]
