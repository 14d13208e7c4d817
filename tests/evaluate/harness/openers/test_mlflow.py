"""MLflow models: opened without running what comes with them, unless told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import skops.io as sio
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from tests.conftest import require
from tests.evaluate.harness.openers.toy_models import (
    LABELS,
    TEXTS,
    names,
    number_questions,
    text_questions,
    write_linear_graph,
)
from tests.registry.mlflow.conftest import packages_of_mlflow, why_no_mlflow

from smallcraft.errors import InvalidInputError, MissingPartError, NotFoundError
from smallcraft.evaluate.harness.openers import BUILTIN
from smallcraft.evaluate.harness.openers.opener import OpenOptions
from smallcraft.evaluate.harness.opening import open_model

# Logs a function of its own and gives its folder; MLflow's client stands at the end of the path.
LOGGED = """
import json, sys, warnings
sys.path.append(sys.argv[1])
warnings.simplefilter("ignore")
import mlflow

class Loud(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        texts = model_input["message"] if hasattr(model_input, "columns") else model_input
        return ["pos" if "good" in text else "neg" for text in texts]

mlflow.set_tracking_uri(f"sqlite:///{sys.argv[2]}/store.db")
mlflow.set_experiment("toys")
with mlflow.start_run():
    made = mlflow.pyfunc.log_model(name="loud", python_model=Loud(), pip_requirements=[])
mlflow.register_model(made.model_uri, "loud")

from smallcraft.cli.main import run
sys.exit(run(["evaluate", sys.argv[3], "--model", "models:/loud/1", "--metric", "accuracy", *sys.argv[4:]]))
"""


def write_description(folder: Path, **flavors: object) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "MLmodel").write_text(json.dumps({"flavors": flavors}), encoding="utf-8")
    return folder


def opened(folder, **options):
    return BUILTIN["mlflow"].open(str(folder), OpenOptions(**options))


def test_an_estimator_saved_with_skops_is_opened_without_a_pickle(tmp_path):
    folder = write_description(
        tmp_path / "m", sklearn={"pickled_model": "model.skops", "serialization_format": "skops"}
    )
    fitted = make_pipeline(CountVectorizer(), LogisticRegression()).fit(TEXTS, LABELS)
    sio.dump(fitted, folder / "model.skops")
    found = open_model(str(folder)).answer(text_questions())
    assert np.abs(found.probs - fitted.predict_proba(TEXTS)).max() < 1e-12


def test_a_graph_is_opened_by_its_runtime(tmp_path):
    folder = write_description(
        tmp_path / "m", onnx={"data": "model.onnx"}, python_function={"loader_module": "x"}
    )
    write_linear_graph(folder / "model.onnx", features=1)
    model = opened(folder)
    assert model.target == str(folder)
    assert names(model.answer(number_questions(x=[1.0, -1.0]))) == ["pos", "neg"]


@pytest.mark.parametrize("kind", ["cloudpickle", "pickle"])
def test_a_pickle_is_refused_unopened_with_what_else_there_is(tmp_path, kind):
    folder = write_description(
        tmp_path / "m",
        sklearn={"pickled_model": "model.pkl", "serialization_format": kind},
        python_function={"loader_module": "mlflow.sklearn"},
    )
    (folder / "model.pkl").write_bytes(b"not to be read")
    with pytest.raises(InvalidInputError, match=r"skops or as ONNX, serve it elsewhere, or .*--trust pyfunc"):
        opened(folder)


@pytest.mark.parametrize("named", ["../outside.onnx", "/etc/outside.onnx"])
def test_a_path_that_leads_outside_is_refused(tmp_path, named):
    write_linear_graph(tmp_path / "outside.onnx", features=1)
    folder = write_description(tmp_path / "m", onnx={"data": named})
    with pytest.raises(InvalidInputError, match="outside of its folder; do not use this model"):
        opened(folder)


@pytest.mark.parametrize("text", ["", "flavors: 3", "[1, 2]", "flavors: {onnx: model.onnx}"])
def test_a_description_that_is_none_is_refused(tmp_path, text):
    (tmp_path / "MLmodel").write_text(text)
    with pytest.raises(InvalidInputError, match="must hold a table `flavors`"):
        opened(tmp_path)


def test_broken_yaml_and_a_flavor_that_answers_nothing_are_refused(tmp_path):
    (tmp_path / "MLmodel").write_text("flavors: [")
    with pytest.raises(InvalidInputError, match="is no YAML"):
        opened(tmp_path)
    with pytest.raises(InvalidInputError, match="flavors prompt, and none of them answers"):
        opened(write_description(tmp_path, prompt={}))


def test_a_missing_client_is_told_with_the_command_that_brings_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(MissingPartError, match=r"pip install 'smallcraft\[mlflow\]'"):
        open_model("models:/tickets/3")


def test_a_folder_that_is_not_there_is_no_model(tmp_path):
    with pytest.raises(NotFoundError):
        open_model(str(tmp_path / "nothing"))


@pytest.mark.peer
@pytest.mark.slow
def test_a_model_of_mlflows_registry_is_evaluated_and_gated_once_it_is_trusted(tmp_path):
    require(why_no_mlflow())
    rows = "".join(f"{text},{label}\n" for text, label in zip(TEXTS * 10, LABELS * 10, strict=True))
    (tmp_path / "rows.csv").write_text("message,label\n" + rows)
    (tmp_path / "gates.toml").write_text(
        '[gates.good]\nrule = "at_least"\nmeasurement = "accuracy"\nlimit = 0.99\n'
    )

    def evaluate(*words):
        command = [
            sys.executable,
            "-c",
            LOGGED,
            packages_of_mlflow(),
            tmp_path,
            tmp_path / "rows.csv",
            *words,
        ]
        return subprocess.run(
            list(map(str, command)), cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300
        )

    refused = evaluate()
    assert refused.returncode == 1
    assert "--trust pyfunc" in refused.stderr
    # 'good' is in three of six texts, one of the positive ones
    judged = evaluate("--trust", "pyfunc", "--gates", str(tmp_path / "gates.toml"), "--json")
    assert judged.returncode in {0, 3}, judged.stderr
    told = json.loads(judged.stdout[judged.stdout.index("{") :])
    (model,) = told["models"]
    assert model["kind"] == "mlflow"
