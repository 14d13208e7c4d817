"""What may happen in a rollout: nothing, an incident of both arms, a regression of the new release.

A request is *bad* when it fails or takes longer than the stable release's 99th percentile. The harm of a
regression is the number of bad requests beyond those that the stable release would have had.
Always: a scenario says what should become of the release, so that a cell of the table is right or wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from smallcraft.errors import NotFoundError, nearest_name
from smallcraft.serve.simulation.traffic import Keys


@dataclass(frozen=True)
class Change:
    """How the new release differs.

    Attributes:
        error_times: Requests fail this many times as often.
        added_errors: Added to the share of requests that fail.
        slower: Every latency is this many times as long.
        slow_tail: Those of the slowest 5 % are this many times as long.
        stalls: Such a share of its requests takes ten times as long.
        share: The change is there once the new release has this share of the traffic.
        grows_s: Seconds from then on until the change is whole; 0 at once.
        likelier: The most frequent class is answered this many times as often.
        unsure: Confidence is lower by this much, at least 0.
    """

    error_times: float = 1.0
    added_errors: float = 0.0
    slower: float = 1.0
    slow_tail: float = 1.0
    stalls: float = 0.0
    share: float = 0.0
    grows_s: float = 0.0
    likelier: float = 1.0
    unsure: float = 0.0


@dataclass(frozen=True)
class Incident:
    """Something that strikes both arms alike, once, at a random time.

    Attributes:
        added_errors: Added to the share of requests that fail.
        slower: Every latency is this many times as long.
        lasts_s: For so long.
        within_s: It begins at any time from 0 to this, counted from the first request of the new release.
    """

    added_errors: float
    slower: float = 1.0
    lasts_s: float = 120.0
    within_s: float = 300.0


@dataclass(frozen=True)
class Scenario:
    """A line of the table.

    Attributes:
        name: Its own.
        about: In a sentence.
        is_worse: Whether the release should be rolled back; else it should be promoted.
        change: None for a release that is the stable one over again.
        incident: None for a quiet day.
        keys: Senders; None for what the traffic has.
    """

    name: str
    about: str
    is_worse: bool
    change: Change | None = None
    incident: Incident | None = None
    keys: Keys | None = None


_ALL = (
    Scenario("fine", "The new release is no different.", is_worse=False),
    Scenario(
        "incident",
        "No different; for two minutes 10 % more of all requests fail, in both arms.",
        is_worse=False,
        incident=Incident(added_errors=0.10),
    ),
    Scenario(
        "slow_incident",
        "No different; for two minutes everything takes three times as long, in both arms.",
        is_worse=False,
        incident=Incident(added_errors=0.0, slower=3.0),
    ),
    Scenario(
        "sticky",
        "No different; senders stay with their arm, the heaviest sends every sixth request, and each has "
        "error rates and latencies of its own.",
        is_worse=False,
        keys=Keys(),
    ),
    Scenario(
        "margin",
        "Every latency is 5 % longer, just what the default plan allows.",
        is_worse=False,
        change=Change(slower=1.05),
    ),
    Scenario(
        "better",
        "Half as many errors, latencies 10 % shorter.",
        is_worse=False,
        change=Change(error_times=0.5, slower=0.9),
    ),
    Scenario("errors", "2 % more of its requests fail.", is_worse=True, change=Change(added_errors=0.02)),
    Scenario(
        "sticky_errors",
        "2 % more of its requests fail, under the senders of `sticky`.",
        is_worse=True,
        change=Change(added_errors=0.02),
        keys=Keys(),
    ),
    Scenario(
        "slow_tail",
        "Its slowest 5 % take 1.5 times as long; so does its 99th percentile.",
        is_worse=True,
        change=Change(slow_tail=1.5),
    ),
    Scenario(
        "stalls", "2 % of its requests take ten times as long.", is_worse=True, change=Change(stalls=0.02)
    ),
    Scenario("slow", "Every request takes 1.3 times as long.", is_worse=True, change=Change(slower=1.3)),
    Scenario(
        "late_errors",
        "2 % more fail, from the moment that it gets a quarter of the traffic.",
        is_worse=True,
        change=Change(added_errors=0.02, share=0.25),
    ),
    Scenario(
        "leak",
        "Latencies grow from the first request on, to twice as long after ten minutes.",
        is_worse=True,
        change=Change(slower=2.0, grows_s=600.0),
    ),
    Scenario(
        "other_answers",
        "The most frequent class is answered 1.6 times as often.",
        is_worse=True,
        change=Change(likelier=1.6),
    ),
)

SCENARIOS: Mapping[str, Scenario] = {scenario.name: scenario for scenario in _ALL}


def find_scenario(name: str) -> Scenario:
    """The scenario of that name.

    Raises:
        NotFoundError: There is none.
    """
    if name not in SCENARIOS:
        raise NotFoundError(
            f"there is no scenario {name!r}; there are {', '.join(SCENARIOS)}{nearest_name(name, SCENARIOS)}"
        )
    return SCENARIOS[name]
