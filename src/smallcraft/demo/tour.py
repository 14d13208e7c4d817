"""The tour: what it looks for in the shipped corpus, and the byte it changes to see whether that is noticed.

Printing belongs to `cli.demo`; the corpus to `demo.helpdesk`.
Always: what is tampered with is a copy; the project that the tour leaves behind is sound.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.checks.leakage import Leakage
from smallcraft.data.duplicates import duplicate_groups
from smallcraft.errors import IntegrityError
from smallcraft.records import AuditResult, CheckResult, Measurement, Release, Roles
from smallcraft.registry.verify.registry import verify_registry

EXAMPLES = (
    "I was billed twice for the same month, please send one of the payments back",
    "the sign-in code never arrives on my phone",
    "Where is my parcel? It should have been here on Monday.",
)


# Near copies of a few letters and a label that people would give too cannot all be told.
_MOST = 0.5


@dataclass(frozen=True)
class PlantedFault:
    """A kind of fault the corpus is known to have.

    Attributes:
        what: In words.
        planted: Rows that have it.
        found: How many of them were found.
        flagged: Rows that were flagged for it, rightly or not; None where rows are not flagged one by one.
    """

    what: str
    planted: int
    found: int
    flagged: int | None = None

    @property
    def is_found(self) -> bool:
        """Whether most of the rows were found."""
        return self.found > _MOST * self.planted

    @property
    def sentence(self) -> str:
        """What was found, as recall and, where rows were flagged one by one, as precision."""
        told = f"{self.what}: found {self.found} of {self.planted} planted"
        if self.flagged is None:
            return told
        share = f"{self.found / self.flagged:.0%}" if self.flagged else "none"
        return f"{told}; of {self.flagged} flagged, {share} are planted"


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


def count_leaks(frame: pl.DataFrame, truth: pl.DataFrame, *, share: float = 0.15) -> PlantedFault:
    """Planted copies that would leak if the latest rows became the test set, and how many are found.

    Args:
        frame: The corpus, by time.
        truth: As in `count_found`.
        share: Of the rows that would be tested on.
    """
    border = round(frame.height * (1 - share))
    roles = Roles(label="intent", text="message")
    found = Leakage().inspect({"train": frame[:border], "cert": frame[border:]}, roles)
    flagged = np.unique(np.concatenate([rows.rows for rows in found.flagged] or [np.empty(0, np.int64)]))
    original = truth["duplicate_of"][border:].fill_null(frame.height).to_numpy()
    is_planted = original < border
    return PlantedFault(
        "copies that a plain split by time would leak",
        int(is_planted.sum()),
        int(is_planted[flagged].sum()),
        len(flagged),
    )


def count_wrong_labels(
    findings: pl.DataFrame, truth: pl.DataFrame, *, rows: NDArray[np.int64]
) -> PlantedFault:
    """Planted wrong labels among rows that were looked at, and how many the check calls wrong.

    Args:
        findings: What the check flagged, as in `findings.parquet`.
        truth: Row-aligned with the file: `is_wrong_label`.
        rows: `(n,)` positions in the file of the rows whose labels were looked at.
    """
    is_wrong, flagged = truth["is_wrong_label"].to_numpy(), doubted_rows(findings)
    return PlantedFault(
        "wrong labels in train and dev", int(is_wrong[rows].sum()), int(is_wrong[flagged].sum()), len(flagged)
    )


def doubted_rows(findings: pl.DataFrame) -> NDArray[np.int64]:
    """`(m,)` positions in the file of the rows whose label the check calls wrong.

    Args:
        findings: What the check flagged, as in `findings.parquet`.
    """
    told = findings.filter(
        (pl.col("check") == "label_issues") & (pl.col("kind") == "wrong")
        | (pl.col("check") == "consensus") & (pl.col("kind") == "votes say otherwise")
    )
    rows: NDArray[np.int64] = told["line"].unique().sort().to_numpy()
    return rows


def start_over(folder: Path) -> Path | None:
    """Put what an earlier tour released and watched aside, so that this one tells its own; caches stay.

    Args:
        folder: Of the tour.

    Returns:
        Where it is now; None where there was nothing.
    """
    kept = folder / ".smallcraft"
    shutil.rmtree(folder / "labels", ignore_errors=True)
    told = ("registry", "ledger.jsonl*", "bundles/*@*", "watch", "label", "serving")
    parts = [part for pattern in told for part in kept.glob(pattern)]
    if not parts:
        return None
    earlier = kept / "earlier"
    earlier.mkdir(exist_ok=True)
    target = earlier / str(len(list(earlier.iterdir())) + 1)
    for part in parts:
        moved = target / part.relative_to(kept)
        moved.parent.mkdir(parents=True, exist_ok=True)
        part.rename(moved)
    return target


@dataclass(frozen=True)
class AnnotatorGuess:
    """How often an annotator is right: as the check measured it, and as it is."""

    name: str
    measured: Measurement
    true: float


def rank_annotators(
    checks: Sequence[CheckResult], frame: pl.DataFrame, truth: pl.DataFrame
) -> tuple[AnnotatorGuess, ...]:
    """The annotators, the worst first by what the check measured.

    Args:
        checks: Of `smallcraft check`.
        frame: The corpus, with a column an annotator.
        truth: Row-aligned: `true_intent`.
    """
    measured: dict[str, Measurement] = {}
    for found in (m for check in checks for m in check.measurements if m.name == "annotator_accuracy"):
        measured.setdefault(found.slice.removeprefix("annotator="), found)
    is_right = {name: (frame[name] == truth["true_intent"]).to_numpy() for name in measured}
    guesses = [AnnotatorGuess(name, found, float(is_right[name].mean())) for name, found in measured.items()]
    return tuple(sorted(guesses, key=lambda guess: guess.measured.value or 0.0))


def find_region_served_worst(audits: Sequence[AuditResult]) -> Measurement | None:
    """The region that the fairness audit measured furthest below the rest in accuracy; None without one.

    Args:
        audits: Of the winner.
    """
    below = [
        gap
        for result in audits
        for gap in result.measurements
        if gap.name == "accuracy_gap" and gap.value is not None and gap.value < 0
    ]
    return min(below, key=lambda gap: gap.value or 0.0, default=None)


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
