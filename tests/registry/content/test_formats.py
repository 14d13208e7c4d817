"""What a release may hold passes; what could run code, or is not what its name says, is refused by name."""

from __future__ import annotations

import io
import json
import pickle
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import SafetensorError
from safetensors.numpy import load, save

from smallcraft.canonical import canonical_json
from smallcraft.errors import InvalidInputError
from smallcraft.registry.content.formats import CHECKERS, check_file, check_format, parse_strict_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


def _parquet() -> bytes:
    buffer = io.BytesIO()
    pl.DataFrame({"text": ["a", "b"]}).write_parquet(buffer)
    return buffer.getvalue()


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def _npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


WEIGHTS = np.arange(6, dtype=np.float32).reshape(2, 3)
SOUND: Mapping[str, bytes] = {
    "bundle/model.safetensors": save({"w": WEIGHTS}),
    "bundle/heads/ngram.npz": _npz(w=WEIGHTS),
    "w.npy": _npy(WEIGHTS),
    "embeddings.bin": WEIGHTS.tobytes(),
    "bundle.json": b'{"format":1}',
    "model.sig": b"{}",
    "rows.parquet": _parquet(),
    "card.md": "# größe\n".encode(),
    "a.txt": b"",
    "smallcraft.toml": b"[data]\n",
    "rows.csv": b"a,b\n",
    "ledger.jsonl": b"{}\n{}\n",
    "report.html": b"<p>",
    "chart.svg": b"<svg/>",
}


@pytest.mark.parametrize("path", SOUND)
def test_what_a_release_may_hold_passes(path: str, tmp_path: Path) -> None:
    check_format(path, SOUND[path])
    (tmp_path / "blob").write_bytes(SOUND[path])
    check_file(tmp_path / "blob", name=path)


def test_every_suffix_has_a_sound_example() -> None:
    assert {Path(path).suffix for path in SOUND} | {".onnx"} == set(CHECKERS)


@pytest.mark.parametrize("suffix", sorted(CHECKERS))
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pickle_is_refused_under_every_allowed_name(suffix: str, protocol: int) -> None:
    with pytest.raises(InvalidInputError, match=r"holds a pickle, which can run any code when it is opened"):
        check_format("weights" + suffix, pickle.dumps({"w": WEIGHTS}, protocol))


@pytest.mark.parametrize("name", ["model.pkl", "model.pt", "MODEL.PTH", "a/b.joblib"])
def test_a_name_that_says_pickle_is_refused(name: str) -> None:
    with pytest.raises(InvalidInputError, match=r"its name says .* store arrays as safetensors or npz"):
        check_format(name, b"")


@pytest.mark.parametrize("name", ["run.py", "lib.so", "LICENSE", "model.h5", "a.tar.gz"])
def test_an_unknown_suffix_is_refused_with_the_list_of_known_ones(name: str) -> None:
    with pytest.raises(
        InvalidInputError, match=r"must be of a format that a release may hold \(\.bin, \.csv"
    ):
        check_format(name, b"abc")


def test_a_suffix_is_the_same_in_capitals() -> None:
    check_format("README.MD", b"# a")
    with pytest.raises(InvalidInputError, match="must be sound JSON"):
        check_format("A.JSON", b"{")


@given(value=JSON)
def test_json_of_any_shape_passes_as_it_is(value: object) -> None:
    data = canonical_json(value)
    check_format("a.json", data)
    assert parse_strict_json(data, use="a") == value == json.loads(data)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'{"a":1,"a":2}', "key 'a' stands there twice"),
        (b'[{"b":{"a":1,"c":0,"\\u0061":2}}]', "key 'a' stands there twice"),
        (b"[NaN]", "NaN is not JSON"),
        (b"[-Infinity]", "-Infinity is not JSON"),
        (b'"\xff"', "invalid start byte"),
        (b"\xff\xfe{\x00}\x00", "invalid start byte"),
        (b"[" * 200_000, "recursion"),
        (b"{} {}", "Extra data"),
        (b"", "Expecting value"),
        (b"9" * 5000, "digits"),
    ],
)
def test_json_that_readers_could_take_differently_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(InvalidInputError, match=f"a.json must be sound JSON, but is not .*{why}"):
        check_format("a.json", data)


def _safetensors(header: str | bytes, body: bytes = bytes(24)) -> bytes:
    text = header.encode() if isinstance(header, str) else header
    return struct.pack("<Q", len(text)) + text + body


