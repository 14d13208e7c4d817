"""The Python face: a few names, each one stage.

check(file_or_project)       what is wrong with the data, and how much of it is right
build(project)               the main job
load(path_or_release)        a predictor; also a scikit-learn classifier
verify(project_or_path)      every stored byte
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from smallcraft.bundle.layout import DESCRIPTION
from smallcraft.bundle.runtime import Bundle, open_bundle
from smallcraft.data.table import require_columns
from smallcraft.errors import InvalidInputError, NotFoundError
from smallcraft.pipeline.build import build as _build
from smallcraft.pipeline.check_output import CheckOptions
from smallcraft.pipeline.checking import check_file, check_frame, check_project
from smallcraft.pipeline.columns import bundle_rows
from smallcraft.pipeline.config import Config, load_config
from smallcraft.pipeline.events import Listener
from smallcraft.pipeline.quality_report import QualityReport
from smallcraft.pipeline.result import BuildResult
from smallcraft.pipeline.verifying import verify_path, verify_project
from smallcraft.pipeline.workspace import Workspace, open_registry, open_released
from smallcraft.records import Roles
from smallcraft.registry.verify import VerifyReport

__all__ = ["Predictor", "build", "check", "load", "verify"]

Questions = Sequence[str] | Mapping[str, Sequence[object]] | pl.DataFrame


class Predictor(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn carries no types
    """A released model as a scikit-learn classifier that is already fitted.

    Attributes:
        bundle: The opened bundle.
        name: How it was named: a release such as `helpdesk@3`, or a path.
        classes_: `(k,)` labels, in the order of `predict_proba`.
    """

    def __init__(self, bundle: Bundle, name: str = "bundle") -> None:
        self.bundle = bundle
        self.name = name

    @property
    def classes_(self) -> NDArray[np.str_]:
        """`(k,)` labels."""
        return np.array(self.bundle.classes)

    def fit(self, rows: object = None, labels: object = None) -> Predictor:  # noqa: ARG002 - scikit-learn's names
        """Nothing: a release is fitted, and never changes."""
        return self

    def predict_proba(self, rows: Questions) -> NDArray[np.float64]:
        """`(n, k)` probabilities.

        Args:
            rows: A list of texts, a mapping of column name to values, or a polars or pandas frame.

        Raises:
            InvalidInputError: A column is missing or holds values of the wrong kind.
        """
        return self.bundle.predict_proba(self._columns(rows))

    def predict(self, rows: Questions) -> NDArray[np.str_]:
        """`(n,)` labels; the first one on a tie."""
        labels: NDArray[np.str_] = self.classes_[np.argmax(self.predict_proba(rows), axis=1)]
        return labels

    def __repr__(self) -> str:
        return f"Predictor({self.name!r})"

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_clone__(self) -> Predictor:
        """The same release again: there is nothing to unlearn, and an open bundle cannot be copied."""
        return Predictor(self.bundle, self.name)

    def _columns(self, rows: Any) -> Sequence[str] | Mapping[str, Sequence[object]]:  # noqa: ANN401 - any frame
        if isinstance(rows, pl.DataFrame):
            require_columns(self.bundle.inputs, rows.columns, source="the frame")
            return bundle_rows(rows, self.bundle.spec, source="the frame")
        if hasattr(rows, "columns") and hasattr(rows, "loc"):
            return {str(name): [None if v != v else v for v in rows[name].tolist()] for name in rows.columns}
        if isinstance(rows, np.ndarray):
            return [str(text) for text in rows.ravel().tolist()]
        # One string is a sequence too: its letters are no rows, and the bundle says so.
        return rows if isinstance(rows, Mapping | str) else list(rows)


def load(source: str | Path | Bundle = "latest", *, project: str | Path = ".") -> Predictor:
    """A predictor from a bundle directory, or from a release of a project.

    Args:
        source: A directory with `bundle.json`, a release (`helpdesk@3`, `3`, `latest`), or an open bundle.
        project: The project's folder, for releases.

    Raises:
        NotFoundError: There is no such bundle or release.
        IntegrityError: Stored bytes are not those that were recorded; nothing is loaded.
    """
    if isinstance(source, Bundle):
        return Predictor(source, str(source.path))
    folder = Path(source)
    if (folder / DESCRIPTION).exists():
        return Predictor(open_bundle(folder), str(folder))
    if isinstance(source, Path) or folder.exists():
        raise NotFoundError(f"{folder} holds no {DESCRIPTION}; name a bundle directory or a release")
    place = Path(project)
    registry = open_registry(place)
    release = registry.read(source)
    workspace = Workspace(place.parent if place.is_file() else place)
    return Predictor(open_released(workspace, registry, release), release.label)


def build(project: str | Path | Config = ".", *, listener: Listener | None = None) -> BuildResult:
    """Run the main job.

    Args:
        project: A folder with `smallcraft.toml`, the file itself, or a configuration.
        listener: Told as things happen.
    """
    config = project if isinstance(project, Config) else load_config(Path(project))
    return _build(config, listener=listener)


def check(
    data: str | Path | pl.DataFrame,
    roles: Roles | None = None,
    *,
    output: str | Path | None = None,
    listener: Listener | None = None,
) -> QualityReport:
    """Look at data and say what is wrong with it.

    Args:
        data: A project's folder or file, a file of labelled rows, or a frame.
        roles: Which column plays which part; needed for a frame.
        output: Folder for the page and the findings; None for the usual one. Of a frame nothing is written.
        listener: Told as things happen.

    Raises:
        DataError: The data cannot be used.
        InvalidInputError: A frame without roles.
    """
    if isinstance(data, pl.DataFrame):
        if roles is None:
            raise InvalidInputError("a frame needs roles; pass Roles(label='intent', text='message')")
        return check_frame(data, roles, listener=listener)
    options = CheckOptions(output=None if output is None else Path(output))
    path = Path(data)
    if path.is_dir() or path.suffix == ".toml":
        return check_project(load_config(path), options=options, listener=listener).report
    return check_file(data, options=options, listener=listener).report


def verify(target: str | Path = ".") -> VerifyReport:
    """Check every stored byte of a project, a registry, or a bundle.

    Raises:
        NotFoundError: There is nothing to check.
        IntegrityError: The first thing that is not as recorded.
    """
    path = Path(target)
    is_project = path.is_file() or (path / "smallcraft.toml").exists() or (path / ".smallcraft").exists()
    return verify_project(path) if is_project else verify_path(path)
