"""A batch within a budget: a targeted arm, a random arm, gold rows and repeats, each row with its chance.

1. the random arm is drawn first, from all open rows, so what it shows holds for all of them
2. gold rows: their truth is known, they show how well people vote
3. the targeted arm, by a strategy, from what is left
4. repeats: a second vote on some rows of both arms, for agreement
5. the order is shuffled, so that no place in it tells the arm

Always: no row stands twice; the cost stays within the budget; only the targeted arm shows a suggestion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.label.pool import Action, Choice, Pool, Strategy
from smallcraft.label.strategies.random import Random
from smallcraft.label.value import Costs

Arm = Literal["targeted", "random", "gold"]
Unit = Literal["rows", "votes", "money"]
LEAST_RANDOM, MOST_RANDOM = 0.10, 0.15


@dataclass(frozen=True)
class Budget:
    """What a batch may cost: so many rows, votes, or so much money at the price of each vote."""

    amount: float
    unit: Unit = "votes"
    costs: Costs = field(default_factory=Costs)

    def of_vote(self, action: Action) -> float:
        """What one vote takes from it."""
        return self.costs.of(action) if self.unit == "money" else 1.0

    def of_repeat(self, action: Action) -> float:
        """What a second vote on a row takes from it."""
        return 0.0 if self.unit == "rows" else self.of_vote(action)


@dataclass(frozen=True)
class Shares:
    """Parts of the budget; the rest is targeted."""

    random: float = 0.125
    gold: float = 0.05
    repeats: float = 0.05


@dataclass(frozen=True)
class Ask:
    """One row to ask about.

    Attributes:
        item: Its id.
        row: Its position in the pool.
        action: What is asked.
        arm: Why.
        strategy: Which strategy chose it; empty for gold.
        votes: How many people to ask.
        chance: Of being asked for by its arm's draw, in (0, 1].
        priority: Its value, for one unit of cost.
        slice: The failing slice it is in; empty for none.
        given: The label it has now; None without.
        suggestion: What the model says, to be shown; None where the vote is to be blind.
        confidence: How sure the model is of the suggestion; None without one.
    """

    item: str
    row: int
    action: Action
    arm: Arm
    strategy: str
    votes: int
    chance: float
    priority: float
    slice: str
    given: str | None
    suggestion: str | None
    confidence: float | None


@dataclass(frozen=True)
class Batch:
    """What to ask, in the order to ask it, and what it costs in the unit of the budget."""

    asks: tuple[Ask, ...]
    cost: float

    def of_arm(self, arm: Arm) -> tuple[Ask, ...]:
        """The asks of one arm."""
        return tuple(ask for ask in self.asks if ask.arm == arm)


def plan_batch(
    pool: Pool,
    strategy: Strategy,
    budget: Budget,
    *,
    gold: Sequence[int] = (),
    shares: Shares | None = None,
    rng: np.random.Generator,
) -> Batch:
    """A batch within the budget.

    Args:
        pool: What may be asked.
        strategy: Of the targeted arm.
        budget: What it may cost.
        gold: Positions of rows whose truth is known; they need not be open.
        shares: Of the arms.
        rng: Draws the random arm, the gold, the repeats and the order.

    Raises:
        InvalidInputError: The budget does not pay for one row, or the random arm's share is outside 10 to 15
        %.
    """
    shares = shares or Shares()
    _check(budget, shares)
    rest = budget.amount * (1 - shares.repeats * (budget.unit != "rows"))
    is_gold = np.zeros(len(pool.items), dtype=np.bool_)
    is_gold[list(gold)] = True
    askable = replace(pool, is_open=pool.is_open & ~is_gold)
    blind = Random().choose(askable, n=len(pool.items), rng=rng)  # (1)
    drawn = _within(blind, pool, budget, most=budget.amount * shares.random)
    n = len(drawn.rows)
    drawn = Choice(drawn.rows, np.full(n, n / max(len(askable.open_rows), 1)))
    chosen_gold = _gold(is_gold, pool, budget, most=budget.amount * shares.gold, rng=rng)  # (2)
    spent = sum(_cost(choice.rows, pool, budget) for choice in (drawn, chosen_gold))
    left = askable.is_open.copy()
    left[drawn.rows] = False
    aimed = strategy.choose(
        replace(askable, is_open=left), n=_most_rows(rest - spent, budget), rng=rng
    )  # (3)
    aimed = _within(aimed, pool, budget, most=rest - spent)
    asks = [
        *_asks(pool, drawn, "random", "random"),
        *_asks(pool, chosen_gold, "gold", ""),
        *_asks(pool, aimed, "targeted", strategy.name),
    ]
    asks = _repeat(asks, budget, most=budget.amount * shares.repeats, rng=rng)  # (4)
    cost = sum(budget.of_vote(a.action) + (a.votes - 1) * budget.of_repeat(a.action) for a in asks)
    return Batch(tuple(asks[place] for place in rng.permutation(len(asks)).tolist()), float(cost))  # (5)


def _check(budget: Budget, shares: Shares) -> None:
    if not LEAST_RANDOM <= shares.random <= MOST_RANDOM:
        raise InvalidInputError(
            f"the random arm is a share of {LEAST_RANDOM:g} to {MOST_RANDOM:g}, got {shares.random:g}: "
            "without it nobody can tell what targeting bought"
        )
    for name, share in (("gold", shares.gold), ("repeats", shares.repeats)):
        if not 0 <= share <= 0.5:
            raise InvalidInputError(
                f"the share of {name} is from 0 to 0.5, got {share:g}; write 0.05 for 5 %"
            )
    cheapest = min(budget.of_vote("label"), budget.of_vote("relabel"))
    if budget.amount < cheapest:
        raise InvalidInputError(
            f"a budget pays for one row at least ({cheapest:g} {budget.unit}), got {budget.amount:g}; raise "
            "it"
        )


def _most_rows(amount: float, budget: Budget) -> int:
    cheapest = min(budget.of_vote("label"), budget.of_vote("relabel"), budget.of_vote("adjudicate"))
    return max(0, int(amount / cheapest + 1e-9))


def _cost(rows: NDArray[np.int64], pool: Pool, budget: Budget) -> float:
    return sum(budget.of_vote(pool.action[row]) for row in rows.tolist())


def _within(choice: Choice, pool: Pool, budget: Budget, *, most: float) -> Choice:
    """The first rows that can be paid for."""
    costs = np.array([budget.of_vote(pool.action[row]) for row in choice.rows.tolist()])
    paid = np.cumsum(costs) <= most + 1e-9
    return Choice(choice.rows[paid], choice.chance[paid])


def _gold(
    is_gold: NDArray[np.bool_], pool: Pool, budget: Budget, *, most: float, rng: np.random.Generator
) -> Choice:
    choice = Random().choose(replace(pool, is_open=is_gold), n=len(pool.items), rng=rng)
    kept = _within(choice, pool, budget, most=most)
    n = len(kept.rows)
    return Choice(kept.rows, np.full(n, n / max(int(is_gold.sum()), 1)))


def _asks(pool: Pool, choice: Choice, arm: Arm, strategy: str) -> list[Ask]:
    asks = []
    for row, chance in zip(choice.rows.tolist(), choice.chance.tolist(), strict=True):
        code = int(pool.probs[row].argmax())
        is_shown = arm == "targeted"
        asks.append(
            Ask(
                item=pool.items[row],
                row=row,
                action=pool.action[row],
                arm=arm,
                strategy=strategy,
                votes=1,
                chance=float(chance),
                priority=float(pool.value[row]),
                slice=pool.slices[row],
                given=pool.classes[pool.given[row]] if pool.given[row] >= 0 else None,
                suggestion=pool.classes[code] if is_shown else None,
                confidence=float(pool.probs[row, code]) if is_shown else None,
            )
        )
    return asks


def _repeat(asks: list[Ask], budget: Budget, *, most: float, rng: np.random.Generator) -> list[Ask]:
    """A second vote on rows drawn from all arms but gold; blind, since a shared hint is no agreement."""
    found = list(asks)
    left = most
    for place in rng.permutation(len(asks)).tolist():
        ask = asks[place]
        price = budget.of_vote(ask.action)
        if ask.arm == "gold" or left < price - 1e-9:
            continue
        found[place] = replace(ask, votes=2, suggestion=None, confidence=None)
        left -= price
    return found
