"""A cheap rung that learns from other labels and is asked about dev."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.pipeline.labelling.projects import judged_of, prepared_of
from tests.projects import person_rows, write_rows

from smallcraft.errors import InvalidInputError
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.events import SilentListener
from smallcraft.pipeline.labelling.project import LabelProject
from smallcraft.pipeline.labelling.trainer import DevTrainer
from smallcraft.pipeline.stages.train import open_workshop


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A table whose rows have a key and a group beside what a model reads."""
    rows = person_rows(240) | {
        "town": ["Ulm", "Köln"] * 120,
        "who": [f"c{place // 2}" for place in range(240)],
    }
    data = 'features = ["age", "job", "insured"]\nlabel = "bought"\ngroups = ["town"]\nkey = "who"'
    folder = write_rows(tmp_path_factory.mktemp("trainer") / "p", rows, data=data, more="")
    config, prepared = load_config(folder), prepared_of(folder)
    workshop = open_workshop(config, prepared.splits, progress=SilentListener().progress)
    return LabelProject(config, prepared, judged_of(prepared, classes=("0", "1")), workshop)


@pytest.fixture(scope="module")
def trainer(project):
    return DevTrainer(project, project.table(()), listener=SilentListener())


@pytest.fixture(scope="module")
def labels(project):
    return project.table(()).seen.truth


def test_right_labels_teach_more_than_turned_ones_and_dev_is_asked_row_by_row(trainer, labels):
    right, turned = trainer(labels, 0), trainer(1 - labels, 0)
    assert right.shape == trainer.truth.shape
    assert (right == trainer.truth).mean() > 0.75
    assert (turned == trainer.truth).mean() < 0.25


def test_the_same_labels_and_seed_give_the_same_answers(trainer, labels):
    assert np.array_equal(trainer(labels, 1), trainer(labels, 1))


def test_rows_without_a_label_are_left_out_and_codes_stay_those_of_the_table(trainer, labels):
    some = labels.copy()
    some[::2] = -1
    answered = trainer(some, 0)
    assert (answered == trainer.truth).mean() > 0.7
    assert set(answered.tolist()) <= {0, 1}


def test_where_nobody_judged_dev_a_round_is_not_measured(project):
    bare = replace(project, judged=replace(project.judged, predictions={"train": None}))
    with pytest.raises(InvalidInputError, match="measured on the rows of dev, and no model judged them"):
        DevTrainer(bare, project.table(()), listener=SilentListener())
