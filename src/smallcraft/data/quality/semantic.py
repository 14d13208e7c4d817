"""Rows that mean the same in other words, by their embeddings: across splits and within one.

Copies by letters belong to `data.checks.duplicates` and `leakage`; where texts are given, pairs that those
tell are left out here. The search belongs to `stats.neighbours`.
UNDECIDED at worst: a paraphrase in train is how a model learns, and no leak by itself; people look at it.
Always: a row is told once for each split, beside the row most like it there. Unless it is given, the least
cosine is derived from the texts: two rows mean the same when the encoder finds them as alike as half of the
near copies by letters, which mean the same whatever the encoder. What a cosine is worth differs by encoder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.duplicates import NEAR_COPY, distinct_texts, first_rows, normalised
from smallcraft.data.ngrams import gram_sets, jaccard_of, similar_pairs
from smallcraft.data.wording import row_place, split_place
from smallcraft.errors import InvalidInputError
from smallcraft.records import CheckResult, Finding, FlaggedRows, Measurement, Outcome
from smallcraft.stats.intervals import clopper_pearson_interval
from smallcraft.stats.neighbours import CosinePairs, cosine_pairs, cosines_of

CHECK = "same_meaning"
SAME, OTHER_LABEL = "same meaning", "same meaning, other label"
# Where no texts tell: measured on banking77, a quarter of its near copies by letters lie below 0.94 (MiniLM)
# or 0.96 (mean of token embeddings), and pairs above share their label in 98 % and 97 % of cases.
SAME_MEANING = 0.95
_LEAST_COPIES, _TEXTS_READ = 20, 100_000
_LEVEL = 0.95
_MOST_FINDINGS = 100
_ORDER = ("train", "dev", "cert")

Vectors = NDArray[np.float32]
Texts = Mapping[str, Sequence[str]]
Direction = tuple[str, str]


@dataclass(frozen=True)
class MeaningBound:
    """From which cosine on two rows mean the same, and how that came about."""

    least: float
    reason: str


@dataclass(frozen=True)
class AlikeRows:
    """Rows of one split beside the row of another, or an earlier one of the same, that is most like each.

    Attributes:
        rows: `(m,)` int64; those whose partner has another label first, then by cosine, the highest first.
        partner: `(m,)` int64.
        cosine: `(m,)` float64.
        same_label: `(m,)` bool.
    """

    rows: NDArray[np.int64]
    partner: NDArray[np.int64]
    cosine: NDArray[np.float64]
    same_label: NDArray[np.bool_]


def inspect_semantic(
    embeddings: Mapping[str, Vectors],
    labels: Mapping[str, pl.Series],
    *,
    least: float | None = None,
    about: str = "the embeddings given",
    texts: Texts | None = None,
    seed: int = 0,
) -> CheckResult:
    """Look for rows with the same meaning across splits and within them.

    Args:
        embeddings: For each split `(rows, d)` float32, all by one encoder; zeros for a row without one.
        labels: For each split its given labels.
        least: Least cosine of rows that mean the same; None derives it, see `derive_bound`.
        about: What made the embeddings, for people.
        texts: For each split its texts; pairs that are copies by letters are then left out.
        seed: Of the search.

    Raises:
        InvalidInputError: Numbers of rows do not fit each other, or an embedding is not finite.
    """
    splits = tuple(sorted(embeddings, key=lambda split: (*_ORDER, split).index(split)))
    _require_rows(embeddings, labels, texts)
    bound = derive_bound(embeddings, texts) if least is None else MeaningBound(least, "given")
    found: dict[Direction, AlikeRows] = {}
    pairs = [
        *_pairs_across(splits, embeddings, bound.least, seed),
        *_pairs_within(splits, embeddings, bound.least, seed),
    ]
    for direction, candidates in pairs:
        unlike = _without_copies(direction, candidates, texts)
        found[direction] = _most_alike(unlike, labels[direction[0]], labels[direction[1]])
    rows = {split: len(embeddings[split]) for split in splits}
    is_whole = all(candidates.is_complete for _, candidates in pairs)
    return CheckResult(
        check=CHECK,
        outcome=Outcome.UNDECIDED if _needs_a_look(found) or not rows else Outcome.PASS,
        summary=_summary(found, rows, bound, about=about, is_whole=is_whole),
        numbers=_numbers(found, rows, bound),
        findings=_findings(found),
        measurements=tuple(_measured(found, rows, f"cosine {bound.least:.3f} and more, {about}")),
        flagged=tuple(chain.from_iterable(_flagged(*item) for item in found.items())),
    )


def derive_bound(embeddings: Mapping[str, Vectors], texts: Texts | None) -> MeaningBound:
    """The median cosine of near copies by letters; a stated constant where there are too few of those.

    Args:
        embeddings: For each split `(rows, d)` float32.
        texts: For each split its texts; None where there are none. The first 100,000 are read.
    """
    fallback = f"{SAME_MEANING:g} by default: fewer than {_LEAST_COPIES} near copies tell what it is worth"
    if texts is None or not embeddings:
        return MeaningBound(SAME_MEANING, fallback)
    rows = np.concatenate([embeddings[split] for split in texts if split in embeddings])[:_TEXTS_READ]
    read = list(chain.from_iterable(texts[split] for split in texts if split in embeddings))[:_TEXTS_READ]
    distinct = distinct_texts(read)
    copies = similar_pairs(gram_sets(distinct.texts), bound=NEAR_COPY)
    first = first_rows(distinct.groups)
    cosines = cosines_of(rows, first[copies.first], first[copies.second])
    cosines = cosines[~np.isnan(cosines)]
    if len(cosines) < _LEAST_COPIES:
        return MeaningBound(SAME_MEANING, fallback)
    least = float(np.median(cosines))
    if least <= 0:
        return MeaningBound(SAME_MEANING, f"{SAME_MEANING:g} by default: near copies are not alike here")
    return MeaningBound(least, f"as alike as half of {len(cosines):,} near copies by letters")


def _require_rows(
    embeddings: Mapping[str, Vectors], labels: Mapping[str, pl.Series], texts: Texts | None
) -> None:
    for split, rows in embeddings.items():
        for name, others in (("labels", labels), ("texts", texts)):
            if others is not None and len(others.get(split, ())) != len(rows):
                raise InvalidInputError(
                    f"{name} must have the {len(rows):,} rows of the embeddings of {split}, "
                    f"got {len(others.get(split, ())):,}; pass both for the same rows"
                )


def _pairs_across(
    splits: Sequence[str], embeddings: Mapping[str, Vectors], least: float, seed: int
) -> Iterator[tuple[Direction, CosinePairs]]:
    """One search over all splits; an earlier split is the one that may have been learned from."""
    if len(splits) < 2:
        return
    sizes = [len(embeddings[split]) for split in splits]
    begin = np.cumsum([0, *sizes])
    sides = np.repeat(np.arange(len(splits)), sizes)
    rows = np.concatenate([embeddings[split] for split in splits])
    found = cosine_pairs(rows, least=least, sides=sides, seed=seed)
    for left in range(len(splits)):
        for right in range(left + 1, len(splits)):
            here = (sides[found.first] == left) & (sides[found.second] == right)
            first, second = found.first[here] - begin[left], found.second[here] - begin[right]
            pairs = CosinePairs(first, second, found.cosine[here], found.is_complete)
            yield (splits[left], splits[right]), pairs


def _pairs_within(
    splits: Sequence[str], embeddings: Mapping[str, Vectors], least: float, seed: int
) -> Iterator[tuple[Direction, CosinePairs]]:
    for split in splits:
        yield (split, split), cosine_pairs(embeddings[split], least=least, seed=seed)


def _without_copies(direction: Direction, pairs: CosinePairs, texts: Texts | None) -> CosinePairs:
    """The pairs whose texts are neither the same nor near copies."""
    if texts is None or not len(pairs.first):
        return pairs
    rows: list[NDArray[np.int64]] = []
    names: list[str] = []
    for split, side in zip(direction, (pairs.first, pairs.second), strict=True):
        distinct, number = np.unique(side, return_inverse=True)
        rows.append(number + len(names))
        names += [normalised(texts[split][row] or "") for row in distinct.tolist()]
    kept = jaccard_of(gram_sets(names), rows[0], rows[1]) < NEAR_COPY
    return CosinePairs(pairs.first[kept], pairs.second[kept], pairs.cosine[kept], pairs.is_complete)


def _most_alike(pairs: CosinePairs, left: pl.Series, right: pl.Series) -> AlikeRows:
    order = np.lexsort((pairs.first, -pairs.cosine, pairs.second))
    best = order[np.unique(pairs.second[order], return_index=True)[1]]
    rows, partner, cosine = pairs.second[best], pairs.first[best], pairs.cosine[best]
    same = left.gather(partner).eq_missing(right.gather(rows)).to_numpy()
    worst = np.lexsort((rows, -cosine, same))
    return AlikeRows(rows[worst], partner[worst], cosine[worst], same[worst])


def _needs_a_look(found: Mapping[Direction, AlikeRows]) -> bool:
    return any(
        len(alike.rows) > 0 if left != right else not alike.same_label.all()
        for (left, right), alike in found.items()
    )


def _at(direction: Direction) -> str:
    left, right = direction
    return f"within_{right}" if left == right else f"{right}_in_{left}"


def _numbers(
    found: Mapping[Direction, AlikeRows], rows: Mapping[str, int], bound: MeaningBound
) -> dict[str, float | int | None]:
    numbers: dict[str, float | int | None] = {"least_cosine": bound.least}
    for direction, alike in found.items():
        at, count, total = _at(direction), len(alike.rows), rows[direction[1]]
        numbers[f"rows_{at}"] = count
        numbers[f"share_{at}"] = count / total if total else None
        numbers[f"label_agreement_{at}"] = float(alike.same_label.mean()) if count else None
    return numbers


def _measured(
    found: Mapping[Direction, AlikeRows], rows: Mapping[str, int], how: str
) -> Iterator[Measurement]:
    for direction, alike in found.items():
        split, count = direction[1], len(alike.rows)
        agreeing = int(alike.same_label.sum())
        for name, hits, trials in (
            ("same_meaning_share", count, rows[split]),
            ("same_meaning_label_agreement", agreeing, count),
        ):
            if trials:
                bounds = clopper_pearson_interval(hits, trials, level=_LEVEL)
                yield Measurement(
                    name=name,
                    value=hits / trials,
                    unit="fraction",
                    n=trials,
                    method=f"{how}; Clopper-Pearson {_LEVEL:.0%}",
                    low=bounds.low,
                    high=bounds.high,
                    split=split,
                    slice=_at(direction).replace("_", " "),
                )


def _flagged(direction: Direction, alike: AlikeRows) -> Iterator[FlaggedRows]:
    left, right = direction
    for kind, chosen in ((OTHER_LABEL, ~alike.same_label), (SAME, alike.same_label)):
        if chosen.any():
            yield FlaggedRows(
                split=right,
                kind=kind,
                rows=alike.rows[chosen],
                score=1 - alike.cosine[chosen],
                partner_split=left,
                partner=alike.partner[chosen],
            )


def _findings(found: Mapping[Direction, AlikeRows]) -> tuple[Finding, ...]:
    """Those under another label first; then those across splits."""
    told: list[Finding] = []
    for is_same in (False, True):
        for (left, right), alike in found.items():
            if is_same and left == right:
                continue
            for at in np.flatnonzero(alike.same_label == is_same)[: _MOST_FINDINGS - len(told)].tolist():
                row, partner, cosine = int(alike.rows[at]), int(alike.partner[at]), float(alike.cosine[at])
                label = "" if is_same else ", under another label"
                what = f"{row_place(right, row)} means what {row_place(left, partner)} does"
                what += f" (cosine {cosine:.3f}){label}"
                remedy = "look at both: one label may be wrong" if label else "look at both: is it a leak?"
                kind = SAME if is_same else OTHER_LABEL
                told.append(Finding(CHECK, right, row, None, what, remedy, kind, 1 - cosine))
    return tuple(told)


def _summary(
    found: Mapping[Direction, AlikeRows],
    rows: Mapping[str, int],
    bound: MeaningBound,
    *,
    about: str,
    is_whole: bool,
) -> str:
    parts = []
    for (left, right), alike in found.items():
        other = int((~alike.same_label).sum())
        where = f"an earlier row of {split_place(right)}" if left == right else f"a row of {left}"
        name = "rows" if right == "all" else f"{right} rows"
        count = f"{len(alike.rows):,} of {rows[right]:,} {name}"
        parts.append(f"{count} mean what {where} does ({other:,} under another label)")
    missed = "" if is_whole else "; there were so many pairs that some were not looked at"
    told = "; ".join(parts) or "there are no rows"
    return f"{told}; cosine {bound.least:.3f} and more ({bound.reason}), {about}{missed}"
