"""What moved: columns, parts of their values, words, and rows to look at, since a change began.

Leaves to others: when it began and whether it is one (`observe.guardrail`), whether it does harm
(`observe.harm`).
Always: columns are named by e-BH on e-values taken at the alarm, never on the largest that a stream ever had;
what a cell adds to the divergence is exact, and the cells of a column add up to all of it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from smallcraft.data.profiles.categories import CategoryProfile
from smallcraft.data.profiles.kept import KeptRow
from smallcraft.data.profiles.profile import Profile, merge_profiles
from smallcraft.observe.alarms import Example, Explanation, Slice, Suspect, Word
from smallcraft.observe.guardrail import Raised
from smallcraft.observe.quantities import Floats, Quantity
from smallcraft.observe.statistics import PreparedReference
from smallcraft.observe.window_rows import Window
from smallcraft.stats.distances import kl_contributions
from smallcraft.stats.multiplicity import claims_by_e_values
from smallcraft.stats.reference_bins import CategoryBins, NumericBins
from smallcraft.stats.sequences.mixtures import log_mean

FALSE_SHARE = 0.1
MOST_SLICES, MOST_EXAMPLES, MOST_UNSEEN = 5, 20, 3
# A cell that carries less than this of its column's divergence is not worth a line.
_LEAST_SHARE = 0.05


@dataclass(frozen=True)
class Found:
    """What an explanation is made from.

    Attributes:
        quantities: `m` that are watched.
        weights: `(m,)` of the guardrail.
        raised: What the alarm was raised on; None for a comparison of two files.
        values: Numbers of the last window.
        usual: Median of each quantity in the past; those not known are not there.
        windows: Since the change began, with the rows that were kept.
        reference: That they are held against.
    """

    quantities: tuple[Quantity, ...]
    weights: Floats
    raised: Raised
    values: Mapping[Quantity, float]
    usual: Mapping[Quantity, float]
    windows: tuple[Window, ...]
    reference: PreparedReference


def explain(found: Found, *, has_evidence: bool = True, words: Sequence[Word] = ()) -> Explanation:
    """Say what moved.

    Args:
        found: At the alarm.
        has_evidence: Whether the detector has any; a rule claims every column that broke it.
        words: Of the texts, most telling first (`observe.words`).
    """
    suspects = find_suspects(found, has_evidence=has_evidence)
    explained = Explanation(suspects, (), tuple(words), find_examples(found.windows)[:MOST_EXAMPLES])
    profile = merge_profiles([window.profile for window in found.windows])
    return replace(explained, slices=find_slices(profile, found.reference, columns=explained.columns))


def find_suspects(found: Found, *, has_evidence: bool) -> tuple[Suspect, ...]:
    """Of each column the number that moved most, most evidence first; those that e-BH names are marked.

    Source:
        Wang and Ramdas (2022), JRSS B 84:822-852: e-values may be weighed as was fixed beforehand.
    """
    by_column: dict[str, list[int]] = {}
    for place, quantity in enumerate(found.quantities):
        by_column.setdefault(quantity.column, []).append(place)
    logs = found.raised.log_es
    columns = list(by_column)
    weights = [found.weights[by_column[column]] for column in columns]
    evidence = [_mean_e(logs[by_column[column]], some) for column, some in zip(columns, weights, strict=True)]
    shares = np.array([some.sum() for some in weights])
    claimed = (
        claims_by_e_values(evidence + np.log(shares / shares.mean()), false_share=FALSE_SHARE).tolist()
        if has_evidence
        else [each > 0 for each in evidence]
    )
    suspects: list[Suspect] = []
    for log_e, column, is_claimed in sorted(
        zip(evidence, columns, claimed, strict=True), key=lambda row: (-row[0], row[1])
    ):
        strongest = found.quantities[max(by_column[column], key=lambda place: float(logs[place]))]
        value = found.values.get(strongest)
        # Where many columns moved a little, none may have evidence of its own; the strongest is told anyway.
        if value is not None and (is_claimed or log_e > 0 or not suspects):
            usual, shown = found.usual.get(strongest), log_e if has_evidence else None
            suspects.append(Suspect(column, strongest.statistic, value, usual, shown, is_claimed))
    return tuple(suspects)


def find_slices(
    profile: Profile, reference: PreparedReference, *, columns: Iterable[str]
) -> tuple[Slice, ...]:
    """Parts of the columns' values that carry their divergence, those of one column together, largest first.

    Args:
        profile: Of the windows since the change began.
        reference: That they are held against.
        columns: Which ones.
    """
    slices: list[Slice] = []
    for name in columns:
        known = reference.columns.get(name)
        rows = None if known is None or name not in profile.columns else known.count(profile.columns[name])
        if known is None or rows is None or rows.sum() == 0:
            continue
        parts = kl_contributions(known.counts, rows)
        total = float(parts.sum())
        labels = _labels(known.bins, profile, name)
        for place in np.argsort(-parts, kind="stable")[:MOST_SLICES].tolist():
            share = float(parts[place]) / total if total > 0 else 0.0
            if share >= _LEAST_SHARE:
                before, now = _share(known.counts, place), _share(rows, place)
                slices.append(Slice(name, labels[place], share, before, now))
    return tuple(slices)


def find_examples(windows: Sequence[Window]) -> tuple[Example, ...]:
    """All rows that were kept: the farthest from the reference, then the least sure, then random ones."""
    found: list[Example] = []
    for window in windows:
        if window.kept is None:
            continue
        start_s, chance = window.name.start_s, window.kept.inclusion
        found += [_example(row, start_s, arm="drifted") for row in window.kept.far]
        found += [_example(row, start_s, arm="uncertain") for row in window.kept.unsure]
        found += [_example(row, start_s, arm="random", inclusion=chance) for row in window.kept.random]
    order = {"drifted": 0, "uncertain": 1, "random": 2}
    return tuple(sorted(found, key=lambda row: (order[row.arm], -(row.score or 0.0))))


def usual_values(past: Sequence[Mapping[Quantity, float]]) -> dict[Quantity, float]:
    """Median of each quantity over past windows."""
    seen: dict[Quantity, list[float]] = {}
    for values in past:
        for quantity, value in values.items():
            seen.setdefault(quantity, []).append(value)
    return {quantity: float(np.median(values)) for quantity, values in seen.items()}


def _mean_e(logs: Floats, weights: Floats) -> float:
    return float(log_mean(logs, weights / weights.sum()))


def _labels(bins: NumericBins | CategoryBins, profile: Profile, name: str) -> tuple[str, ...]:
    """Words for the cells; of unseen values the most frequent ones by name."""
    if isinstance(bins, NumericBins):
        return bins.labels
    column = profile.columns[name]
    assert isinstance(column, CategoryProfile)
    known = {*bins.named, *bins.others}
    counts = column.tally.counts
    new = sorted((value for value in counts if value not in known), key=lambda value: (-counts[value], value))
    if not new:
        return bins.labels
    shown = ", ".join(repr(value) for value in new[:MOST_UNSEEN])
    return (*bins.labels[:-2], f"unseen values, such as {shown}", bins.labels[-1])


def _share(rows: Floats, place: int) -> float:
    total = float(rows.sum())
    return float(rows[place]) / total if total > 0 else 0.0


def _example(row: KeptRow, start_s: int, *, arm: str, inclusion: float | None = None) -> Example:
    return Example(
        window_start_s=start_s,
        values=_values(row.record),
        answer=row.answer,
        confidence=row.confidence,
        arm=arm,
        inclusion=inclusion,
        score=row.distance,
    )


def _values(record: str) -> tuple[tuple[str, str | float | None], ...]:
    """A kept row's values by column; what is no object is shown as it is."""
    found = json.loads(record)
    if not isinstance(found, dict):
        return (("row", record),)
    return tuple((str(name), _plain(value)) for name, value in found.items())


def _plain(value: object) -> str | float | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if math.isfinite(value) else str(value)
    return json.dumps(value)
