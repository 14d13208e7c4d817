"""What one split shows that train never did: values, numbers out of range, label x group cells, words.

The yardstick is train itself: the share of its own rows that would bring something unseen, were each left out
in turn (for single values this is the Good-Turing estimate). A split that brings clearly more is not from
where train is from.
Always: rows of one key are left out together; a missing value is not a value.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import special

from smallcraft.records import Interval, Roles
from smallcraft.stats.intervals import clopper_pearson_interval, normal_quantile, two_sided_tail

UnseenKind = Literal["unseen value", "outside range", "unseen cell", "unseen words"]
_CHUNK_ROWS = 50_000
_NO_SPREAD = 1e-15
# Scripts written without spaces: there each sign counts as a word.
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_WORD = rf"[{_UNSPACED}]|[\w--[{_UNSPACED}]]+"


@dataclass(frozen=True)
class Shares:
    """A share pooled over clusters of rows.

    Attributes:
        hits: `(c,)` float64, what counts in each cluster.
        totals: `(c,)` float64, out of how much; each above 0.
    """

    hits: NDArray[np.float64]
    totals: NDArray[np.float64]

    @property
    def value(self) -> float | None:
        """The share; None of nothing."""
        return float(self.hits.sum() / self.totals.sum()) if len(self.totals) else None

    def interval(self, *, level: float) -> Interval | None:
        """Clopper-Pearson bounds with as many trials as the clusters are worth; None of nothing.

        Source:
            Korn and Graubard (1998), Survey Methodology 24:193-201.
        """
        value, clusters = self.value, len(self.totals)
        if value is None:
            return None
        trials = float(clusters)
        if 0.0 < value < 1.0 and clusters > 1:
            total = float(self.totals.sum())
            residuals = float(np.sum((self.hits - value * self.totals) ** 2))
            variance = clusters / (clusters - 1) * residuals / total**2
            # Without a spread to estimate it from, each cluster is worth one trial: the cautious end.
            worth = clusters if variance < _NO_SPREAD else min(total, value * (1 - value) / variance)
            tail = two_sided_tail(level)
            caution = (normal_quantile(tail) / float(special.stdtrit(clusters - 1, tail))) ** 2
            trials = max(1.0, worth * caution)
        return clopper_pearson_interval(value * trials, trials, level=level)


@dataclass(frozen=True)
class Unseen:
    """What a split shows that train does not, beside what train would show of itself.

    Attributes:
        column: Where.
        rows: `(m,)` int64 rows of the split that show something unseen.
        split: The share in the split.
        train: The share in train, each row (or key) left out in turn.
    """

    kind: UnseenKind
    column: str
    rows: NDArray[np.int64]
    split: Shares
    train: Shares

    def is_clearly_more(self, *, level: float) -> bool:
        """Whether the split's interval lies above train's."""
        here, there = self.split.interval(level=level), self.train.interval(level=level)
        return here is not None and there is not None and here.low > there.high


def find_unseen(train: pl.DataFrame, split: pl.DataFrame, roles: Roles) -> Iterator[Unseen]:
    """Compare a split with train, column by column.

    Args:
        train: Rows that a model learns from; at least one.
        split: Rows that it is measured on.
        roles: Which column plays which part.
    """
    clusters = _clusters(train, roles), _clusters(split, roles)
    for name in roles.features:
        if train[name].dtype.is_numeric():
            yield _unseen_numbers(train[name], split[name], clusters)
        elif train[name].dtype != pl.Boolean:
            yield _unseen_values(
                "unseen value", train[name].cast(pl.String), split[name].cast(pl.String), clusters
            )
    for name in roles.groups:
        cells = _cells(train, roles.label, name), _cells(split, roles.label, name)
        yield _unseen_values("unseen cell", *cells, clusters)
    if roles.text is not None:
        yield _unseen_words(train[roles.text], split[roles.text], clusters)


_Clusters = tuple[NDArray[np.int64], NDArray[np.int64]]


def _clusters(frame: pl.DataFrame, roles: Roles) -> NDArray[np.int64]:
    """A number for each row, equal for rows of one key."""
    alone = np.arange(frame.height, dtype=np.int64)
    if roles.key is None:
        return alone
    key = frame[roles.key]
    numbers = key.rank("dense").cast(pl.Int64).fill_null(0).to_numpy()
    return np.where(key.is_null().to_numpy(), alone, frame.height + numbers)


def _pooled(hits: NDArray[np.generic], totals: NDArray[np.generic], clusters: NDArray[np.int64]) -> Shares:
    """Sums over the clusters, but for those that say nothing."""
    _, of_row = np.unique(clusters, return_inverse=True)
    hit, total = (
        np.bincount(of_row, weights=values.astype(np.float64)).astype(np.float64) for values in (hits, totals)
    )
    return Shares(hit[total > 0], total[total > 0])


def _cells(frame: pl.DataFrame, label: str, group: str) -> pl.Series:
    given, value = pl.col(label).cast(pl.String), pl.col(group).cast(pl.String)
    cell = pl.concat_str(given.str.len_bytes().cast(pl.String), pl.lit(":"), given, value)
    return frame.select(cell.alias(group)).to_series()


def _unseen_values(kind: UnseenKind, train: pl.Series, split: pl.Series, clusters: _Clusters) -> Unseen:
    known = (
        pl.DataFrame({"value": train, "cluster": clusters[0]})
        .drop_nulls()
        .group_by("value")
        .agg(alone=pl.col("cluster").min() == pl.col("cluster").max())
    )
    alone = known.filter("alone")["value"]
    own = train.is_in(alone.implode()).fill_null(value=False).to_numpy()
    new = (~split.is_in(known["value"].implode())).fill_null(value=False).to_numpy()
    return Unseen(
        kind,
        split.name,
        np.flatnonzero(new),
        _pooled(new, split.is_not_null().to_numpy(), clusters[1]),
        _pooled(own, train.is_not_null().to_numpy(), clusters[0]),
    )


def _unseen_numbers(train: pl.Series, split: pl.Series, clusters: _Clusters) -> Unseen:
    values, own_clusters = train.cast(pl.Float64).fill_null(math.nan).to_numpy(), clusters[0]
    tried = split.cast(pl.Float64).fill_null(math.nan).to_numpy()
    known = np.isfinite(values)
    own, new = np.zeros(len(values), dtype=bool), np.zeros(len(tried), dtype=bool)
    for sign in (1.0, -1.0):
        signed = np.where(known, sign * values, -np.inf)
        top = signed.max(initial=-np.inf)
        new |= sign * tried > top
        # Where one cluster holds every highest number, it reaches beyond the other clusters' highest one.
        highest = np.unique(own_clusters[(signed == top) & known])
        if len(highest) == 1:
            mine = own_clusters == highest[0]
            own |= mine & known & (signed > signed[~mine].max(initial=-np.inf))
    return Unseen(
        "outside range",
        split.name,
        np.flatnonzero(new),
        _pooled(new, np.isfinite(tried), clusters[1]),
        _pooled(own, known, own_clusters),
    )


def _unseen_words(train: pl.Series, split: pl.Series, clusters: _Clusters) -> Unseen:
    parts = [
        pl.DataFrame({"word": words, "cluster": clusters[0][rows]})
        .group_by("word")
        .agg(pl.col("cluster").min().alias("low"), pl.col("cluster").max().alias("high"), pl.len().alias("n"))
        for rows, words in _words(train)
    ]
    known = pl.concat(parts) if parts else pl.DataFrame(schema=_WORD_SCHEMA)
    known = known.group_by("word").agg(pl.col("low").min(), pl.col("high").max(), pl.col("n").sum())
    alone = known.filter(pl.col("low") == pl.col("high"))
    own = np.bincount(alone["low"].to_numpy(), weights=alone["n"].to_numpy(), minlength=1)
    totals = np.zeros(max(len(own), int(clusters[0].max(initial=-1)) + 1))
    own = np.pad(own, (0, len(totals) - len(own)))
    for rows, _ in _words(train):
        totals += np.bincount(clusters[0][rows], minlength=len(totals))
    new = np.zeros(len(split))
    counts = np.zeros(len(split))
    for rows, words in _words(split):
        is_new = (~words.is_in(known["word"].implode())).to_numpy()
        new += np.bincount(rows, weights=is_new, minlength=len(new))
        counts += np.bincount(rows, minlength=len(new))
    return Unseen(
        "unseen words",
        split.name,
        np.flatnonzero(new),
        _pooled(new, counts, clusters[1]),
        _pooled(own, totals, np.arange(len(totals))),
    )


_WORD_SCHEMA = {"word": pl.UInt64, "low": pl.Int64, "high": pl.Int64, "n": pl.UInt32}


def _words(texts: pl.Series) -> Iterator[tuple[NDArray[np.int64], pl.Series]]:
    """Chunk by chunk the words as hashes of 64 bits, and the row of each."""
    for start in range(0, len(texts), _CHUNK_ROWS):
        found = texts.slice(start, _CHUNK_ROWS).fill_null("").str.to_lowercase().str.extract_all(_WORD)
        lengths = found.list.len().to_numpy()
        rows = np.repeat(np.arange(start, start + len(found), dtype=np.int64), lengths)
        yield rows, found.explode().drop_nulls().hash()


def word_sets(texts: pl.Series) -> pl.Series:
    """A hash of each text's set of words: equal for texts that differ in order, repetition or punctuation.

    >>> word_sets(pl.Series(["Lost card!", "card, lost", "lost"])).rank("dense").n_unique()
    2
    """
    parts = [
        texts.slice(start, _CHUNK_ROWS)
        .fill_null("")
        .str.to_lowercase()
        .str.extract_all(_WORD)
        .list.unique()
        .list.sort()
        .list.join(" ")
        .hash()
        for start in range(0, len(texts), _CHUNK_ROWS)
    ]
    return pl.concat(parts) if parts else pl.Series(dtype=pl.UInt64)
