"""Made-up messages whose label a few words give away, for the self-test.

>>> rows = made_messages(4, seed=0)
>>> sorted(rows), rows["intent"]
(['intent', 'message', 'sender'], ['billing', 'login', 'parcel', 'billing'])
"""

from __future__ import annotations

import numpy as np

_WORDS = {
    "billing": ("invoice", "refund", "charge", "payment", "card"),
    "login": ("password", "login", "account", "locked", "code"),
    "parcel": ("parcel", "courier", "tracking", "delivery", "address"),
}
_FILL = ("please", "my", "the", "today", "again", "still", "help", "with", "about", "new", "never")


def made_messages(rows: int, *, seed: int) -> dict[str, list[str]]:
    """Columns `message`, `intent` and `sender` (three messages each); no two messages are alike.

    Args:
        rows: How many.
        seed: Picks the words.
    """
    rng = np.random.default_rng(seed)
    labels = tuple(_WORDS)
    intents = [labels[row % len(labels)] for row in range(rows)]
    messages = [
        " ".join(
            rng.permutation(
                [*rng.choice(_WORDS[intent], 2, replace=False), *rng.choice(_FILL, 4, replace=False)]
            )
        )
        + f" case {row} {rng.integers(10**6)}"
        for row, intent in enumerate(intents)
    ]
    return {"message": messages, "intent": intents, "sender": [f"sender {row // 3}" for row in range(rows)]}
