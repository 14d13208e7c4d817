"""An MLflow model: a folder with `MLmodel`, `models:/name/1`, `runs:/id/model`; no pickle is run unasked.

What `MLmodel` says is opened by the opener of its kind: a release of smallcraft, a graph (flavor onnx), an
estimator that was saved with skops. Any other is loaded by MLflow itself, which runs whatever code comes with
it, so only after `--trust pyfunc`.
Always: a path that `MLmodel` names stays inside its folder.
Not covered: the packages that a model wants; it is loaded beside what is installed here.
"""

from __future__ import annotations

import shutil
import tempfile
import warnings
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from smallcraft.errors import InvalidInputError, MissingPartError, NotFoundError
from smallcraft.evaluate.harness.answers import Answers, Questions
from smallcraft.evaluate.harness.openers.bundle import BundleOpener
from smallcraft.evaluate.harness.openers.callable import read_answers
from smallcraft.evaluate.harness.openers.onnx import OnnxOpener
from smallcraft.evaluate.harness.openers.opener import OpenedModel, OpenOptions
from smallcraft.evaluate.harness.openers.skops import SkopsOpener
from smallcraft.mlflow_client import load_mlflow

DESCRIPTION = "MLmodel"
TRUST = "pyfunc"
_SCHEMES = ("models:/", "runs:/", "mlflow-artifacts:/")


@dataclass(frozen=True)
class MlflowOpener:
    """Opens models as MLflow keeps them."""

    name: str = "mlflow"
    example: str = "models:/tickets/3 (an MLflow model; a folder with MLmodel, runs:/ID/model)"

    def fits(self, target: str) -> bool:
        """An address of MLflow's, or a folder with `MLmodel`."""
        return target.startswith(_SCHEMES) or (Path(target) / DESCRIPTION).is_file()

    def open(self, target: str, options: OpenOptions) -> OpenedModel:
        """Open it; what stands elsewhere is fetched from MLFLOW_TRACKING_URI first.

        Raises:
            MissingPartError: A part that it needs is not installed.
            NotFoundError: There is no such model.
            InvalidInputError: It is no MLflow model, or one that runs code and is not trusted.
            IntegrityError: It is a release, and a file is not the one that was recorded.
        """
        if not target.startswith(_SCHEMES):
            return _open_folder(Path(target), target, options)
        place = Path(tempfile.mkdtemp(prefix="smallcraft-mlflow-"))
        try:
            opened = _open_folder(_fetch(target, place), target, options)
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
        weakref.finalize(opened.answer, shutil.rmtree, place, ignore_errors=True)
        return opened


def _open_folder(folder: Path, target: str, options: OpenOptions) -> OpenedModel:
    flavors = _flavors(folder, target)
    ours, graph, estimator = flavors.get("smallcraft"), flavors.get("onnx"), flavors.get("sklearn")
    if ours and "bundle" in ours:
        opened = BundleOpener().open(str(_inside(folder, ours["bundle"], target)), options)
        return replace(opened, target=target, notes=(f"the release {ours.get('release')}", *opened.notes))
    if graph:
        opened = OnnxOpener().open(str(_inside(folder, graph.get("data"), target)), options)
        return replace(opened, target=target)
    if estimator and estimator.get("serialization_format") == "skops":
        opened = SkopsOpener().open(str(_inside(folder, estimator.get("pickled_model"), target)), options)
        return replace(opened, target=target)
    if "python_function" not in flavors:
        raise InvalidInputError(
            f"{target} has the flavors {', '.join(flavors) or 'none'}, and none of them answers; log it with "
            "the flavor python_function, onnx or sklearn"
        )
    if TRUST not in options.trusted:
        raise InvalidInputError(
            f"{target} ({', '.join(flavors)}) is loaded by code or pickles of its own, which loading runs; "
            f"log it with skops or as ONNX, serve it elsewhere, or if you know it: --trust {TRUST}"
        )
    return _open_function(folder, target, options)


