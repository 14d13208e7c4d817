"""A cell of the table: what became of many rollouts under one rule in one scenario, with intervals.

Always: free of rendering; `to_json` is what `smallcraft rollout simulate --json` prints, `from_json` reads it
back. What did not happen has no time (None, not 0).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.records import Interval
from smallcraft.serve.simulation.rules import FROZEN, GOES_ON, PROMOTED, ROLLED_BACK, Rule
from smallcraft.serve.simulation.runs import Fates
from smallcraft.serve.simulation.scenarios import Scenario
from smallcraft.serve.simulation.traffic import Keys, Traffic
from smallcraft.stats.intervals import clopper_pearson_interval, mean_interval

_LEVEL = 0.95
# The spread between fewer groups says too little.
_FEWEST_GROUPS = 5
_SHARES = ("promoted", "rolled_back", "frozen", "undecided")
_AVERAGES = ("excess_bad", "canary_requests", "rollback_s", "promotion_s")


@dataclass(frozen=True)
class Share:
    """Of the rollouts.

    Attributes:
        count: How many.
        share: Of all, in [0, 1].
        interval: Exact 95 % interval of the share.
    """

    count: int
    share: float
    interval: Interval


@dataclass(frozen=True)
class Average:
    """Over rollouts.

    Attributes:
        mean: Their mean.
        interval: 95 % interval of the mean, from the spread between groups that share a baseline where there
            are five at least; None when there is but one rollout.
        p50: Half have less.
        p95: 95 % have less.
    """

    mean: float
    interval: Interval | None
    p50: float
    p95: float


@dataclass(frozen=True)
class SimulatedCell:
    """One cell.

    Attributes:
        rule: By its name.
        scenario: By its name.
        is_worse: Whether the release should be rolled back.
        traffic: The service.
        seed: Of all chance.
        rollouts: How many.
        tick_s: Seconds between two looks.
        horizon_s: When time was up.
        promoted: Those that were promoted.
        rolled_back: Those that were rolled back.
        frozen: Those that wait for a person.
        undecided: Those that had not ended when time was up.
        excess_bad: Bad requests beyond those that the stable release would have had, up to the end.
        canary_requests: That the new release answered, up to the end.
        rollback_s: Seconds to a rollback; None without one.
        promotion_s: Seconds to a promotion; None without one.
        causes: What rollbacks were for, to how many.
        weights: The new release's share at the end, to how many rollbacks.
    """

    rule: str
    scenario: str
    is_worse: bool
    traffic: Traffic
    seed: int
    rollouts: int
    tick_s: float
    horizon_s: float
    promoted: Share
    rolled_back: Share
    frozen: Share
    undecided: Share
    excess_bad: Average
    canary_requests: Average
    rollback_s: Average | None
    promotion_s: Average | None
    causes: Mapping[str, int]
    weights: Mapping[str, int]

    @property
    def false_rollbacks(self) -> Share | None:
        """Rollbacks of a release that is no worse; None where rolling back is right."""
        return None if self.is_worse else self.rolled_back


def summarise(
    rule: Rule, traffic: Traffic, scenario: Scenario, fates: Fates, *, seed: int, horizon_s: float
) -> SimulatedCell:
    """What became of them.

    Args:
        rule: That decided.
        traffic: The service.
        scenario: What happened to it.
        fates: Of each rollout.
        seed: That they came from.
        horizon_s: When time was up.
    """
    is_back = fates.ended == ROLLED_BACK
    counted = {name: int(np.sum(fates.causes[is_back] == place)) for place, name in enumerate(rule.causes)}
    values, counts = np.unique(fates.weights[is_back], return_counts=True)
    return SimulatedCell(
        rule=rule.name,
        scenario=scenario.name,
        is_worse=scenario.is_worse,
        traffic=traffic,
        seed=seed,
        rollouts=len(fates.ended),
        tick_s=rule.tick_s,
        horizon_s=horizon_s,
        promoted=_share(fates.ended == PROMOTED),
        rolled_back=_share(is_back),
        frozen=_share(fates.ended == FROZEN),
        undecided=_share(fates.ended == GOES_ON),
        excess_bad=_average(fates.excess, fates.groups),
        canary_requests=_average(fates.requests, fates.groups),
        rollback_s=_average_time(fates, is_back),
        promotion_s=_average_time(fates, fates.ended == PROMOTED),
        causes={name: count for name, count in counted.items() if count},
        weights={f"{value:g}": int(count) for value, count in zip(values, counts, strict=True)},
    )


def to_json(cell: SimulatedCell) -> dict[str, Any]:
    """As objects, lists, texts and numbers.

    Args:
        cell: Any.
    """
    return asdict(cell)


def from_json(form: Mapping[str, Any]) -> SimulatedCell:
    """The cell that `to_json` wrote.

    Args:
        form: As JSON gives it back.

    Raises:
        InvalidInputError: Something is missing, or is not of its kind.
    """
    try:
        traffic = dict(form["traffic"])
        traffic["classes"] = tuple(traffic["classes"])
        traffic["keys"] = None if traffic["keys"] is None else Keys(**traffic["keys"])
        read = {
            **form,
            "traffic": Traffic(**traffic),
            **{name: _read(Share, form[name]) for name in _SHARES},
            **{name: _read(Average, form[name]) for name in _AVERAGES},
        }
        return SimulatedCell(**read)
    except (KeyError, TypeError) as error:
        raise InvalidInputError(
            f"a cell has the fields that to_json writes, got {error!r}; simulate it again"
        ) from error


def _read(kind: type[Share] | type[Average], form: Mapping[str, Any] | None) -> Share | Average | None:
    if form is None:
        return None
    interval = form["interval"]
    return kind(**{**form, "interval": None if interval is None else Interval(**interval)})


def _share(are: NDArray[np.bool_]) -> Share:
    count, total = int(are.sum()), len(are)
    return Share(count, count / total, clopper_pearson_interval(count, total, level=_LEVEL))


def _average_time(fates: Fates, are: NDArray[np.bool_]) -> Average | None:
    return _average(fates.ended_s[are], fates.groups[are]) if are.any() else None


def _average(values: NDArray[np.int64] | NDArray[np.float64], groups: NDArray[np.int64]) -> Average:
    clusters = groups if len(np.unique(groups)) >= _FEWEST_GROUPS else None
    interval = mean_interval(values.astype(np.float64), level=_LEVEL, clusters=clusters)
    p50, p95 = np.quantile(values, [0.5, 0.95])
    return Average(float(values.mean()), interval, float(p50), float(p95))
