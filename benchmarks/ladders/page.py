"""Writes docs/ladder.md from what is kept in benchmarks/results/ladder; nothing in it is typed by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from benchmarks.ladders.measure import Standing
from benchmarks.process import ROOT
from benchmarks.records import Listing, Sample, SuiteResult, from_json, to_json
from benchmarks.scoring import accuracy_percent
from benchmarks.write import in_words, number, render_suite

PAGE = ROOT / "docs" / "ladder.md"
KEPT = ROOT / "benchmarks" / "results" / "ladder"
ORDER = ("banking77", "clinc150", "uci_sentiment", "adult")
COLUMNS = (
    *("candidate", "accuracy %", "macro-F1 %", "mean ms", "p50 ms", "p95 ms", "p99 ms"),
    *("CPU-s per 1,000", "MB", "peak MB", "training CPU-s"),
)
_TIMES = ("mean_ms", "p50_ms", "p95_ms", "p99_ms", "cpu_s_per_1000")

_HEAD = """\
# The ladder, measured

Written by `python -m benchmarks.ladders`; edits are lost. Every rung, in INT8 and in fp32, on official tests
that nothing was chosen on, beside peers in the same run.

- A rung is the INT8 form; `frozen:fp32` is its twin, the same trained weights not rounded.
- Trained on all official training rows, one thread; thresholds and temperatures come from folds of them.
- Accuracy and macro-F1 with 95 % intervals; times are of one request at a time in a fresh process, tokenising
  included, the median of the runs.
- *Training CPU-s* is from rows to what ships, work shared with other rungs included; for a peer its own
  training.
"""


def listing_of(
    title: str, standings: Sequence[Standing], costs: Mapping[str, Mapping[str, Sample]]
) -> Listing:
    """A line a contestant, in order."""
    return Listing(title, COLUMNS, tuple(_line(one, costs.get(one.name, {})) for one in standings))


def _line(one: Standing, costs: Mapping[str, Sample]) -> tuple[str, ...]:
    if one.trained is None or one.accuracy is None or one.macro_f1 is None:
        return (one.name, f"not measured: {one.reason}", *[""] * (len(COLUMNS) - 2))
    memory = costs.get("peak_rss_mb")
    return (
        one.name,
        in_words(one.accuracy),
        in_words(one.macro_f1),
        *(number(costs[name].value) if name in costs else "not measured" for name in _TIMES),
        number(one.trained.size_mb),
        number(memory.value) if memory else "not measured",
        number(one.trained.train_cpu_s),
    )


def rounding_listing(standings: Sequence[Standing], truth: Sequence[str]) -> Listing:
    """What INT8 answers otherwise than its twin.

    Args:
        standings: Those with a twin, and the twins, are told.
        truth: One a row of the test.
    """
    answers = {one.name: one.answers for one in standings if one.answers}
    pairs = [name for name in answers if f"{name}:fp32" in answers]
    lines = tuple(_rounding(name, answers[name], answers[f"{name}:fp32"], truth) for name in pairs)
    columns = ("candidate", "answers as its twin %", "answers changed", "made wrong", "made right", "points")
    return Listing("What rounding to INT8 changes", columns, lines)


def _rounding(
    name: str, rounded: Sequence[str], exact: Sequence[str], truth: Sequence[str]
) -> tuple[str, ...]:
    """The flips, and which way they went."""
    flips = [
        (given, was, true) for given, was, true in zip(rounded, exact, truth, strict=True) if given != was
    ]
    broken, mended = (sum(row[place] == row[2] for row in flips) for place in (1, 0))
    return (
        name,
        in_words(accuracy_percent(exact, rounded)),
        str(len(flips)),
        str(broken),
        str(mended),
        f"{100 * (mended - broken) / len(truth):+.2f}",
    )


def seeds_listing(found: Mapping[str, Sequence[float]], size: Mapping[str, float]) -> Listing:
    """Mean and range over seeds.

    Args:
        found: Candidate to its accuracy in percent, a seed each.
        size: Candidate to MB.
    """
    lines = [
        (
            name,
            f"{sum(values) / len(values):.2f}",
            f"{min(values):.2f} to {max(values):.2f}",
            ", ".join(f"{value:.2f}" for value in values),
            number(size[name]),
        )
        for name, values in found.items()
    ]
    columns = ("candidate", "mean accuracy %", "range", "each seed", "MB")
    return Listing("The same with other seeds", columns, tuple(lines))


def keep(result: SuiteResult) -> None:
    """Replace what is kept of a data set."""
    KEPT.mkdir(parents=True, exist_ok=True)
    text = json.dumps(to_json(result), indent=1, ensure_ascii=False) + "\n"
    (KEPT / f"{result.suite}.json").write_text(text, encoding="utf-8")


def render_page() -> str:
    """The whole page, from what is kept."""
    paths = [KEPT / f"{name}.json" for name in ORDER]
    results = [from_json(json.loads(path.read_text(encoding="utf-8"))) for path in paths if path.exists()]
    return "\n".join([_HEAD, *(render_suite(result) for result in results)])


def write_page() -> None:
    """Write it anew."""
    PAGE.write_text(render_page(), encoding="utf-8")
