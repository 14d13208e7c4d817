"""Frames' payloads: what was seen comes back, and adds up."""

from __future__ import annotations

import numpy as np
import pytest

from smallcraft.data.profiles.categories import profile_categories
from smallcraft.data.profiles.kept import KeepLimits, KeptRow, KeptRows
from smallcraft.data.profiles.numeric import profile_numbers
from smallcraft.data.profiles.packing import (
    Seen,
    merge_seen,
    pack_profile,
    pack_seen,
    unpack_profile,
    unpack_seen,
)
from smallcraft.data.profiles.profile import Profile, SliceName
from smallcraft.errors import IntegrityError

SOUTH = SliceName("helpdesk@3", "süd")
LIMITS = KeepLimits(2, 1, 1)


def seen(*numbers, draw=1):
    columns = {
        "age": profile_numbers(np.array(numbers)),
        "city": profile_categories(["Zürich"] * len(numbers)),
    }
    row = KeptRow((1 << 64) - draw, '{"city": "Zürich"}', None, 0.25, None)
    return Seen(Profile(len(numbers), 1, columns), KeptRows(len(numbers), LIMITS, (row,)))


def test_what_was_seen_comes_back():
    slices = {SliceName("helpdesk@4"): Seen(seen(1.0).profile), SOUTH: seen(1.0, 2.0)}
    assert unpack_seen(pack_seen(slices)) == slices


def test_profile_comes_back():
    profile = seen(1.0).profile
    assert unpack_profile(pack_profile(profile)) == profile


def test_nothing_seen_comes_back():
    assert unpack_seen(pack_seen({})) == {}


def test_slices_add_up_each_by_itself():
    other = SliceName("helpdesk@4")
    merged = merge_seen([{SOUTH: seen(1.0, draw=5)}, {SOUTH: seen(2.0, draw=2), other: seen(3.0)}])
    assert set(merged) == {SOUTH, other}
    assert merged[SOUTH].profile.columns["age"] == profile_numbers(np.array([1.0, 2.0]))
    assert merged[SOUTH].kept.n == 2
    assert [row.draw for row in merged[SOUTH].kept.rows] == [(1 << 64) - 5, (1 << 64) - 2]


def test_slices_without_kept_rows_have_none_together():
    assert merge_seen([{SOUTH: Seen(seen(1.0).profile)}] * 2)[SOUTH].kept is None


def test_other_format_is_refused():
    with pytest.raises(IntegrityError, match="of format 1, got b'9'"):
        unpack_seen(b"9" + pack_seen({})[1:])


@pytest.mark.parametrize("cut", [3, 40])
def test_cut_payload_is_refused(cut):
    with pytest.raises(IntegrityError, match="set the part aside"):
        unpack_seen(pack_seen({SOUTH: seen(1.0)})[:-cut])


# As format 1 was first written; it stays readable.
SEEN_1 = bytes.fromhex(
    "017801e3626060c848cd2948492dce76306605f28af34b4b32a2810c462006012608c5c00ca413d3531d8094"
    "1f54082795ce02d21d9cc602d2fc520ac461665063620231181918038154b5529e929582a18e82524e666e66"
    "493190136da40312308c050a16e5978385a295cc9580dcea1825a0dd31404526867aa6b520a1442061a067aa"
    "a390579a93131b5b0b002ee01fb1"
)


def test_payload_of_format_1_is_read():
    ((name, found),) = unpack_seen(SEEN_1).items()
    row = KeptRow(7, '{"age": 41.5}', "a", 0.5, None)
    assert name == SliceName("helpdesk@3", "south")
    assert found.profile == Profile(1, 2, {"age": profile_numbers(np.array([41.5]))})
    assert found.kept == KeptRows(1, LIMITS, (row,))
