"""Lines of the measured table: one tool, one quantity, theirs beside ours, who is better, what measured it.

Always: every number is one of a kept record; who is better follows from the two intervals alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from benchmarks.drift.cells import DelayCell, QuietCell
from benchmarks.drift.contestants import OURS as OUR_GUARDRAIL
from benchmarks.drift.kept import KeptCell as WatchedCell
from benchmarks.drift.kept import read as read_watched
from benchmarks.faults.kept import read as read_faults
from benchmarks.ladders.page import KEPT as LADDERS
from benchmarks.records import Listing, Row, Sample, Sense, SuiteResult, from_json
from benchmarks.rollouts.contestants import OURS as OUR_RULE
from benchmarks.rollouts.contestants import SOURCES
from benchmarks.rollouts.kept import read as read_rollouts
from benchmarks.write import RESULTS, in_words

OURS, LEVEL = "smallcraft", "level"


@dataclass(frozen=True)
class Line:
    """A line of the table.

    Attributes:
        tool: The peer, as it is known.
        version: Of what was measured; of rules that were read, the commits.
        quantity: With its unit.
        theirs: Its number, with bounds where there are any.
        ours: This project's.
        better: `smallcraft`, the tool, or `level`.
        date: UTC, to the minute.
        command: What measures it again.
    """

    tool: str
    version: str
    quantity: str
    theirs: str
    ours: str
    better: str
    date: str
    command: str


@dataclass(frozen=True)
class Wanted:
    """A row of a suite that stands in the table.

    Attributes:
        tool: The peer, as it is known.
        package: Its package, for the version.
        suite: Whose record.
        row: The row's words.
        peer: What the record calls the peer; empty for the tool's name.
    """

    tool: str
    package: str
    suite: str
    row: str
    peer: str = ""


_OF_SUITES = (
    Wanted(
        "cleanlab",
        "cleanlab",
        "label_issues",
        "1,000,000 x 10 float64: joint, flags, predictions, two scores",
    ),
    Wanted("cleanlab", "cleanlab", "label_issues", "1,000,000 x 10 float64: memory on top, results included"),
    Wanted(
        "cleanlab",
        "cleanlab",
        "near_duplicates",
        "near-duplicates among embeddings",
        "cleanlab Datalab",
    ),
    Wanted("cleanlab", "cleanlab", "near_duplicates", "planted pairs that are found", "cleanlab Datalab"),
    Wanted("crowd-kit", "crowd-kit", "votes", "1,000,000 votes by item: Dawid-Skene"),
    Wanted("crowd-kit", "crowd-kit", "votes", "3 votes a row: accuracy"),
    Wanted(
        "fairlearn",
        "fairlearn",
        "cells",
        "four metrics x 10 groups, ours with intervals, B = 1,000 (fairlearn: the points alone)",
    ),
    Wanted(
        "fairlearn",
        "fairlearn",
        "cells",
        "the same, fairlearn with its bootstrap intervals, B = 1,000 (extrapolated from 1)",
    ),
    Wanted("Evidently", "evidently", "drift", "drift report from arrays, all scores"),
    Wanted("NannyML", "nannyml", "drift", "drift report from arrays, all scores"),
    Wanted("alibi-detect", "alibi-detect", "drift", "drift report from arrays, all scores"),
    Wanted("frouros", "frouros", "drift", "drift report from arrays, all scores"),
    Wanted("frouros", "frouros", "drift", "peak memory of the process, data included"),
    Wanted(
        "MLflow",
        "mlflow",
        "registry",
        "20,000 files, 0.019 GiB, stored (ours and fsync: to survive a power cut)",
    ),
    Wanted("MLflow", "mlflow", "registry", "new bytes stored, MiniLM, last layer"),
    Wanted(
        "MLflow",
        "mlflow",
        "registry",
        "moving an alias, from the lock to the synced checkpoint (MLflow: one row of SQLite)",
    ),
    Wanted(
        "DVC",
        "dvc",
        "registry",
        "20,000 files, 0.019 GiB, stored (ours and fsync: to survive a power cut)",
    ),
    Wanted("DVC", "dvc", "registry", "new bytes stored, MiniLM, last layer"),
    Wanted("model-signing", "model-signing", "registry", "verify 2 GiB in 4 files, every step"),
    Wanted("model-signing", "model-signing", "registry", "verify 2 GiB in 20,000 files, every step"),
    Wanted(
        "BentoML",
        "bentoml",
        "serving",
        "encoder, 16 connections: requests a second, in those of a sequential loop without HTTP",
    ),
    Wanted(
        "scikit-learn, TF-IDF and SVM",
        "scikit-learn",
        "banking77",
        "accuracy on the official test",
        "TF-IDF word, char + SVM",
    ),
    Wanted(
        "scikit-learn, TF-IDF and SVM",
        "scikit-learn",
        "banking77",
        "p95 latency, batch 1",
        "TF-IDF word, char + SVM",
    ),
    Wanted(
        "scikit-learn, TF-IDF and SVM",
        "scikit-learn",
        "banking77",
        "training: the whole build process (ours: checks, every rung, folds, refit, report)",
        "TF-IDF word, char + SVM",
    ),
    Wanted("LightGBM", "lightgbm", "adult", "AUROC on the official test (ours: `trees`)"),
    Wanted("LightGBM", "lightgbm", "adult", "mean latency, batch 1"),
)
# Title of a listing, its columns, which side is better; lines are found by the server's name.
_SERVED = (
    ("JSON, one connection", "CPU, us", "at_most"),
    ("Encoder, 16 connections", "memory, MB", "at_most"),
)
_SERVER, _OUR_SERVER = "BentoML", "smallcraft, isolated"
_RUNGS = ("accuracy %", "mean ms", "MB", "training CPU-s")
_LADDER, _OUR_RUNG = "banking77", "cascade"
_LEARNERS = (("SetFit", "setfit", "SetFit, 32 a class"), ("model2vec", "model2vec", "model2vec, logistic"))
_WATCHED = (
    ("Evidently", "evidently", "Evidently, any column"),
    ("NannyML", "nannyml", "NannyML, any column"),
    ("alibi-detect", "alibi-detect", "alibi-detect, KS"),
)
_SCENES = ("iid", "season", "three_columns")
_ROLLED = (("Argo Rollouts", "Argo Rollouts, guide"), ("Flagger", "Flagger, Istio guide"))


def read_lines() -> tuple[Line, ...]:
    """Every line that the kept records hold, in the order of the table; what was not measured has none."""
    found = [*_suite_lines(), *_served_lines(), *_ladder_lines(), *_watched_lines(), *_rollout_lines()]
    found += _fault_lines()
    order = {tool: place for place, tool in enumerate(dict.fromkeys(line.tool for line in found))}
    return tuple(sorted(found, key=lambda line: order[line.tool]))


def better_of(ours: Sample, theirs: Sample, tool: str, sense: Sense) -> str:
    """Who is better: whose interval lies wholly on the good side of the other's; `level` where neither does.

    >>> better_of(Sample(1.0, 5, "runs", 0.9, 1.1), Sample(2.0, 1), "they", "at_most")
    'smallcraft'
    """
    own, other = _ends(ours), _ends(theirs)
    if own[1] < other[0]:
        return OURS if sense == "at_most" else tool
    if own[0] > other[1]:
        return tool if sense == "at_most" else OURS
    return LEVEL


def _ends(sample: Sample) -> tuple[float, float]:
    return (
        sample.value if sample.low is None else sample.low,
        sample.value if sample.high is None else sample.high,
    )


@lru_cache
def _suite(name: str) -> SuiteResult | None:
    path = RESULTS / f"{name}.json"
    return from_json(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None


def _suite_lines() -> Iterator[Line]:
    for wanted in _OF_SUITES:
        result = _suite(wanted.suite)
        rows = {row.what: row for row in result.rows} if result else {}
        row = rows.get(wanted.row)
        theirs = row.peers.get(wanted.peer or wanted.tool) if row else None
        if result is None or row is None or row.ours is None or theirs is None:
            continue
        yield Line(
            wanted.tool,
            _version(result, wanted.package),
            _quantity(row),
            in_words(theirs),
            in_words(row.ours),
            better_of(row.ours, theirs, wanted.tool, row.sense),
            result.date,
            result.command,
        )


def _quantity(row: Row) -> str:
    return f"{row.what}, {row.unit}" if row.unit else row.what


def _version(result: SuiteResult, package: str) -> str:
    return f"{package} {result.versions[f'{package} (peers)']}"


def _served_lines() -> Iterator[Line]:
    result = _suite("serving")
    for title, column, sense in _SERVED if result else ():
        assert result is not None
        listing = next(one for one in result.listings if one.title == title)
        yield _listed(result, listing, column, (_SERVER, "bentoml", _SERVER, _OUR_SERVER), sense)  # type: ignore[arg-type]


def _ladder_lines() -> Iterator[Line]:
    path = LADDERS / f"{_LADDER}.json"
    if not path.exists():
        return
    result = from_json(json.loads(path.read_text(encoding="utf-8")))
    listing = next(one for one in result.listings if one.title == "Every contestant")
    for tool, package, name in _LEARNERS:
        for column in _RUNGS:
            sense: Sense = "at_least" if column.startswith("accuracy") else "at_most"
            yield _listed(result, listing, column, (tool, package, name, _OUR_RUNG), sense)


def _listed(
    result: SuiteResult, listing: Listing, column: str, names: tuple[str, str, str, str], sense: Sense
) -> Line:
    tool, package, theirs_name, ours_name = names
    at = listing.columns.index(column)
    cells = {line[0]: line[at] for line in listing.lines}
    theirs, ours = cells[theirs_name], cells[ours_name]
    where = f"{_LADDER}, `{ours_name}`, " if listing.title == "Every contestant" else f"{listing.title}, "
    note = " (SetFit from 32 rows a class, the others from all)" if tool == "SetFit" and at == 1 else ""
    return Line(
        tool,
        _version(result, package),
        f"{where}{column}{note}",
        theirs,
        ours,
        better_of(_read(ours), _read(theirs), tool, sense),
        result.date,
        result.command,
    )


def _read(cell: str) -> Sample:
    """A cell as `in_words` wrote it."""
    value, _, rest = cell.replace(",", "" if "[" not in cell else ",").partition(" [")
    if not rest:
        return Sample(float(value), 1)
    low, high = rest.rstrip("]").split(", ")
    return Sample(_number(value), 2, "runs", _number(low), _number(high))


def _number(text: str) -> float:
    return float(text.replace(",", ""))


def _watched_lines() -> Iterator[Line]:
    for tool, package, rule in _WATCHED:
        for scene in _SCENES:
            cells = {one.cell.rule: one for one in read_watched(scene)}
            if rule in cells and OUR_GUARDRAIL in cells:
                yield _watched(tool, package, scene, cells[rule], cells[OUR_GUARDRAIL])


def _watched(tool: str, package: str, scene: str, theirs: WatchedCell, ours: WatchedCell) -> Line:
    quantity = (
        f"watching, false alarms a month, `{scene}`"
        if isinstance(theirs.cell, QuietCell)
        else f"watching, windows until it is seen, `{scene}`"
    )
    samples = [_of_cell(one.cell) for one in (theirs, ours)]
    return Line(
        tool,
        f"{package} {theirs.made.versions.get(package, '')}".strip(),
        quantity,
        in_words(samples[0]),
        in_words(samples[1]),
        better_of(samples[1], samples[0], tool, "at_most"),
        theirs.made.date,
        f"python -m benchmarks.drift {scene}",
    )


def _of_cell(cell: QuietCell | DelayCell) -> Sample:
    value = cell.a_month if isinstance(cell, QuietCell) else cell.mean
    return Sample(value, 2, "runs", max(cell.interval.low, 0.0), cell.interval.high)


def _rollout_lines() -> Iterator[Line]:
    for tool, rule in _ROLLED:
        commits = next(", ".join(commit for _, commit in one.files) for one in SOURCES if one.peer == tool)
        for scenario in ("fine", "incident", "errors"):
            cells = {one.cell.rule: one for one in read_rollouts(scenario)}
            if rule not in cells or OUR_RULE not in cells:
                continue
            theirs, ours = cells[rule], cells[OUR_RULE]
            samples = [_of_rollout(one.cell, is_harm=scenario == "errors") for one in (theirs, ours)]
            what = (
                "bad requests until a worse release is stopped"
                if scenario == "errors"
                else "false rollbacks, %"
            )
            yield Line(
                tool,
                f"rules of {commits}",
                f"rollout, its guide's settings, {what}, `{scenario}`",
                in_words(samples[0]),
                in_words(samples[1]),
                better_of(samples[1], samples[0], tool, "at_most"),
                theirs.made.date,
                f"python -m benchmarks.rollouts {scenario}",
            )


def _of_rollout(cell, *, is_harm: bool) -> Sample:
    if is_harm:
        interval = cell.excess_bad.interval
        ends = (None, None) if interval is None else (interval.low, interval.high)
        return Sample(cell.excess_bad.mean, cell.rollouts, "rollouts", *ends)
    share = cell.rolled_back
    return Sample(
        100 * share.share, cell.rollouts, "rollouts", 100 * share.interval.low, 100 * share.interval.high
    )


def _fault_lines() -> Iterator[Line]:
    kept = read_faults()
    for tool in ("MLflow", "DVC") if kept else ():
        assert kept is not None
        system = next(one for one in kept.systems if one.name == tool)
        (theirs, tried), (ours, of) = kept.silent(tool), kept.silent(OURS)
        samples = Sample(ours, of), Sample(theirs, tried)
        yield Line(
            tool,
            f"{tool.lower()} {system.versions[tool]}",
            "faults in the store that normal commands pass over in silence",
            f"{theirs} of {tried}",
            f"{ours} of {of}",
            better_of(*samples, tool, "at_most"),
            kept.date,
            "python -m benchmarks.faults",
        )
