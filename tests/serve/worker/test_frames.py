"""Frames: whatever the stream was cut into, they come out as they went in."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smallcraft.errors import IntegrityError
from smallcraft.serve.worker.frames import (
    CANCEL,
    FAILED,
    HELLO,
    LEAVING,
    PREFIX,
    FrameCutter,
    hello_frame,
    kind_of,
    read_hello,
    short_frame,
    short_text,
)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from([CANCEL, FAILED, LEAVING]), st.integers(0, 2**32 - 1), st.text())),
    st.lists(st.integers(1, 40), min_size=1),
)
def test_frames_come_out_as_they_went_in_however_the_stream_was_cut(sent, cuts):
    frames = [short_frame(kind, number, text) for kind, number, text in sent]
    stream, cutter, found, place = b"".join(frames), FrameCutter(), [], 0
    while place < len(stream):
        for cut in cuts:
            found += cutter.feed(stream[place : place + cut])
            place += cut
    assert found == frames
    assert [(kind_of(frame), short_text(frame)) for frame in found] == [
        (kind, text) for kind, _, text in sent
    ]


def test_a_hello_says_what_was_told():
    told = {"classes": ["ä", '"'], "version": "3"}
    frame = hello_frame(told)
    assert kind_of(frame) == HELLO
    assert read_hello(frame) == told


def test_a_frame_that_claims_too_many_bytes_breaks_the_link():
    with pytest.raises(IntegrityError, match="restart the server"):
        FrameCutter().feed(PREFIX.pack(2**31, 1, FAILED))
