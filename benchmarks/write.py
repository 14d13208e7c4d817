"""Writes BENCHMARKS.md from the results kept in `benchmarks/results`; nothing in it is typed by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence

from benchmarks.process import ROOT
from benchmarks.records import Listing, Row, Sample, SuiteResult, from_json, to_json, verdict

PAGE = ROOT / "BENCHMARKS.md"
RESULTS = ROOT / "benchmarks" / "results"

_HEAD = """\
# Benchmarks

Written by `make bench` from `benchmarks/results`; edits are lost. One suite again: \
`python -m benchmarks <suite>`.

- Every contestant runs in fresh single-threaded processes, ours and the peers' by turns (ABBA). A number is \
the median of its runs with `[least, greatest]`, or a value on the official test with its 95 % interval.
- In brackets after a peer's number: ours divided by theirs (`x 0.5` is half); for scores, ours minus theirs.
- *Floor* is what no implementation can go below on this machine, and how many times that ours takes.
- CPU-seconds and ratios are what to compare. Before and after each suite the same work is compared with \
itself (A/A); where that says NOISY, a bar on time that only the quickest run meets is *undecided*.
"""


def write_page(results: Sequence[SuiteResult]) -> None:
    """Write the page anew."""
    PAGE.write_text(render_page(results), encoding="utf-8")


def keep_result(result: SuiteResult) -> None:
    """Replace what is kept of a suite."""
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(to_json(result), indent=1, ensure_ascii=False) + "\n"
    (RESULTS / f"{result.suite}.json").write_text(text, encoding="utf-8")


def kept_results(order: Sequence[str]) -> list[SuiteResult]:
    """What is kept, in the order given; suites never run are left out."""
    paths = [RESULTS / f"{name}.json" for name in order]
    return [from_json(json.loads(path.read_text(encoding="utf-8"))) for path in paths if path.exists()]


def render_page(results: Sequence[SuiteResult]) -> str:
    """All of it."""
    return "\n".join([_HEAD, _render_bars(results), *(render_suite(result) for result in results)])


def _render_bars(results: Sequence[SuiteResult]) -> str:
    lines, counts = [], {"met": 0, "missed": 0, "undecided": 0, "not measured": 0}
    for result in results:
        for row in result.rows:
            outcome = verdict(row, is_noisy=result.is_noisy)
            if outcome:
                counts[outcome] += 1
                lines.append((result.suite, row.what, _ours(row), _bar(row), _loud(outcome)))
    tally = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    return f"## Bars: {tally}\n\n" + _table(("suite", "quantity", "smallcraft", "bar", "verdict"), lines)


def render_suite(result: SuiteResult) -> str:
    """One suite: rows, listings, notes, where and when."""
    peers = list(dict.fromkeys(peer for row in result.rows for peer in row.peers))
    has_floor = any(row.floor for row in result.rows)
    columns = ["quantity", "smallcraft", "bar", "verdict", *peers, *(["floor"] if has_floor else []), "n"]
    lines = [
        (
            row.what,
            _ours(row),
            _bar(row),
            _loud(verdict(row, is_noisy=result.is_noisy)),
            *(_against(row, peer) for peer in peers),
            *([_floor(row)] if has_floor else []),
            "" if row.ours is None else f"{row.ours.n:,} {row.ours.of}",
        )
        for row in result.rows
    ]
    parts = [f"## {result.suite}\n", f"{result.about}\n", *([_table(columns, lines)] if lines else [])]
    parts += [_render_listing(listing) for listing in result.listings]
    if result.notes:
        parts.append("".join(f"- {note}\n" for note in result.notes))
    machine = "; ".join(f"{name} {value}" for name, value in result.machine.items())
    versions = ", ".join(f"{name} {version}" for name, version in result.versions.items())
    parts.append(
        f"Measured {result.date} with `{result.command}`.  \nMachine: {machine}.  \nVersions: {versions}.\n"
    )
    return "\n".join(parts)


def _render_listing(listing: Listing) -> str:
    return f"{listing.title}:\n\n" + _table(listing.columns, listing.lines)


def _table(columns: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [columns, ["---"] * len(columns), *lines]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |\n" for row in rows)


def _ours(row: Row) -> str:
    return "not measured" if row.ours is None else f"{in_words(row.ours)} {row.unit}".strip()


def _bar(row: Row) -> str:
    if row.bar is None:
        return ""
    return f"{'>=' if row.sense == 'at_least' else '<='} {row.bar:g} {row.unit}".strip()


def _loud(outcome: str) -> str:
    return f"**{outcome}**" if outcome in ("missed", "undecided", "not measured") else outcome


def _against(row: Row, peer: str) -> str:
    theirs = row.peers.get(peer)
    if theirs is None:
        return ""
    if row.ours is None or theirs.value == 0:
        return in_words(theirs)
    if row.sense == "at_least":
        return f"{in_words(theirs)} ({row.ours.value - theirs.value:+.3g})"
    return f"{in_words(theirs)} (x {number(row.ours.value / theirs.value)})"


def _floor(row: Row) -> str:
    if row.floor is None or row.ours is None:
        return ""
    return f"{in_words(row.floor)}, {row.floor_is}: x {number(row.ours.value / row.floor.value)}"


def in_words(sample: Sample) -> str:
    """`0.612 [0.580, 0.702]`; the value alone where there is no spread.

    >>> in_words(Sample(94.416, 3080, "rows", 93.55, 95.175)), in_words(Sample(0.25, 1))
    ('94.42 [93.55, 95.17]', '0.250')
    """
    if sample.low is None or sample.high is None or sample.n == 1:
        return number(sample.value)
    return f"{number(sample.value)} [{number(sample.low)}, {number(sample.high)}]"


def number(value: float) -> str:
    """About three significant digits, more for what is above ten, no powers of ten in between.

    >>> [number(x) for x in (0.0001234, 0.612, 1.5, 24.337, 169.84, 12345.6)]
    ['0.000123', '0.612', '1.50', '24.34', '169.8', '12,346']
    """
    size = abs(value)
    for least, digits in ((1000, 0), (100, 1), (1, 2), (0.1, 3), (0.01, 4), (0.001, 5)):
        if size >= least:
            return f"{value:,.{digits}f}"
    return "0" if value == 0 else f"{value:.6f}" if size >= 1e-4 else f"{value:.2e}"
