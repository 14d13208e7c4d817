from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from tests.projects import (
    MESSAGES,
    change_project,
    message_rows,
    person_rows,
    save_rows,
    write_messages,
    write_rows,
)

from smallcraft.models.workshop import no_progress
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.events import SilentListener
from smallcraft.pipeline.stages import train
from smallcraft.pipeline.stages.prepare import prepare_data
from smallcraft.pipeline.stages.train import (
    code_digest,
    describe_environment,
    label_codes,
    open_workshop,
    with_dev_rows,
)


def opened(folder):
    config = load_config(folder)
    splits = prepare_data(config, SilentListener()).splits
    return open_workshop(config, splits, progress=no_progress), splits, config


def folds_of(workshop, groups):
    return {group: set(workshop.folds[np.array(groups) == group].tolist()) for group in set(groups)}


def test_codes_are_positions_among_the_classes_and_minus_one_beyond_them():
    codes = label_codes(pl.Series(["b", "z", "a", None]), ("a", "b"))
    assert codes.tolist() == [1, -1, 0, -1]


def test_a_workshop_holds_the_train_rows_alone(tmp_path):
    workshop, splits, _ = opened(write_messages(tmp_path))
    assert workshop.texts == splits.frames["train"]["message"].to_list()
    assert [workshop.classes[code] for code in workshop.labels] == splits.frames["train"]["intent"].to_list()
    assert set(workshop.folds.tolist()) == {0, 1, 2, 3, 4}


def test_rows_of_one_key_are_held_out_together(tmp_path):
    rows = message_rows(150)
    rows["customer"] = [f"c{row % 40}" for row in range(150)]
    workshop, splits, _ = opened(write_rows(tmp_path, rows, data=f'{MESSAGES}\nkey = "customer"'))
    folds = folds_of(workshop, splits.frames["train"]["customer"].to_list())
    assert max(map(len, folds.values())) == 1
    assert len(set.union(*folds.values())) == 5


def test_copies_of_a_text_are_held_out_together(tmp_path):
    rows = message_rows(150)
    rows["message"][30:45:3] = [rows["message"][0]] * 5
    workshop, splits, _ = opened(write_rows(tmp_path, rows, data=MESSAGES))
    texts = splits.frames["train"]["message"].to_list()
    if rows["message"][0] not in texts:
        pytest.fail("the copies went to another split; choose another row")
    assert len(folds_of(workshop, texts)[rows["message"][0]]) == 1


def test_a_refit_adds_the_dev_rows_whose_label_is_known(tmp_path):
    folder = write_messages(tmp_path, data=f'{MESSAGES}\ndev = "dev.csv"')
    rows = message_rows(30, seed=5)
    rows["intent"][0] = "never seen"
    save_rows(folder / "dev.csv", rows)
    workshop, splits, config = opened(folder)
    whole = with_dev_rows(workshop, splits, config.roles())
    assert whole.texts == workshop.texts + rows["message"][1:]
    assert whole.labels.min() >= 0
    assert len(whole.folds) == len(whole.labels) == len(workshop.labels) + 29
    assert whole.name == "train+dev"
    assert workshop.name == "train"


def test_what_is_remembered_belongs_to_these_rows_this_seed_and_this_code(tmp_path, monkeypatch):
    folder = write_messages(tmp_path)
    place = opened(folder)[0].memory.folder
    assert opened(folder)[0].memory.folder == place
    monkeypatch.setattr(train, "code_digest", lambda: "sha256:another")
    other_code = opened(folder)[0].memory.folder
    monkeypatch.undo()
    change_project(folder, "[data]", "seed = 1\n[data]")
    other_seed = opened(folder)[0].memory.folder
    save_rows(folder / "rows.csv", message_rows(153))
    other_rows = opened(folder)[0].memory.folder
    assert len({place, other_code, other_seed, other_rows}) == 4


def test_the_digest_of_the_code_covers_what_reads_folds_and_trains():
    assert code_digest() == code_digest()
    assert code_digest().startswith("sha256:")


def test_a_table_needs_no_backbone_and_a_missing_one_says_what_would_bring_it(tmp_path):
    people = write_rows(
        tmp_path / "a", person_rows(60), data='features = ["age", "job"]\nlabel = "bought"', more=""
    )
    workshop = opened(people)[0]
    assert workshop.backbone is None
    assert workshop.no_backbone == "no text column, so no backbone is needed"
    assert workshop.classes == ("0", "1")
    absent = write_messages(tmp_path / "b", more='[ladder]\nbackbone = "./nowhere"\n')
    assert "'./nowhere' is not on this machine" in opened(absent)[0].no_backbone


def test_the_environment_names_the_versions_that_training_depends_on():
    versions = describe_environment()
    assert versions["numpy"] == np.__version__
    assert "unknown" not in versions.values()
