"""The Python face: a few names, each one stage.

check(file_or_project)       what is wrong with the data, and how much of it is right
build(project)               the main job
evaluate(data, model)        how good a model of any make is, beside others
load(path_or_release)        a predictor; also a scikit-learn classifier
drift(reference, current)    what moved between two files or tables, beyond chance
verify(project_or_path)      every stored byte
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import RegressorTags

from smallcraft.bundle.layout import DESCRIPTION
from smallcraft.bundle.runtime import Bundle, open_bundle
from smallcraft.data.table import require_columns
from smallcraft.errors import InvalidInputError, NotFoundError
from smallcraft.evaluate.harness.openers.bundle import model_of_bundle
from smallcraft.evaluate.harness.openers.callable import model_of_function
from smallcraft.evaluate.harness.openers.estimator import model_of_estimator
from smallcraft.evaluate.harness.openers.opener import OpenedModel, OpenOptions
from smallcraft.evaluate.harness.own_metric import OwnMetric
from smallcraft.observe.comparing import TOLERANCE_SD
from smallcraft.pipeline.build import build as _build
from smallcraft.pipeline.check_output import CheckOptions
from smallcraft.pipeline.checking import check_file, check_frame, check_project
from smallcraft.pipeline.columns import bundle_rows
from smallcraft.pipeline.config import Config, load_config
from smallcraft.pipeline.drifting import DriftAnswer, compare_files, compare_frames
from smallcraft.pipeline.evaluations.output import write_evaluation
from smallcraft.pipeline.evaluations.plan import EvaluateOptions, open_target
from smallcraft.pipeline.evaluations.record import Evaluation
from smallcraft.pipeline.evaluations.rows import NamedColumns
from smallcraft.pipeline.evaluations.run import evaluate_file, evaluate_frame
from smallcraft.pipeline.events import Listener
from smallcraft.pipeline.quality_report import QualityReport
from smallcraft.pipeline.result import BuildResult
from smallcraft.pipeline.verifying import verify_path, verify_project
from smallcraft.pipeline.workspace import Workspace, open_registry, open_released
from smallcraft.records import Decisions, Label, Roles
from smallcraft.registry.verify.report import VerifyReport

__all__ = ["Predictor", "build", "check", "drift", "evaluate", "load", "verify"]

Questions = Sequence[str] | Mapping[str, Sequence[object]] | pl.DataFrame


class Predictor(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn carries no types
    """A released model as a scikit-learn classifier, or regressor, that is already fitted.

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

    def predict(self, rows: Questions) -> NDArray[Any]:
        """`(n,)` answers: labels, tuples of labels or numbers; None where the bundle abstains."""
        return _as_array(self.decide(rows).labels)

    def decide(self, rows: Questions) -> Decisions:
        """The answers with how sure each is, and what stands beside it: abstentions, sets, intervals.

        Args:
            rows: As for `predict_proba`.

        Raises:
            InvalidInputError: A column is missing or holds values of the wrong kind.
        """
        return self.bundle.decide(self._columns(rows))

    def score(self, rows: Questions, labels: Sequence[Any], sample_weight: Any = None) -> float:  # noqa: ANN401
        """Accuracy; of numbers, R2."""
        from sklearn.metrics import accuracy_score, r2_score

        measure = r2_score if self.bundle.task == "regression" else accuracy_score
        return float(measure(labels, self.predict(rows), sample_weight=sample_weight))

    def __repr__(self) -> str:
        return f"Predictor({self.name!r})"

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:  # noqa: ANN401 - scikit-learn carries no types
        tags = super().__sklearn_tags__()
        if self.bundle.task == "regression":
            tags.estimator_type, tags.classifier_tags = "regressor", None
            tags.regressor_tags = RegressorTags()
        return tags

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


def _as_array(labels: Sequence[Label]) -> NDArray[Any]:
    """Text or numbers in an array of their own type; a tuple or None makes it one of objects."""
    if all(isinstance(label, str) for label in labels):
        return np.array(labels, dtype=np.str_)
    if all(isinstance(label, float) for label in labels):
        return np.array(labels, dtype=np.float64)
    found = np.empty(len(labels), dtype=np.object_)
    # One by one: numpy would make a table of tuples of one length.
    for place, label in enumerate(labels):
        found[place] = label
    return found


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


