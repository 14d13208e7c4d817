"""A small pool and a round of labelling on it: what several tests of campaigns stand on."""

from __future__ import annotations

import numpy as np

from smallcraft.label.batch import Budget, plan_batch
from smallcraft.label.campaign import start_campaign
from smallcraft.label.pool import make_pool
from smallcraft.label.strategies import BUILTIN
from smallcraft.label.vote_log import Vote

CLASSES = ("billing", "card", "refund")
NOW = "2026-11-29T06:00:00Z"


def probabilities(codes, *, rng, k, sharpness=3.0):
    """Rows that lean to their code."""
    logits = rng.normal(size=(len(codes), k))
    logits[np.arange(len(codes)), codes] += sharpness
    raised = np.exp(logits)
    return raised / raised.sum(axis=1, keepdims=True)


def small_pool(n=200, *, seed=0, unlabelled=0.2, **parts):
    """`n` rows of three classes, a fifth of them unlabelled."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, len(CLASSES), n)
    given = np.where(rng.random(n) < unlabelled, -1, truth).astype(np.int64)
    told = {
        "given": given,
        "probs": probabilities(truth, rng=rng, k=len(CLASSES)),
        "vectors": rng.normal(size=(n, 8)).astype(np.float32),
        "committee": rng.integers(0, len(CLASSES), (3, n)),
    }
    return make_pool([f"i{place}" for place in range(n)], CLASSES, **{**told, **parts})


def small_campaign(*, amount=40, seed=0, strategy="margin", gold=range(5), **told):
    """An open campaign on the small pool."""
    budget = Budget(amount)
    rng = np.random.default_rng(seed)
    batch = plan_batch(small_pool(seed=seed), BUILTIN[strategy], budget, gold=list(gold), rng=rng)
    return start_campaign(
        batch, classes=CLASSES, budget=budget, strategy=strategy, created=NOW, seed=seed, model="m@1", **told
    )


def texts_of(campaign):
    """A text for each row asked about; some would be formulas in a spreadsheet."""
    return {ask.item: f'=help, "{ask.item}"\nplease; it\'s <late> & ünïcode' for ask in campaign.asks}


def vote(item, annotator, label, **told):
    fixed = {"time": None, "lead_time_s": None, "tool": "csv", "guideline": "1", "campaign": "c1"}
    return Vote(
        item=item,
        annotator=annotator,
        label=label,
        **{**fixed, "arm": "targeted", "chance": 1.0, "suggestion": None, **told},
    )
