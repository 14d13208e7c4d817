"""Laws of file formats: the suffix promises, the first bytes confirm, unsound text stops the reading."""

from __future__ import annotations

import io

import pytest

from smallcraft.data import formats
from smallcraft.data.formats import FileFormat, file_format, find_files, read_text_bytes
from smallcraft.errors import DataError


@pytest.mark.parametrize(
    ("name", "first", "wanted"),
    [
        ("a.csv", b"a,b", FileFormat("csv", False)),
        ("A.CSV", b"a,b", FileFormat("csv", False)),
        ("a.b.tsv.gz", b"\x1f\x8b\x08\x00", FileFormat("tsv", True)),
        ("a.ndjson", b"{}", FileFormat("jsonl", False)),
        ("a.pq", b"PAR1", FileFormat("parquet", False)),
    ],
)
def test_a_format_is_told_by_suffix_and_first_bytes(tmp_path, name, first, wanted):
    (tmp_path / name).write_bytes(first)
    assert file_format(tmp_path / name) == wanted


def test_files_of_a_glob_are_sorted_and_folders_left_out(tmp_path):
    for name in ("b.csv", "a.csv"):
        (tmp_path / name).write_text("x")
    (tmp_path / "c.csv").mkdir()
    assert [file.name for file in find_files(f"{tmp_path}/*.csv")] == ["a.csv", "b.csv"]


def test_files_below_a_folder_are_sorted_and_what_writers_leave_is_not_read(tmp_path):
    for name in (
        "day=2/b.parquet",
        "day=1/a.csv.gz",
        "c.jsonl",
        "_SUCCESS",
        ".x.csv",
        "_tmp/d.csv",
        "notes.md",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    found = [file.relative_to(tmp_path).as_posix() for file in find_files(tmp_path)]
    assert found == ["c.jsonl", "day=1/a.csv.gz", "day=2/b.parquet"]


@pytest.mark.parametrize("span", [(0, 6), (6, 12), (0, 12)])
def test_a_span_of_a_file_is_read_alone(tmp_path, span):
    path = tmp_path / "a.csv"
    path.write_bytes("aä\nb\n".encode() + "cö\nd\n".encode())
    assert read_text_bytes(path, is_gzipped=False, span=span) == path.read_bytes()[slice(*span)]


def test_a_fault_in_a_span_is_told_by_its_place_in_the_file(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"abcdef\nx\0y\n")
    with pytest.raises(DataError, match="byte 8 is NUL"):
        read_text_bytes(path, is_gzipped=False, span=(7, 11))


def test_a_file_whose_name_has_glob_marks_is_itself(tmp_path):
    odd = tmp_path / "a[1].csv"
    odd.write_text("x")
    assert find_files(odd) == [odd]


class Stream(io.RawIOBase):
    """Endless bytes that count how much was read."""

    def __init__(self, block: bytes) -> None:
        self.block, self.given = block, 0

    def read(self, size: int = -1) -> bytes:
        self.given += size
        return (self.block * (size // len(self.block) + 1))[:size]


def test_an_endless_line_is_refused_soon_after_the_cap(tmp_path, monkeypatch):
    stream = Stream(b"x")
    monkeypatch.setattr(formats, "_opened", lambda path, is_gzipped: stream)
    with pytest.raises(DataError, match="a line longer than"):
        read_text_bytes(tmp_path / "a.csv", is_gzipped=False)
    assert stream.given <= formats.LONGEST_LINE_BYTES + (2 << 20)


def test_lines_are_measured_across_blocks_not_by_block(tmp_path, monkeypatch):
    monkeypatch.setattr(formats, "LONGEST_LINE_BYTES", 10)
    monkeypatch.setattr(formats, "_BLOCK_BYTES", 4)
    path = tmp_path / "a.csv"
    path.write_bytes(b"1234567890\n1234567890\n")
    assert read_text_bytes(path, is_gzipped=False) == b"1234567890\n1234567890\n"
    path.write_bytes(b"12345\n12345678901\n1\n")
    with pytest.raises(DataError, match="it starts at byte 6"):
        read_text_bytes(path, is_gzipped=False)


@pytest.mark.parametrize("lead", range(6))
def test_the_byte_of_an_encoding_fault_is_right_across_block_borders(tmp_path, monkeypatch, lead):
    monkeypatch.setattr(formats, "_BLOCK_BYTES", 4)
    path = tmp_path / "a.csv"
    path.write_bytes(b"a" * lead + "é€".encode() + b"\xe2\x82(")
    with pytest.raises(DataError, match=f"byte {lead + 5} is 0xe2"):
        read_text_bytes(path, is_gzipped=False)
