"""Models are evaluated by the task that they answer; what does not fit together is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from smallcraft.bundle.decoder import Decoder
from smallcraft.bundle.decoders.thresholds import Thresholds
from smallcraft.bundle.decoders.value import Value
from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.harness.answers import Answers, label_answers
from smallcraft.evaluate.harness.openers.opener import OpenedModel
from smallcraft.pipeline.config import parse_config
from smallcraft.pipeline.evaluations.plan import EvaluateOptions
from smallcraft.pipeline.evaluations.run import evaluate_frame
from smallcraft.pipeline.evaluations.tasks import over_all_labels, roles_for_task, task_of_models
from smallcraft.records import Roles, TagPredictions

TAGS = Decoder(1.0, link="sigmoid", decider=Thresholds())
VALUES = Decoder(1.0, link="identity", decider=Value(1.0, 0.9))
ROWS = pl.DataFrame({"text": [f"row {at}" for at in range(40)], "y": ["a|b", "b", "a", "|"] * 10})


def model(
    name: str, decoder: Decoder | None, classes: tuple[str, ...], row: tuple[float, ...]
) -> OpenedModel:
    """One that answers every row alike."""

    def answer(questions) -> Answers:
        if decoder is None:
            return label_answers(["a"] * questions.rows, known=questions.labels)
        return Answers(classes, np.tile(np.array(row), (questions.rows, 1)))

    return OpenedModel(name, "bundle", answer, decoder=decoder)


def test_models_of_two_tasks_are_not_compared():
    sides = [model("tags", TAGS, ("a",), (0.5,)), model("plain", None, (), ())]
    with pytest.raises(InvalidInputError, match="tags answers as multilabel, plain answers as multiclass"):
        task_of_models(sides)
    project = parse_config('[data]\npath = "x.csv"\ntext = "text"\nlabel = "y"')
    with pytest.raises(InvalidInputError, match="column 'y' is multiclass in the project"):
        roles_for_task(Roles(label="y", text="text"), "multilabel", project, ROWS)


def test_the_separator_is_the_projects_else_found_in_the_rows():
    roles = Roles(label="y", text="text")
    commas = ROWS.with_columns(pl.col("y").str.replace_all("|", ", ", literal=True))
    assert roles_for_task(roles, "multilabel", None, commas).separator == ","
    said = parse_config(
        '[data]\npath = "x.csv"\ntext = "text"\nlabel = "y"\ntask = "multilabel"\nlabel_separator = ";"'
    )
    assert roles_for_task(roles, "multilabel", said, commas).separator == ";"


def test_models_with_other_labels_are_measured_and_compared_over_all_of_them():
    known = model("both", TAGS, ("a", "b"), (0.9, 0.9))
    other = model("one", TAGS, ("a", "z"), (0.9, 0.1))
    found = evaluate_frame(ROWS, [known, other], Roles(label="y", text="text"))
    assert found.metric == "macro_f1"
    assert found.labels == ("a", "b")
    both, one = (m.find("subset_accuracy").value for m in found.models)
    assert (both, one) == (0.25, 0.25)
    assert found.models[1].find("recall", "class=b").value == 0.0
    assert found.differences[0].value < 0
    spread = over_all_labels([m.predictions for m in found.models])
    assert {part.classes for part in spread} == {("a", "b", "z")}
    assert all(isinstance(part, TagPredictions) for part in spread)


def test_numbers_are_measured_in_their_unit_and_a_score_of_another_task_is_refused():
    rows = ROWS.with_columns(pl.Series("y", [str(10 + at % 3) for at in range(40)]))
    near, far = model("near", VALUES, ("y",), (11.0,)), model("far", VALUES, ("y",), (15.0,))
    roles = Roles(label="y", text="text")
    found = evaluate_frame(rows, [near, far], roles, options=EvaluateOptions(metrics=("mae", "rmse")))
    assert [m.name for m in found.models[0].scores[:2]] == ["mae", "rmse"]
    assert found.models[0].find("mae").value == pytest.approx(np.mean([1, 0, 1] * 13 + [1]))
    assert found.differences[0].is_shown
    with pytest.raises(InvalidInputError, match="the scores of regression are mae"):
        evaluate_frame(rows, [near], roles, options=EvaluateOptions(metrics=("accuracy",)))
    plain = replace(model("plain", None, (), ()))
    with pytest.raises(InvalidInputError, match="'mae' is no score of one class a row"):
        evaluate_frame(ROWS, [plain], roles, options=EvaluateOptions(metrics=("mae",)))
