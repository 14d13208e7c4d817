"""Arrays that numpy writes pass; pickled objects, bombs and sizes that do not add up are refused."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from smallcraft.errors import InvalidInputError
from smallcraft.registry.content import arrays
from smallcraft.registry.content.arrays import check_npy, check_npz

DTYPES = st.sampled_from(["<f4", ">f8", "i1", "<u8", "bool", "<U3", "S4", "<c8", "<M8[s]"]).map(np.dtype)
SHAPES = arrays_of.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)


def _npy(array: np.ndarray, version: tuple[int, int] | None = None) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, version)
    return buffer.getvalue()


def _zip(*members: tuple[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()


def _raw(text: str, body: bytes = b"") -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + body


def _refuse(check: Callable[[str, memoryview], None], data: bytes, match: str) -> None:
    with pytest.raises(InvalidInputError, match=match):
        check("a", memoryview(data))


@given(array=arrays_of.arrays(DTYPES, SHAPES), order=st.sampled_from("CF"))
def test_what_numpy_saves_passes(array: np.ndarray, order: str) -> None:
    array = np.asarray(array, order=order)
    check_npy("a.npy", memoryview(_npy(array)))
    for save in (np.savez, np.savez_compressed):
        buffer = io.BytesIO()
        save(buffer, a=array, b=array)
        check_npz("a.npz", memoryview(buffer.getvalue()))


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_all_three_versions_pass(version: tuple[int, int]) -> None:
    check_npy("a.npy", memoryview(_npy(np.zeros(3), version)))


def test_named_columns_pass_unless_one_is_of_objects() -> None:
    check_npy("a.npy", memoryview(_npy(np.zeros(3, [("a", "<f4"), ("b", "<i8", (2,))]))))
    _refuse(
        check_npy, _raw("{'descr': [('a', '|O')], 'fortran_order': False, 'shape': (1,)}"), "holds a pickle"
    )


def test_a_pickle_where_an_array_should_be_is_refused() -> None:
    buffer = io.BytesIO()
    np.savez(buffer, fine=np.zeros(2), bad=np.array([print], dtype=object))
    _refuse(
        check_npz, buffer.getvalue(), r"a/bad\.npy holds a pickle, which can run any code .*dtype is object"
    )


@pytest.mark.parametrize("change", [-1, 1, 1000])
def test_an_array_with_more_or_fewer_bytes_than_it_states_is_refused(change: int) -> None:
    data = _npy(np.zeros(100, np.uint8))
    _refuse(check_npy, data[:change] if change < 0 else data + bytes(change), "its header makes it 228 bytes")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "does not begin"),
        (b"\x93NUMPY\x04\x00", "does not begin as one of format 1 to 3"),
        (b"\x93NUMPY\x02\x00\x01", "ends inside its header"),
        (b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**31), "it states 2,147,483,648"),
        (_raw("__import__('os').system('x')"), "its header cannot be read"),
        (_raw("(" * 5000), "its header cannot be read"),
        (_raw("[]"), "its header cannot be read"),
        (_raw("{'descr': 'zz', 'fortran_order': False, 'shape': ()}"), "its header cannot be read"),
        (_raw("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}"), "its header says"),
        (_raw("{'descr': '<f4', 'fortran_order': False, 'shape': (True,)}"), "its header says"),
        (_raw("{'descr': '<f4', 'fortran_order': False, 'shape': 3}"), "its header says"),
        (_raw("{'descr': '<f4', 'fortran_order': False, 'shape': (), 'x': 1}"), "its header says"),
        (_raw(f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({2**62}, {2**62})}}"), "makes it"),
    ],
)
def test_a_header_that_is_none_is_refused(data: bytes, why: str) -> None:
    _refuse(check_npy, data, why)


def test_a_member_that_is_no_array_is_refused() -> None:
    _refuse(check_npz, _zip(("a.npy", _npy(np.zeros(1))), ("run.py", b"1")), r"it holds 'run\.py'")
    _refuse(check_npz, _zip(("a.npy", b"plain text")), r"a/a\.npy must be an npy array")


@pytest.mark.parametrize("name", ["../a.npy", "/a.npy", "x/../../a.npy"])
def test_a_member_name_that_leaves_its_folder_is_refused(name: str) -> None:
    _refuse(check_npz, _zip((name, _npy(np.zeros(1)))), "must be relative")


def test_a_zip_bomb_is_refused_by_what_it_states() -> None:
    bomb = _zip(("a.npy", _npy(np.zeros(80 << 20, np.uint8))), method=zipfile.ZIP_DEFLATED)
    assert len(bomb) < 200_000
    _refuse(check_npz, bomb, r"it states 83,886,208, as a zip bomb does")


@pytest.mark.parametrize("is_sum_right", [True, False])
def test_a_bomb_that_states_a_small_size_is_refused(is_sum_right: bool) -> None:
    array = _npy(np.zeros(5 << 20, np.uint8))
    bomb = _zip(("a.npy", array), method=zipfile.ZIP_DEFLATED)
    bomb = bomb.replace(struct.pack("<I", len(array)), struct.pack("<I", 1000))
    if is_sum_right:
        sums = [struct.pack("<I", zlib.crc32(data)) for data in (array, array[:1000])]
        bomb = bomb.replace(*sums)
    why = "its header makes it 5,243,008 bytes, it has 1,000" if is_sum_right else "Bad CRC-32"
    _refuse(check_npz, bomb, why)


def test_arrays_that_pack_well_still_pass() -> None:
    packed = _zip(("a.npy", _npy(np.zeros(20 << 20, np.uint8))), method=zipfile.ZIP_DEFLATED)
    check_npz("a.npz", memoryview(packed))


def test_too_many_members_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "MEMBER_LIMIT", 3)
    _refuse(check_npz, _zip(*((f"{n}.npy", b"") for n in range(4))), "it may hold 3 arrays, it holds 4")


@given(junk=st.binary(max_size=200))
def test_any_bytes_are_refused_not_crashed_on(junk: bytes) -> None:
    _refuse(check_npy, junk, "must be an npy array")
    _refuse(check_npy, _raw("") + junk, "must be an npy array")
    _refuse(check_npz, junk, "cannot be read as a plain tar or a zip")


@given(text=st.text(alphabet="{}'(),: descrf4<|OVU[]shape_FortnTule\\x1", max_size=80))
def test_any_header_is_refused_not_crashed_on(text: str) -> None:
    _refuse(check_npy, _raw(text), "a (must be an npy array|holds a pickle)")
