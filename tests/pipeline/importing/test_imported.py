"""How an import's folder is written."""

from __future__ import annotations

import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.pipeline.importing.imported import write_files


def test_nothing_is_written_over_or_half(tmp_path):
    write_files(tmp_path / "f", {"a": lambda path: path.write_text("one")})
    with pytest.raises(InvalidInputError, match="is there already; name another folder with --output"):
        write_files(tmp_path / "f", {"b": lambda path: path.write_text("b"), "a": lambda path: path.touch()})
    assert [path.name for path in (tmp_path / "f").iterdir()] == ["a"]
    assert (tmp_path / "f/a").read_text() == "one"


def test_a_write_that_fails_leaves_nothing(tmp_path):
    def fail(path):
        path.write_text("half")
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        write_files(tmp_path / "f", {"a": fail})
    assert list((tmp_path / "f").iterdir()) == []


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "f").touch()
    with pytest.raises(InvalidInputError, match="--output must be a folder, got the file"):
        write_files(tmp_path / "f", {})
