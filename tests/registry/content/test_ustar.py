"""Headers that any tar reads, and that no other version of anything writes differently."""

from __future__ import annotations

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.registry.content.ustar import BLOCK_BYTES, LARGEST_BYTES, member_header, padding

NAME = st.text(alphabet="abcäß 日.-_", min_size=1, max_size=300).filter(lambda name: name.strip("."))


@given(path=NAME, size=st.integers(0, LARGEST_BYTES))
def test_a_header_says_to_the_standard_library_what_it_was_made_of(path: str, size: int) -> None:
    header = member_header(path, size)
    member = tarfile.TarFile(fileobj=io.BytesIO(header)).firstmember
    assert member is not None
    said = (member.name, member.size, member.mode, member.mtime, member.uid, member.gid)
    assert said == (path, size, 0o644, 0, 0, 0)
    assert (member.type, member.offset_data) == (tarfile.REGTYPE, len(header))


@given(path=NAME, size=st.integers(0, LARGEST_BYTES))
def test_a_header_is_the_one_that_tarfile_writes_today(path: str, size: int) -> None:
    member = tarfile.TarInfo(path)
    member.size = size
    assert member_header(path, size) == member.tobuf(tarfile.PAX_FORMAT)


@pytest.mark.parametrize("length", range(85, 105))
def test_a_record_counts_its_own_digits(length: int) -> None:
    path = "ü" + "x" * length
    assert tarfile.TarFile(fileobj=io.BytesIO(member_header(path, 0))).getnames() == [path]


@given(at=st.integers(0, 10**9))
def test_padding_reaches_the_next_block_with_less_than_one(at: int) -> None:
    assert (at + len(padding(at))) % BLOCK_BYTES == 0
    assert len(padding(at)) < BLOCK_BYTES
