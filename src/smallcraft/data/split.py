"""Splits a table into train, dev and cert without letting information leak between them.

What must not be separated belongs to `data.ties`, dealing units out to `data.placement`,
and as it was before to `data.allocation`.
Always, for the splits made here: neither a key nor a copy straddles; with a time, no row of train or dev is
later than the first moment of cert's latest rows; every class has two rows in train (one where
a row has several labels); every row is in one split or in `removed`. The same rows and seed give the same
splits, in whatever order the rows stand. A row stays in its split when others come, go or get another label,
but for rows beside a border (docs/decisions/0019-a-row-stays-in-its-split.md).
A user's own files or split column are honoured as they are: what leaks there is told, never moved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.allocation import LEAST_IN_TRAIN, Units, deal
from smallcraft.data.duplicates import NEAR_COPY, renumbered
from smallcraft.data.givensplits import GivenParts, given_parts, overlap_notes
from smallcraft.data.identity import digest_numbers, row_numbers
from smallcraft.data.placement import place
from smallcraft.data.table import Table, make_table
from smallcraft.data.targets import label_counts, strata_of
from smallcraft.data.ties import Ties, held_out, tied_rows
from smallcraft.errors import DataError, InvalidInputError
from smallcraft.records import SPLIT_NAMES, Roles, SplitName, TableRef, Task

DEFAULT_FRACTIONS: Mapping[SplitName, float] = {"train": 0.7, "dev": 0.15, "cert": 0.15}
_HELD_OUT = -1
_LAST_BITS = np.uint64(2**20 - 1)
# How units are dealt out: 1 anew for every table, by labels and sizes; 2 each by its own number. A release
# that records no method was dealt by the first, which stays so that it can be built again.
DEALT_ANEW, DEALT_BY_NUMBER = 1, 2


@dataclass(frozen=True)
class Splits:
    """Train, dev and cert.

    Attributes:
        frames: Rows of each split, in the table's order.
        refs: Each split by its content.
        notes: What was done and what is odd, in plain sentences.
        removed: Rows held out because they copy a row of another split and could not follow it; see
            `data.ties`. Empty nearly always.
        dealing: Number of the method that units were dealt out by.
    """

    frames: Mapping[SplitName, pl.DataFrame]
    refs: Mapping[SplitName, TableRef]
    notes: tuple[str, ...]
    removed: pl.DataFrame = field(default_factory=pl.DataFrame)
    dealing: int = DEALT_BY_NUMBER


def split_table(
    table: Table,
    *,
    fractions: Mapping[SplitName, float] = DEFAULT_FRACTIONS,
    seed: int,
    cert: Table | None = None,
    dev: Table | None = None,
    split_column: str | None = None,
    similarity: float = NEAR_COPY,
    dealing: int = DEALT_BY_NUMBER,
) -> Splits:
    """Split by class, key, time and copies.

    Args:
        table: The rows to split (the training rows, where `cert` or `dev` are given).
        fractions: Share of rows of each split; sums to 1. Parts that the user gives are not dealt again:
            the others keep their proportions.
        seed: Chooses among the splits that satisfy everything else.
        cert: An official test set, used as it is.
        dev: A development set, used as it is.
        split_column: Column that says train, dev or cert (also: valid, validation, test); parts that it
            does not name are made from train.
        similarity: Least trigram similarity of near copies; see `data.duplicates`.
        dealing: `DEALT_BY_NUMBER`, or `DEALT_ANEW` for a release that was.

    Returns:
        Three splits; with `removed` they hold every row once.

    Raises:
        InvalidInputError: The fractions do not make sense, or the method is none that is known.
        DataError: The rows cannot be split; a class is too small, or one key holds too much.
    """
    _check_fractions(fractions)
    _check_dealing(dealing)
    given = given_parts(table, cert=cert, dev=dev, split_column=split_column)
    wanted = [name for name in SPLIT_NAMES if name not in given.frames]
    rest, notes = given.rest, list(given.notes)
    part = np.zeros(rest.height, dtype=np.int64)
    if len(wanted) > 1:
        total = sum(fractions[name] for name in wanted)
        shares = {name: fractions[name] / total for name in wanted}
        part = _parts(_Rest(rest, table.roles, seed, similarity, dealing), shares, notes)
    made = {name: rest.filter(pl.Series(part == at)) for at, name in enumerate(wanted)}
    frames = {name: made[name] if name in made else given.frames[name] for name in SPLIT_NAMES}
    _check_not_empty(frames, table)
    _TRAIN_CHECKS[table.roles.task](
        frames["train"][table.roles.label],
        rest[table.roles.label],
        table.roles,
        is_given=len(wanted) == 1,
    )
    notes += _class_notes(frames, table.roles)
    notes += overlap_notes(frames, table.roles, given=tuple(given.frames), similarity=similarity)
    removed = rest.filter(pl.Series(part == _HELD_OUT))
    return Splits(frames, _refs(frames, table, given), tuple(notes), removed, dealing)


def _check_fractions(fractions: Mapping[SplitName, float]) -> None:
    if set(fractions) != set(SPLIT_NAMES):
        raise InvalidInputError(
            f"fractions need train, dev and cert, got {', '.join(fractions) or 'none'}; "
            "write for example train 0.7, dev 0.15, cert 0.15"
        )
    shares = np.array([fractions[name] for name in SPLIT_NAMES])
    if not np.all(shares > 0) or abs(shares.sum() - 1) > 1e-6:
        raise InvalidInputError(
            f"fractions must be above 0 and sum to 1, got {dict(fractions)}; "
            "write shares like 0.7, 0.15, 0.15"
        )


def _check_dealing(dealing: int) -> None:
    if dealing not in _METHODS:
        raise InvalidInputError(
            f"rows are dealt to splits by method {' or '.join(map(str, _METHODS))}, got {dealing}; "
            "install the version of smallcraft that recorded it"
        )


@dataclass(frozen=True)
class _Rest:
    """The rows to deal out, and what the deal depends on."""

    frame: pl.DataFrame
    roles: Roles
    seed: int
    similarity: float
    dealing: int

    def unit_order(self, ties: Ties) -> NDArray[np.uint64]:
        """A number for each unit, of the seed and of its key or inputs; by the first method, of all of it."""
        whole = digest_numbers(self.frame, self.roles.named)
        if self.dealing == DEALT_ANEW:
            return _least(_mixed(whole ^ self._salt), ties.units)
        own = _mixed(_least(row_numbers(self.frame, self.roles, ties), ties.units) ^ self._salt)
        # Units of one number, such as copies over time, stand in an order that the table's has no part in.
        return np.asarray(own & ~_LAST_BITS | _least(_mixed(whole) & _LAST_BITS, ties.units))

    @property
    def _salt(self) -> NDArray[np.uint64]:
        return _mixed(np.array([self.seed % 2**64], dtype=np.uint64))


def _least(numbers: NDArray[np.uint64], units: NDArray[np.int64]) -> NDArray[np.uint64]:
    """The smallest number among the rows of each unit."""
    least = np.full(int(units.max(initial=-1)) + 1, np.iinfo(np.uint64).max)
    np.minimum.at(least, units, numbers)
    return least


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """splitmix64: whole-number arithmetic, the same on every machine (Steele et al. 2014, OOPSLA)."""
    z = values + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _parts(rest: _Rest, shares: Mapping[SplitName, float], notes: list[str]) -> NDArray[np.int64]:
    """Split number of each row, in the order of `shares`; `_HELD_OUT` for rows that go nowhere.

    1. Tie rows by key and by being copies.
    2. With a time, the latest units are cert.
    3. Deal the other units out by class.
    4. Hold out rows that copy a row of another split.
    """
    names = list(shares)
    by_time = rest.roles.time is not None and "cert" in shares
    ties = tied_rows(  # (1)
        rest.frame,
        rest.roles,
        similarity=rest.similarity,
        room=min(shares.values()) * rest.frame.height,
        by_time=by_time,
    )
    notes += ties.notes
    order = rest.unit_order(ties)
    part = np.zeros(rest.frame.height, dtype=np.int64)
    is_open = np.ones(rest.frame.height, dtype=bool)
    if by_time:  # (2)
        is_open = ~_latest_units(rest, ties.units, order, shares["cert"], notes)[ties.units]
        part[~is_open] = names.index("cert")
        names.remove("cert")
    elif rest.roles.time is not None:
        notes.append("cert was given, so time does not decide the split")
    if len(names) > 1:  # (3)
        weights = np.array([shares[name] for name in names])
        rows = np.flatnonzero(is_open)
        part[rows] = _dealt(rest, ties.units, order, rows, weights / weights.sum())
        dealt = f"{', '.join(names[:-1])} and {names[-1]}"
        notes.append(f"{dealt} are {_how(rest)}, seed {rest.seed}")
    if ties.loose_copies is not None:  # (4)
        is_out = held_out(part, ties.loose_copies)
        part[is_out] = _HELD_OUT
        notes.append(f"{is_out.sum():,} rows are held out: they copy a row of another split")
    return part


def _how(rest: _Rest) -> str:
    by = _STRATIFIED_BY[rest.roles.task].format(rest.roles.label)
    if rest.dealing == DEALT_ANEW:
        return f"stratified by {by}"
    own = "inputs" if rest.roles.key is None else f"'{rest.roles.key}'"
    return f"dealt by a number of each row's {own} and stratified by {by}"


def _dealt(
    rest: _Rest,
    units: NDArray[np.int64],
    order: NDArray[np.uint64],
    rows: NDArray[np.int64],
    weights: NDArray[np.float64],
) -> NDArray[np.int64]:
    labels = strata_of(rest.frame[rest.roles.label].gather(rows), rest.roles)
    names = labels.unique().sort()
    codes = labels.rank("dense").to_numpy().astype(np.int64) - 1
    local = renumbered(units[rows])
    kept = np.empty(int(local.max(initial=-1)) + 1, dtype=np.uint64)
    kept[local] = order[units[rows]]
    split = _METHODS[rest.dealing](Units(local, codes, kept, len(names)), weights)
    return split[local]


_METHODS: Mapping[int, Callable[[Units, NDArray[np.float64]], NDArray[np.int64]]] = {
    DEALT_ANEW: deal,
    DEALT_BY_NUMBER: place,
}


def _latest_units(
    rest: _Rest,
    units: NDArray[np.int64],
    order: NDArray[np.uint64],
    share: float,
    notes: list[str],
) -> NDArray[np.bool_]:
    """True for the units whose latest row is latest, up to the share of rows.

    A unit counts by its latest row: then nothing later than cert's border is left outside cert, at the price
    of cert holding the earlier rows of its own keys.
    """
    name = rest.roles.time
    assert name is not None
    times = rest.frame[name].rank("dense").to_numpy().astype(np.int64)
    latest = np.zeros(len(order), dtype=np.int64)
    np.maximum.at(latest, units, times)
    sizes = np.bincount(units, minlength=len(order))
    newest_first = np.lexsort((order, -latest))
    rows = np.cumsum(sizes[newest_first])
    wanted = share * rest.frame.height
    taken = int(np.searchsorted(rows, wanted - 1e-9)) + 1
    if taken > 1 and rows[taken - 1] - wanted > wanted - rows[taken - 2]:
        taken -= 1
    is_latest = np.zeros(len(order), dtype=bool)
    is_latest[newest_first[:taken]] = True
    if is_latest.all():
        raise DataError(
            "rows with one key reach over all of the time, so nothing is left for train; "
            "take the key out of the roles, or give cert as a file of its own"
        )
    border = rest.frame[name].to_numpy()[is_latest[units] & (times >= latest[is_latest].min())].min()
    earlier = int((is_latest[units] & (times < latest[is_latest].min())).sum())
    notes.append(
        f"cert is the latest {share:.0%} by '{name}', from {border}"
        + (f"; {earlier:,} of its rows are earlier, tied to later ones" if earlier else "")
    )
    return is_latest


def _check_not_empty(frames: Mapping[SplitName, pl.DataFrame], table: Table) -> None:
    for name, frame in frames.items():
        if frame.height == 0:
            raise DataError(
                f"{name} would hold no row of {table.source}; its {table.frame.height:,} rows are too few, "
                "or tied together by key or by being copies; add rows or take the key out of the roles"
            )


def _check_classes(
    train: pl.Series, everything: pl.Series, roles: Roles, *, is_given: bool, least: int = LEAST_IN_TRAIN
) -> None:
    """Every class of the rows to deal out must have two rows in train; a label among several, one."""
    counts = label_counts(train, roles)
    small = [name for name in label_counts(everything, roles) if counts.get(name, 0) < least]
    if small and not is_given:
        found = counts.get(small[0], 0)
        others = f" (and {len(small) - 1:,} more such classes)" if len(small) > 1 else ""
        raise DataError(
            f"class '{small[0]}' has {found} rows that may go to train{others}, {least} are needed; "
            "add rows of it, merge it into another class, or look at the time and key columns"
        )
    if len(counts) < 2:
        raise DataError(
            f"train would hold {len(counts)} class, 2 are needed; its classes are tied together by key, "
            "copies or time - look at those columns"
        )


def _check_values(train: pl.Series, everything: pl.Series, roles: Roles, *, is_given: bool) -> None:  # noqa: ARG001
    if train.n_unique() < 2:
        raise DataError(
            f"every row of train has the one value {train[0]} of '{roles.label}'; a regression needs values "
            "that differ - look at the time and key columns"
        )


_TRAIN_CHECKS: Mapping[Task, Callable[..., None]] = {
    "multiclass": _check_classes,
    "multilabel": partial(_check_classes, least=1),
    "regression": _check_values,
}
_STRATIFIED_BY: Mapping[Task, str] = {
    "multiclass": "'{}'",
    "multilabel": "the rarest label of each row in '{}'",
    "regression": "bins of '{}'",
}


def _class_notes(frames: Mapping[SplitName, pl.DataFrame], roles: Roles) -> list[str]:
    known = {name: set(label_counts(frame[roles.label], roles)) for name, frame in frames.items()}
    notes = []
    for name in ("dev", "cert"):
        if absent := sorted(known["train"] - known[name]):
            notes.append(f"{name} has no row of {_listed(absent)}: they cannot be measured there")
        if unseen := sorted(known[name] - known["train"]):
            notes.append(f"{name} has rows of {_listed(unseen)}, which train never shows")
    return notes


def _listed(names: Sequence[str]) -> str:
    few = ", ".join(f"'{name}'" for name in names[:5])
    return few + (f" and {len(names) - 5:,} more classes" if len(names) > 5 else "")


def _refs(
    frames: Mapping[SplitName, pl.DataFrame], table: Table, given: GivenParts
) -> dict[SplitName, TableRef]:
    sources = {name: given.sources.get(name, table.source) for name in frames}
    return {name: make_table(frame, table.roles, source=sources[name]).ref for name, frame in frames.items()}
