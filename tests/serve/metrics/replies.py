"""Replies as a bundle gives them, small."""

from __future__ import annotations

import numpy as np

from smallcraft.records import Decisions
from smallcraft.serve.questions import Reply


def reply(*labels, confidence=0.7, escalated=False, low=None, high=None) -> Reply:
    n = len(labels)
    return Reply(
        probs=np.full((n, 2), 0.5),
        decisions=Decisions(
            labels=labels,
            confidence=None if confidence is None else np.full(n, confidence, dtype=np.float64),
            abstained=np.array([label is None for label in labels]),
            low=None if low is None else np.full(n, low),
            high=None if high is None else np.full(n, high),
        ),
        escalated=np.full(n, escalated),
    )
