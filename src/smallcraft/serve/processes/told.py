"""What only the supervisor knows, for routers that are asked for it: `/metrics` and the verdict on a rollout.

Leaves to others: how either is written (`serve.metrics`).
Always: numbers of one moment.
Not covered: several rollouts at once; metrics show the first that is under way, else the last that was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from smallcraft import __version__
from smallcraft.serve.metrics.prometheus import write_page
from smallcraft.serve.metrics.reading import Reading, RolloutReading, read_rollout
from smallcraft.serve.metrics.totals import Totals
from smallcraft.serve.metrics.verdict import verdict_of, write_verdict
from smallcraft.serve.processes.messages import Message
from smallcraft.serve.processes.served import Served

_JSON = "application/json"


def answer(
    message: Message, models: Mapping[str, Served], totals: Totals, *, alarms: Sequence[str], now: float
) -> Message:
    """The answer to a router's question.

    Args:
        message: The question.
        models: By name.
        totals: What all routers counted.
        alarms: The server's own; those of controllers are added.
        now: Monotonic seconds.
    """
    if message.get("goal") == "metrics":
        page = write_page(read(models, totals, alarms=alarms, now=now), accept=str(message.get("accept", "")))
        return _reply(message, 200, page.content_type, page.body.decode())
    wanted = message.get("rollout")
    for model in models.values():
        status = model.controller.status(now=now).rollout
        if status is not None and status.id == wanted:
            return _reply(message, 200, _JSON, write_verdict(verdict_of(status)).decode())
    error = f"no rollout {str(wanted)[:80]!r} here; `smallcraft rollout status` names the last one"
    return _reply(message, 404, _JSON, orjson.dumps({"error": error}).decode())


def read(models: Mapping[str, Served], totals: Totals, *, alarms: Sequence[str], now: float) -> Reading:
    """All that is shown at one moment; arguments as `answer` has them."""
    statuses = {name: model.controller.status(now=now) for name, model in models.items()}
    return Reading(
        totals=totals,
        version=__version__,
        rollout=_shown(models, now),
        workers=tuple(worker for model in models.values() for worker in model.workers()),
        restarts=tuple(restarts for model in models.values() for restarts in model.restarts()),
        alarms=(*alarms, *(alarm for status in statuses.values() for alarm in status.alarms)),
    )


def _shown(models: Mapping[str, Served], now: float) -> RolloutReading | None:
    told = None
    for model in models.values():
        state, status = model.controller.state, model.controller.status(now=now).rollout
        if state is not None and status is not None and (told is None or not state.is_ended):
            told = read_rollout(status, state.plan)
            if not state.is_ended:
                break
    return told


def _reply(message: Message, status: int, kind: str, body: str) -> dict[str, Any]:
    return {"kind": "answer", "number": message.get("number"), "status": status, "type": kind, "body": body}
