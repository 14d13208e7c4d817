"""Which format a file has, and its bytes once they are known to be sound text.

Parsing belongs to `data.delimited`, `data.jsonlines` and `data.columnar`.
Always: a file that is not what its suffix says is refused before anything is parsed; text is valid UTF-8
without NUL, and no line is longer than `LONGEST_LINE_BYTES`, found out without reading past it.
"""

from __future__ import annotations

import codecs
import glob
import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, cast

from smallcraft.errors import DataError, nearest_name

LONGEST_LINE_BYTES = 16 * 2**20
_BLOCK_BYTES = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"
_PARQUET_MAGIC = b"PAR1"

FormatName = Literal["csv", "tsv", "parquet", "jsonl"]
_SUFFIXES: dict[str, FormatName] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
_OTHER_KINDS = (
    (_PARQUET_MAGIC, "a Parquet file: name it .parquet"),
    (_GZIP_MAGIC, "compressed with gzip: add .gz to its name"),
    (b"PK\x03\x04", "a zip archive or a spreadsheet: export the sheet as CSV"),
    (b"\xff\xfe", "UTF-16 text: save it as UTF-8"),
    (b"\xfe\xff", "UTF-16 text: save it as UTF-8"),
)


@dataclass(frozen=True)
class FileFormat:
    """How a file is stored."""

    name: FormatName
    is_gzipped: bool


def find_files(location: str | Path) -> list[Path]:
    """The files a path, folder or glob names, sorted.

    Of a folder, all below it whose suffix is one of a table's; names that begin with `_` or `.` are what
    writers of partitions leave beside them.

    Raises:
        DataError: Nothing is there.
    """
    path = Path(location)
    if path.is_file():
        return [path]
    if path.is_dir():
        return _files_below(path)
    if any(mark in str(location) for mark in "*?["):
        found = [Path(name) for name in sorted(glob.glob(str(location), recursive=True))]  # noqa: PTH207
        found = [file for file in found if file.is_file()]
        if not found:
            raise DataError(f"no file matches the glob '{location}'; check the folder and the suffix")
        return found
    siblings = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
    raise DataError(f"there is no file {path}; check the path{nearest_name(path.name, siblings)}")


def _files_below(folder: Path) -> list[Path]:
    found = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and _suffix_of(path)[0] in _SUFFIXES
        and not any(part.startswith(("_", ".")) for part in path.relative_to(folder).parts)
    ]
    if not found:
        raise DataError(
            f"no file below the folder {folder} is a table by its suffix ({', '.join(_SUFFIXES)}); "
            "name the file, or rename it"
        )
    return found


