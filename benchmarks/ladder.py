"""The candidates that a build tried: what it saw on dev, and what the same bundles do on the test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.builds import Built
from benchmarks.records import Listing, Sample
from benchmarks.write import in_words, number

_COSTS = ("mean_ms", "p95_ms", "cpu_s_per_1000", "size_mb", "peak_rss_mb", "train_cpu_s")


def list_candidates(built: Built, *, metric: str, score: Callable[[Path], Sample]) -> Listing:
    """A line a rung, in the order they were tried.

    Args:
        built: The build.
        metric: The declared one.
        score: Asks a bundle about the official test; the choice was made before.
    """
    columns = (
        *("rung", f"{metric} on dev", "the same bundle on the test"),
        *("mean ms", "p95 ms", "CPU-s per 1,000", "MB", "peak MB", "training CPU-s", "outcome"),
    )
    lines = [_line(candidate, built, metric, score) for candidate in built.result["candidates"]]
    lines.append(_released_line(built, score))
    title = "Every candidate of the ladder, trained without dev; costs as the build itself measured them"
    return Listing(title, columns, tuple(lines))


def _line(
    candidate: dict[str, Any], built: Built, metric: str, score: Callable[[Path], Sample]
) -> tuple[str, ...]:
    if candidate["digest"] is None:
        return (candidate["rung"], *["not measured"] * 8, f"{candidate['status']}: {candidate['reason']}")
    on_dev = candidate["scores"][metric]
    dev = Sample(on_dev["value"], on_dev["n"], "rows", on_dev["low"], on_dev["high"])
    return (
        candidate["rung"],
        in_words(dev),
        in_words(score(built.bundle_of(candidate["digest"]))),
        *_costs(candidate),
        "chosen" if candidate["rung"] == built.result["chosen"] else "",
    )


def _released_line(built: Built, score: Callable[[Path], Sample]) -> tuple[str, ...]:
    """The chosen one, refitted: it has seen dev, so dev says nothing of its quality."""
    released = built.result["released"]
    on_test = in_words(score(built.bundle))
    return (f"{released['rung']}, refitted", "trained on it", on_test, *_costs(released), "released")


def _costs(candidate: dict[str, Any]) -> list[str]:
    costs = [candidate["cost"][name] for name in _COSTS]
    return ["not measured" if cost is None else number(cost) for cost in costs]
