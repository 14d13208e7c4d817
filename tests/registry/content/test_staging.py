"""What is staged is exactly what was hashed; what cannot be staged leaves nothing behind."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.errors import InvalidInputError
from smallcraft.registry.content import staging
from smallcraft.registry.content.staging import Staging, read_blocks, sync_filesystem
from smallcraft.registry.tlog.entry import Content


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "tmp"
    made.mkdir()
    return made


def _is_sha256sum_of(path: Path, digest: str) -> bool:
    said = subprocess.run(["sha256sum", path], capture_output=True, text=True, check=True).stdout
    return digest == "sha256:" + said.split()[0]


@pytest.mark.parametrize("size", [0, 1, 4096, staging._BLOCK_BYTES, staging._BLOCK_BYTES + 1, 3_000_001])
def test_a_file_is_staged_whole_under_the_digest_that_sha256sum_gives(
    folder: Path, tmp_path: Path, size: int
) -> None:
    source = tmp_path / "weights.bin"
    source.write_bytes(bytes(i % 251 for i in range(size)))
    staged = Staging(folder)
    content = staged.add(source)
    path = staged.paths[content.digest]
    assert content.size_bytes == size
    assert path.read_bytes() == source.read_bytes()
    assert _is_sha256sum_of(path, content.digest)


def test_a_staged_file_is_read_only_and_in_the_folder(folder: Path) -> None:
    staged = Staging(folder)
    path = staged.paths[staged.add(b"abc").digest]
    assert path.parent == folder
    assert stat.S_IMODE(path.stat().st_mode) == 0o444


@given(contents=st.lists(st.binary(max_size=6), max_size=12))
def test_equal_content_is_kept_once_whatever_way_it_came(contents: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as name:
        staged = Staging(Path(name))
        for content in contents:
            given_as_bytes = staged.add(content)
            assert staged.add_blocks(content[i : i + 2] for i in range(0, len(content), 2)) == given_as_bytes
        staged.sync()
        assert {path.read_bytes() for path in staged.paths.values()} == set(contents)
        assert len(list(Path(name).iterdir())) == len(set(contents))


def test_the_paths_cannot_be_changed_from_outside(folder: Path) -> None:
    with pytest.raises(TypeError, match="does not support item assignment"):
        Staging(folder).paths["sha256:0"] = folder  # type: ignore[index]


def test_a_link_as_source_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(InvalidInputError, match="cannot be read as a plain file"):
        Staging(folder).add(tmp_path / "link")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe"])
def test_a_source_that_is_no_plain_file_is_refused(folder: Path, tmp_path: Path, kind: str) -> None:
    source = tmp_path / kind
    if kind == "folder":
        source.mkdir()
    if kind == "pipe":
        os.mkfifo(source)
    with pytest.raises(InvalidInputError, match="plain file"):
        Staging(folder).add(source)
    assert list(folder.iterdir()) == []


def test_a_linked_staging_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(InvalidInputError, match="must be a folder to write to"):
        Staging(tmp_path / "link")


def test_a_folder_replaced_by_a_link_gets_nothing_written_through_it(folder: Path, tmp_path: Path) -> None:
    staged = Staging(folder)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    folder.rename(tmp_path / "moved")
    folder.symlink_to(elsewhere)
    staged.add(b"abc")
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("change", ["grown", "shortened", "rewritten"])
def test_a_source_that_changes_while_it_is_read_is_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    source = tmp_path / "busy"
    source.write_bytes(b"a" * 5000)
    os.utime(source, ns=(0, 0))
    monkeypatch.setattr(staging, "_BLOCK_BYTES", 1000)

    def blocks() -> Iterator[memoryview]:
        for number, block in enumerate(read_blocks(source)):
            if number == 0 and change == "grown":
                with source.open("ab") as stream:
                    stream.write(b"b")
            if number == 0 and change == "shortened":
                os.truncate(source, 2000)
            if number == 0 and change == "rewritten":
                source.write_bytes(b"b" * 5000)
            yield block

    with pytest.raises(InvalidInputError, match="must not change while it is stored"):
        Staging(folder).add_blocks(blocks())
    assert list(folder.iterdir()) == []


def test_a_reader_that_fails_leaves_no_file(folder: Path) -> None:
    def blocks() -> Iterator[bytes]:
        yield b"abc"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Staging(folder).add_blocks(blocks())
    assert list(folder.iterdir()) == []


def test_a_full_disk_is_said_plainly_and_leaves_no_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(_target: int, _data: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(staging.os, "write", write)
    with pytest.raises(InvalidInputError, match=r"is full .* free some space"):
        Staging(folder).add(b"abc")
    assert list(folder.iterdir()) == []


def test_a_write_that_the_system_stops_half_way_leaves_no_file() -> None:
    """In a process whose files may have 1 MiB at most."""
    program = """
