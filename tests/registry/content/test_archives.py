"""An archive from elsewhere lands whole and harmless, or nothing of it lands."""

from __future__ import annotations

import io
import struct
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.errors import InvalidInputError
from smallcraft.registry.content.archives import Extracted, check_members, extract_safely, open_zip

FILES: Mapping[str, bytes] = {"entry.json": b"{}", "keys/log.pub": b"key", "proof/größe.txt": b"x" * 5000}
PART = st.text(alphabet="abcde-_.ü", min_size=1, max_size=8).filter(lambda name: name not in {".", ".."})


def _tar(path: Path, *members: tarfile.TarInfo | tuple[str, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member, io.BytesIO(bytes(member.size)))
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                archive.addfile(info, io.BytesIO(member[1]))
    return path


def _zip(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


MAKERS: Mapping[str, Callable[..., Path]] = {"tar": _tar, "zip": _zip}


def _link(name: str, kind: bytes, to: str = "/etc/passwd") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, to
    return info


def _read_all(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def _names(folder: str) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def _refuse(archive: Path, match: str, **limits: int) -> None:
    """Refused with this message; and the folder beside it holds what it held."""
    before = sorted(archive.parent.iterdir())
    with pytest.raises(InvalidInputError, match=match):
        extract_safely(archive, archive.parent / "out", **limits)
    assert sorted(archive.parent.iterdir()) == before


@pytest.mark.parametrize("kind", MAKERS)
@given(
    files=st.dictionaries(PART, st.binary(max_size=700), max_size=5),
    nested=st.dictionaries(PART, st.binary(max_size=700), max_size=3),
)
def test_every_sound_archive_comes_out_as_it_went_in(
    kind: str, files: dict[str, bytes], nested: dict[str, bytes]
) -> None:
    wanted = {**files, **{f"folder zz/{path}": data for path, data in nested.items()}}
    with tempfile.TemporaryDirectory() as name:
        archive = MAKERS[kind](Path(name) / "archive", *wanted.items())
        done = extract_safely(archive, Path(name) / "out")
        assert _read_all(Path(name) / "out") == wanted
        assert done == Extracted(tuple(sorted(wanted)), sum(len(data) for data in wanted.values()))


def test_what_tar_packs_is_unpacked_as_tar_does(tmp_path: Path) -> None:
    for path, data in FILES.items():
        (tmp_path / "in" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / path).write_bytes(data)
    subprocess.run(["tar", "cf", tmp_path / "a.tar", "-C", tmp_path / "in", "."], check=True)
    extract_safely(tmp_path / "a.tar", tmp_path / "out")
    (tmp_path / "real").mkdir()
    subprocess.run(["tar", "xf", tmp_path / "a.tar", "-C", tmp_path / "real"], check=True)
    assert _read_all(tmp_path / "out") == _read_all(tmp_path / "real") == FILES


def test_a_zip_is_unpacked_as_unzip_does(tmp_path: Path) -> None:
    archive = _zip(tmp_path / "a.zip", *FILES.items(), method=zipfile.ZIP_DEFLATED)
    extract_safely(archive, tmp_path / "out")
    subprocess.run(["unzip", "-q", archive, "-d", tmp_path / "real"], check=True)
    assert _read_all(tmp_path / "out") == _read_all(tmp_path / "real") == FILES


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("name", ["../up", "a/../../up", "/tmp/absolute", "a\\..\\up", "a/./b"])
def test_a_name_that_leaves_the_folder_is_refused(tmp_path: Path, kind: str, name: str) -> None:
    _refuse(MAKERS[kind](tmp_path / "archive", ("good", b"1"), (name, b"2")), "must be relative")


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE]
)
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    _refuse(_tar(tmp_path / "a.tar", ("good", b"1"), _link("bad", kind)), "'bad' is a link, a device")


def test_a_file_behind_a_linked_folder_is_refused(tmp_path: Path) -> None:
    archive = _tar(tmp_path / "a.tar", _link("x", tarfile.SYMTYPE, str(tmp_path)), ("x/planted", b"1"))
    _refuse(archive, "'x' is a link")
    assert not (tmp_path / "planted").exists()


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("bad")
    info.external_attr = 0o120777 << 16
    _refuse(_zip(tmp_path / "a.zip", ("good", b"1"), (info, b"/etc/passwd")), "'bad' is a link or a device")


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_given_twice_is_refused(tmp_path: Path, kind: str) -> None:
    _refuse(MAKERS[kind](tmp_path / "archive", ("a", b"1"), ("a", b"2")), "'a' stands in it twice")


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize(
    ("one", "other"), [("model.onnx", "Model.onnx"), ("A/x", "a/y"), ("\u00fc", "u\u0308")]
)
def test_names_that_differ_in_case_or_accents_form_only_are_refused(
    tmp_path: Path, kind: str, one: str, other: str
) -> None:
    _refuse(
        MAKERS[kind](tmp_path / "archive", (one, b"1"), (other, b"2")), "one name where case does not count"
    )


@pytest.mark.parametrize("kind", MAKERS)
def test_a_file_that_is_also_a_folder_is_refused(tmp_path: Path, kind: str) -> None:
    _refuse(MAKERS[kind](tmp_path / "archive", ("a", b"1"), ("a/b", b"2")), "cannot be a file and the folder")


@pytest.mark.parametrize("kind", MAKERS)
def test_too_many_members_are_refused(tmp_path: Path, kind: str) -> None:
    archive = MAKERS[kind](tmp_path / "archive", *((f"{n}", b"") for n in range(11)))
    _refuse(archive, "may hold 10 files", max_files=10)


@pytest.mark.parametrize("kind", MAKERS)
def test_too_many_bytes_are_refused(tmp_path: Path, kind: str) -> None:
    archive = MAKERS[kind](tmp_path / "archive", ("a", bytes(60)), ("b", bytes(60)))
    _refuse(archive, "may have 100 bytes, they state 120", max_bytes=100)


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    archive = _zip(tmp_path / "a.zip", ("zeros", bytes(50 << 20)), method=zipfile.ZIP_DEFLATED)
    assert archive.stat().st_size < 100_000
    _refuse(archive, "may have 1,000,000 bytes, they state 52,428,800", max_bytes=1_000_000)


def test_a_bomb_that_states_a_small_size_is_refused(tmp_path: Path) -> None:
    archive = _zip(tmp_path / "a.zip", ("zeros", bytes(5 << 20)), method=zipfile.ZIP_DEFLATED)
    data = archive.read_bytes()
    archive.write_bytes(data.replace(struct.pack("<I", 5 << 20), struct.pack("<I", 100)))
    with zipfile.ZipFile(archive) as opened:
        assert opened.infolist()[0].file_size == 100
    _refuse(archive, "cannot be read as a plain tar or a zip", max_bytes=1000)


def test_a_member_larger_than_it_has_bytes_is_refused(tmp_path: Path) -> None:
    archive = _zip(tmp_path / "a.zip", ("few", bytes(100)), method=zipfile.ZIP_DEFLATED)
    data = archive.read_bytes()
    archive.write_bytes(data.replace(struct.pack("<I", 100), struct.pack("<I", 900)))
    _refuse(archive, "'few' states 900 bytes, it has others|cannot be read")


def test_members_that_share_bytes_are_refused(tmp_path: Path) -> None:
    """The overlapping zip bomb: many directory entries point at one compressed kernel."""
    archive = _zip(tmp_path / "a.zip", ("aa", b"kernel" * 9), ("ab", b"kernel" * 9))
    data = archive.read_bytes()
    with zipfile.ZipFile(archive) as opened:
        second, start = opened.infolist()[1].header_offset, opened.start_dir
    directory = data[start:].replace(struct.pack("<I", second) + b"ab", struct.pack("<I", 0) + b"ab")
    archive.write_bytes(data[:start] + directory)
    _refuse(archive, "shares bytes with what follows it")


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    archive = _zip(tmp_path / "a.zip", ("a", b"1"))
    data = bytearray(archive.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(data)
    _refuse(archive, "'a' is encrypted")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_unusual_compression_is_refused(tmp_path: Path, method: int) -> None:
    _refuse(_zip(tmp_path / "a.zip", ("a", b"1"), method=method), "other than deflate")


def test_a_stored_member_with_two_sizes_is_refused(tmp_path: Path) -> None:
    archive = _zip(tmp_path / "a.zip", ("a", bytes(100)))
    data = bytearray(archive.read_bytes())
    at = data.index(b"PK\x01\x02") + 24
    data[at : at + 4] = struct.pack("<I", 90)
    archive.write_bytes(data)
    _refuse(archive, "states two sizes")


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
def test_a_compressed_tar_is_refused(tmp_path: Path, mode: str) -> None:
    with tarfile.open(tmp_path / "a.tar", mode) as archive:
        archive.addfile(tarfile.TarInfo("a"))
    _refuse(tmp_path / "a.tar", "cannot be read as a plain tar or a zip")


def test_a_sparse_member_is_refused(tmp_path: Path) -> None:
    """GNU tar stores a file of holes in a few bytes that unpack to all of it."""
    with (tmp_path / "holes").open("wb") as stream:
        stream.truncate(50 << 20)
    command = ["tar", "-S", "-cf", tmp_path / "a.tar", "-C", tmp_path, "holes"]
    subprocess.run(command, check=True)
    assert (tmp_path / "a.tar").stat().st_size < 100_000
    _refuse(tmp_path / "a.tar", "a sparse file")


def test_a_tar_with_a_broken_header_inside_is_not_taken_for_a_shorter_one(tmp_path: Path) -> None:
    archive = _tar(tmp_path / "a.tar", ("a", b"1"), ("b", b"2"))
    data = bytearray(archive.read_bytes())
    data[1024 + 5] ^= 1
    archive.write_bytes(data)
    with tarfile.open(archive) as opened:
        assert opened.getnames() == ["a"]  # what a lenient reader would have said
    _refuse(archive, "no tar header, or something follows")


def test_a_tar_with_something_behind_its_end_is_refused(tmp_path: Path) -> None:
    archive = _tar(tmp_path / "a.tar", ("a", b"1"))
    archive.write_bytes(archive.read_bytes() + b"hidden")
    _refuse(archive, "something follows its end")


def test_a_cut_tar_is_refused(tmp_path: Path) -> None:
    archive = _tar(tmp_path / "a.tar", ("a", bytes(2000)))
    archive.write_bytes(archive.read_bytes()[:1500])
    _refuse(archive, "states 2,000 bytes, it has others|cannot be read")


def test_a_negative_size_in_a_tar_is_refused(tmp_path: Path) -> None:
    """Base-256 numbers may be negative, and lead a trusting reader back to where it was."""
    info = tarfile.TarInfo("a")
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[124:136] = b"\xff" * 10 + (-512 & 0xFFFF).to_bytes(2, "big")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    (tmp_path / "a.tar").write_bytes(bytes(header) + bytes(1024))
    _refuse(tmp_path / "a.tar", "impossible size|cannot be read")


@given(junk=st.binary(max_size=2000))
def test_any_bytes_are_refused_or_are_an_empty_archive(junk: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "a").write_bytes(junk)
        try:
            done = extract_safely(Path(name) / "a", Path(name) / "out")
        except InvalidInputError:
            assert _names(name) == ["a"]
        else:
            assert done == Extracted((), 0)


@pytest.mark.parametrize("kind", MAKERS)
@given(at=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_a_changed_byte_never_writes_outside_and_never_half(kind: str, at: int, flip: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        archive = MAKERS[kind](Path(name) / "a", *FILES.items())
        data = bytearray(archive.read_bytes())
        data[at % len(data)] ^= flip
        archive.write_bytes(data)
        try:
            done = extract_safely(archive, Path(name) / "out")
        except InvalidInputError:
            assert _names(name) == ["a"]
        else:
            assert _names(name) == ["a", "out"]
            assert sorted(_read_all(Path(name) / "out")) == list(done.paths)


def test_a_target_that_is_there_is_refused(tmp_path: Path) -> None:
    archive = _tar(tmp_path / "a.tar", ("a", b"1"))
    (tmp_path / "out").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InvalidInputError, match="must not exist yet"):
        extract_safely(archive, tmp_path / "out")


def test_a_linked_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(_tar(tmp_path / "a.tar", ("a", b"1")))
    _refuse(tmp_path / "link", "cannot be read as a plain file")


def test_a_zip_in_memory_is_read_like_one_on_disk(tmp_path: Path) -> None:
    data = _zip(tmp_path / "a.zip", *FILES.items(), method=zipfile.ZIP_DEFLATED).read_bytes()
    with open_zip(memoryview(data), use="a.zip") as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == FILES


def test_folders_that_are_listed_may_lie_in_one_another():
    """As `tar` writes them, each before what is in it."""
    check_members(["a/b/c.json"], folders=["a", "a/b"], use="it")


def test_a_folder_below_a_file_is_refused():
    with pytest.raises(InvalidInputError, match="'a' is a file in it and a folder"):
        check_members(["a"], folders=["a/b"], use="it")