def _open_function(folder: Path, target: str, options: OpenOptions) -> OpenedModel:
    """By MLflow itself; it runs what the model brings along."""
    load_mlflow(target)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of another library, about versions
            from mlflow.pyfunc import load_model

            model = load_model(str(folder))
    except ImportError as error:
        raise MissingPartError(
            f"{target} needs {error.name}, which is not installed here; install it"
        ) from error
    except Exception as error:
        raise InvalidInputError(
            f"{target} cannot be loaded ({_first_line(error)}); was it logged here?"
        ) from error
    signature = model.metadata.get_input_schema()
    reads = tuple(signature.input_names()) if signature is not None and signature.has_input_names() else ()

    def answer(questions: Questions) -> Answers:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                given = model.predict(_asked(questions, reads))
        except Exception as error:
            raise InvalidInputError(
                f"{target} failed on {questions.rows:,} rows ({_first_line(error)}); was it made for these "
                "columns?"
            ) from error
        try:
            return read_answers(
                _plain(given), rows=questions.rows, classes=options.classes, known=questions.labels
            )
        except InvalidInputError as error:
            raise InvalidInputError(f"{target}: {error}") from error

    return OpenedModel(target, "mlflow", answer, reads=reads)


def _asked(questions: Questions, reads: tuple[str, ...]) -> Any:  # noqa: ANN401 - what MLflow takes
    """A data frame where the model or the data name columns, else the texts alone."""
    import numpy as np
    import pandas as pd

    if reads:
        return pd.DataFrame({name: questions.frame[name].to_list() for name in reads})
    if questions.texts is not None:
        return np.array(questions.texts, dtype=object)
    return pd.DataFrame(dict(questions.columns))


def _plain(given: Any) -> Any:  # noqa: ANN401
    """A data frame of probabilities as dicts, one of a single column as a list."""
    if not hasattr(given, "to_dict") or not hasattr(given, "columns"):
        return given
    if len(given.columns) == 1:
        return given[given.columns[0]].to_list()
    return given.to_dict(orient="records")


def _fetch(target: str, place: Path) -> Path:
    mlflow = load_mlflow(target)
    from mlflow.exceptions import MlflowException
    from requests import RequestException

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Path(mlflow.artifacts.download_artifacts(artifact_uri=target, dst_path=str(place)))
    except (MlflowException, RequestException, OSError) as error:
        raise NotFoundError(
            f"{target} could not be fetched ({_first_line(error)}); name the server in MLFLOW_TRACKING_URI, "
            "and check the name and the version"
        ) from error


def _flavors(folder: Path, target: str) -> Mapping[str, Mapping[str, Any]]:
    try:
        import yaml
    except ImportError as error:
        raise MissingPartError(
            f"{target} is described in YAML; pip install 'smallcraft[mlflow]' brings its reader"
        ) from error
    path = folder / DESCRIPTION
    if not path.is_file():
        raise NotFoundError(
            f"{target} holds no {DESCRIPTION}, so it is no MLflow model; check the path in it"
        )
    try:
        told = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path} is no YAML ({_first_line(error)}); log the model again") from error
    flavors = told.get("flavors") if isinstance(told, Mapping) else None
    if not isinstance(flavors, Mapping) or not all(isinstance(one, Mapping) for one in flavors.values()):
        raise InvalidInputError(
            f"{path} must hold a table `flavors`, got something else; log the model again"
        )
    return flavors


def _inside(folder: Path, named: object, target: str) -> Path:
    """A path that `MLmodel` names, in its folder."""
    if not isinstance(named, str) or not named:
        raise InvalidInputError(f"{target}: {DESCRIPTION} does not say where its model is; log it again")
    path = folder / named
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InvalidInputError(
            f"{target}: {DESCRIPTION} names {named}, which is outside of its folder; do not use this model"
        )
    return path


def _first_line(error: Exception) -> str:
    said = (str(error).strip() or "no message").splitlines()[0][:300]
    return f"{type(error).__name__}: {said}"
