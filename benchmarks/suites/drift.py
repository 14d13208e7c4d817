"""Drift reports of a million rows, profiles, and rows that stream in, beside five libraries."""

from __future__ import annotations

from typing import Any

from benchmarks.builds import PYTHON
from benchmarks.peers import ALIBI_DETECT, EVIDENTLY, FROUROS, NANNYML, WHYLOGS, Environment
from benchmarks.process import in_turn, run_child
from benchmarks.records import Row, Sample, median_of
from benchmarks.suites.suite import Found, Surroundings

_ROWS, _REFERENCE, _COLUMN, _STREAMED, _PEER_STREAMED = 1_000_000, 100_000, 16_000_000, 200_000, 5_000
_REPEATS = 5
_PEERS: dict[str, tuple[Environment, str]] = {
    "Evidently": (EVIDENTLY, "drift_evidently"),
    "NannyML": (NANNYML, "drift_nannyml"),
    "alibi-detect": (ALIBI_DETECT, "drift_alibi"),
    "frouros": (FROUROS, "drift_frouros"),
    "whylogs": (WHYLOGS, "drift_whylogs"),
}

_REPORTED = (
    "What each reports: ours nine scores a column (KL, PSI, Jensen-Shannon, Hellinger, total variation, G, "
    "Kolmogorov-Smirnov, Wasserstein, shift in sd), a verdict that allows for chance and a tolerance, and "
    "the slices that carry it; Evidently its preset, one score a column and its figures; NannyML one score a "
    "column of ten chunks; alibi-detect one test a column; frouros KL of the 20 columns of numbers alone; "
    "whylogs both profiles and one score a column."
)

Answers = dict[str, list[dict[str, Any]]]


def measure(around: Surroundings) -> Found:
    """A report of each peer between two processes of ours; then columns, then streams."""
    rows, reference = (20_000, 5_000) if around.is_quick else (_ROWS, _REFERENCE)
    pythons = {
        peer: (python, program)
        for peer, (environment, program) in _PEERS.items()
        if (python := around.python_of(environment)) is not None
    }
    job = {"what": "report", "rows": rows, "reference": reference}
    contestants = {"smallcraft": lambda: run_child(PYTHON, "drift_ours", job | {"repeats": _REPEATS})}
    for peer, (python, program) in pythons.items():

        def report(python: Any = python, program: str = program) -> dict[str, Any]:
            return run_child(python, program, job | {"repeats": 1})

        contestants[peer] = report
    reports: Answers = in_turn(contestants, rounds=1)
    reports["smallcraft"].append(contestants["smallcraft"]())
    values = 200_000 if around.is_quick else _COLUMN
    column = run_child(PYTHON, "drift_ours", {"what": "column", "values": values, "repeats": 9})
    return Found(
        about=(
            f"{rows:,} rows of 20 columns of numbers (half of them log-normal) and 5 of strings (50 values) "
            f"against {reference:,} rows; seeded. CPU-seconds of one thread; a report of each peer, between "
            f"two processes of ours with {_REPEATS} reports each."
        ),
        rows=(*_report_rows(reports), _column_row(column, values), _stream_row(around, pythons)),
        notes=(*_notes(reports), *around.absent),
    )


def _report_rows(reports: Answers) -> tuple[Row, ...]:
    theirs = {peer: _taken(found, "report") for peer, found in reports.items() if peer != "smallcraft"}
    ours = reports["smallcraft"]
    peaks = {peer: _peak(found) for peer, found in reports.items() if peer != "smallcraft"}
    memory = {peer: peak for peer, peak in peaks.items() if peak is not None}
    return (
        Row(
            "drift report from arrays, all scores", "CPU-s", _taken(ours, "report"), theirs, 0.20, clock="cpu"
        ),
        Row(
            "the same, the reference's profile is stored",
            "CPU-s",
            _taken(ours, "stored"),
            theirs,
            0.10,
            clock="cpu",
        ),
        Row("peak memory of the process, data included", "MB", _peak(ours), memory),
    )


def _column_row(column: dict[str, Any], values: int) -> Row:
    return Row(
        f"profile of one float64 column, {values:,} values, a value",
        "ns",
        median_of(column["ours"]),
        {"np.histogram": median_of(column["numpy"])},
        1.0,
        clock="cpu",
        floor=median_of(column["read"]),
        floor_is="reading the column once (a sum)",
    )


def _stream_row(around: Surroundings, pythons: dict[str, Any]) -> Row:
    ours, theirs = (20_000, 500) if around.is_quick else (_STREAMED, _PEER_STREAMED)
    job = {"what": "streaming", "repeats": 3}
    taken = run_child(PYTHON, "drift_ours", job | {"rows": ours})
    peers = {}
    if "whylogs" in pythons:
        python, program = pythons["whylogs"]
        peers["whylogs"] = median_of(run_child(python, program, job | {"rows": theirs})["per_row_us"])
    return Row(
        "rows that come one by one, 25 columns, a row (ours: on disk, `kill -9` costs 4,096 rows at most)",
        "CPU-us",
        median_of(taken["per_row_us"]),
        peers,
        5.0,
        clock="cpu",
    )


def _taken(answers: list[dict[str, Any]], name: str) -> Sample:
    return median_of([cpu for answer in answers for cpu in answer[name]])


def _peak(answers: list[dict[str, Any]]) -> Sample | None:
    found = [answer["peak_mb"] for answer in answers if answer["peak_mb"] is not None]
    return median_of(found) if found else None


def _notes(reports: Answers) -> tuple[str, ...]:
    ours = reports["smallcraft"]
    first, strings = max(answer["first"] for answer in ours), _taken(ours, "strings")
    return (
        _REPORTED,
        (
            f"Our strings stand in an Arrow table, as a Parquet or CSV file is read; strings that are Python "
            f"objects cost {strings.value:.2f} CPU-s more. The first report of a process takes {first:.2f} "
            f"CPU-s, since compiled loops are loaded."
        ),
        f"The stored profile of the reference has {ours[0]['stored_bytes']:,} bytes.",
        f"whylogs was given {_PEER_STREAMED:,} rows a run, ours {_STREAMED:,}; each row costs the same.",
    )
