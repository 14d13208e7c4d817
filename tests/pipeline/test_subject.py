from __future__ import annotations

import polars as pl
import pytest
from tests.projects import MESSAGES, change_project, message_rows, save_rows, write_messages

from smallcraft.errors import DataError
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.events import SilentListener
from smallcraft.pipeline.stages.prepare import prepare_data
from smallcraft.pipeline.subject import bare_subject, project_answers, project_subject
from smallcraft.records import Roles

ROLES = Roles(label="intent", text="message")


def subject_of(folder):
    config = load_config(folder)
    return project_subject(config, prepare_data(config, SilentListener()))


def test_every_row_knows_its_line_in_the_file(tmp_path):
    folder = write_messages(tmp_path / "p")
    subject = subject_of(folder)
    original = pl.read_csv(folder / "rows.csv")
    assert sorted(line for lines in subject.lines.values() for line in lines) == list(range(original.height))
    for split, frame in subject.frames.items():
        assert original["message"].gather(subject.lines[split]).to_list() == frame["message"].to_list()


def test_rows_set_aside_do_not_shift_the_lines_of_the_others(tmp_path):
    folder = write_messages(tmp_path / "p", data=f'{MESSAGES}\non_bad_rows = "quarantine"')
    rows = message_rows(150)
    rows["intent"][10] = None
    save_rows(folder / "rows.csv", rows)
    subject = subject_of(folder)
    for split, frame in subject.frames.items():
        lines = subject.lines[split]
        assert 10 not in lines
        assert [rows["message"][line] for line in lines] == frame["message"].to_list()


def test_splits_in_files_of_their_own_are_told_apart(tmp_path):
    folder = write_messages(tmp_path / "p", data=f'{MESSAGES}\ncert = "cert.csv"')
    save_rows(folder / "cert.csv", message_rows(30, seed=4))
    subject = subject_of(folder)
    assert subject.in_main_file == ("train", "dev")
    assert subject.tested == "cert"
    assert subject.lines["cert"].tolist() == list(range(30))


def test_a_bare_file_is_one_split(tmp_path):
    path = save_rows(tmp_path / "rows.csv", message_rows(60))
    subject = bare_subject(str(path), ROLES, tmp_path, (), SilentListener())
    assert list(subject.frames) == ["all"]
    assert subject.tested == "all"
    assert "leakage" not in {check.check for check in subject.checks}
    assert not (tmp_path / "quarantine.parquet").exists()


def test_one_class_is_refused_with_the_option_that_names_another(tmp_path):
    path = save_rows(tmp_path / "rows.csv", {"message": ["a b", "c d"], "intent": ["x", "x"]})
    with pytest.raises(DataError, match=r"one class only.*--label"):
        bare_subject(str(path), ROLES, tmp_path, (), SilentListener())


def test_the_projects_audit_is_read_from_where_the_project_file_says(tmp_path):
    folder = write_messages(tmp_path / "p")
    config = load_config(folder)
    subject = subject_of(folder)
    assert project_answers(config, subject) is None
    change_project(folder, 'label = "intent"', 'label = "intent"\naudit = "gone.csv"')
    with pytest.raises(DataError, match=r"gone\.csv"):
        project_answers(load_config(folder), subject)
