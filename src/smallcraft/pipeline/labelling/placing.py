"""Where each row of the next data stands: every row stays in its split, and rows that were picked learn.

To split anew would seal rows that were picked because they looked bad, which are a sample of nothing, and
would teach rows that are sealed today. So a version of the data says of each row where it stands, in the
column `COLUMN`, which belongs into `[data] split`.
Leaves to others: making splits (`data.split`), writing the version (`pipeline.labelling.version`).
Always: a row of dev or cert stays there; a row that was picked is of train, or is left out where a row of dev
or cert has its key or is a copy of it; only rows that were drawn blindly may join dev or cert.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.duplicates import NEAR_COPY, joined_groups, near_duplicate_pairs, row_copies
from smallcraft.label.campaign import Campaign
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.stages.prepare import Prepared, positions_in
from smallcraft.records import SPLIT_NAMES, Roles, SplitName

COLUMN = "smallcraft_split"
_SEALED: tuple[SplitName, ...] = ("dev", "cert")


@dataclass(frozen=True)
class NewPlaces:
    """Where new rows stand.

    Attributes:
        split: Id to the split of each row that joins the data.
        left_out: Ids of rows that would show a model what dev or cert ask.
    """

    split: Mapping[str, SplitName]
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class OwnPlaces:
    """Where rows of the main file stand.

    Attributes:
        split: `n` words, one a row of the file; of rows that were set aside, some word.
        held_out: Positions of rows that copy a row of another split.
    """

    split: tuple[SplitName, ...]
    held_out: tuple[int, ...]


def blind_items(campaigns: Sequence[Campaign]) -> frozenset[str]:
    """Ids of rows that were drawn blindly, and picked in no round."""
    asks = [ask for campaign in campaigns for ask in campaign.asks]
    picked = {ask.item for ask in asks if ask.arm == "targeted"}
    return frozenset(ask.item for ask in asks if ask.arm == "random") - picked


def places_of_own(prepared: Prepared, *, rows: int) -> OwnPlaces:
    """Where rows of the main file stand now.

    Args:
        prepared: The splits.
        rows: In the file.
    """
    split = np.full(rows, "train", dtype=object)
    for name in SPLIT_NAMES:
        if name not in prepared.given:
            split[positions_in(prepared.splits.frames[name])] = name
    removed = prepared.splits.removed
    held_out = positions_in(removed).tolist() if removed.height else []
    return OwnPlaces(tuple(split.tolist()), tuple(sorted(held_out)))


def places_of_new(
    config: Config, prepared: Prepared, frame: pl.DataFrame, items: Sequence[str], *, blind: Collection[str]
) -> NewPlaces:
    """Where new rows will stand.

    1. what ties each row to rows that have a split, and to other new rows: a key, or being a copy
    2. rows that are tied to a row that was picked go where that goes: to train
    3. others follow their ties, and are dealt where they have none

    Args:
        config: The project.
        prepared: Its splits.
        frame: `(n,)` new rows, typed as in train.
        items: Their ids.
        blind: Ids of rows that were drawn blindly.
    """
    roles, n = prepared.table.roles, len(items)
    if not n:
        return NewPlaces({}, ())
    tied = {name: _is_tied(prepared.splits.frames[name], frame, roles) for name in SPLIT_NAMES}  # (1)
    groups = _groups(frame, roles)
    is_blind = np.array([item in blind for item in items])
    picked = np.zeros(int(groups.max()) + 1, dtype=np.bool_)
    np.logical_or.at(picked, groups, ~is_blind)
    split: dict[str, SplitName] = {}
    left_out = []
    for row, item in enumerate(items):
        same = groups == groups[row]
        near = {name for name in SPLIT_NAMES if tied[name][same].any()}
        if picked[groups[row]]:
            is_kept = not any(tied[name][row] for name in _SEALED)  # (2)
            place: SplitName = "train"
        else:
            is_kept = len(near) <= 1  # (3)
            place = next(iter(near), _dealt(config, items[int(np.argmax(same))]))
        if is_kept:
            split[item] = place
        else:
            left_out.append(item)
    return NewPlaces(split, tuple(left_out))


def _is_tied(held: pl.DataFrame, new: pl.DataFrame, roles: Roles) -> NDArray[np.bool_]:
    """`(n,)`, True for new rows that have the key of a held row, or nearly its text."""
    found = np.zeros(new.height, dtype=np.bool_)
    if roles.text is not None:
        texts = [frame[roles.text].fill_null("").to_list() for frame in (held, new)]
        found[near_duplicate_pairs(texts[0], texts[1], similarity=NEAR_COPY)["right"]] = True
    if roles.key is not None:
        has_key = new[roles.key].is_in(held[roles.key].drop_nulls().unique().implode()).fill_null(value=False)
        found |= has_key.to_numpy()
    return found


def _groups(frame: pl.DataFrame, roles: Roles) -> NDArray[np.int64]:
    """`(n,)` numbers of groups of new rows that are copies or have one key."""
    groups = row_copies(frame, roles).groups
    if roles.key is None:
        return groups
    numbered = pl.DataFrame({"group": groups, "key": frame[roles.key]}).drop_nulls("key")
    first = numbered.group_by("key", maintain_order=True).first().rename({"group": "first"})
    links = numbered.join(first, on="key")
    return joined_groups(groups, links["first"].to_numpy(), links["group"].to_numpy())


def _dealt(config: Config, item: str) -> SplitName:
    """Where a blind row without ties goes: with a time it is of the latest; a user's own test set stays."""
    data = config.data
    if data.cert is not None or data.split not in {None, COLUMN}:
        return "train"
    if data.time is not None:
        return "cert"
    at, edge = int(item, 16) / 16 ** len(item), 0.0
    for name in SPLIT_NAMES:
        edge += data.fractions.by_split[name]
        if at < edge and getattr(data, name, None) is None:
            return name
    return "train"
