"""What may be ordered of a running server, as messages: read, obeyed, answered.

    status · start · abort · promote · freeze · resume · stop

Leaves to others: the socket (`processes.admin`), what the rules make of an order (`serve.rollout`).
Always: an order that is not understood is refused with those that are.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, cast, get_args

from smallcraft.errors import InvalidInputError, nearest_name
from smallcraft.serve.loading.source import ModelSource, read_source, write_source
from smallcraft.serve.processes.messages import Message
from smallcraft.serve.processes.served import Beginning, Served
from smallcraft.serve.rollout.plan import RolloutPlan
from smallcraft.serve.rollout.standing import Order, OrderKind
from smallcraft.serve.rollout.starting import Declared
from smallcraft.serve.rollout.stored_form import plan_from, to_form
from smallcraft.serve.state.deciding import Moment

KINDS: tuple[str, ...] = get_args(OrderKind)
COMMANDS = ("status", "start", *KINDS, "stop")


def start_message(
    source: ModelSource, plan: RolloutPlan, declared: Declared, *, unsafe_repeat: bool = False
) -> dict[str, Any]:
    """The order to roll a release out.

    Args:
        source: The new release.
        plan: The declared settings.
        declared: What both releases say of themselves.
        unsafe_repeat: Whether to try a bundle that was rolled back once more.
    """
    return {
        "command": "start",
        "model": source.name,
        "source": write_source(source),
        "plan": to_form(plan),
        "declared": asdict(declared),
        "unsafe_repeat": unsafe_repeat,
    }


def obey(message: Message, models: Mapping[str, Served], *, at: Moment) -> dict[str, Any]:
    """Do what a message orders about a rollout.

    Args:
        message: `command`, and `model` where several are served.
        models: By name.
        at: Now.

    Returns:
        What came of it.

    Raises:
        InvalidInputError: The order is not understood, or does not fit.
        SmallcraftError: It cannot be carried out.
    """
    command = message.get("command")
    if command not in COMMANDS:
        hint = nearest_name(str(command), COMMANDS)
        raise InvalidInputError(f"an order is one of {', '.join(COMMANDS)}, got {command!r}{hint}")
    if command == "status":
        return {
            "models": {name: model.controller.status(now=at.now).to_form() for name, model in models.items()}
        }
    model = _model(message, models)
    if command == "start":
        return {"rollout": model.begin(_beginning(message), at=at)}
    order = Order(cast("OrderKind", command), str(message.get("reason", "")))
    came_of_it = model.controller.order(order, at=at)
    model.tick(at)
    return {"told": came_of_it}


def _model(message: Message, models: Mapping[str, Served]) -> Served:
    name = message.get("model")
    if name is None and len(models) == 1:
        return next(iter(models.values()))
    model = models.get(str(name))
    if model is None:
        hint = nearest_name(str(name), models)
        raise InvalidInputError(
            f"the server has the models {', '.join(models)}, got {name!r}{hint}; name one"
        )
    return model


def _beginning(message: Message) -> Beginning:
    try:
        declared = {**message["declared"], "classes": tuple(message["declared"]["classes"])}
        return Beginning(
            source=read_source(message["source"]),
            plan=plan_from(message["plan"]),
            declared=Declared(**declared),
            salt=secrets.token_hex(16),
            unsafe_repeat=bool(message["unsafe_repeat"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInputError(
            f"an order to start has the fields of `start_message`, got {error!r}; "
            "the command and the server must be of one version"
        ) from error
