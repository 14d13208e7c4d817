"""Drift reports, profiles and streamed rows, in CPU-seconds."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.children.drift_table import NUMERIC, TEXTUAL, draw_table, words
from benchmarks.stopwatch import cpu_seconds, peak_rss_mb, print_answer, read_job
from smallcraft.data.profiles.measuring import Measures, measure_rows
from smallcraft.data.profiles.packing import Seen, pack_seen
from smallcraft.data.profiles.parts import PartWriter, new_process, span_of
from smallcraft.data.profiles.profile import SliceName
from smallcraft.data.profiles.reference import Reference
from smallcraft.data.profiles.reference_bytes import read_reference, write_reference
from smallcraft.data.profiles.rows import Rows
from smallcraft.observe.comparing import Drift, compare
from smallcraft.observe.frames import profile_arrays
from smallcraft.stats.histograms import count_values

_FLUSH, _COLUMN = 4096, 16_000_000


def main() -> None:
    """Do what the job says."""
    job = read_job()
    if job["what"] == "streaming":
        print_answer({"per_row_us": _streaming(job["rows"], job["repeats"])})
    elif job["what"] == "column":
        print_answer(_column(min(job["values"], _COLUMN), job["repeats"]))
    else:
        print_answer(_report(job))


def _report(job: Mapping[str, Any]) -> dict[str, Any]:
    old = draw_table(job["reference"], seed=0)
    new = draw_table(job["rows"], seed=1)
    reference, current = _arrays(*old), _arrays(*new)
    stored = write_reference(Reference(Measures(), {0: profile_arrays(reference)}))

    def whole() -> Drift:
        return compare(profile_arrays(reference), profile_arrays(current))

    def with_stored() -> Drift:
        return compare(read_reference(stored).whole, profile_arrays(current))

    # Once before the clock starts: compiled loops are loaded.
    began = time.process_time()
    first = whole()
    first_s = time.process_time() - began
    assert with_stored().columns == first.columns
    objects = [words()[codes] for codes in new[1]]
    return {
        "report": cpu_seconds(whole, repeats=job["repeats"]),
        "stored": cpu_seconds(with_stored, repeats=job["repeats"]),
        "strings": cpu_seconds(lambda: [pl.Series(each) for each in objects], repeats=2),
        "first": first_s,
        "drifted": list(first.drifted),
        "stored_bytes": len(stored),
        "peak_mb": peak_rss_mb(),
    }


def _arrays(numbers: np.ndarray, codes: np.ndarray) -> dict[str, Any]:
    """Numbers as arrays, strings as they stand in an Arrow table."""
    strings = pl.Series(words(), dtype=pl.String)
    columns: dict[str, Any] = dict(zip(NUMERIC, numbers, strict=True))
    return columns | {name: strings[column] for name, column in zip(TEXTUAL, codes, strict=True)}


def _column(values: int, repeats: int) -> dict[str, Any]:
    column = np.random.default_rng(0).standard_normal(values)
    count_values(column)
    per_value = 1e9 / values
    return {
        "ours": [per_value * took for took in cpu_seconds(lambda: count_values(column), repeats=repeats)],
        "numpy": [per_value * took for took in cpu_seconds(lambda: np.histogram(column), repeats=repeats)],
        "read": [per_value * took for took in cpu_seconds(lambda: column.sum(), repeats=repeats)],
    }


def _streaming(rows: int, repeats: int) -> list[float]:
    """CPU-microseconds a row: each comes as a record, all are profiled and on disk at the end."""
    numbers, codes = draw_table(rows, seed=0)
    columns = {**dict(zip(NUMERIC, numbers.tolist(), strict=True))}
    columns |= {name: words()[each].tolist() for name, each in zip(TEXTUAL, codes, strict=True)}
    records = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    found = []
    for number in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            began = time.process_time()
            _stream(records, Path(folder), number)
            found.append(1e6 * (time.process_time() - began) / rows)
    return found


def _stream(records: list[dict[str, Any]], folder: Path, number: int) -> None:
    span = span_of(3600.0 * number, 3600)
    writer = PartWriter(folder, new_process("bench"))
    waiting: list[dict[str, Any]] = []
    for record in records:
        waiting.append(record)
        if len(waiting) == _FLUSH:
            writer.append(span, _profiled(waiting))
            waiting = []
    if waiting:
        writer.append(span, _profiled(waiting))
    writer.seal(span)
    writer.close()


def _profiled(records: list[dict[str, Any]]) -> bytes:
    rows = Rows(
        len(records),
        numbers={name: np.array([record[name] for record in records]) for name in NUMERIC},
        categories={name: [record[name] for record in records] for name in TEXTUAL},
    )
    return pack_seen({SliceName("bench@1"): Seen(measure_rows(rows, Measures()).profile)})


if __name__ == "__main__":
    main()
