"""What happens on an alarm: a review batch is written, a page is sent, a rollout is frozen; each once.

Leaves to others: the batch (`observe.review`), the post (`observe.webhooks`), what freezing means (a
callable).
Always: an alarm that does no harm asks for labels and wakes nobody; one that turns harmful later does; what
failed is told by name, stays untold, and never stops the watching.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from smallcraft.errors import InvalidInputError
from smallcraft.observe.alarms import Alarm, HarmVerdict, mark_told

# Writes a batch and gives its path; sends a page and says whether it is on its way; freezes the rollout.
Action = Callable[[Alarm], str | None]
_WAKING = frozenset({"page", "freeze"})


@dataclass(frozen=True)
class Fired:
    """What came of an alarm's triggers.

    Attributes:
        alarm: With what went through marked.
        failed: Trigger to the reason that it did not.
    """

    alarm: Alarm
    failed: Mapping[str, str]


def due_triggers(alarm: Alarm, triggers: Sequence[str]) -> tuple[str, ...]:
    """Triggers that an alarm should set off and has not yet.

    Args:
        alarm: As it stands.
        triggers: As declared: `review`, `page`, `freeze`.
    """
    if not alarm.is_open:
        return ()
    benign = alarm.harm.verdict is HarmVerdict.BENIGN
    return tuple(
        trigger for trigger in triggers if trigger not in alarm.told and not (benign and trigger in _WAKING)
    )


def fire(alarm: Alarm, triggers: Sequence[str], actions: Mapping[str, Action]) -> Fired:
    """Set off what is due.

    Args:
        alarm: As it stands.
        triggers: As declared.
        actions: What each one does. It gives a text when it went through (of `review` the path of the batch),
            None when it is only on its way and `mark_told` follows later.

    Raises:
        InvalidInputError: A declared trigger has no action.
    """
    missing = [trigger for trigger in triggers if trigger not in actions]
    if missing:
        raise InvalidInputError(
            f"trigger '{missing[0]}' has nothing to do here; this place knows"
            f" {', '.join(sorted(actions)) or 'none'}"
        )
    failed: dict[str, str] = {}
    for trigger in due_triggers(alarm, triggers):
        try:
            done = actions[trigger](alarm)
        except Exception as error:  # noqa: BLE001 - the edge to what others wrote; watching goes on
            failed[trigger] = f"{type(error).__name__}: {error}"
            continue
        if done is not None:
            alarm = mark_told(alarm, trigger)
            alarm = replace(alarm, review=done) if trigger == "review" else alarm
    return Fired(alarm, failed)
