"""A buffer reads like a file, and takes no stated size for a real one."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from smallcraft.registry.content.buffers import BufferFile


@given(
    data=st.binary(max_size=40),
    moves=st.lists(st.tuples(st.integers(0, 60), st.integers(-1, 30)), max_size=6),
)
def test_a_buffer_reads_like_bytesio(data: bytes, moves: list[tuple[int, int]]) -> None:
    ours, real = BufferFile(memoryview(data)), io.BytesIO(data)
    for position, size in moves:
        assert ours.seek(position) == real.seek(position)
        assert ours.readline(size) == real.readline(size)
        assert ours.read(size) == real.read(size)
        assert ours.seek(0, io.SEEK_END) == real.seek(0, io.SEEK_END)


@given(data=st.binary(max_size=40), offset=st.integers(-60, 60), whence=st.sampled_from([1, 2]))
def test_a_move_to_before_the_first_byte_ends_at_it(data: bytes, offset: int, whence: int) -> None:
    ours, real = BufferFile(memoryview(data)), io.BytesIO(data)
    assert ours.seek(offset, whence) == real.seek(offset, whence)
    assert ours.read() == real.read()


def test_a_stated_size_sets_no_memory_aside() -> None:
    assert BufferFile(memoryview(b"abc")).read(1 << 62) == b"abc"


@given(
    data=st.binary(min_size=200, max_size=700).map(lambda data: data.replace(b"\n", b"a")),
    at=st.integers(0, 699),
)
def test_a_long_line_is_read_whole(data: bytes, at: int) -> None:
    data = data[:at] + b"\n" + data[at:]
    ours, real = BufferFile(memoryview(data)), io.BytesIO(data)
    assert [ours.readline(), ours.readline()] == [real.readline(), real.readline()]
