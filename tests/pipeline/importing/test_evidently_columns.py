"""Evidently's two ways to say which column is what."""

from __future__ import annotations

import json
import subprocess

import pytest
from benchmarks.peers import EVIDENTLY

from smallcraft.errors import InvalidInputError
from smallcraft.pipeline.importing.evidently_columns import Columns, read_columns

WRITTEN_BY_EVIDENTLY = """
import json, warnings
warnings.simplefilter("ignore")
from dataclasses import asdict, is_dataclass
from evidently import BinaryClassification, DataDefinition, MulticlassClassification, Regression
from evidently.legacy.pipeline.column_mapping import ColumnMapping

def plain(value):
    return asdict(value) if is_dataclass(value) else json.loads(value.json())

print(json.dumps({
    "mapping": plain(ColumnMapping(
        target="bought", prediction="said", datetime="day", id="customer",
        numerical_features=["age"], categorical_features=["job"],
    )),
    "classification": plain(DataDefinition(
        id_column="customer", timestamp="day",
        numerical_columns=["age", "score"], categorical_columns=["job"],
        classification=[BinaryClassification(target="bought", prediction_probas="score")],
    )),
    "regression": plain(DataDefinition(
        numerical_columns=["age", "price"], regression=[Regression(target="price", prediction="said")],
    )),
}, default=str))
"""


def test_a_mapping_says_what_each_column_is():
    told = {"target": "y", "prediction": ["a", "b"], "numerical_features": ["age"], "datetime": "day"}
    assert read_columns({**told, "id": "key", "task": "classification"}) == Columns(
        "y", ("a", "b"), ("age",), (), (), "day", "key"
    )


def test_of_a_definition_target_and_predictions_are_no_features():
    found = read_columns(
        {
            "numerical_columns": ["age", "y", "score"],
            "categorical_columns": ["job"],
            "classification": [{"name": "default", "target": "y", "prediction_probas": ["score"]}],
        }
    )
    assert (found.target, found.prediction) == ("y", ("score",))
    assert (found.numerical, found.categorical) == (("age",), ("job",))


def test_a_regression_is_told():
    assert read_columns({"regression": [{"target": "price", "prediction": "said"}]}).is_regression
    assert read_columns({"target": "price", "task": "regression"}).is_regression


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"targett": "y"}, r"'targett' is no part of .* did you mean 'target'"),
        ({"target": ["y"]}, "'target' must name one column"),
        ({"numerical_features": 3}, "'numerical_features' must name columns"),
        ({"classification": {"target": "y"}}, "'classification' must be a list of objects"),
    ],
)
def test_what_neither_has_is_refused(told, message):
    with pytest.raises(InvalidInputError, match=message):
        read_columns(told)


@pytest.mark.peer
def test_what_evidently_itself_writes_is_understood(peer_python):
    done = subprocess.run(
        [str(peer_python(EVIDENTLY)), "-c", WRITTEN_BY_EVIDENTLY],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    mapping = read_columns(told["mapping"])
    assert mapping == Columns("bought", ("said",), ("age",), ("job",), (), "day", "customer")
    classified = read_columns(told["classification"])
    assert (classified.target, classified.time, classified.identifier) == ("bought", "day", "customer")
    assert (classified.numerical, "score" in classified.prediction) == (("age",), True)
    regressed = read_columns(told["regression"])
    assert (regressed.target, regressed.prediction, regressed.is_regression) == ("price", ("said",), True)