TENSOR = '"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}'


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (_safetensors(f"{{{TENSOR},{TENSOR}}}"), "'w' stands there twice"),
        (_safetensors('{"w":{"dtype":"F32","dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}'), "twice"),
        (_safetensors(f"{{{TENSOR}}}", bytes(25)), "its tensors end at byte"),
        (_safetensors(f"{{{TENSOR}}}", bytes(23)), "its tensors end at byte"),
        (_safetensors('{"w":{"dtype":"F32","shape":[2,3],"data_offsets":[4,28]}}', bytes(28)), "a gap"),
        (_safetensors(f'{{{TENSOR},"v":{{"dtype":"U8","shape":[4],"data_offsets":[20,24]}}}}'), "overlaps"),
        (_safetensors('{"w":{"dtype":"PY","shape":[2,3],"data_offsets":[0,24]}}'), "unknown dtype 'PY'"),
        (_safetensors("[]", b""), "must be a JSON object"),
        (struct.pack("<Q", 2**40) + b"{}", "100000000"),
        (struct.pack("<Q", 90) + b"{}", "states 90 bytes"),
        (b"\x02", "takes 8 bytes"),
    ],
)
def test_a_safetensors_file_that_breaks_its_format_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(InvalidInputError, match=why):
        check_format("model.safetensors", data)


@given(
    at=st.integers(0, 95),
    byte=st.integers(0, 255),
    tensors=st.dictionaries(st.sampled_from("abc"), st.integers(0, 4)),
)
def test_what_safetensors_itself_refuses_is_refused(at: int, byte: int, tensors: dict[str, int]) -> None:
    data = bytearray(save({name: np.zeros(n, np.int16) for name, n in tensors.items()}))
    data[at % len(data)] = byte
    try:
        load(bytes(data))
    except (SafetensorError, KeyError, TypeError):
        with pytest.raises(InvalidInputError):
            check_format("a.safetensors", data)


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.csv", "a.toml", "a.html", "a.svg", "a.jsonl"])
def test_text_is_utf8_without_nul(name: str) -> None:
    with pytest.raises(InvalidInputError, match="must be text in UTF-8"):
        check_format(name, "ä".encode("latin-1"))
    with pytest.raises(InvalidInputError, match="holds NUL bytes"):
        check_format(name, b"a\0b")


@pytest.mark.parametrize("shift", range(-4, 1))
def test_a_letter_across_two_blocks_is_still_a_letter(shift: int) -> None:
    data = b"x" * ((1 << 20) + shift) + "😀ä".encode()
    check_format("a.txt", data)
    with pytest.raises(InvalidInputError, match="must be text in UTF-8"):
        check_format("a.txt", data[:-1])


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "must begin and end with PAR1"),
        (_parquet()[:-1], "must begin and end with PAR1"),
        (b"PAR1" + struct.pack("<I", 10**6) + b"PAR1", "states a footer of 1,000,000 bytes"),
    ],
)
def test_parquet_without_its_marks_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(InvalidInputError, match=why):
        check_format("rows.parquet", data)


@pytest.mark.parametrize("magic", [b"PK\x03\x04", b"\x7fELF", b"\x89HDF"])
def test_raw_numbers_that_a_program_would_open_are_refused(magic: bytes) -> None:
    with pytest.raises(InvalidInputError, match="must be plain numbers"):
        check_format("weights.bin", magic + bytes(100))


@given(data=st.binary(min_size=1, max_size=300))
def test_raw_numbers_pass_whatever_they_are(data: bytes) -> None:
    check_format("weights.bin", b"\x00" + data)


@given(data=st.binary(max_size=300), path=st.sampled_from(["a" + suffix for suffix in CHECKERS]))
def test_any_bytes_pass_or_are_refused_in_plain_words(data: bytes, path: str) -> None:
    try:
        check_format(path, data)
    except InvalidInputError as refusal:
        message = str(refusal)
        assert path in message


def test_an_empty_file_and_a_refused_file_close_like_any_other(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_bytes(b"")
    check_file(tmp_path / "empty.txt")
    (tmp_path / "bad.npz").write_bytes(_npz(w=np.array([{}], dtype=object)))
    with pytest.raises(InvalidInputError, match="its dtype is object"):
        check_file(tmp_path / "bad.npz")


def test_a_linked_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"a")
    (tmp_path / "link.txt").symlink_to(tmp_path / "a.txt")
    with pytest.raises(InvalidInputError, match="not a link to it"):
        check_file(tmp_path / "link.txt")


def test_no_tensor_is_read(tmp_path: Path) -> None:
    """Of 64 GiB of stated and present (sparse) weights, only the header is ever touched."""
    size = 64 << 30
    header = json.dumps({"w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    with (tmp_path / "a.safetensors").open("wb") as stream:
        stream.write(struct.pack("<Q", len(header)) + header)
        stream.truncate(8 + len(header) + size)
    check_file(tmp_path / "a.safetensors")


def test_an_archive_of_no_arrays_is_an_archive():
    """What a model has that learned nothing of some kind: 22 bytes, less than a zip's own longest record."""
    buffer = io.BytesIO()
    np.savez(buffer)
    assert len(buffer.getvalue()) == 22
    check_format("bundle/edges.npz", buffer.getvalue())
