import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.canonical import digest_bytes
from smallcraft.errors import IntegrityError
from smallcraft.registry.content.disk import (
    Layout,
    hash_file,
    locked,
    make_folders,
    mapped,
    read_blob,
    read_bytes,
    rename_durably,
    sync_file,
    write_new,
)
from smallcraft.registry.tlog.entry import Content


@given(data=st.binary(max_size=200), is_synced=st.booleans())
def test_what_is_written_is_what_is_hashed_and_read(data, is_synced, tmp_path_factory):
    path = tmp_path_factory.mktemp("disk") / "file"
    write_new(path, data, is_synced=is_synced)
    assert hash_file(path, name="x") == Content(digest_bytes(data), len(data))
    assert read_bytes(path, name="x") == data
    with mapped(path, name="x") as view:
        assert bytes(view) == data


def test_a_file_larger_than_a_block_is_read_and_hashed_whole(tmp_path):
    data = os.urandom((1 << 20) + 17)
    (tmp_path / "source").write_bytes(data)
    assert hash_file(tmp_path / "source", name="x") == Content(digest_bytes(data), len(data))
    assert read_bytes(tmp_path / "source", name="x") == data


def test_writing_never_replaces_or_follows_what_is_there(tmp_path):
    (tmp_path / "there").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("there", "link"):
        with pytest.raises(FileExistsError):
            write_new(tmp_path / name, b"new")
    assert (tmp_path / "there").read_bytes() == b"old"
    assert not (tmp_path / "elsewhere").exists()


def test_a_limit_bounds_what_is_read(tmp_path):
    (tmp_path / "long").write_bytes(b"abcdef")
    assert read_bytes(tmp_path / "long", name="long", limit=4) == b"abcd"
    assert read_bytes(tmp_path / "long", name="long", limit=99) == b"abcdef"


def use_mapped(path, *, name):
    with mapped(path, name=name):
        raise AssertionError("it was opened")


@pytest.mark.parametrize("read", [read_bytes, hash_file, use_mapped])
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, r"^the name is missing"),
        (lambda path: path.symlink_to("/dev/null"), r"^the name is a link"),
        (lambda path: path.mkdir(), r"^the name is not a plain file"),
        (os.mkfifo, r"^the name is not a plain file"),
    ],
)
def test_only_a_plain_file_is_read(tmp_path, make, message, read):
    make(tmp_path / "x")
    with pytest.raises(IntegrityError, match=message):
        read(tmp_path / "x", name="the name")


@pytest.mark.parametrize("stored", [b"wrong", b"right and more", b"righ", b""])
def test_a_blob_with_other_bytes_is_named_with_both_digests(tmp_path, stored):
    layout = Layout(tmp_path)
    make_folders(layout)
    wanted = Content(digest_bytes(b"right"), 5)
    layout.blob(wanted.digest).write_bytes(stored)
    message = rf"\(the card\) .*expected 5 bytes with {wanted.digest}.* has {len(stored)} bytes"
    with pytest.raises(IntegrityError, match=message):
        read_blob(layout, wanted, use="the card")


def test_a_rename_replaces_and_keeps_the_file_read_only(tmp_path):
    write_new(tmp_path / "new", b"new")
    write_new(tmp_path / "final", b"old")
    sync_file(tmp_path / "new")
    rename_durably(tmp_path / "new", tmp_path / "final")
    assert (tmp_path / "final").read_bytes() == b"new"
    assert stat.S_IMODE((tmp_path / "final").stat().st_mode) == 0o444


def test_a_writer_excludes_all_others_and_readers_only_writers(tmp_path):
    with locked(tmp_path) as mine:
        assert mine
        with locked(tmp_path, wait=False) as second:
            assert not second
    with (
        locked(tmp_path, shared=True),
        locked(tmp_path, shared=True, wait=False) as reader,
        locked(tmp_path, wait=False) as writer,
    ):
        assert reader
        assert not writer


def test_everything_lives_below_the_root_and_is_named_from_there(tmp_path):
    layout = Layout(tmp_path)
    for path in (layout.index, layout.checkpoint, layout.policy, layout.intent, layout.tile("tile/0/000")):
        assert tmp_path / layout.name_of(path) == path
    assert layout.name_of(layout.blob("sha256:ab")) == "blobs/sha256/ab"
