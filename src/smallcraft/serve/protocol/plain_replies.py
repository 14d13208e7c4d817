"""What a model said, for people: the answer, how sure it is, and what it might be instead.

Always: JSON that `predict_reply` of `schemas` describes, which `docs/schemas/predict.json` publishes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from smallcraft.serve.protocol.interface import ModelInterface
from smallcraft.serve.questions import Arm, Reply

ALTERNATIVES = 3


def plain_content(reply: Reply, interface: ModelInterface, *, arm: Arm, is_one: bool) -> dict[str, Any]:
    """The body of a plain reply.

    Args:
        reply: What the model said.
        interface: Of the model.
        arm: Which arm it is.
        is_one: Whether one row was asked about by itself, and not a list of rows.
    """
    rows = [_row(reply, interface, row) for row in range(len(reply.probs))]
    said: dict[str, Any] = rows[0] if is_one else {"rows": rows}
    return said | {"release": interface.facts.label, "arm": arm}


def _row(reply: Reply, interface: ModelInterface, row: int) -> dict[str, Any]:
    decisions = reply.decisions
    label = decisions.labels[row]
    flags = {"abstained": bool(decisions.abstained[row]), "escalated": bool(reply.escalated[row])}
    if interface.facts.task == "regression":
        said: dict[str, Any] = {"value": label}
        if decisions.low is not None and decisions.high is not None:
            said |= {"low": float(decisions.low[row]), "high": float(decisions.high[row])}
        return said | flags
    if interface.facts.task == "multilabel":
        labels = list(label) if isinstance(label, tuple) else []
        said, given = {"labels": labels}, set(labels)
    else:
        said, given = {"label": label}, set() if label is None else {str(label)}
    if decisions.confidence is not None:
        said["confidence"] = float(decisions.confidence[row])
    if decisions.sets is not None:
        said["set"] = list(decisions.sets[row])
    return said | {"alternatives": _alternatives(reply, interface, row, given)} | flags


def _alternatives(reply: Reply, interface: ModelInterface, row: int, given: set[str]) -> list[dict[str, Any]]:
    """The most probable classes that were not the answer."""
    probs = reply.probs[row]
    order = np.argsort(-probs, kind="stable")[: ALTERNATIVES + len(given)].tolist()
    classes = interface.facts.classes
    return [
        {"label": classes[code], "probability": float(probs[code])}
        for code in order
        if classes[code] not in given
    ][:ALTERNATIVES]
