"""Compares what a document says with what is computed again, and names the first field that differs.

Leaves to others: what is computed (`memory.decisions`).
Always: points and counts must agree; the bounds of an interval may differ by rounding, and where they are
drawn at random by what other draws would give: a thousandth of the interval's width where numpy and scipy are
the versions that wrote it, a tenth under others.
Not covered: a drawn bound that is moved within that allowance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

_DRAWING_PACKAGES = ("numpy", "scipy")
_ROUNDING = 1.5e-6
_SAME_DRAWS = 1e-3
_OTHER_DRAWS = 0.1
_BOUNDS = ("low", "high")
_ABSENT = "nothing"


@dataclass(frozen=True)
class Discrepancy:
    """A field of a document that is not what it should be.

    Attributes:
        path: Its place, keys and positions joined by `/`.
        said: What the document says.
        given: What it should say.
    """

    path: str
    said: str
    given: str


def drawing_versions() -> Mapping[str, str]:
    """Versions of the packages that random draws depend on."""
    return {name: _version(name) for name in _DRAWING_PACKAGES}


def first_discrepancy(
    said: Mapping[str, Any], given: Mapping[str, Any], *, are_draws_alike: bool
) -> Discrepancy | None:
    """The first field, in order of keys, that differs; None where none does.

    Args:
        said: The document.
        given: What it should be.
        are_draws_alike: Whether the packages that draw are those that wrote the document.
    """
    share = _SAME_DRAWS if are_draws_alike else _OTHER_DRAWS
    return _first(said, given, "", share=share, slack=0.0)


def _first(said: Any, given: Any, path: str, *, share: float, slack: float) -> Discrepancy | None:  # noqa: ANN401
    if isinstance(said, Mapping) and isinstance(given, Mapping):
        return _first_member(said, given, path, share=share)
    if isinstance(said, list) and isinstance(given, list):
        for place in range(max(len(said), len(given))):
            item, wanted = (part[place] if place < len(part) else _Absent() for part in (said, given))
            if found := _first(item, wanted, f"{path}/{place}", share=share, slack=0.0):
                return found
        return None
    return (
        None if _is_level(said, given, slack) else Discrepancy(path.lstrip("/"), _shown(said), _shown(given))
    )


def _first_member(
    said: Mapping[str, Any], given: Mapping[str, Any], path: str, *, share: float
) -> Discrepancy | None:
    slack = _slack_of_bounds(given, share)
    for key in sorted({*said, *given}):
        item, wanted = (part.get(key, _Absent()) for part in (said, given))
        of_key = slack if key in _BOUNDS else 0.0
        if found := _first(item, wanted, f"{path}/{key}", share=share, slack=of_key):
            return found
    return None


def _slack_of_bounds(given: Mapping[str, Any], share: float) -> float:
    """How far the bounds of an interval may lie from those that are computed."""
    low, high = (given.get(key) for key in _BOUNDS)
    if "is_drawn" not in given or not isinstance(low, int | float) or not isinstance(high, int | float):
        return 0.0
    return max(_ROUNDING, share * (high - low) if given["is_drawn"] else 0.0)


def _is_level(said: Any, given: Any, slack: float) -> bool:  # noqa: ANN401 - any JSON value
    are_numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (said, given))
    if are_numbers:
        return math.isclose(said, given, rel_tol=1e-12, abs_tol=slack)
    return type(said) is type(given) and bool(said == given)


def _shown(value: object) -> str:
    text = _ABSENT if isinstance(value, _Absent) else str(value)
    return text if len(text) <= 120 else f"{text[:117]}..."


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


class _Absent:
    """Stands for a field that is not there."""

    def __eq__(self, other: object) -> bool:
        return False

    def __hash__(self) -> int:
        return 0
