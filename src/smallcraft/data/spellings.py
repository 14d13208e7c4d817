"""Classes that are written in several ways (`Return label`, `RETURN_LABEL`), and a copy where each has one.

Which column holds classes is for `data.inspect` to guess and for people to say.
Always: spellings are one class when they differ in case, spaces, `_` and `-` alone; the commonest stays, of
equals the first in order; the source is never changed, and in the copy every other byte is as it was.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from smallcraft.data.columns import code_text
from smallcraft.data.formats import file_format, find_files
from smallcraft.data.load import read_source
from smallcraft.data.rewriting import Edits, refuse_target, rewrite_files, write_synced
from smallcraft.errors import DataError


def find_spellings(labels: pl.Series) -> dict[str, str]:
    """Each spelling that is not its class's commonest, and that commonest one.

    Args:
        labels: Text; nulls are passed over.

    >>> find_spellings(pl.Series(["Refund", "refund", "Refund", "return label", "Return_Label"]))
    {'refund': 'Refund', 'return label': 'Return_Label'}
    """
    counts = labels.drop_nulls().value_counts(name="rows")
    written = sorted(counts.iter_rows(), key=lambda row: (-row[1], row[0]))
    commonest: dict[str, str] = {}
    found: dict[str, str] = {}
    for spelling, _ in written:
        kept = commonest.setdefault(_folded(spelling), spelling)
        if kept != spelling:
            found[spelling] = kept
    return dict(sorted(found.items()))


def _folded(spelling: str) -> str:
    return " ".join(spelling.casefold().replace("_", " ").replace("-", " ").split())


def write_one_spelling(location: str, column: str, target: Path) -> int:
    """Write the rows again with one spelling a class.

    Args:
        location: A path or glob, as in `load_table`.
        column: The label.
        target: A new file of the same format.

    Returns:
        How many rows were respelt.

    Raises:
        DataError: The files cannot be read or put together, or no class has several spellings.
        InvalidInputError: The target cannot be written.
    """
    paths = find_files(location)
    refuse_target(Path(location), paths, target)
    source = read_source(location, None, lists=None)
    labels = code_text(source.frame[column])
    kept = find_spellings(labels)
    if not kept:
        raise DataError(f"every class of column '{column}' has one spelling; leave --one-spelling out")
    first = {label: row for row, label in reversed(list(enumerate(labels.to_list())))}
    copied = {row: first[kept[label]] for row, label in enumerate(labels.to_list()) if label in kept}
    is_gzipped = file_format(paths[0]).is_gzipped
    edits = Edits(column, frozenset(), copied, {})
    write_synced(target, rewrite_files(paths, source.files, edits, is_gzipped=is_gzipped))
    return len(copied)


def spelled_name(location: Path) -> Path:
    """A name for the copy, beside the source.

    >>> str(spelled_name(Path("exports/tickets.csv.gz")))
    'exports/tickets-one-spelling.csv.gz'
    """
    suffixes = location.suffixes[-2:] if location.suffix == ".gz" else location.suffixes[-1:]
    stem = location.name.removesuffix("".join(suffixes)).replace("*", "all").replace("?", "")
    return location.with_name(f"{stem}-one-spelling{''.join(suffixes)}")
