from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.errors import IntegrityError
from smallcraft.registry.memory.arrays import Columns, read_columns, write_columns

NUMBERS = st.lists(st.integers(0, 2**64 - 1), max_size=20)


def columns_of(numbers, about=None):
    return Columns(about or {"format": 1}, {"ids": np.array(numbers, dtype="<u8")})


def read(data):
    return read_columns(data, what="x.npz", wanted={"ids": "<u8"})


def zipped(members, *, how=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", how) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()


def saved(array):
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


ABOUT = saved(np.frombuffer(b"{}", dtype=np.uint8))
IDS = saved(np.arange(2, dtype="<u8"))


@given(NUMBERS)
def test_what_is_written_is_read_back_and_has_one_form(numbers):
    data = write_columns(columns_of(numbers))
    assert read(data).arrays["ids"].tolist() == numbers
    assert write_columns(columns_of(numbers)) == data


def test_numpy_opens_it_without_pickle():
    with np.load(io.BytesIO(write_columns(columns_of([3, 4]))), allow_pickle=False) as found:
        assert found["ids"].tolist() == [3, 4]
        assert bytes(found["about"]) == b'{"format":1}'


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_changes_nothing(place, flip):
    data = bytearray(write_columns(columns_of(range(9))))
    data[place % len(data)] ^= flip
    try:
        found = read(bytes(data))
    except IntegrityError:
        return
    assert found.about == {"format": 1}
    assert found.arrays["ids"].tolist() == list(range(9))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"not a zip", "is no zip"),
        (zipped([("ids.npy", saved(np.arange(3)))]), "must hold the columns about, ids"),
        (zipped([("about.npy", ABOUT), ("../ids.npy", b"")]), "must hold the columns"),
        (zipped([("about.npy", ABOUT), ("ids.npy", bytes(9**6))], how=zipfile.ZIP_DEFLATED), "compressed"),
        (zipped([("about.npy", ABOUT), ("ids.npy", saved(np.array([{}])))]), "must be plain values"),
        (zipped([("about.npy", ABOUT), ("ids.npy", saved(np.zeros((2, 2), "<u8")))]), "shape"),
        (zipped([("about.npy", ABOUT), ("ids.npy", b"nothing")]), "is no array"),
        (zipped([("about.npy", saved(np.arange(2, dtype="u1"))), ("ids.npy", IDS)]), "not JSON"),
        (zipped([("about.npy", saved(np.frombuffer(b"[]", "u1"))), ("ids.npy", IDS)]), "not a JSON object"),
    ],
)  # fmt: skip
def test_anything_else_is_refused(data, message):
    with pytest.raises(IntegrityError, match=message):
        read(data)


def test_a_shape_that_the_bytes_do_not_fill_is_refused_before_room_is_made():
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<u8", "fortran_order": False, "shape": (10**12,)})
    with pytest.raises(
        IntegrityError, match=r"ids must be plain values that fill it, got <u8 of shape \(1000"
    ):
        read(zipped([("about.npy", ABOUT), ("ids.npy", header.getvalue() + bytes(16))]))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_refused():
    twice = zipped([("about.npy", ABOUT), ("ids.npy", b""), ("ids.npy", b"")])
    with pytest.raises(IntegrityError, match="two members of one name"):
        read(twice)
