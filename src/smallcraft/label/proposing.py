"""The next campaign from what a build knows: doubts, slices, values, a batch within the budget.

1. how probable each label is wrong (`label.doubt`)
2. what is asked of each row: a label, one more vote, or an adjudicator where votes left it open
3. what that is worth (`label.value`), in failing slices more (`label.slices`)
4. a batch (`label.batch`) as an open campaign

Always: rows that are asked about already stay closed, those that votes left open excepted; rows that
something lacks (`Knowledge.wanted`) come first.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from smallcraft.label.batch import Budget, Shares, plan_batch
from smallcraft.label.campaign import Campaign, start_campaign
from smallcraft.label.doubt import Doubt, doubt_labels
from smallcraft.label.pool import Action, Pool, default_actions, make_pool
from smallcraft.label.slices import SliceSearch
from smallcraft.label.strategies import BUILTIN
from smallcraft.label.value import Rates, value_rows
from smallcraft.plugins import find_plugin
from smallcraft.records import Predictions

DEFAULT_STRATEGY = "slice_value"


@dataclass(frozen=True)
class Knowledge:
    """What is known of the rows beside labels and probabilities.

    Attributes:
        slices: Verified slices; None where none were looked for.
        audited: `(n,)` int64 adjudicated codes, -1 elsewhere; None without.
        queue: `(m,)` int64 positions that votes left open: their next vote is an adjudicator's.
        closed: Ids that are not to be asked about.
        gold: Positions of rows whose truth is known, to be asked to see how well people vote.
        rates: Costs, skill and measured slopes.
        vectors: `(n, width)` float32; None without an encoder.
        committee: `(m, n)` int64 answers of several models; None without.
        wanted: A name such as `gate region=north` to positions of rows without a label that are asked about
            first, whatever a model says of them: something lacks rows of that kind.
    """

    slices: SliceSearch | None = None
    audited: NDArray[np.int64] | None = None
    queue: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    closed: Collection[str] = ()
    gold: Sequence[int] = ()
    rates: Rates = field(default_factory=Rates)
    vectors: NDArray[np.float32] | None = None
    committee: NDArray[np.int64] | None = None
    wanted: Mapping[str, Sequence[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Proposal:
    """An open campaign, and the pool and doubts it was drawn from."""

    campaign: Campaign
    pool: Pool
    doubt: Doubt


def propose_campaign(
    items: Sequence[str],
    seen: Predictions,
    known: Knowledge | None = None,
    *,
    budget: Budget,
    created: str,
    seed: int,
    strategy: str = DEFAULT_STRATEGY,
    shares: Shares | None = None,
    guideline: str = "1",
    data: str = "",
    model: str = "",
    sources: tuple[str, ...] = (),
) -> Proposal:
    """The next campaign.

    Args:
        items: `n` ids.
        seen: Out-of-sample probabilities beside the labels given (-1: none).
        known: What else is known.
        budget: What the batch may cost.
        created: ISO 8601, now.
        seed: Of everything drawn.
        strategy: Of the targeted arm.
        shares: Of the arms.
        guideline: Version that people read.
        data: Digest of the table.
        model: What made the probabilities.
        sources: Where the rows came from, in words.

    Raises:
        InvalidInputError: An unknown strategy, one that lacks what it needs, a budget that pays for nothing.
    """
    known = known or Knowledge()
    chosen = find_plugin("strategies", strategy, BUILTIN)
    doubt = doubt_labels(seen, audited=known.audited)  # (1)
    acts = list(default_actions(seen.truth))
    for row in known.queue.tolist():
        acts[row] = "adjudicate"  # (2)
    pool = _pool(items, seen, acts, doubt, known)  # (3)
    rng = np.random.default_rng(seed)
    batch = plan_batch(pool, chosen, budget, gold=known.gold, shares=shares, rng=rng)  # (4)
    campaign = start_campaign(
        batch,
        classes=seen.classes,
        budget=budget,
        strategy=strategy,
        created=created,
        seed=seed,
        guideline=guideline,
        data=data,
        model=model,
        sources=sources,
    )
    return Proposal(campaign, pool, doubt)


def _pool(
    items: Sequence[str], seen: Predictions, acts: Sequence[Action], doubt: Doubt, known: Knowledge
) -> Pool:
    n = len(items)
    weight = None if known.slices is None else known.slices.weights(n)
    closed = frozenset(known.closed) - {items[row] for row in known.queue.tolist()}
    value = value_rows(
        seen.probs, seen.truth, wrong=doubt.wrong, action=acts, weight=weight, rates=known.rates
    )
    slices = ("",) * n if known.slices is None else known.slices.names(n)
    value, slices = _with_wanted(value, slices, known.wanted)
    return make_pool(
        items,
        seen.classes,
        given=seen.truth,
        probs=seen.probs,
        action=acts,
        wrong=doubt.wrong,
        value=value,
        slices=slices,
        is_open=np.array([item not in closed for item in items], dtype=np.bool_),
        vectors=known.vectors,
        committee=known.committee,
    )


def _with_wanted(
    value: NDArray[np.float64], slices: tuple[str, ...], wanted: Mapping[str, Sequence[int]]
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Rows that are wanted stand above all others; each kind is a slice, so that one cannot take all."""
    raised, named = value.copy(), list(slices)
    above = float(value.max(initial=0.0)) or 1.0
    for name, rows in reversed(list(wanted.items())):
        for row in rows:
            raised[row], named[row] = above + value[row], name
    return raised, tuple(named)
