"""What a method and a path ask for.

Leaves to others: which models and versions there are.
Always: a path that is asked again is found without being parsed again; remembered paths are few and short.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from smallcraft.serve.questions import Refusal

Goal = Literal[
    "server",
    "live",
    "ready",
    "model",
    "model_ready",
    "infer",
    "predict",
    "metrics",
    "openapi",
    "verdict",
    "pages",
]
_LONGEST_REMEMBERED = 200
_POSTED: frozenset[Goal] = frozenset({"infer", "predict"})


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes.

    Attributes:
        goal: What it asks for.
        model: Its model's name; empty where the path names none.
        version: Of that model; empty for the server's choice, which is what a rollout splits.
        rollout: Whose verdict is asked for.
    """

    goal: Goal
    model: str = ""
    version: str = ""
    rollout: str = ""


# The published OpenAPI document writes `/v2/models/${MODEL_NAME}`, and clients that are generated from it
# send the dollar sign; no release's name or version begins with one.
_NAMED = r"\$?(?P<{0}>[^/$][^/]*)"
_MODEL = rf"/v2/models/{_NAMED.format('model')}(?:/versions/{_NAMED.format('version')})?"
_PATTERNS: tuple[tuple[Goal, re.Pattern[str]], ...] = (
    ("infer", re.compile(rf"{_MODEL}/infer")),
    (
        "predict",
        re.compile(rf"/predict(?:/{_NAMED.format('model')}(?:/versions/{_NAMED.format('version')})?)?"),
    ),
    ("model_ready", re.compile(rf"{_MODEL}/ready")),
    ("model", re.compile(_MODEL)),
    ("server", re.compile(r"/v2/?")),
    ("live", re.compile(r"/v2/health/live")),
    ("ready", re.compile(r"/v2/health/ready")),
    ("metrics", re.compile(r"/metrics")),
    ("openapi", re.compile(r"/openapi\.json")),
    ("pages", re.compile(r"/ui(?:/.*)?")),
    ("verdict", re.compile(rf"/v2/rollouts/{_NAMED.format('rollout')}/verdict")),
)


def find_route(method: str, path: str) -> Route | Refusal:
    """What is asked for, or why nothing here answers that.

    Args:
        method: HTTP's, upper case; HEAD counts as GET.
        path: Decoded, without the query.

    >>> find_route("POST", "/v2/models/helpdesk/versions/3/infer")
    Route(goal='infer', model='helpdesk', version='3', rollout='')
    >>> find_route("GET", "/predict").status
    405
    """
    if len(path) <= _LONGEST_REMEMBERED:
        return _remembered(method, path)
    return _find(method, path)


def _find(method: str, path: str) -> Route | Refusal:
    for goal, pattern in _PATTERNS:
        found = pattern.fullmatch(path)
        if found:
            wanted = "POST" if goal in _POSTED or (goal, method) == ("pages", "POST") else "GET"
            if method != wanted and (method, wanted) != ("HEAD", "GET"):
                return Refusal(
                    405,
                    f"{path[:80]} wants {wanted}, got {method[:20]}; send it again as {wanted}",
                    {"allow": wanted},
                )
            named = {name: value or "" for name, value in found.groupdict().items()}
            return Route(goal, **named)
    return Refusal(
        404,
        f"nothing answers {path[:80]!r}; ask POST /predict or /v2/models/NAME/infer, "
        "or GET /openapi.json for all there is",
        {},
    )


_remembered = lru_cache(maxsize=512)(_find)
