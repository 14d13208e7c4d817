"""What both arms of a step share while requests are counted: its name, the classes, the keys that were met.

Always: a key whose arm was settled by an earlier step is told from one whose arm is chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from smallcraft.serve.metrics.keys import KeyTable


@dataclass(frozen=True, slots=True)
class StepName:
    """Which assignment requests were made under.

    Attributes:
        rollout: Its id; empty while there is none.
        step: The assignment's number in it.
        settled_below: The largest weight of all earlier steps of the rollout, 0 in the first.
        is_shadow: Whether the new release is asked what the stable one is asked.
    """

    rollout: str = ""
    step: int = 0
    settled_below: float = 0.0
    is_shadow: bool = False


class Step:
    """What both arms of a step share: the stable release's classes, and the keys that were met."""

    __slots__ = ("failed", "is_shadow", "met", "position", "settled")

    def __init__(self, name: StepName, classes: Sequence[str]) -> None:
        """No key met; `classes` are the stable release's, whichever arm is counted."""
        self.position = {name: place for place, name in enumerate(classes)}
        self.settled = int(name.settled_below * 2**64)
        self.is_shadow = name.is_shadow
        # Without a rollout no key is evidence.
        self.met = KeyTable(1 << 16 if name.rollout else 1)
        self.failed = KeyTable(1 << 13 if name.rollout else 1)
