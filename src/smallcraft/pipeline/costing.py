"""What a release costs to run: scenarios with energy and money, or a comparison of two bundles.

Holds what is measured, on which rows and at whose price; how it is measured belongs to `evaluate.costs`, how
it is told to `pipeline.cost_output`.
Always: rows are those of a file, else the project's dev rows, never sealed ones; a price is the project's
own; settings are refused before anything is measured.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from smallcraft.bundle.inputs import InputSpec
from smallcraft.bundle.layout import DESCRIPTION
from smallcraft.bundle.runtime import open_bundle
from smallcraft.data.badrows import refuse_bad_rows
from smallcraft.data.columns import typed_columns
from smallcraft.data.load import read_source
from smallcraft.data.table import require_columns
from smallcraft.errors import DataError, InvalidInputError, NotFoundError
from smallcraft.evaluate.audits.cost import measure_scenarios
from smallcraft.evaluate.costs.compare import LatencyComparison, compare_latency
from smallcraft.evaluate.costs.money import PriceSheet, measure_money
from smallcraft.gates.policy import judge_all
from smallcraft.gates.settling import rows_to_settle
from smallcraft.gates.tolerance import Tolerance
from smallcraft.gates.tolerance import at_most as at_most_tolerance
from smallcraft.pipeline.columns import bundle_rows
from smallcraft.pipeline.config import FILE_NAME, Config, load_config
from smallcraft.pipeline.cost_output import Costed, CostSubject
from smallcraft.pipeline.events import Listener, SilentListener
from smallcraft.pipeline.recorded import evidence_of
from smallcraft.pipeline.stages.prepare import prepare_data
from smallcraft.pipeline.workspace import Workspace, open_registry, open_released
from smallcraft.records import CandidateStatus, Evidence, GateSpec, Measurement, Outcome, Roles, Verdict

RATIO_GATE = "latency_ratio"

_MOST_ROWS = 2000
_LEAST_BLOCKS = 5
_SECONDS_A_BLOCK = 10.0
_SECONDS_BESIDE_LOAD = 25.0
_SECONDS_BETWEEN_WORDS = 5.0


@dataclass(frozen=True)
class CostOptions:
    """What to measure.

    Attributes:
        release: A release such as `helpdesk@3`; None for the newest, where no bundle is named.
        bundle: A bundle directory instead.
        against: A release or a bundle directory to compare with; None measures scenarios.
        source: A file of rows; None for the project's dev rows.
        objective_ms: What p99 must keep to under load, above 0.
        seconds: For the Server scenario, or for a comparison, above 0.
        at_most: Ceiling of the latency ratio; None judges nothing.
    """

    release: str | None = None
    bundle: Path | None = None
    against: str | None = None
    source: str | None = None
    objective_ms: float = 5.0
    seconds: float = 60.0
    at_most: float | None = None


def money_measurements(config: Config, evidence: Evidence) -> tuple[Measurement, ...]:
    """What a bundle's answers cost at the project's own price; nothing where `[prices]` is not declared.

    Args:
        config: The project.
        evidence: Of the bundle that ships: its CPU-seconds, and the accuracy that cert told.

    Returns:
        `money_per_1000` (no split), and `money_per_1000_correct` (on cert), in the currency of the prices.
    """
    if config.prices is None:
        return ()
    accuracy = evidence.find("accuracy", split="cert")
    return measure_money(evidence.measurements, sheet=config.prices.sheet, accuracy=accuracy)


def measure_costs(options: CostOptions, project: Path, *, listener: Listener | None = None) -> Costed:
    """Measure a bundle's cost, or compare it with another; takes a minute or two.

    Args:
        options: What to measure.
        project: The folder of `smallcraft.toml`, or the file; needed for releases and for its rows.
        listener: Told as things happen.

    Raises:
        InvalidInputError: An option is out of bounds, or makes no sense beside another.
        NotFoundError: There is no such release, bundle or project.
        DataError: The rows cannot be used.
        IntegrityError: Stored bytes are not what was recorded.
        BundleFormatError: A bundle fails in a fresh process.
    """
    _refuse_misfits(options)
    listener = listener or SilentListener()
    # (1) whose cost, and beside whom
    config = _find_project(options, project)
    subject = _open_subject(options, project)
    against = None if options.against is None else _open_named(options.against, project)
    # (2) the rows that both are asked about
    specs = [found.bundle.spec for found in (against, subject) if found is not None]
    source, rows = _read_rows(options.source, config, specs, listener)
    count = len(next(iter(rows.values())))
    sheet = None if config is None or config.prices is None else config.prices.sheet
    seed = 0 if config is None else config.seed
    # (3) the measuring
    if against is None:
        measured = _measure_alone(subject, rows, options, sheet=sheet, seed=seed, listener=listener)
        return Costed(subject, source, count, options.objective_ms, sheet, measured)
    comparison = _compare(subject, against, rows, options, seed=seed, listener=listener)
    ratios = comparison.measurements()
    verdicts = () if options.at_most is None else judge_ratio(comparison, options.at_most)
    return Costed(
        *(subject, source, count, options.objective_ms, sheet, ratios),
        against=against,
        comparison=comparison,
        verdicts=verdicts,
    )


def judge_ratio(comparison: LatencyComparison, at_most: float) -> tuple[Verdict, ...]:
    """Whether the latency ratio keeps to a ceiling: judged by the very interval that is shown.

    Args:
        comparison: Of two bundles; an unsteady A/A leaves the gate UNDECIDED.
        at_most: The ceiling, above 0.
    """
    ratio, _ = comparison.measurements()
    shown = (1 + comparison.level) / 2
    gate = GateSpec(RATIO_GATE, "budget", ratio.name, None, at_most, required=True, confidence=shown)
    evidence = Evidence("comparison", CandidateStatus.MEASURED, None, (ratio,))
    verdicts = judge_all((gate,), evidence)
    if not comparison.is_steady:
        return verdicts
    needs = _blocks_to_settle(ratio, at_most_tolerance(gate), shown)
    return tuple(
        replace(verdict, needs=needs) if verdict.outcome is Outcome.UNDECIDED else verdict
        for verdict in verdicts
    )


def _blocks_to_settle(ratio: Measurement, tolerance: Tolerance, confidence: float) -> str:
    """What counts here is a block, and what brings more of them is time."""
    more = rows_to_settle(ratio, tolerance, to_pass=confidence, to_fail=confidence)
    if more is None:
        return "another limit: the ratio lies on this one"
    seconds = (ratio.n + more.rows) * _SECONDS_A_BLOCK
    return f"about {more.rows:,} more blocks: --seconds {seconds:.0f}"


def _refuse_misfits(options: CostOptions) -> None:
    if options.release is not None and options.bundle is not None:
        raise InvalidInputError(
            f"cost takes a release or --bundle, got both ({options.release} and {options.bundle}); "
            "leave one out, or name the other with --against"
        )
    if options.at_most is not None and options.against is None:
        raise InvalidInputError(
            "--at-most is a ceiling on the ratio to another bundle, and there is none; name it with --against"
        )
    bounded = {"objective-ms": options.objective_ms, "seconds": options.seconds, "at-most": options.at_most}
    for name, value in bounded.items():
        if value is not None and not (math.isfinite(value) and value > 0):
            raise InvalidInputError(f"--{name} must be a number above 0, got {value:g}; correct it")


def _find_project(options: CostOptions, project: Path) -> Config | None:
    """The project; None where there is none and none is needed."""
    is_there = project.is_file() or (project / FILE_NAME).exists()
    is_needed = options.bundle is None or options.source is None
    return load_config(project) if is_there or is_needed else None


def _open_subject(options: CostOptions, project: Path) -> CostSubject:
    if options.bundle is not None:
        return _open_folder(options.bundle, str(options.bundle))
    return _open_named(options.release or "latest", project)


def _open_named(name: str, project: Path) -> CostSubject:
    """A release, or a bundle directory."""
    if Path(name).exists():
        return _open_folder(Path(name), name)
    registry = open_registry(project)
    release = registry.read(name)
    folder = project.parent if project.is_file() else project
    bundle = open_released(Workspace(folder), registry, release)
    facts: Mapping[str, Any] = release.facts
    return CostSubject(release.label, bundle, evidence_of(facts["released"]).find("accuracy", split="cert"))


def _open_folder(folder: Path, name: str) -> CostSubject:
    if not (folder / DESCRIPTION).exists():
        raise NotFoundError(f"{folder} holds no {DESCRIPTION}; name a bundle directory, or a release")
    return CostSubject(name, open_bundle(folder))


def _read_rows(
    source: str | None, config: Config | None, specs: Sequence[InputSpec], listener: Listener
) -> tuple[str, Mapping[str, Sequence[object]]]:
    """Where rows come from in words, and the columns that every bundle reads."""
    if source is None:
        assert config is not None
        listener.stage(f"reading the dev rows of {config.data.path}")
        name = f"dev rows of {config.data.path}"
        frame = prepare_data(config, SilentListener()).splits.frames["dev"]
    else:
        listener.stage(f"reading {source}")
        read = read_source(source, None)
        refuse_bad_rows(read.broken)
        name, frame = source, read.frame
    if frame.height == 0:
        raise DataError(f"{name} must hold at least one row to ask about, got none; check how it was written")
    columns: dict[str, Sequence[object]] = {}
    for spec in specs:
        require_columns(spec.names, frame.columns, source=name)
        typed = frame.head(_MOST_ROWS) if source is None else _typed(frame.head(_MOST_ROWS), spec, name)
        columns |= bundle_rows(typed, spec, source=name)
    return name, columns


def _typed(frame: pl.DataFrame, spec: InputSpec, source: str) -> pl.DataFrame:
    """Text as text, numbers as numbers, the rest as categories."""
    found = typed_columns(frame.select(spec.names), Roles("", spec.text, spec.numbers))
    if found.faults:
        fault = found.faults[0]
        raise DataError(
            f"{source}, row {fault.row + 1}, column '{fault.column}': {fault.reason}; {fault.remedy}"
        )
    return found.frame


def _measure_alone(
    subject: CostSubject,
    rows: Mapping[str, Sequence[object]],
    options: CostOptions,
    *,
    sheet: PriceSheet | None,
    seed: int,
    listener: Listener,
) -> tuple[Measurement, ...]:
    """Every scenario; the noise floor first, as everything after it is read against it."""
    listener.stage(
        f"measuring {subject.name}: one request at a time, in batches, "
        f"under load with p99 within {options.objective_ms:g} ms, energy"
    )
    with _telling(listener, f"measuring {subject.name}", options.seconds + _SECONDS_BESIDE_LOAD):
        found = measure_scenarios(
            *(subject.bundle.path, rows),
            seed=seed,
            objective_ms=options.objective_ms,
            seconds=options.seconds,
            sheet=sheet,
            accuracy=subject.accuracy,
        )
    return tuple(sorted(found, key=lambda cost: cost.name != "noise_floor_ms"))


def _compare(
    subject: CostSubject,
    against: CostSubject,
    rows: Mapping[str, Sequence[object]],
    options: CostOptions,
    *,
    seed: int,
    listener: Listener,
) -> LatencyComparison:
    blocks = max(_LEAST_BLOCKS, round(options.seconds / _SECONDS_A_BLOCK))
    listener.stage(
        f"comparing {subject.name} with {against.name}: {blocks} blocks of 6 fresh processes, "
        "two of each and two of the first again"
    )
    with _telling(listener, f"comparing {subject.name} with {against.name}", blocks * _SECONDS_A_BLOCK):
        return compare_latency(subject.bundle.path, against.bundle.path, rows, blocks=blocks, seed=seed)


@contextmanager
def _telling(listener: Listener, step: str, most_s: float) -> Iterator[None]:
    """Says every few seconds how long a step has been running; wakes too seldom to be measured itself."""
    done = threading.Event()
    started = time.monotonic()

    def tell() -> None:
        while not done.wait(_SECONDS_BETWEEN_WORDS):
            passed = time.monotonic() - started
            listener.progress(f"{step}, {passed:.0f} s of at most about {max(most_s, passed):.0f}", 0.0)

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()
