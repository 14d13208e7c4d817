"""What files are held against: the release that answers them, or a file from before with its own answers.

Leaves to others: reading the files that are watched (`pipeline.watching.files`).
Always: a file and the windows after it are read and measured by the same functions; a file from before stays
the one that windows were held against first.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.canonical import digest_file, digest_value
from smallcraft.data.badrows import refuse_bad_rows
from smallcraft.data.formats import find_files
from smallcraft.data.load import read_source
from smallcraft.data.profiles.reference import make_reference
from smallcraft.data.profiles.rows import Rows
from smallcraft.errors import ConfigError, DataError
from smallcraft.observe.judging import WatchedRelease
from smallcraft.pipeline.baseline import Baseline
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.stages.reference import baseline_of, season_buckets
from smallcraft.pipeline.usual_release import usual_reference
from smallcraft.pipeline.watching.files import Asked
from smallcraft.pipeline.watching.project import baseline_of_release, watched_release
from smallcraft.pipeline.watching.rows import rows_of_file, spec_of_file, times_of, typed_file
from smallcraft.pipeline.workspace import Workspace, open_registry, open_released


@dataclass(frozen=True)
class FilesReference:
    """What the windows of files are held against, and who answers their rows.

    Attributes:
        asked: Who answers.
        release: That is watched.
        digest: Of the file from before; None where a release is asked.
    """

    asked: Asked
    release: WatchedRelease
    digest: str | None = None

    def check_kept(self, known: str | None) -> None:
        """Refuse another file from before than windows were held against.

        Args:
            known: Digest of that one; None where there are no windows yet.

        Raises:
            ConfigError: It is another one.
        """
        if known is not None and known != self.digest:
            raise ConfigError(
                f"windows were held against another [watch] reference than the present one of "
                f"{self.release.label}; put the old file back, or delete .smallcraft/watch to begin anew"
            )


def reference_of_files(config: Config, project: Path) -> FilesReference:
    """What the files of `[watch] files` are held against.

    Args:
        config: The project.
        project: Its folder or file; its usual release is asked where answers do not stand in the files.

    Raises:
        NotFoundError: There is no release, or it has no reference.
        DataError: The file from before cannot be read.
        IntegrityError: A stored byte is not what was recorded.
    """
    if config.watch.prediction is not None:
        return _of_file(config)
    registry = open_registry(project)
    stored = registry.find(usual_reference(registry, project))
    bundle = open_released(Workspace(config.folder), registry, stored.release)
    release = watched_release(stored, tolerance=config.watch.harm_tolerance, season=config.watch.season_name)
    baseline = baseline_of_release(stored)
    asked = Asked(release.label, bundle.spec, release.reference.measures, baseline, bundle)
    return FilesReference(asked, release)


def _of_file(config: Config) -> FilesReference:
    assert config.watch.reference is not None
    path = config.resolve(config.watch.reference)
    source = read_source(path, None, lists=None)
    refuse_bad_rows(source.broken)
    if not source.frame.height:
        raise DataError(f"{path} has no rows to hold others against; give a file with some")
    spec = spec_of_file(config, source.frame, path.name)
    typed = typed_file(config, source.frame, spec, source=path.name, has_answers=True)
    rows = rows_of_file(config, typed, spec, bundle=None, source=path.name)
    buckets = _buckets(config, source.frame, path)
    reference = make_reference(
        rows,
        rng=np.random.default_rng([config.seed, 8]),
        buckets=buckets,
        season=None if buckets is None else config.watch.season_name,
    )
    label = f"{config.name}@{path.name.split('.')[0]}"
    baseline = _baseline(config, typed, rows)
    harm = None if baseline is None else baseline.for_harm(tolerance=config.watch.harm_tolerance)
    release = WatchedRelease(label, reference, harm, () if baseline is None else baseline.classes)
    digest = digest_value([digest_file(file) for file in find_files(path)])
    return FilesReference(Asked(label, spec, reference.measures, baseline), release, digest)


def _buckets(config: Config, frame: pl.DataFrame, path: Path) -> NDArray[np.int64] | None:
    season = config.watch.season_name
    if season is None:
        return None
    seconds = times_of(config, frame, path.name)
    if np.isnan(seconds).any():
        raise DataError(
            f"{path} has rows without a time, and a season needs all of them; fill them, or leave them out"
        )
    return season_buckets(seconds, season)


def _baseline(config: Config, typed: pl.DataFrame, rows: Rows) -> Baseline | None:
    """How often the answers in the file were wrong; None where it has no labels."""
    roles = config.roles()
    if rows.answers is None or roles.label not in typed.columns:
        return None
    answered = [label for label in rows.answers.labels if isinstance(label, str)]
    named = sorted({*typed[roles.label].drop_nulls().to_list(), *answered})
    return baseline_of(rows, typed, roles, classes=named if roles.task == "multiclass" else ())
