"""What a benchmark found: samples, rows that set them side by side, and a suite's result as JSON.

Always: "not measured" is None, never 0; a sample says of how many it is; a verdict follows from the numbers
alone, and a noisy machine may leave a verdict on time open but never makes one.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Sense = Literal["at_least", "at_most"]
Clock = Literal["wall", "cpu", "none"]  # a busy neighbour on the same core slows CPU time down too


@dataclass(frozen=True)
class Sample:
    """A number with the bounds it was seen between.

    Attributes:
        value: Median of the runs, or the value itself.
        n: What `low` and `high` come from: runs, or rows of a test set.
        of: The word for `n`, such as `runs` or `rows`.
        low: Least of the runs, or lower confidence bound; None for a number without spread.
        high: Greatest, or upper bound.
    """

    value: float
    n: int
    of: str = "runs"
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Row:
    """One quantity: ours, the peers', the bar.

    Attributes:
        what: The quantity, in words.
        unit: Its unit.
        ours: None when it was not measured.
        peers: Peer to sample; a peer that could not run has no entry.
        bar: What ours must reach; None where there is no bar.
        sense: Which side of the bar is good; for rows without a bar, which side is better.
        clock: What a time was taken with; `none` for numbers that a busy machine does not change.
        floor: What the machine cannot go below.
        floor_is: What that is, in words.
    """

    what: str
    unit: str
    ours: Sample | None
    peers: Mapping[str, Sample] = field(default_factory=dict)
    bar: float | None = None
    sense: Sense = "at_most"
    clock: Clock = "none"
    floor: Sample | None = None
    floor_is: str = ""


@dataclass(frozen=True)
class Listing:
    """A plain table beside the rows."""

    title: str
    columns: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class SuiteResult:
    """Everything a suite found, and where and when.

    Attributes:
        suite: Its name.
        about: What was run, in a sentence or two.
        date: UTC, to the minute.
        command: What runs it again.
        machine: What `machine.describe_machine` and the noise check said.
        is_noisy: True when times are not to be trusted.
        versions: Package to version, ours and the peers'.
        rows: The quantities.
        listings: Further tables.
        notes: What a reader must know; absent peers with the reason.
    """

    suite: str
    about: str
    date: str
    command: str
    machine: Mapping[str, str]
    is_noisy: bool
    versions: Mapping[str, str]
    rows: tuple[Row, ...]
    listings: tuple[Listing, ...] = ()
    notes: tuple[str, ...] = ()


def median_of(values: Sequence[float], *, of: str = "runs") -> Sample:
    """Median, least and greatest of some runs.

    >>> median_of([3.0, 1.0, 2.0])
    Sample(value=2.0, n=3, of='runs', low=1.0, high=3.0)
    """
    return Sample(statistics.median(values), len(values), of, min(values), max(values))


def verdict(row: Row, *, is_noisy: bool) -> str:
    """`met`, `missed`, `undecided`, `not measured`, or nothing where there is no bar.

    A machine that is busy with other things only ever adds to a time: a bar that is met anyway is met; one
    that the quickest run meets and the median does not stays undecided.

    >>> verdict(Row("size", "MB", Sample(24.3, 1), bar=25.0), is_noisy=False)
    'met'
    """
    if row.bar is None:
        return ""
    if row.ours is None:
        return "not measured"
    if _reaches(row.ours.value, row):
        return "met"
    best = row.ours.low if row.sense == "at_most" else row.ours.high
    if is_noisy and row.clock != "none" and best is not None and _reaches(best, row):
        return "undecided"
    return "missed"


def _reaches(value: float, row: Row) -> bool:
    assert row.bar is not None
    return value >= row.bar if row.sense == "at_least" else value <= row.bar


def to_json(result: SuiteResult) -> dict[str, Any]:
    """As it is kept."""
    return asdict(result)


def from_json(kept: Mapping[str, Any]) -> SuiteResult:
    """What `to_json` wrote."""
    rows = tuple(
        Row(
            **{
                **row,
                "ours": _sample(row["ours"]),
                "floor": _sample(row["floor"]),
                "peers": {peer: Sample(**sample) for peer, sample in row["peers"].items()},
            }
        )
        for row in kept["rows"]
    )
    listings = tuple(
        Listing(found["title"], tuple(found["columns"]), tuple(tuple(line) for line in found["lines"]))
        for found in kept["listings"]
    )
    return SuiteResult(**{**kept, "rows": rows, "listings": listings, "notes": tuple(kept["notes"])})


def _sample(kept: Mapping[str, Any] | None) -> Sample | None:
    return None if kept is None else Sample(**kept)
