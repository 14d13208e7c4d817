"""What routers and workers are told: who answers, and what share of keys meets the new release.

Always: of two assignments the one with the larger epoch is the newer; counts are wanted only for the step
that it names, and for none while it names no rollout.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from smallcraft.errors import InvalidInputError
from smallcraft.serve.rollout.named_release import NamedRelease

if TYPE_CHECKING:
    # Routers read assignments and weigh nothing: they load no statistics.
    from smallcraft.serve.rollout.standing import RolloutState


@dataclass(frozen=True, slots=True)
class Assignment:
    """How requests are dealt to arms.

    Attributes:
        epoch: Of the controller that says so.
        stable: The release that answers.
        canary: The new one, to be loaded; None for none.
        rollout: Its id, under which is counted; empty while nothing is.
        step: Its present step.
        salt: Of the bucket of a key.
        weight: Share of traffic for the new release: keys with a bucket below it.
        settled_below: The largest weight of all earlier steps.
        is_shadow: Whether the new release is asked what the stable one is asked.
    """

    epoch: int
    stable: NamedRelease
    canary: NamedRelease | None = None
    rollout: str = ""
    step: int = 0
    salt: str = ""
    weight: float = 0.0
    settled_below: float = 0.0
    is_shadow: bool = False

    def to_message(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        form = asdict(self)
        arms = {"stable": form.pop("stable"), "canary": form.pop("canary")}
        return {**form, "arms": arms, "shadow": form.pop("is_shadow")}


def assign(
    state: RolloutState | None, *, stable: NamedRelease, epoch: int, is_held: bool = False
) -> Assignment:
    """What routers are to do while a rollout stands where it stands.

    Args:
        state: Of the last rollout; None before the first, and where the state was lost.
        stable: The release that answers now.
        epoch: Of the controller.
        is_held: Whether the new release must get nothing whatever the state says.
    """
    alone = Assignment(epoch=epoch, stable=stable)
    if state is None or state.is_ended or state.stable.digest != stable.digest:
        return alone
    # The weight is not the step's where the rollout was frozen for a sample-ratio mismatch.
    has_step = bool(state.steps) and state.weight == state.steps[-1].weight
    if is_held or not has_step or not state.health.is_loaded:
        # To be loaded; what happens meanwhile says nothing about the step, so it is not counted in it.
        return replace(alone, canary=state.canary)
    return Assignment(
        epoch=epoch,
        stable=stable,
        canary=state.canary,
        rollout=state.id,
        step=state.step,
        salt=state.salt,
        weight=state.weight,
        settled_below=state.settled_below,
        is_shadow=state.place == "shadow",
    )


def assignment_from(message: Mapping[str, Any]) -> Assignment:
    """The assignment that `to_message` wrote.

    Raises:
        InvalidInputError: Something is missing or is not of its kind.
    """
    try:
        canary = message["arms"]["canary"]
        return Assignment(
            epoch=int(message["epoch"]),
            stable=NamedRelease(**message["arms"]["stable"]),
            canary=None if canary is None else NamedRelease(**canary),
            rollout=str(message["rollout"]),
            step=int(message["step"]),
            salt=str(message["salt"]),
            weight=float(message["weight"]),
            settled_below=float(message["settled_below"]),
            is_shadow=bool(message["shadow"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInputError(
            f"an assignment has the fields that to_message writes, got {error!r};"
            " routers and their supervisor must be of one version"
        ) from error
