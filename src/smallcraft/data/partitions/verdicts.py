"""What the counts of a table in pieces say, as results of checks by the names that they have in memory.

Leaves to others: counting (`partitions.counting`, `partitions.copies`); checks that need rows side by side,
which are made on a sample.
Always: outcomes follow the rules of the checks in memory, for rows that are not split yet.
"""

from __future__ import annotations

from collections.abc import Callable

from smallcraft.data.badrows import place
from smallcraft.data.balance import effective_classes
from smallcraft.data.checks.duplicates import CONTRADICTION
from smallcraft.data.checks.integrity import ROW_FAULTS
from smallcraft.data.checks.personal_data import NAMES, REMEDY
from smallcraft.data.duplicates import COARSE_SHARE
from smallcraft.data.partitions.copies import CopyCount
from smallcraft.data.partitions.counting import Example, RowTally
from smallcraft.data.partitions.votes import VoteTally
from smallcraft.data.personal import KINDS
from smallcraft.data.wording import WHOLE
from smallcraft.records import SPLIT_NAMES, CheckResult, Finding, Measurement, Outcome, Roles

Locate = Callable[[int], str]
"""Names the row at a place for people: its file and line."""
VOTES = "votes"
_FAILS = ("missing_label", "blank_text")


def row_count_result(tally: RowTally, roles: Roles) -> CheckResult:
    """Rows and classes."""
    sizes = sorted(tally.labels.values())
    numbers: dict[str, float | int | None] = {
        "rows_all": tally.kept,
        "rows_read_all": tally.came,
        "rows_set_aside_all": tally.came - tally.kept,
        "classes_all": len(sizes),
        "smallest_class_all": sizes[0] if sizes else None,
        "effective_classes_all": effective_classes(sizes) if sizes else None,
    }
    findings = [
        Finding(
            "row_counts",
            WHOLE,
            None,
            roles.label,
            f"class '{name}' has {rows} of the {len(SPLIT_NAMES)} rows that train, dev and cert need",
            "add rows of it, or merge it into another class",
            kind="too few rows",
        )
        for name, rows in sorted(tally.labels.items())
        if rows < len(SPLIT_NAMES)
    ]
    is_one = roles.task != "regression" and len(sizes) < 2
    outcome = Outcome.FAIL if is_one or not tally.kept else Outcome.UNDECIDED if findings else Outcome.PASS
    reason = "; fewer than two classes" if is_one else f"; {findings[0].what}" if findings else ""
    pieces = f"{len(tally.read):,} pieces"
    return CheckResult(
        "row_counts", outcome, f"rows: {tally.kept:,} in {pieces}{reason}", numbers, tuple(findings)
    )


def integrity_result(tally: RowTally, roles: Roles) -> CheckResult:
    """Faults of rows, and features with one value."""
    constant = [
        Finding(
            "integrity",
            WHOLE,
            None,
            name,
            f"feature '{name}' has one value only",
            "take it out of the features",
            kind="constant column",
        )
        for name in roles.features
        if name in tally.features and not tally.features[name].has_others
    ]
    found = [_fault_finding(one) for one in tally.examples if one.kind in ROW_FAULTS]
    numbers: dict[str, float | int | None] = {kind: tally.faults.get(kind, 0) for kind in ROW_FAULTS}
    numbers |= {
        "rows_failing_all": tally.failing,
        "share_failing": tally.failing / tally.kept if tally.kept else None,
        "suspicious_columns": len(constant),
    }
    shown = [*constant, *found]
    is_fail = any(tally.faults.get(kind, 0) for kind in _FAILS)
    outcome = Outcome.FAIL if is_fail else Outcome.UNDECIDED if shown else Outcome.PASS
    summary = f"{tally.kept:,} rows without missing or damaged values"
    if tally.failing:
        kinds = ", ".join(f"{kind.replace('_', ' ')}: {n:,}" for kind, n in tally.faults.items() if n)
        summary = f"{tally.failing:,} of {tally.kept:,} rows are damaged ({kinds})"
    elif constant:
        summary = constant[0].what
    return CheckResult("integrity", outcome, summary, numbers, tuple(shown))


def personal_result(tally: RowTally) -> CheckResult:
    """Rows with personal data."""
    numbers: dict[str, float | int | None] = {"rows_with_personal_data_all": tally.personal_rows}
    numbers |= {kind: tally.personal.get(kind, 0) for kind in KINDS}
    parts = [f"{kind.replace('_', ' ')} in {numbers[kind]:,}" for kind in KINDS if numbers[kind]]
    summary = (
        f"personal data in rows ({', '.join(parts)} of {tally.kept:,} rows): a person decides what may stay"
        if parts
        else f"{tally.kept:,} rows, no personal data of the kinds looked for"
    )
    findings = [
        Finding(
            "personal_data",
            WHOLE,
            None,
            one.column,
            f"{_where(one)} holds {NAMES[one.kind]}: {one.shown}",
            REMEDY,
            kind=one.kind,
        )
        for one in tally.examples
        if one.kind in KINDS
    ]
    outcome = Outcome.UNDECIDED if parts else Outcome.PASS
    return CheckResult("personal_data", outcome, summary, numbers, tuple(findings))


