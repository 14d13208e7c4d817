import io
import json
import struct
import warnings
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import deserialize
from safetensors.numpy import save

from smallcraft.errors import InvalidInputError
from smallcraft.registry.content.tensors import HEADER_LIMIT_BYTES, Segment, cut, cut_safetensors

NAMES = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)
ARRAYS = st.tuples(
    st.sampled_from(["<f4", "<f2", "<f8", "|i1", "<i8", "|u1", "<u2"]),
    st.lists(st.integers(0, 4), max_size=3),
).map(lambda it: np.arange(int(np.prod(it[1])), dtype=it[0]).reshape(it[1]))
FILES = st.dictionaries(NAMES, ARRAYS, max_size=6)


def tiles(segments, size_bytes):
    """Whether they lie end to end over the whole file."""
    edges = [0, *(segment.stop for segment in segments)]
    starts = [segment.start for segment in segments]
    return edges[:-1] == starts and edges[-1] == size_bytes and all(s.size_bytes > 0 for s in segments)


def write(header, body=b"", *, length=None):
    """A safetensors file with this header, sound or not."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


def tensor(start, stop, *, dtype="U8", shape=None):
    return {
        "dtype": dtype,
        "shape": [stop - start] if shape is None else shape,
        "data_offsets": [start, stop],
    }


@given(arrays=FILES, metadata=st.dictionaries(NAMES, NAMES, max_size=2))
def test_each_tensor_is_where_the_safetensors_library_wrote_it(arrays, metadata):
    data = memoryview(save(arrays, metadata=metadata or None))
    segments = cut(data, path="model.safetensors")
    assert tiles(segments, len(data))
    assert segments[0].name == "header"
    found = {s.name: bytes(data[s.start : s.stop]) for s in segments[1:]}
    assert found == {name: array.tobytes() for name, array in arrays.items() if array.size}


def test_the_kind_of_a_tensor_tells_its_type_and_its_shape():
    segments = cut(memoryview(save({"w": np.zeros((2, 3), np.float32)})), path="m.safetensors")
    assert segments[1].kind == "F32[2, 3]"


@given(arrays=FILES, is_deflated=st.booleans())
def test_each_member_of_an_npz_is_a_segment(arrays, is_deflated):
    stream = io.BytesIO()
    members = {f"a{number}": array for number, array in enumerate(arrays.values())}
    (np.savez_compressed if is_deflated else np.savez)(stream, **members)
    data = memoryview(stream.getvalue())
    segments = cut(data, path="heads/fast.npz")
    assert tiles(segments, len(data))
    found = {s.name.removesuffix(".npy"): bytes(data[s.start : s.stop]) for s in segments}
    for name, array in members.items():
        if is_deflated:
            assert found[name]
        elif array.size:
            assert found[name] == array.tobytes()


@given(data=st.binary(max_size=300))
def test_any_other_file_is_one_segment(data):
    for path in ("weights.bin", "model.onnx", "broken.npz", "model.safetensors.json"):
        expected = (Segment("<whole>", 0, len(data)),) if data else ()
        assert cut(memoryview(data), path=path) == expected


@given(data=st.data())
def test_a_damaged_npz_is_still_tiled(data):
    stream = io.BytesIO()
    np.savez(stream, a=np.arange(5), b=np.ones(3, np.float32))
    damaged = bytearray(stream.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    damaged = damaged[: data.draw(st.integers(0, len(damaged)))]
    assert tiles(cut(memoryview(damaged), path="a.npz"), len(damaged))


def test_members_of_a_zip_that_overlap_are_not_cut():
    stream = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("a", b"x" * 50)
        archive.writestr("a", b"y" * 50)
        archive.infolist()[1].header_offset = 0
    data = memoryview(stream.getvalue())
    assert cut(data, path="a.npz") == (Segment("<whole>", 0, len(data)),)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the header's length takes 8 bytes, the file has 0"),
        (b"\x01\x00", "the file has 2"),
        (
            struct.pack("<Q", HEADER_LIMIT_BYTES + 1),
            "its header may have 100000000 bytes, it states 100000001",
        ),
        (struct.pack("<Q", 2**64 - 1), "its header may have"),
        (write({}, length=99), "its header states 99 bytes, the file has 10 in all"),
        (write(b"{"), "its header cannot be read"),
        (write(b"\xff\xfe"), "its header cannot be read"),
        (write(b"[" * 100_000), "its header cannot be read"),
        (write(b" {}"), "a JSON object from the first byte on"),
        (write(b"[]"), "a JSON object from the first byte on"),
        (write(b'{"a":1,"a":2}'), "key 'a' stands there twice"),
        (
            write(b'{"w":{"dtype":"U8","shape":[1],"shape":[1],"data_offsets":[0,1]}}', b"x"),
            "key 'shape' stands there twice",
        ),
        (write(b'{"a":NaN}'), "NaN is not JSON"),
        (write({"__metadata__": {"format": 1}}), "__metadata__ must map text to text"),
        (write({"__metadata__": []}), "__metadata__ must map text to text"),
        (write({"w": []}), "must state dtype, shape and data_offsets"),
        (write({"w": {**tensor(0, 1), "more": 1}}, b"x"), "and nothing else"),
        (write({"w": tensor(0, 1, dtype="V8")}, b"x"), "unknown dtype 'V8'"),
        (write({"w": tensor(0, 1, dtype=["U8"])}, b"x"), "unknown dtype"),
        (write({"w": tensor(0, 1, shape=[-1])}, b"x"), "whole numbers, not negative"),
        (write({"w": tensor(0, 1, shape=[True])}, b"x"), "whole numbers, not negative"),
        (write({"w": tensor(0, 1, shape=[1.0])}, b"x"), "whole numbers, not negative"),
        (write({"w": tensor(0, 1, shape=[1] * 65)}, b"x"), "may have 64 axes, it has 65"),
        (write({"w": {**tensor(0, 1), "data_offsets": [0]}}, b"x"), "whole numbers, not negative"),
        (write({"w": tensor(0, 2, dtype="F32", shape=[1])}, b"xx"), "needs 4 bytes, data_offsets says"),
        (write({"w": tensor(0, 1, dtype="F4", shape=[3])}, b"x"), "needs 1.5 bytes"),
        (write({"w": {**tensor(0, 1), "data_offsets": [1, 0]}}, b"x"), "needs 1 bytes"),
        (write({"a": tensor(0, 2), "b": tensor(1, 3)}, b"xxx"), "'b' starts at 1, not at 2: it overlaps"),
        (write({"a": tensor(0, 1), "b": tensor(2, 3)}, b"xxx"), "'b' starts at 2, not at 1: it leaves a gap"),
        (write({"a": tensor(0, 4)}, b"xxx"), "its tensors end at byte 72, the file at 71"),
        (write({"a": tensor(0, 1)}, b"xxx"), "its tensors end at byte 69, the file at 71"),
    ],
)
def test_a_malformed_safetensors_file_is_refused(data, message):
    with pytest.raises(InvalidInputError, match=message):
        cut(memoryview(data), path="model.safetensors")


@given(data=st.data())
def test_what_is_cut_the_safetensors_library_can_load(data):
    """Strict: a damaged header is refused here, or is still sound to the library too."""
    sound = save({"w": np.zeros((2, 2), np.float32), "b": np.ones(4, np.int8)}, metadata={"k": "v"})
    header_bytes = 8 + struct.unpack_from("<Q", sound)[0]
    damaged = bytearray(sound)
    at = data.draw(st.integers(0, header_bytes - 1))
    likely = st.sampled_from(list(b'0123456789{}[],:"FUIx '))
    damaged[at] = data.draw(st.one_of(likely, st.integers(0, 255)))
    try:
        segments = cut_safetensors(memoryview(damaged), path="m.safetensors")
    except InvalidInputError:
        return
    loaded = deserialize(bytes(damaged))
    assert tiles(segments, len(damaged))
    assert {s.name: bytes(damaged[s.start : s.stop]) for s in segments[1:]} == {
        name: bytes(about["data"]) for name, about in loaded
    }
