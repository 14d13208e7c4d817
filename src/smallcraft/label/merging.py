"""Puts votes and given labels together: labels after a round, what is left to adjudicate, agreement.

With a model's answers each row has a prior of its own (`label.believing`); without, the given labels are
heard as one more annotator of `data.quality.consensus`.
Always: only a row that somebody voted on can change; an unsure row stands in the queue, whatever its label
is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.quality.consensus import find_consensus
from smallcraft.data.votes import Votes, votes_from_long
from smallcraft.errors import InvalidInputError
from smallcraft.label.believing import believe, prior_of_rows
from smallcraft.label.doubt import doubt_labels
from smallcraft.label.vote_log import Vote
from smallcraft.records import Interval, Predictions
from smallcraft.stats.agreement import Agreement, count_votes, measure_agreement
from smallcraft.stats.intervals import require_fraction, wilson_interval

GIVEN = "given label"
ENOUGH = 0.8
_LOW_AGREEMENT = 0.7
_LEAST_PAIRS = 5


@dataclass(frozen=True)
class Merged:
    """What stands after the votes.

    Attributes:
        label: `(n,)` int64 codes; those given, where nobody voted.
        confidence: `(n,)` float64 posterior of the label; NaN where nobody voted and none was given.
        voted: `(n,)` bool.
        changed: `(m,)` int64 positions whose label is another one now, or is new.
        queue: `(m,)` int64 positions that were voted on and stay unsure, the least sure first.
        method: How, in words.
    """

    label: NDArray[np.int64]
    confidence: NDArray[np.float64]
    voted: NDArray[np.bool_]
    changed: NDArray[np.int64]
    queue: NDArray[np.int64]
    method: str


@dataclass(frozen=True)
class GoldRecord:
    """How one person did on rows whose truth is known."""

    annotator: str
    right: int
    answered: int
    interval: Interval


@dataclass(frozen=True)
class GuidelineGap:
    """Two classes that people do not tell apart: a line in the guideline is worth more than votes.

    Attributes:
        classes: The two, sorted.
        pairs: Pairs of votes on one row of which one says the first and one the second, or both the same of
            them.
        agreed: Share of those that agree.
        items: Rows to look at, on which people differ.
    """

    classes: tuple[str, str]
    pairs: int
    agreed: float
    items: tuple[str, ...]


def merge_votes(
    items: Sequence[str],
    given: NDArray[np.int64],
    votes: Sequence[Vote],
    *,
    classes: Sequence[str],
    model: Predictions | None = None,
    wrong: NDArray[np.float64] | None = None,
    truth: NDArray[np.int64] | None = None,
    enough: float = ENOUGH,
    seed: int = 0,
) -> Merged:
    """The labels after a round.

    Args:
        items: `n` ids.
        given: `(n,)` int64 codes of `classes`, -1 for none.
        votes: What people said; of items that are not here, nothing is heard.
        classes: `k` names.
        model: Out-of-sample answers on the same rows and classes.
        wrong: `(n,)` float64 chance of each given label to be wrong, where there is a model; None to have it
            made (`label.doubt`).
        truth: `(n,)` int64 adjudicated codes, -1 for none.
        enough: Posterior under which a voted row is to be adjudicated, in (0, 1).
        seed: Of the consensus.

    Raises:
        InvalidInputError: A share outside (0, 1), or parts of other rows.
    """
    require_fraction(enough, "enough")
    if len(items) != len(given):
        raise InvalidInputError(
            f"each item has one given label (-1 for none), got {len(items):,} items and {len(given):,} "
            "labels; take both from the same rows"
        )
    place = {item: row for row, item in enumerate(items)}
    here = [vote for vote in votes if vote.item in place]
    voted = np.zeros(len(items), dtype=np.bool_)
    voted[[place[vote.item] for vote in here]] = True
    if not here:
        nobody = np.empty(0, dtype=np.int64)
        sure = np.where(given >= 0, 1.0, np.nan)
        return Merged(given.copy(), sure, voted, nobody, nobody, "nobody voted: the labels given")
    coded = _coded(items, given, here, classes=classes, hear_given=model is None)
    if model is None:
        found = find_consensus(coded, gold=truth, seed=seed)
        posterior, how = found.posterior, found.method
    else:
        chance = doubt_labels(replace(model, truth=given)).wrong if wrong is None else wrong
        posterior = prior_of_rows(model.probs, given, chance)
        asked, known = np.flatnonzero(voted), None if truth is None else truth[voted]
        posterior[asked] = believe(posterior[asked], coded.at(asked), truth=known).posterior
        how = "people heard over each row's own chances, of its label to be wrong and of the model's answers"
    best, sure = posterior.argmax(axis=1), posterior.max(axis=1)
    label = np.where(voted, best, given).astype(np.int64)
    now = posterior[np.arange(len(items)), np.maximum(label, 0)]
    unsure = np.flatnonzero(voted & (sure < enough))
    queue = unsure[np.argsort(sure[unsure], kind="stable")]
    confidence = np.where(label >= 0, now, np.nan)
    return Merged(label, confidence, voted, np.flatnonzero(label != given), queue, how)


def votes_of_people(votes: Sequence[Vote], classes: Sequence[str]) -> Votes:
    """The votes as codes, the items in the order in which they first appear; a person's last word on an item.

    Raises:
        DataError: There are none.
    """
    last = {(vote.item, vote.annotator): vote.label for vote in votes}
    names = {"item": [item for item, _ in last], "annotator": [who for _, who in last]}
    frame = pl.DataFrame(
        {**names, "label": list(last.values())}, schema=dict.fromkeys((*names, "label"), pl.String)
    )
    found = votes_from_long(frame, item="item", annotator="annotator", label="label", source="the vote log")
    return _in_classes(found, classes)


def agreement_of(votes: Sequence[Vote], classes: Sequence[str], *, seed: int = 0) -> Agreement | None:
    """How far people agree on rows that two or more of them saw blind or not; None without a vote."""
    if not votes:
        return None
    coded = votes_of_people(votes, classes)
    counts = count_votes(coded.starts, coded.label, len(coded.classes))
    return measure_agreement(counts, rng=np.random.default_rng(seed))


def gold_records(votes: Sequence[Vote], truth: Mapping[str, str]) -> tuple[GoldRecord, ...]:
    """How often each person said the truth where it is known, with Wilson's interval; by name.

    Args:
        votes: Any; those on items without a truth are passed over.
        truth: Item to label.
    """
    right: dict[str, list[bool]] = {}
    for vote in votes:
        if vote.item in truth:
            right.setdefault(vote.annotator, []).append(vote.label == truth[vote.item])
    return tuple(
        GoldRecord(name, sum(hits), len(hits), wilson_interval(sum(hits), len(hits)))
        for name, hits in sorted(right.items())
    )


def guideline_gaps(votes: Sequence[Vote]) -> tuple[GuidelineGap, ...]:
    """Pairs of classes that people mix up: low agreement on rows where one of the two was said."""
    by_item: dict[str, list[str]] = {}
    for vote in votes:
        by_item.setdefault(vote.item, []).append(vote.label)
    same: dict[str, int] = {}
    apart: dict[tuple[str, str], list[str]] = {}
    for item, labels in by_item.items():
        for place, one in enumerate(labels):
            for other in labels[place + 1 :]:
                if one == other:
                    same[one] = same.get(one, 0) + 1
                else:
                    apart.setdefault((min(one, other), max(one, other)), []).append(item)
    gaps = []
    for (one, other), items in apart.items():
        agreed = same.get(one, 0) + same.get(other, 0)
        pairs = agreed + len(items)
        if pairs >= _LEAST_PAIRS and agreed / pairs < _LOW_AGREEMENT:
            gaps.append(GuidelineGap((one, other), pairs, agreed / pairs, tuple(dict.fromkeys(items))))
    return tuple(sorted(gaps, key=lambda gap: (-(1 - gap.agreed) * gap.pairs, gap.classes)))


def _coded(
    items: Sequence[str],
    given: NDArray[np.int64],
    votes: Sequence[Vote],
    *,
    classes: Sequence[str],
    hear_given: bool,
) -> Votes:
    """The votes on these rows, in their order; a person's last word on each."""
    said = {(vote.item, vote.annotator): vote.label for vote in votes}
    heard = [(item, f"person {who}", label) for (item, who), label in said.items()]
    if hear_given:
        heard += [(items[row], GIVEN, classes[given[row]]) for row in np.flatnonzero(given >= 0).tolist()]
    frame = pl.DataFrame(heard, schema=dict.fromkeys(("item", "annotator", "label"), pl.String), orient="row")
    coded = votes_from_long(frame, item="item", annotator="annotator", label="label", source="the vote log")
    assert coded.items is not None
    where = {item: place for place, item in enumerate(coded.items.to_list())}
    rows = np.array([where.get(item, -1) for item in items], dtype=np.int64)
    return _in_classes(coded, classes).at(rows)


def _in_classes(votes: Votes, classes: Sequence[str]) -> Votes:
    """The same votes in the codes of `classes`."""
    code = {name: place for place, name in enumerate(classes)}
    lost = [name for name in votes.classes if name not in code]
    if lost:
        raise InvalidInputError(
            f"a vote says '{lost[0]}', which is none of the {len(code)} classes; pass them all"
        )
    places = np.array([code[name] for name in votes.classes], dtype=np.int32)
    return replace(votes, label=places[votes.label], classes=tuple(classes))
