"""Where the bundles of releases lie, by digest: noted before a rollout begins, found after a kill."""

from __future__ import annotations

import pytest

from smallcraft.errors import SmallcraftError
from smallcraft.serve.loading.source import ModelSource
from smallcraft.serve.processes.sources import SourceBook


def source(folder, number: int) -> ModelSource:
    return ModelSource("m", str(number), folder / str(number), f"sha256:{number}")


def test_what_was_noted_is_found_by_the_next_process(tmp_path):
    book = SourceBook(tmp_path)
    for number in range(3):
        book.note(source(tmp_path, number))
    again = SourceBook(tmp_path)
    assert [again.find(f"sha256:{number}") for number in range(3)] == [source(tmp_path, n) for n in range(3)]
    assert again.find("sha256:9") is None


def test_the_oldest_are_forgotten(tmp_path):
    book = SourceBook(tmp_path)
    for number in range(40):
        book.note(source(tmp_path, number))
    again = SourceBook(tmp_path)
    assert again.find("sha256:0") is None
    assert again.find("sha256:39") == source(tmp_path, 39)


@pytest.mark.parametrize("content", [b"", b"{", b"[3]", b'[{"name": 1}]', b"\xff"])
def test_a_damaged_file_is_as_good_as_none_and_is_mended(tmp_path, content):
    (tmp_path / "sources.json").write_bytes(content)
    book = SourceBook(tmp_path)
    assert book.find("sha256:1") is None
    book.note(source(tmp_path, 1))
    assert SourceBook(tmp_path).find("sha256:1") == source(tmp_path, 1)


def test_a_disk_that_lets_nothing_be_written_is_told(tmp_path):
    book = SourceBook(tmp_path / "absent")
    with pytest.raises(SmallcraftError, match="cannot be written"):
        book.note(source(tmp_path, 1))
