"""Writes docs/scale.md from what the suite `scale` kept, and reckons what a billion rows would take."""

from __future__ import annotations

from benchmarks.process import ROOT
from benchmarks.records import SuiteResult
from benchmarks.write import kept_results, number, render_suite
from smallcraft.data.partitions.buckets import FILES, PART_BYTES
from smallcraft.data.partitions.copies import KEY
from smallcraft.data.partitions.longvotes import LINE, ROW

PAGE = ROOT / "docs" / "scale.md"
BILLION = 1_000_000_000
POINTS = "Two sizes of each command"
# Of a row for its copies and for its votes, and of a vote (`data/partitions`, copies and longvotes).
_KEY_BYTES, _ID_BYTES, _LINE_BYTES = KEY.itemsize, ROW.itemsize, LINE.itemsize
_CORES = (2, 32, 256)

_HEAD = """\
# How far this goes

Written by `python -m benchmarks scale`; edits are lost. What was measured stands first, what is multiplied
stands after it with its arithmetic. For requests a second there is [a page of its own](limits.md).
"""
_ARITHMETIC = """\
## A billion rows

CPU-seconds = what the command takes apart from its rows + rows x CPU-seconds a row, from the two sizes
measured. Hours = CPU-seconds / cores / 3600, for cores like this machine's that have nothing else to do. What
one process does, merging, is in them, and stays one process's.
"""
_DISK = """
Disk of the machine that is asked, for exact copies: {key} bytes x 1,000,000,000 rows = {disk:.0f} GB; for
votes with a line each, {id} bytes more a row and {line} bytes a vote. They lie in {files} files and are read
back and sorted in parts of about {part:.0f} MB, one on each core at a time. As much goes to the machine over
the network from a cluster. Memory does not grow with the rows: pieces and parts are of one size, tallies are
as large as columns have values, and the sample is as large as `most_rows` says.

## What stands in the way

- One process merges what the others counted, and writes the keys of copies: with some hundred cores it is
  what everybody waits for.
- Names of classes, annotators and groups are kept in memory: a label column with another value in each row is
  no label.
- A file compressed with gzip is read by one process from its beginning; write Parquet, or more files.
- Training, and what judges labels, reads the sample. A rung that must see a billion rows is another tool's
  work.
"""


def write_page() -> None:
    """Write the page anew from what is kept; nothing where the suite was never run."""
    for result in kept_results(["scale"]):
        PAGE.write_text(render_page(result), encoding="utf-8")


def render_page(result: SuiteResult) -> str:
    """All of it."""
    return "\n".join([_HEAD, render_suite(result), _ARITHMETIC, _render_table(result)])


def cost_line(small: tuple[float, float], large: tuple[float, float]) -> tuple[float, float]:
    """What a command takes apart from its rows, and for each row.

    Args:
        small: Rows and CPU-seconds of a small table.
        large: Of a larger one.

    >>> cost_line((5.0, 20.0), (20.0, 50.0))
    (10.0, 2.0)
    """
    a_row = (large[1] - small[1]) / (large[0] - small[0])
    return small[1] - a_row * small[0], a_row


def _render_table(result: SuiteResult) -> str:
    [points] = [listing for listing in result.listings if listing.title == POINTS]
    names = dict.fromkeys(name for name, *_ in points.lines)
    head = ("command", "apart from rows, CPU-s", "a million rows, CPU-s", "a billion rows, CPU-s")
    columns = (*head, *(f"hours on {cores} cores" for cores in _CORES))
    lines = [f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]
    for name in names:
        small, large = [
            (float(rows.replace(",", "")), float(cpu_s.replace(",", "")))
            for found, rows, cpu_s in points.lines
            if found == name
        ]
        apart, a_row = cost_line(small, large)
        whole = apart + a_row * BILLION
        numbers = (apart, a_row * 1e6, whole, *(whole / cores / 3600 for cores in _CORES))
        lines.append(f"| `{name}` | {' | '.join(map(number, numbers))} |")
    disk = _DISK.format(
        key=_KEY_BYTES,
        id=_ID_BYTES,
        line=_LINE_BYTES,
        disk=_KEY_BYTES * BILLION / 1e9,
        files=FILES,
        part=PART_BYTES / 1e6,
    )
    return "\n".join([*lines, disk])
