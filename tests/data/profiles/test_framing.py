"""Frames: whole or not there; a torn end is told from damage."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.data.profiles.framing import HEADER, frame, read_frames, read_whole
from smallcraft.errors import IntegrityError

PAYLOADS = st.lists(st.binary(min_size=1, max_size=30), max_size=5)


def file_of(payloads):
    return HEADER + b"".join(map(frame, payloads))


@given(PAYLOADS)
def test_payloads_come_back_in_order(payloads):
    assert read_whole(file_of(payloads), name="part") == tuple(payloads)


@given(PAYLOADS, st.data())
def test_torn_end_costs_the_last_frame_alone(payloads, data):
    whole = file_of(payloads)
    cut = data.draw(st.integers(0, len(whole)))
    found = read_frames(whole[:cut])
    assert not found.is_damaged
    assert found.payloads == tuple(payloads[: len(found.payloads)])
    assert cut < len(HEADER) or file_of(found.payloads) == whole[: found.whole_bytes]
    left = cut - found.whole_bytes
    assert cut < len(HEADER) or left < len(frame(payloads[len(found.payloads)] if left else b""))


def test_zeros_that_a_power_cut_leaves_are_a_torn_end():
    found = read_frames(file_of([b"one"]) + bytes(500))
    assert (found.payloads, found.is_damaged) == ((b"one",), False)
    assert found.whole_bytes == len(file_of([b"one"]))


def test_damage_before_whole_frames_is_told():
    data = bytearray(file_of([b"one", b"two", b"three"]))
    data[len(file_of([b"one"])) + 21] ^= 1
    found = read_frames(bytes(data))
    assert found.is_damaged
    assert found.payloads == (b"one",)


def test_part_of_another_format_is_refused():
    with pytest.raises(IntegrityError, match="collect it with the version that wrote it"):
        read_whole(HEADER.replace(b"1", b"2") + frame(b"one"), name="w-1")


@pytest.mark.parametrize("data", [b"something else entirely, longer than it", HEADER + b"torn", HEADER[:5]])
def test_closed_part_that_is_not_whole_is_refused(data):
    with pytest.raises(IntegrityError, match="w-1 must hold whole frames"):
        read_whole(data, name="w-1")
