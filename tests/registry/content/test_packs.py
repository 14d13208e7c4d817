"""A pack is a tar that any tool opens, equal for equal files, and no byte of it is believed."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.canonical import canonical_json, digest_bytes
from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.registry.content import packs
from smallcraft.registry.content.packs import (
    PackedFile,
    PackIndex,
    check_pack,
    encode_index,
    parse_index,
    plan_pack,
    read_packed,
    write_pack,
)
from smallcraft.registry.content.staging import Staging
from smallcraft.registry.tlog.entry import Content

FILES: Mapping[str, bytes] = {
    "data/b.npy": b"b" * 700,
    "data/a.npy": b"",
    "top.json": b"{}",
    "größe/übung.txt": "ä".encode(),
    "long/" + "x" * 150 + "/file.txt": b"long" * 128,
}
NAME = st.text(alphabet="abcäß 日.-_", min_size=1, max_size=60).filter(lambda name: name not in {".", ".."})


@dataclasses.dataclass(frozen=True)
class Written:
    pack: Path
    index: PackIndex
    index_bytes: bytes


def _write(files: Mapping[str, Path | bytes], folder: Path) -> Written:
    staged = Staging(folder)
    made = write_pack(files, staged)
    data = staged.paths[made.index.digest].read_bytes()
    assert parse_index(data) == PackIndex(made.pack, made.files)
    return Written(staged.paths[made.pack.digest], parse_index(data), data)


@given(files=st.dictionaries(NAME, st.binary(max_size=1500), max_size=8))
def test_every_file_comes_back_as_it_was(files: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as name:
        written = _write(files, Path(name))
        assert {f.path: read_packed(written.pack, f) for f in written.index.files} == files
        check_pack(written.pack, written.index)


@given(
    files=st.dictionaries(NAME, st.binary(max_size=600), max_size=6), order=st.randoms(use_true_random=False)
)
def test_equal_files_give_an_equal_pack_and_index_in_any_order(files: dict[str, bytes], order) -> None:
    shuffled = list(files.items())
    order.shuffle(shuffled)
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        first, second = _write(files, Path(one)), _write(dict(shuffled), Path(other))
        assert first.pack.read_bytes() == second.pack.read_bytes()
        assert first.index_bytes == second.index_bytes


def test_the_bytes_of_a_pack_never_change(tmp_path: Path) -> None:
    """A new Python or a new version must give the digest that older releases have."""
    written = _write(FILES, tmp_path)
    digest = "sha256:313f0af94a2b819db86337b3451aeb7e2ec975131e5808666d7fd52464677f0a"
    assert written.index.pack == Content(digest, 8192)


def test_bytes_and_files_give_the_same_pack(tmp_path: Path) -> None:
    source, one, other = tmp_path / "source", tmp_path / "one", tmp_path / "other"
    for path, data in FILES.items():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_bytes(data)
    one.mkdir()
    other.mkdir()
    written = _write({path: source / path for path in FILES}, one)
    assert written.index == _write(FILES, other).index


def test_tar_opens_a_pack_and_finds_the_files(tmp_path: Path) -> None:
    (tmp_path / "staged").mkdir()
    (tmp_path / "out").mkdir()
    written = _write(FILES, tmp_path / "staged")
    done = subprocess.run(
        ["tar", "xf", written.pack, "-C", tmp_path / "out"], capture_output=True, text=True, check=True
    )
    found = {
        p.relative_to(tmp_path / "out").as_posix(): p for p in (tmp_path / "out").rglob("*") if p.is_file()
    }
    assert done.stderr == ""
    assert {path: p.read_bytes() for path, p in found.items()} == FILES
    assert {p.stat().st_mode & 0o777 for p in found.values()} <= {0o644, 0o600}


def test_the_members_lie_where_the_index_says(tmp_path: Path) -> None:
    written = _write(FILES, tmp_path)
    data = written.pack.read_bytes()
    for file in written.index.files:
        assert data[file.offset : file.offset + file.size_bytes] == FILES[file.path]
        assert file.offset % 512 == 0


def test_small_files_are_packed_only_when_they_are_many(tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(bytes(11))
    files = {"z": b"1", "a": b"2", "large": large, "edge": bytes(10)}
    assert plan_pack(files, from_count=3, small_bytes=10).packed == ()
    assert plan_pack(files, from_count=3, small_bytes=10).loose == ("a", "edge", "large", "z")
    plan = plan_pack(files, from_count=2, small_bytes=10)
    assert (plan.packed, plan.loose) == (("a", "edge", "z"), ("large",))


def test_a_thousand_small_files_stay_loose_and_one_more_packs_them() -> None:
    files = {f"{number:04d}": b"" for number in range(1001)}
    assert len(plan_pack(files).packed) == 1001
    files.pop("0000")
    assert plan_pack(files).packed == ()


def test_a_missing_or_linked_file_is_refused_while_planning(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="cannot be stored"):
        plan_pack({"a": tmp_path / "absent"})
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(InvalidInputError, match="must be a plain file"):
        plan_pack({"a": tmp_path / "link"})


@pytest.mark.parametrize("path", ["../up", "/etc/passwd", "a//b", "a/./b", "a\\b", ""])
def test_a_path_that_leaves_its_folder_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(InvalidInputError, match="must be relative"):
        write_pack({path: b""}, Staging(tmp_path))


def test_every_flipped_byte_is_found(tmp_path: Path) -> None:
    """In a file, in a header, in the padding, in the end: nothing in a pack is free to differ."""
    written = _write(FILES, tmp_path)
    data = bytearray(written.pack.read_bytes())
    written.pack.chmod(0o644)
    for at in [*range(0, len(data), 97), len(data) - 1]:
        data[at] ^= 1
        written.pack.write_bytes(data)
        with pytest.raises(IntegrityError, match="does not match its record"):
            check_pack(written.pack, written.index)
        data[at] ^= 1


@pytest.mark.parametrize("change", ["short", "long"])
def test_a_shortened_or_lengthened_pack_is_found(tmp_path: Path, change: str) -> None:
    written = _write(FILES, tmp_path)
    data = written.pack.read_bytes()
    written.pack.chmod(0o644)
    written.pack.write_bytes(data[:-1] if change == "short" else data + b"\0")
    with pytest.raises(IntegrityError, match="something else than the end of a tar"):
        check_pack(written.pack, written.index)


def test_a_changed_file_is_never_handed_out(tmp_path: Path) -> None:
    written = _write(FILES, tmp_path)
    file = next(f for f in written.index.files if f.path == "data/b.npy")
    data = bytearray(written.pack.read_bytes())
    data[file.offset + 3] ^= 1
    written.pack.chmod(0o644)
    written.pack.write_bytes(data)
    with pytest.raises(IntegrityError, match=r"'data/b\.npy' should have 700 bytes"):
        read_packed(written.pack, file)


def test_a_huge_stated_size_reads_no_more_than_there_is(tmp_path: Path) -> None:
    written = _write(FILES, tmp_path)
    file = dataclasses.replace(written.index.files[0], size_bytes=2**52)
    with pytest.raises(IntegrityError, match="should have 4503599627370496 bytes"):
        read_packed(written.pack, file)


def test_a_pack_that_is_a_link_or_missing_is_refused(tmp_path: Path) -> None:
    written = _write(FILES, tmp_path)
    (tmp_path / "link").symlink_to(written.pack)
    for path in (tmp_path / "link", tmp_path / "absent"):
        with pytest.raises(IntegrityError, match="cannot be read as a plain file"):
            read_packed(path, written.index.files[0])
    with pytest.raises(IntegrityError, match="is no plain file"):
        read_packed(tmp_path, written.index.files[0])


def test_an_index_that_names_a_file_otherwise_than_the_tar_is_found(tmp_path: Path) -> None:
    written = _write({"a": b"1", "b": b"2"}, tmp_path)
    first, second = written.index.files
    renamed = PackIndex(written.index.pack, (first, dataclasses.replace(second, path="c")))
    with pytest.raises(IntegrityError, match="the tar header before 'c'"):
        check_pack(written.pack, renamed)


def test_an_index_of_another_pack_is_found(tmp_path: Path) -> None:
    written = _write({"a": b"1"}, tmp_path)
    other = PackIndex(Content(digest_bytes(b"other"), written.index.pack.size_bytes), written.index.files)
    with pytest.raises(IntegrityError, match="its index speaks of"):
        check_pack(written.pack, other)


def _index(*files: object, **changes: object) -> bytes:
    pack = {"digest": digest_bytes(b"pack"), "size": 4096}
    return canonical_json({"format": 1, "pack": pack, "files": list(files), **changes})


def _file(path: str = "a", offset: object = 512, size: object = 10, **more: object) -> dict[str, object]:
    return {"path": path, "offset": offset, "size": size, "digest": digest_bytes(b"file"), **more}


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"[1", "Expecting"),
        (b"[]", "list indices"),
        (b"[" * 100_000, "recursion"),
        (_index(format=2), "format 1 expected"),
        (_index(pack={"digest": "sha256:00", "size": 1}), "a digest"),
        (_index(_file(offset=-1)), "a whole number"),
        (_index(_file(size=True)), "a whole number"),
        (_index(_file(size=5000)), "ends past the 4096 bytes"),
        (_index(_file(mode=1)), "each file must state"),
        (_index(_file("../a")), "must be relative"),
        (_index(_file("b"), _file("a", 2048)), "against path order"),
        (_index(_file("a"), _file("a", 2048)), "against path order"),
        (_index(_file("a"), _file("b", 515)), "overlaps 'a'"),
    ],
)
def test_an_index_that_is_not_one_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(IntegrityError, match=why):
        parse_index(data)


def test_the_index_is_canonical_json_that_others_can_read() -> None:
    index = PackIndex(
        Content(digest_bytes(b"pack"), 4096), (PackedFile("a/ü", 512, 3, digest_bytes(b"abc")),)
    )
    value = json.loads(encode_index(index))
    assert value["files"] == [{"path": "a/ü", "offset": 512, "size": 3, "digest": digest_bytes(b"abc")}]
    assert canonical_json(value) == encode_index(index)


def test_each_byte_is_hashed_once_for_its_file_and_once_for_the_pack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[int] = []
    real = packs.digest_bytes

    def counted(data: bytes) -> str:
        hashed.append(len(data))
        return real(data)

    monkeypatch.setattr(packs, "digest_bytes", counted)
    write_pack(FILES, Staging(tmp_path))
    assert sum(hashed) == sum(len(data) for data in FILES.values())