import pathlib, resource, signal, sys, tempfile, errno, os
from smallcraft.registry.content.staging import Staging
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
folder = pathlib.Path(tempfile.mkdtemp())
staged = Staging(folder)
try:
    staged.add_blocks(bytes(1 << 18) for _ in range(8))
except OSError as error:
    assert error.errno == errno.EFBIG, error
    assert list(folder.iterdir()) == [] and not staged.paths
    os.rmdir(folder)
    print("refused")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "refused\n"


def test_syncing_leaves_what_was_staged_as_it_is(folder: Path) -> None:
    staged = Staging(folder)
    content = staged.add(b"abc")
    staged.sync()
    staged.sync()
    assert staged.paths[content.digest].read_bytes() == b"abc"


def test_without_syncfs_each_file_and_then_the_folder_is_synced(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    staged = Staging(folder)
    for content in (b"a", b"b", b"c"):
        staged.add(content)
    synced: list[int] = []
    monkeypatch.setattr(staging, "_load_syncfs", lambda: None)
    monkeypatch.setattr(staging.os, "fsync", lambda opened: synced.append(os.fstat(opened).st_ino))
    staged.sync()
    assert synced == [*(path.stat().st_ino for path in staged.paths.values()), folder.stat().st_ino]
    assert sync_filesystem(folder) is False


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EPERM])
def test_a_syncfs_that_is_not_allowed_falls_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(staging, "_load_syncfs", lambda: lambda opened: -1)
    monkeypatch.setattr(staging.ctypes, "get_errno", lambda: number)
    staged = Staging(folder)
    content = staged.add(b"abc")
    staged.sync()
    assert content.digest in staged.paths
    assert sync_filesystem(folder) is False


def test_a_disk_error_that_syncing_reports_is_never_passed_over(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "_load_syncfs", lambda: lambda opened: -1)
    monkeypatch.setattr(staging.ctypes, "get_errno", lambda: errno.EIO)
    staged = Staging(folder)
    staged.add(b"abc")
    with pytest.raises(OSError, match="Input/output error"):
        staged.sync()


def test_a_disk_found_full_while_syncing_is_said_plainly(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "_load_syncfs", lambda: lambda opened: -1)
    monkeypatch.setattr(staging.ctypes, "get_errno", lambda: errno.ENOSPC)
    with pytest.raises(InvalidInputError, match="is full"):
        Staging(folder).sync()


def test_syncing_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="must be a folder to write to"):
        sync_filesystem(tmp_path / "absent")


@pytest.mark.skipif(sys.platform != "linux", reason="counts open files by /proc")
def test_no_descriptor_stays_open(folder: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        Staging(folder).add(b"abc")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_two_stagings_of_one_folder_do_not_meet(folder: Path) -> None:
    first, second = Staging(folder), Staging(folder)
    contents: list[Content] = [staged.add(b"abc") for staged in (first, second)]
    assert contents[0] == contents[1]
    assert first.paths[contents[0].digest] != second.paths[contents[1].digest]


def test_the_digest_of_bytes_is_hashlibs(folder: Path) -> None:
    assert Staging(folder).add(b"abc").digest == "sha256:" + hashlib.sha256(b"abc").hexdigest()
