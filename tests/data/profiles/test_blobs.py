"""Blobs: what was put in comes out, a few kilobytes a column, damage is refused."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.data.profiles import blobs
from smallcraft.data.profiles.blobs import Reader, from_blob, pack_column, to_blob, unpack_column
from smallcraft.data.profiles.categories import from_counts, profile_categories
from smallcraft.data.profiles.numeric import profile_numbers
from smallcraft.errors import IntegrityError

TEXT = st.text(st.characters(exclude_categories=[]), max_size=6)


@given(st.lists(st.floats(), max_size=60), st.integers(0, 5))
def test_numbers_come_back_as_they_were(values, nulls):
    column = profile_numbers(np.array(values), nulls=nulls)
    assert from_blob(to_blob(column)) == column


@given(st.lists(st.none() | TEXT, max_size=30))
def test_categories_come_back_as_they_were(values):
    column = profile_categories(values)
    assert from_blob(to_blob(column)) == column


def test_counts_of_every_size_come_back():
    counts = dict(zip("abcdef", [1, 255, 256, 65_536, 1 << 40, (1 << 62) + 3], strict=True))
    column = from_counts(counts, n=7)
    assert from_blob(to_blob(column)) == column


DRAWS = {
    "normal": lambda rng: rng.normal(size=10_000),
    "uniform": lambda rng: rng.uniform(size=10_000),
    "heavy tails": lambda rng: rng.standard_cauchy(10_000),
    "lognormal": lambda rng: rng.lognormal(3, 2, 10_000),
    "whole numbers": lambda rng: rng.integers(0, 1000, 10_000).astype(float),
    "both signs, 600 powers of ten": lambda rng: (
        rng.normal(size=10_000) * 10.0 ** rng.uniform(-300, 300, 10_000)
    ),
}


@pytest.mark.parametrize("draw", [*list(DRAWS)[:-1]])
def test_column_of_ten_thousand_rows_takes_three_kilobytes_at_most(draw):
    blob = to_blob(profile_numbers(DRAWS[draw](np.random.default_rng(0))))
    assert len(blob) <= 3_000


def test_worst_column_of_ten_thousand_rows_takes_a_few_bytes_a_row():
    blob = to_blob(profile_numbers(DRAWS["both signs, 600 powers of ten"](np.random.default_rng(0))))
    assert len(blob) <= 25_000


def test_six_hundred_words_take_three_kilobytes():
    rng = np.random.default_rng(0)
    words = [f"w{number}" for number in np.minimum(rng.zipf(1.3, 20_000), 10**6)]
    assert len(to_blob(profile_categories(words).keep_top(600))) <= 3_000


def test_equal_profiles_have_equal_blobs():
    assert to_blob(profile_categories("abc")) == to_blob(profile_categories("cba"))


@given(st.data())
def test_any_changed_byte_is_refused(data):
    blob = bytearray(to_blob(profile_numbers(np.arange(50.0))))
    place = data.draw(st.integers(0, len(blob) - 1))
    blob[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(IntegrityError, match="a profile of age must be a blob of format 1"):
        from_blob(bytes(blob), name="age")


def test_cut_blob_is_refused():
    with pytest.raises(IntegrityError, match="do not match their digest"):
        from_blob(to_blob(profile_categories("abc"))[:-1])


@pytest.mark.parametrize(
    "content",
    [b"", b"?", b"N" + bytes(10), pack_column(profile_categories("ab")) + b"!", b"C" + b"\xff" * 60],
)
def test_content_that_no_profile_has_is_refused_though_its_digest_is_right(content):
    packed = zlib.compress(content)
    with pytest.raises(IntegrityError, match="bytes that hold none"):
        from_blob(blobs._MAGIC + blobs._digest(packed) + packed)


def test_packed_columns_need_no_blob():
    column = profile_numbers(np.array([1.0, -2.0]))
    assert unpack_column(pack_column(column)) == column


def test_reader_gives_no_more_than_there_is():
    reader = Reader(b"abc")
    assert reader.take(2) == b"ab"
    assert not reader.is_done
    with pytest.raises(ValueError, match="ends early"):
        reader.take(2)
    assert reader.take(1) == b"c"
    assert reader.is_done


# As format 1 was first written; it stays readable.
NUMBERS_1 = bytes.fromhex(
    "534342018981248a59bc4dad789cf36362c00e18a1b43f430b908cfcfce3907c9e280eb57401ffd358406e92"
    "640612cc8c0cda5319783ffd636204711919181919016be8091e"
)
CATEGORIES_1 = bytes.fromhex(
    "53434201b5732c42cb083648789c73666180004606ec40401d423381d53031426846a6a4c32b011a8f025a"
)


def test_blobs_of_format_1_are_read():
    numbers = profile_numbers(np.array([1.5, -2.0, np.inf, 1e-300]), nulls=2)
    assert from_blob(NUMBERS_1) == numbers
    assert from_blob(CATEGORIES_1) == profile_categories(["é", "b", "b", None])