def _suffix_of(path: Path) -> tuple[str, bool]:
    """A file's suffix without that of gzip, and whether it has that; empty for none."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    is_gzipped = suffixes[-1:] == [".gz"]
    return "".join((suffixes[:-1] if is_gzipped else suffixes)[-1:]), is_gzipped


def file_format(path: Path) -> FileFormat:
    """Format by suffix, confirmed by the first bytes.

    Raises:
        DataError: The suffix is unknown, the file is empty, or holds something else.
    """
    suffix, is_gzipped = _suffix_of(path)
    name = _SUFFIXES.get(suffix)
    if name is None or (is_gzipped and name == "parquet"):
        known = [*_SUFFIXES, ".csv.gz", ".tsv.gz", ".jsonl.gz"]
        hint = nearest_name(suffix, _SUFFIXES) if suffix else ""
        raise DataError(f"{path} has a suffix that is not one of {', '.join(known)}{hint}; rename it")
    _check_first_bytes(path, name, is_gzipped=is_gzipped)
    return FileFormat(name, is_gzipped)


def _check_first_bytes(path: Path, name: FormatName, *, is_gzipped: bool) -> None:
    try:
        with path.open("rb") as stream:
            first = stream.read(4)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}; check its permissions") from error
    if not first:
        raise DataError(f"{path} is empty; a header and rows were wanted")
    wanted = _PARQUET_MAGIC if name == "parquet" else _GZIP_MAGIC if is_gzipped else None
    if wanted is not None and not first.startswith(wanted):
        kind = "Parquet" if name == "parquet" else "gzip"
        raise DataError(
            f"{path} is not a {kind} file as its suffix says: it begins with {first!r}; "
            "rename it to what it is, or export it again"
        )
    if wanted is None:
        refuse_other_kinds(path, first)


def refuse_other_kinds(path: Path, first: bytes) -> None:
    """Refuse bytes that are known to begin another kind of file.

    Raises:
        DataError: With what the file is and what to do.
    """
    for magic, what in _OTHER_KINDS:
        if first.startswith(magic):
            raise DataError(f"{path} is not text as its suffix says; it is {what}")


def read_text_bytes(path: Path, *, is_gzipped: bool, span: tuple[int, int] | None = None) -> bytes:
    """All bytes of a text file, checked block by block while reading; a UTF-8 mark in front is left out.

    Args:
        path: The file.
        is_gzipped: Whether it is compressed.
        span: From the first byte up to the second, of a file that is not compressed; None for all.

    Raises:
        DataError: Not UTF-8, holds NUL, damaged gzip, a line past `LONGEST_LINE_BYTES`, or nothing but space.
    """
    start, left = (0, None) if span is None else (span[0], span[1] - span[0])
    sound = _SoundText(path, start)
    blocks: list[bytes] = []
    try:
        with _opened(path, is_gzipped=is_gzipped) as stream:
            if start:
                stream.seek(start)
            while block := stream.read(_BLOCK_BYTES if left is None else min(_BLOCK_BYTES, left)):
                left = None if left is None else left - len(block)
                sound.check(block)
                blocks.append(block)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path} is a damaged gzip file ({error}); copy or export it again") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error}; check the disk and permissions") from error
    sound.check(b"", is_last=True)
    data = b"".join(blocks).removeprefix(codecs.BOM_UTF8)
    if not data.strip():
        raise DataError(f"{path} is empty; a header and rows were wanted")
    return data


def _opened(path: Path, *, is_gzipped: bool) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path, "rb")) if is_gzipped else path.open("rb")


class _SoundText:
    """Checks a stream of blocks; keeps only what the next block needs."""

    def __init__(self, path: Path, offset: int = 0) -> None:
        self._path = path
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._offset = offset
        self._line_bytes = 0

    def check(self, block: bytes, *, is_last: bool = False) -> None:
        """Raise on the first fault of the block."""
        if self._offset == 0:
            refuse_other_kinds(self._path, block[:4])
        nul = block.find(b"\0")
        if nul >= 0:
            raise DataError(
                f"{self._path} is binary, not text: byte {self._offset + nul} is NUL; export it as UTF-8 text"
            )
        self._check_encoding(block, is_last=is_last)
        self._check_line(block)
        self._offset += len(block)

    def _check_encoding(self, block: bytes, *, is_last: bool) -> None:
        waiting = len(self._decoder.getstate()[0])
        try:
            self._decoder.decode(block, is_last)
        except UnicodeDecodeError as error:
            at = self._offset - waiting + error.start
            raise DataError(
                f"{self._path} is not valid UTF-8: byte {at} is 0x{error.object[error.start]:02x}; "
                "save it as UTF-8 (it may be Latin-1 or Windows-1252)"
            ) from error

    def _check_line(self, block: bytes) -> None:
        first, last = block.find(b"\n"), block.rfind(b"\n")
        longest = self._line_bytes + (first if first >= 0 else len(block))
        if longest > LONGEST_LINE_BYTES:
            raise DataError(
                f"{self._path} has a line longer than {LONGEST_LINE_BYTES:,} bytes; it starts at byte "
                f"{self._offset - self._line_bytes}; check that rows end in newlines"
            )
        self._line_bytes = self._line_bytes + len(block) if last < 0 else len(block) - last - 1