def evaluate(
    data: str | Path | pl.DataFrame,
    model: object,
    *,
    roles: Roles | None = None,
    metrics: Sequence[str | Callable[..., float]] = (),
    against: str | None = None,
    gates: str | Path | None = None,
    project: str | Path | None = None,
    classes: Sequence[str] = (),
    output: str | Path | None = None,
    seed: int = 0,
    listener: Listener | None = None,
) -> Evaluation:
    """Measure one model or several on labelled rows, each number with its interval, and compare them.

    Args:
        data: A file of labelled rows, or a frame.
        model: What `smallcraft evaluate --model` takes as text, a `Predictor`, a fitted scikit-learn
            estimator, or a function of texts (or of a dict of columns); or a mapping of name to such.
        roles: Which column plays which part; needed for a frame, guessed for a file.
        metrics: Scores by name, or functions of `(truth, predicted, probs, classes)`; the first compares.
        against: Name of the model that the others stand against; the first one by default.
        gates: A TOML file of `[gates.NAME]`; the verdicts stand in the result.
        project: Folder of a project: its columns, releases and modules.
        classes: Labels of the columns of probabilities, where a model does not say.
        output: Folder for `evaluation.json` and `evaluation.html`; None writes nothing.
        seed: Of everything random.
        listener: Told as things happen.

    Raises:
        InvalidInputError: A model, metric or gate cannot be used, or a frame came without roles.
        DataError: The data cannot be used.
        NotFoundError: A model, module or project is not there.
    """
    if isinstance(data, pl.DataFrame) and roles is None:
        raise InvalidInputError("a frame needs roles; pass Roles(label='intent', text='message')")
    options = EvaluateOptions(
        columns=_named_columns(roles),
        project=None if project is None else Path(project),
        metrics=tuple(_metric(metric) for metric in metrics),
        against=against,
        gates=None if gates is None else Path(gates),
        classes=tuple(classes),
        seed=seed,
    )
    targets = _targets(model, options)
    if isinstance(data, pl.DataFrame):
        assert roles is not None
        found = evaluate_frame(data, targets, roles, options=options, listener=listener)
    else:
        found = evaluate_file(data, targets, options=options, listener=listener)
    if output is not None:
        write_evaluation(found, Path(output))
    return found


def _named_columns(roles: Roles | None) -> NamedColumns:
    if roles is None:
        return NamedColumns()
    return NamedColumns(roles.label, roles.text, roles.features, roles.groups, roles.key)


def _metric(metric: str | Callable[..., float]) -> str | OwnMetric:
    if isinstance(metric, str):
        return metric
    is_higher_better = bool(getattr(metric, "higher_is_better", True))
    return OwnMetric(getattr(metric, "__name__", type(metric).__name__), metric, is_higher_better)


def _targets(model: object, options: EvaluateOptions) -> list[str | OpenedModel]:
    if isinstance(model, Mapping):
        return [_opened(part, str(name), options) for name, part in model.items()]
    return [_opened(model, None, options)]


def _opened(model: Any, name: str | None, options: EvaluateOptions) -> str | OpenedModel:  # noqa: ANN401
    if isinstance(model, str | Path):
        return str(model) if name is None else replace(open_target(str(model), options), target=name)
    if isinstance(model, Predictor):
        return model_of_bundle(model.bundle, name or model.name)
    if hasattr(model, "predict"):
        return model_of_estimator(model, name or type(model).__name__, kind="estimator")
    if callable(model):
        called = str(name or getattr(model, "__name__", type(model).__name__))
        return model_of_function(model, called, OpenOptions(classes=options.classes))
    raise InvalidInputError(
        f"a model is named as text, or is an estimator or a function, got {type(model).__name__}; "
        "of several pass a mapping of name to model"
    )


def drift(
    reference: str | Path | pl.DataFrame,
    current: str | Path | pl.DataFrame,
    *,
    columns: Sequence[str] | None = None,
    tolerance_sd: float = TOLERANCE_SD,
) -> DriftAnswer:
    """What moved between two files or two tables, beyond chance and beyond what does not matter.

    Args:
        reference: What was; a path, a glob, or a polars frame.
        current: What is; of the same kind.
        columns: Which ones; None is all.
        tolerance_sd: Shifts up to it do not matter, in standard deviations.

    Returns:
        The verdict (`.drift.outcome`), the columns that moved (`.drift.drifted`), and each column's scores.

    Raises:
        DataError: Something has no rows or cannot be read, or lacks a column.
        InvalidInputError: A setting cannot be used, or one is a frame and the other a path.
    """
    if isinstance(reference, pl.DataFrame) and isinstance(current, pl.DataFrame):
        return compare_frames(reference, current, columns=columns, tolerance_sd=tolerance_sd)
    if isinstance(reference, pl.DataFrame) or isinstance(current, pl.DataFrame):
        raise InvalidInputError(
            "drift compares two files or two frames, got one of each; read the file into a frame first"
        )
    return compare_files(reference, current, columns=columns, tolerance_sd=tolerance_sd)


def verify(target: str | Path = ".") -> VerifyReport:
    """Check every stored byte of a project, a registry, or a bundle.

    Raises:
        NotFoundError: There is nothing to check.
        IntegrityError: The first thing that is not as recorded.
    """
    path = Path(target)
    is_project = path.is_file() or (path / "smallcraft.toml").exists() or (path / ".smallcraft").exists()
    return verify_project(path) if is_project else verify_path(path)
