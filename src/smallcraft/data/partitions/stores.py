"""Object stores as places of tables: which objects an address names, and a copy of one to read.

Leaves to others: the transport and its credentials (`obstore`; they come from the environment, as the clouds'
own tools read them), what stands in an object (`partitions.reading`).
Always: an object that changed since it was listed is not read as if it were the one listed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import urlsplit

from smallcraft.addresses import STORE_SCHEMES, open_store
from smallcraft.errors import DataError, first_line

_BLOCK_BYTES = 8 << 20


@dataclass(frozen=True)
class StoredObject:
    """An object of a store.

    Attributes:
        address: `s3://bucket/path/to/it`.
        size_bytes: Its length.
        tag: Its etag when it was listed; empty where the store has none.
    """

    address: str
    size_bytes: int
    tag: str


def is_address(location: str | Path) -> bool:
    """Whether a location is an object store's.

    >>> is_address("s3://bucket/rows/*.parquet"), is_address("rows/*.parquet")
    (True, False)
    """
    return str(location).partition("://")[0] in STORE_SCHEMES and "://" in str(location)


def list_objects(address: str) -> list[StoredObject]:
    """The objects that an address names, sorted: one, all below a prefix that ends with `/`, or a pattern's.

    Args:
        address: `s3://bucket/rows/part.parquet`, `s3://bucket/rows/` or `s3://bucket/rows/*.parquet`, where
            `*` does not cross a `/`.

    Raises:
        DataError: The store cannot be read, or nothing is there.
        InvalidInputError: It cannot be opened.
        MissingPartError: The extra `[scale]` is not installed.
    """
    bucket, path = _parts(address)
    pattern = None if path.endswith("/") or not path else path.split("/")
    fixed = [] if pattern is None else _without_marks(pattern)
    prefix = path.rstrip("/") if pattern is None else "/".join(fixed)
    store = open_store(bucket)
    try:
        listed = [one for page in store.list(prefix=prefix or None) for one in page]
    except _errors() as error:
        raise DataError(
            f"{address} cannot be read: {first_line(error)}; check address and credentials"
        ) from error
    found = [
        StoredObject(f"{bucket}/{one['path']}", int(one["size"]), str(one.get("e_tag") or ""))
        for one in listed
        if _fits(one["path"], path, pattern)
    ]
    if not found:
        raise DataError(
            f"nothing is at {address}; check bucket and path, or write a pattern like '{bucket}/*'"
        )
    return sorted(found, key=lambda one: one.address)


@contextmanager
def copy_of(found: StoredObject) -> Iterator[Path]:
    """A file with an object's bytes, for as long as it is read.

    Args:
        found: As it was listed.

    Raises:
        DataError: It cannot be read, or is another one than was listed.
    """
    bucket, path = _parts(found.address)
    store = open_store(bucket)
    with tempfile.TemporaryDirectory(prefix="smallcraft-") as folder:
        copy = Path(folder) / Path(path).name
        try:
            got = store.get(path)
            tag = str(got.meta.get("e_tag") or "")
            with copy.open("wb") as file:
                for block in got.stream(min_chunk_size=_BLOCK_BYTES):
                    file.write(block)
        except _errors() as error:
            raise DataError(f"{found.address} cannot be read: {first_line(error)}; try again") from error
        if tag != found.tag or copy.stat().st_size != found.size_bytes:
            raise DataError(
                f"{found.address} was replaced while the table was read; run this again when nobody writes"
            )
        yield copy


def _parts(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    if not parts.netloc:
        raise DataError(f"an object store is named like s3://bucket/rows/*.parquet, got '{address}'")
    # Not the parsed path: a question mark is a mark of patterns here.
    rest = address.partition("://")[2].partition("/")[2]
    return f"{parts.scheme}://{parts.netloc}", rest


def _without_marks(pattern: list[str]) -> list[str]:
    for at, part in enumerate(pattern):
        if any(mark in part for mark in "*?["):
            return pattern[:at]
    return pattern[:-1]


def _fits(path: str, wanted: str, pattern: list[str] | None) -> bool:
    if pattern is None:
        return not wanted or path.startswith(wanted)
    parts = path.split("/")
    return len(parts) == len(pattern) and all(map(fnmatchcase, parts, pattern))


def _errors() -> tuple[type[Exception], ...]:
    from obstore.exceptions import BaseError

    return (BaseError, ValueError, OSError)
