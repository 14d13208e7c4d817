"""Guarantees whose simulations have a page of their own: read from what was kept there, nothing is run."""

from __future__ import annotations

import json
from collections.abc import Mapping

from benchmarks.campaigns.kept import read_experiment, read_rounds
from benchmarks.drift.cells import QuietCell
from benchmarks.drift.contestants import OURS as OUR_GUARDRAIL
from benchmarks.drift.kept import read as read_drift
from benchmarks.drift.streams import WORLDS
from benchmarks.faults.kept import read as read_faults
from benchmarks.guarantees.cases import Case, counted
from benchmarks.records import Sample, from_json
from benchmarks.rollouts.contestants import OURS as OUR_RULE
from benchmarks.rollouts.kept import read as read_rollouts
from benchmarks.write import RESULTS

_QUIET = ("fine", "incident", "slow_incident", "sticky", "margin", "better")
_ALPHA, _BUDGET, _STATED = 0.05, 0.1, 0.05
# Worlds that are not what they were declared to be, or whose windows hang together.
_BROKEN: Mapping[str, str] = {"season_untold": "the season is not declared"}
_EXPERIMENTS = ("banking77", "banking77-near", "clinc150", "clinc150-near")


def read_wrong_rollbacks() -> tuple[Case, ...]:
    """Of benchmarks/results/rollouts: scenarios in which the new release is no worse."""
    cases = []
    for scenario in _QUIET:
        for one in read_rollouts(scenario):
            if one.cell.rule == OUR_RULE:
                back = one.cell.rolled_back
                what = f"`{scenario}` of docs/rollouts.md"
                cases.append(counted(what, back.count, one.cell.rollouts, stated=_ALPHA, of="rollouts"))
    return tuple(cases)


def read_false_alarms() -> tuple[Case, ...]:
    """Of benchmarks/results/drift: worlds in which nothing changes."""
    cases = []
    for world in WORLDS:
        for one in read_drift(world):
            cell = one.cell
            if isinstance(cell, QuietCell) and cell.rule == OUR_GUARDRAIL:
                found = Sample(
                    cell.a_month, round(cell.months), "months", cell.interval.low, cell.interval.high
                )
                told = f", {_BROKEN[world]}" if world in _BROKEN else ""
                what = f"`{world}` of docs/drift.md{told}"
                cases.append(Case(what, found, _BUDGET, "a month", is_as_assumed=world not in _BROKEN))
    return tuple(cases)


def read_silent_faults() -> tuple[Case, ...]:
    """Of benchmarks/results/faults.json: each fault was made once, so this counts and simulates nothing."""
    kept = read_faults()
    if kept is None:
        return ()
    silent, tried = kept.silent("smallcraft")
    found = Sample(silent, tried, "faults", float(silent), float(silent))
    return (
        Case("faults under which normal commands went on as if nothing had happened", found, 0.0, "faults"),
    )


def read_false_claims_on_latency() -> tuple[Case, ...]:
    """Of benchmarks/results/latency.json: a bundle compared with itself."""
    path = RESULTS / "latency.json"
    if not path.exists():
        return ()
    rows = {row.what: row for row in from_json(json.loads(path.read_text(encoding="utf-8"))).rows}
    cases = []
    for name in ("false FAILs", "false claims, faster or slower", "CPU time: the ratio excludes 1"):
        ours = rows[name].ours
        if ours is not None:
            what = f"A/A sessions: {name}"
            cases.append(counted(what, round(ours.value), ours.n, stated=_STATED, of="sessions"))
    return tuple(cases)


def read_campaigns() -> tuple[Case, ...]:
    """Of benchmarks/results/campaigns: did the printed interval of a round's gain hold that on the test?"""
    covered = [
        line.is_covered for name in _EXPERIMENTS if (one := read_experiment(name)) for line in one.lines
    ]
    if rounds := read_rounds():
        covered += [one.is_covered for one in rounds[0]]
    if not covered:
        return ()
    what = "banking77 and clinc150 with planted errors, whole rounds of labelling, the official tests"
    return (counted(what, covered.count(False), len(covered), stated=_STATED, of="rounds"),)