def copies_result(
    copies: CopyCount, roles: Roles, *, near_share: float | None, locate: Locate
) -> CheckResult:
    """Exact copies of all rows, and contradictions among them.

    Args:
        copies: Of all rows.
        roles: Which column plays which part.
        near_share: Share of near copies that a sample shows; None where there are none to tell.
        locate: Names rows for people.
    """
    is_told = roles.text is not None or copies.distinct >= COARSE_SHARE * copies.rows
    repeated = copies.rows - copies.distinct if is_told else None
    numbers: dict[str, float | int | None] = {
        "exact_all": repeated,
        "near_share_of_sample_all": near_share if is_told else None,
        "contradictory_groups_all": copies.contradictions,
        "label_errors_at_least_all": copies.wrong,
        "label_error_share_at_least_all": copies.wrong / copies.rows if copies.rows else None,
    }
    findings = [
        Finding(
            "duplicates",
            WHOLE,
            None,
            roles.label,
            f"{one.rows:,} rows are copies with different labels, at least {one.wrong:,} of them wrong: "
            + ", ".join(locate(at) for at in one.places[:3])
            + (" and more" if one.rows > 3 else ""),
            "decide on one label, or remove the copies",
            kind=CONTRADICTION,
        )
        for one in copies.examples
    ]
    said = (
        "copies not told: most rows equal another one" if repeated is None else f"{repeated:,} exact copies"
    )
    near = f", near copies of {near_share:.2%} of a sample" if is_told and near_share else ""
    wrong = f", at least {copies.wrong:,} wrong labels" if copies.wrong else ""
    outcome = Outcome.UNDECIDED if copies.contradictions else Outcome.PASS
    return CheckResult("duplicates", outcome, f"the data: {said}{near}{wrong}", numbers, tuple(findings))


def votes_result(votes: VoteTally, *, level: float, seed: int) -> CheckResult:
    """How far annotators agree, over all rows.

    Args:
        votes: On all rows.
        level: Of the intervals.
        seed: Of their samples.
    """
    found = votes.agreement(level=level, seed=seed)
    named = {
        "disagreement": (found.disagreement, "fraction"),
        "krippendorff_alpha": (found.alpha, "alpha"),
        "unanimous_share": (found.unanimous, "fraction"),
    }
    numbers: dict[str, float | int | None] = {
        "rows": votes.rows,
        "rows_with_two_votes": found.items,
        "votes": votes.votes,
        "votes_without_a_row": votes.lost,
        "votes_said_again": votes.again,
        "annotators": sum(1 for count in votes.annotators.values() if count),
        **{name: estimate.value for name, (estimate, _) in named.items()},
    }
    how = f"{level:.0%} percentile bootstrap over blocks of rows with two votes or more"
    measurements = tuple(
        Measurement(
            f"{name}_of_all_rows",
            estimate.value,
            unit,
            found.items,
            how,
            low=None if estimate.interval is None else estimate.interval.low,
            high=None if estimate.interval is None else estimate.interval.high,
            split=WHOLE,
            detail="" if estimate.value is not None else "no two votes differ, or no row has two",
        )
        for name, (estimate, unit) in named.items()
    )
    if not found.items:
        summary, outcome = "no row has two votes", Outcome.UNDECIDED
    else:
        summary = (
            f"{votes.votes:,} votes; two on a row differ {found.disagreement.value:.1%} of the time, "
            f"all agree on {found.unanimous.value:.1%} of {found.items:,} rows"
        )
        bounds = found.alpha.interval
        is_above = bounds is not None and bounds.low > 0
        is_below = bounds is not None and bounds.high < 0
        outcome = Outcome.PASS if is_above else Outcome.FAIL if is_below else Outcome.UNDECIDED
    if votes.lost:
        summary += f"; {votes.lost:,} more votes are about no row"
    return CheckResult(VOTES, outcome, summary, numbers, (), measurements)


def _fault_finding(one: Example) -> Finding:
    what, remedy = ROW_FAULTS[one.kind]
    return Finding("integrity", WHOLE, None, one.column, f"{_where(one)}: {what}", remedy, kind=one.kind)


def _where(one: Example) -> str:
    return place(one.file, one.line, one.row)
