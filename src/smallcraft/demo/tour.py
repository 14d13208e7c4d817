"""The tour: what it looks for in the shipped corpus, and the byte it changes to see whether that is noticed.

Printing belongs to `cli.demo`; the corpus to `demo.helpdesk`.
Always: what is tampered with is a copy; the project that the tour leaves behind is sound.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.duplicates import duplicate_groups
from smallcraft.errors import IntegrityError
from smallcraft.records import Release
from smallcraft.registry.verify import verify_registry

EXAMPLES = (
    "I was billed twice for the same month, please send one of the payments back",
    "the sign-in code never arrives on my phone",
    "Where is my parcel? It should have been here on Monday.",
)


@dataclass(frozen=True)
class PlantedFault:
    """A kind of fault the corpus is known to have.

    Attributes:
        what: In words.
        planted: Rows that have it.
        found: How many of them were found.
    """

    what: str
    planted: int
    found: int


def count_found(frame: pl.DataFrame, truth: pl.DataFrame) -> tuple[PlantedFault, ...]:
    """Planted copies and contradictions, and how many of them the duplicate search finds.

    Args:
        frame: The corpus as a user has it: `message` and `intent`.
        truth: Row-aligned: `duplicate_of`, `duplicate_kind`, `is_contradiction`.
    """
    groups = duplicate_groups(frame["message"].to_list())
    is_found = _is_grouped_with_its_original(groups, truth["duplicate_of"])
    kinds = truth["duplicate_kind"].fill_null("").to_numpy()
    contradicts = truth["is_contradiction"].to_numpy()
    wanted = {
        "exact copies": kinds == "exact",
        "near copies": kinds == "near",
        "copies with another label": contradicts,
    }
    return tuple(
        PlantedFault(what, int(rows.sum()), int((rows & is_found).sum())) for what, rows in wanted.items()
    )


def _is_grouped_with_its_original(groups: NDArray[np.int64], originals: pl.Series) -> NDArray[np.bool_]:
    rows = np.arange(len(groups))
    original = np.where(originals.is_null().to_numpy(), rows, originals.fill_null(0).to_numpy())
    is_grouped: NDArray[np.bool_] = (original != rows) & (groups == groups[original])
    return is_grouped


def change_one_byte(registry: Path, release: Release) -> str:
    """Change a byte of a copy of the registry, in the model's weights, and verify that copy.

    Args:
        registry: Stays as it is.
        release: Whose weights to change.

    Returns:
        What `verify` said.

    Raises:
        AssertionError: It said nothing: the registry would be broken.
    """
    weights = max(
        (file for file in release.files if "/heads/" in file.path), key=lambda file: file.size_bytes
    )
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copytree(registry, Path(folder) / "registry"))
        blob = copy / "blobs" / "sha256" / weights.digest.removeprefix("sha256:")
        data = bytearray(blob.read_bytes())
        data[len(data) // 2] ^= 1
        blob.chmod(0o644)
        blob.write_bytes(data)
        try:
            verify_registry(copy)
        except IntegrityError as error:
            return str(error).replace(f"{folder}/", "")
    raise AssertionError("a changed byte went unnoticed")
