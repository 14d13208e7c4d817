"""Laws of ties: keys always tie, copies tie unless that defeats the split, then they are loose."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.data.ties import held_out, tied_rows
from smallcraft.records import Roles

ROLES = Roles(label="label", text="text", key="who")
METHOD = "same text, or trigram similarity of 0.9 and more"
TEXTS = ["hello there", "Hello there!", "a b c", "x y z", "x y z"]


def ties(keys: list[str | None], *, room: float = 99, by_time: bool = False):
    frame = pl.DataFrame({"text": TEXTS, "label": list("pqpqp"), "who": keys})
    return tied_rows(frame, ROLES, similarity=0.9, room=room, by_time=by_time)


def test_keys_and_copies_tie_and_chain():
    # Rows 0-1 and 3-4 are copies; the key ties 1 to 2.
    assert ties(["a", "b", "b", "c", "d"]).units.tolist() == [0, 0, 0, 1, 1]


def test_rows_without_a_key_are_tied_by_copies_only():
    assert ties([None] * 5).units.tolist() == [0, 0, 1, 2, 2]


def test_a_block_larger_than_its_room_is_taken_apart_to_keys():
    found = ties(["a", "b", "b", "c", "d"], room=2)
    assert found.units.tolist() == [0, 1, 1, 2, 3]
    assert found.loose_copies.tolist() == [0, 0, 1, 2, 2]


def test_a_key_that_is_itself_too_large_stays_whole():
    assert ties(["a", "a", "a", "c", "d"], room=2).units.tolist() == [0, 0, 0, 1, 1]


def test_copies_are_loose_when_time_decides():
    assert ties(["a", "b", "c", "d", "e"], by_time=True).loose_copies.tolist() == [0, 0, 1, 2, 2]


def test_what_ties_is_told():
    assert ties(["a", "b", "b", "c", None]).notes == (
        f"copies never straddle ({METHOD}): 2 rows copy an earlier one",
        "rows with one 'who' stay together: 3 keys, 1 rows without one",
    )


groups_and_parts = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2)), min_size=1, max_size=40)


@given(groups_and_parts)
def test_after_holding_out_no_copy_straddles_and_the_fewest_rows_are_lost(rows):
    copies = np.unique([group for group, _ in rows], return_inverse=True)[1]
    part = np.array([at for _, at in rows])
    out = held_out(part, copies)
    for group in set(copies.tolist()):
        inside = copies == group
        assert len(set(part[inside & ~out].tolist())) == 1
        assert (inside & ~out).sum() == np.bincount(part[inside]).max()
