"""The reference: what a release's own rows look like, and all that is needed to measure others as they were.

Leaves to others: which rows (the release's dev or cert rows, answered by its bundle: `pipeline`), bytes
(`data.profiles.reference_bytes`), bins and distances (`stats`).
Always: windows and reference are measured by one function (`measure_rows`), so they differ in rows alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from smallcraft.data.profiles.categories import CategoryProfile
from smallcraft.data.profiles.domain import DomainScore
from smallcraft.data.profiles.embeddings import learn_embedding_map
from smallcraft.data.profiles.farness import Farness, learn_farness
from smallcraft.data.profiles.measuring import Measures, measure_rows
from smallcraft.data.profiles.profile import Profile, merge_profiles
from smallcraft.data.profiles.rows import Rows, check_names
from smallcraft.data.profiles.texts import LEAST_TEXTS, Vocabulary, learn_vocabulary
from smallcraft.errors import InvalidInputError

# Of the words of texts, which only explain; 3 kilobytes.
MOST_WORDS = 600
_WORDS = "/tokens"
_ROWS_AT_ONCE = 1 << 15


@dataclass(frozen=True)
class Reference:
    """What windows of a release are held against.

    Attributes:
        measures: How rows are measured.
        profiles: By season bucket; 0 alone where there is no season.
        season: Name of the season, such as `hour_of_week`; None for none.
        baselines: Any further numbers by name, such as a statistic's usual mean and spread.
    """

    measures: Measures
    profiles: Mapping[int, Profile]
    season: str | None = None
    baselines: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def whole(self) -> Profile:
        """Of all rows, whenever they came."""
        return merge_profiles(list(self.profiles.values()))

    def profile(self, bucket: int) -> Profile:
        """Of one bucket of the season; of all rows when it has none.

        Args:
            bucket: Which place of the season.
        """
        found = self.profiles.get(bucket)
        return self.whole if found is None else found


def make_reference(
    rows: Rows,
    *,
    rng: np.random.Generator,
    learned_from: Rows | None = None,
    buckets: NDArray[np.int64] | None = None,
    season: str | None = None,
    train_domain: Callable[[Rows], DomainScore | None] | None = None,
) -> Reference:
    """A reference from rows that a release did not learn from, with its answers to them.

    Args:
        rows: `n`, at least 1, with answers and embeddings where there are any.
        rng: Draws projections and centres.
        learned_from: Rows that vocabulary and embedding map are learned from, none of them in `rows`; None
            learns from `rows`, and then a word is known in a text when two others have it.
        buckets: `(n,)` int64 place of each row in the season; None without a season.
        season: Its name.
        train_domain: Trains the domain classifier; None for none.

    Raises:
        InvalidInputError: No rows, a reserved column name, or buckets of another length or without a season.
    """
    check_names(rows.names, rows.texts)
    if not rows.n:
        raise InvalidInputError("a reference wants at least 1 row, got none; give it the rows of dev")
    if (buckets is None) != (season is None) or (buckets is not None and len(buckets) != rows.n):
        raise InvalidInputError(
            f"a season wants its name and a bucket for each of {rows.n} rows, got season {season!r} and"
            f" {'no buckets' if buckets is None else f'{len(buckets)} buckets'}; give both, or neither"
        )
    taught = rows if learned_from is None else learned_from
    measures = Measures(
        vocabularies={name: learn_vocabulary(texts) for name, texts in taught.texts.items()},
        embedding=None if taught.embedding is None else learn_embedding_map(taught.embedding, rng=rng),
        domain=None if train_domain is None else train_domain(taught),
    )
    measures = replace(measures, farness=_learn_farness(rows))
    own = measures if learned_from is not None else replace(measures, vocabularies=_without_oneself(rows))
    places = np.zeros(rows.n, dtype=np.int64) if buckets is None else buckets
    profiles = {
        int(bucket): _profile(rows.take(np.flatnonzero(places == bucket)), own)
        for bucket in np.unique(places)
    }
    return Reference(measures, profiles, season)


def _learn_farness(rows: Rows) -> Farness:
    read = Rows(rows.n, numbers=rows.numbers, categories=rows.categories)
    return learn_farness(read, _profile(read, Measures()))


def _without_oneself(rows: Rows) -> Mapping[str, Vocabulary]:
    """Of texts that are measured themselves, words that would be known without the one that is."""
    return {name: learn_vocabulary(texts, least_texts=LEAST_TEXTS + 1) for name, texts in rows.texts.items()}


def _profile(rows: Rows, measures: Measures) -> Profile:
    parts = [
        measure_rows(rows.take(np.arange(at, min(at + _ROWS_AT_ONCE, rows.n))), measures).profile
        for at in range(0, rows.n, _ROWS_AT_ONCE)
    ]
    return shorten(merge_profiles(parts))


def shorten(profile: Profile) -> Profile:
    """A profile with the 600 most frequent words of each text column, to be kept.

    Args:
        profile: Of a reference, or of a window that is over.
    """
    columns = dict(profile.columns)
    for name, column in profile.columns.items():
        if name.endswith(_WORDS) and isinstance(column, CategoryProfile):
            columns[name] = column.keep_top(MOST_WORDS)
    return replace(profile, columns=columns)
