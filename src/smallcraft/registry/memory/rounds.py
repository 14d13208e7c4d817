"""What rounds of labelling bought, as the log keeps it beside what was tried.

Leaves to others: writing the document (`label.outcome`), entries (the registry).
Always: a round that was not measured says so; nothing is computed again here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from smallcraft.errors import IntegrityError
from smallcraft.registry.memory.reading import read_object

_FORMAT = 1
_KIND = "campaign"


@dataclass(frozen=True)
class LabelRound:
    """One round.

    Attributes:
        campaign: Its id.
        strategy: Of the targeted arm.
        votes: That came in.
        changed: Labels that are others now.
        gain: Accuracy after minus before, with its interval; empty where it was not measured.
        advice: What to do next; empty where nobody asked.
    """

    campaign: str
    strategy: str
    votes: int
    changed: int
    gain: str
    advice: str

    @property
    def sentence(self) -> str:
        """The round in a line."""
        bought = f"accuracy {self.gain}" if self.gain else "what it bought was not measured"
        advice = f"; {self.advice}" if self.advice else ""
        return (
            f"labelled: campaign {self.campaign} ({self.strategy}), {self.votes:,} votes changed "
            f"{self.changed:,} labels, {bought}{advice}"
        )


def is_round(data: bytes) -> bool:
    """Whether a document of the log is about a round of labelling."""
    try:
        document = json.loads(data)
    except ValueError:
        return False
    return isinstance(document, dict) and document.get("kind") == _KIND


def parse_round(data: bytes, *, what: str = "the record of a round of labelling") -> LabelRound:
    """A round from its document.

    Raises:
        IntegrityError: The bytes are not what `label.outcome` writes.
    """
    document = read_object(data, what=what, version=_FORMAT)
    try:
        overall: dict[str, Any] | None = document["overall"]
        gain = ""
        if overall is not None:
            low, high = overall["interval"]["low"], overall["interval"]["high"]
            gain = f"{overall['after'] - overall['before']:+.4f} [{low:+.4f}, {high:+.4f}]"
        return LabelRound(
            document["campaign"],
            document["strategy"],
            int(document["votes"]),
            int(document["changed"]),
            gain,
            document["advice"],
        )
    except (TypeError, KeyError, ValueError) as error:
        raise IntegrityError(
            f"{what} must have the fields of a round ({error}); restore the registry from a copy"
        ) from error
