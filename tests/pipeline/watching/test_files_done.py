"""Which files are done: what was written is read, what is lost or damaged is nothing."""

from __future__ import annotations

import os

import pytest

from smallcraft.pipeline.watching.files_done import FILE_NAME, FileDone, FilesDone, read_done, write_done

DONE = FilesDone(
    {"in/é.csv": FileDone(12, 1_795_937_685_530_520_892, 3600), "b.csv": FileDone(0, 1)}, "sha256:0"
)


def test_what_was_written_is_read(tmp_path):
    write_done(tmp_path / "new", DONE)
    assert read_done(tmp_path / "new") == DONE


@pytest.mark.parametrize("text", [None, "", "{", "[]", "{}", '{"files": {"a": {}}, "reference": null}'])
def test_what_is_lost_or_damaged_is_nothing(text, tmp_path):
    if text is not None:
        (tmp_path / FILE_NAME).write_text(text, encoding="utf-8")
    assert read_done(tmp_path) == FilesDone()


def test_a_file_that_was_written_to_is_another_one(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("one", encoding="utf-8")
    found = path.stat()
    done = FileDone(found.st_size, found.st_mtime_ns)
    assert done.is_same(path)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns + 1))
    assert not done.is_same(path)
    path.write_text("one, two", encoding="utf-8")
    assert not done.is_same(path)
