from __future__ import annotations

import polars as pl
import pytest
from tests.pipeline.evaluated import ticket_rows

from smallcraft.errors import ConfigError, DataError
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.evaluations.rows import NamedColumns, choose_columns, project_of, read_rows
from smallcraft.records import Roles

PROJECT = '[data]\npath = "train.csv"\ntext = "message"\nlabel = "intent"\ngroups = ["region"]\n'


@pytest.fixture
def tickets(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ticket_rows().write_csv(tmp_path / "tickets.csv")
    return tmp_path / "tickets.csv"


def test_columns_are_guessed_and_the_guess_is_said(tickets):
    found = choose_columns(tickets, NamedColumns(), None)
    assert (found.roles.label, found.roles.text, found.roles.groups) == ("intent", "message", ("region",))
    assert "guessed" in found.note
    assert "'intent'" in found.note


def test_what_the_user_says_goes_first_and_nothing_else_is_guessed(tickets):
    found = choose_columns(tickets, NamedColumns("region", features=("customer",)), None)
    assert found.roles == Roles("region", None, ("customer",))
    assert found.note == ""


def test_the_projects_columns_are_taken_where_the_file_has_them(tickets, tmp_path):
    (tmp_path / "smallcraft.toml").write_text(PROJECT, encoding="utf-8")
    project = project_of(None)
    assert project is not None
    found = choose_columns(tickets, NamedColumns(groups=("customer",)), project)
    assert found.roles == Roles("intent", "message", groups=("customer",))
    assert "smallcraft.toml" in found.note
    texts = [f"some words here {row}" for row in range(40)]
    pl.DataFrame({"text": texts, "label": ["a", "b"] * 20}).write_csv(tmp_path / "else.csv")
    assert choose_columns(tmp_path / "else.csv", NamedColumns(), project).roles.label == "label"


def test_a_project_that_cannot_be_read_matters_only_where_it_was_named(tickets, tmp_path):
    (tmp_path / "smallcraft.toml").write_text("label =", encoding="utf-8")
    assert project_of(None) is None
    with pytest.raises(ConfigError):
        project_of(tmp_path)
    folder = tmp_path / "plain"
    folder.mkdir()
    assert project_of(folder) is None


def test_labels_alone_are_enough_where_nothing_has_to_be_asked(tmp_path):
    pl.DataFrame({"intent": ["a", "b", "a"]}).write_csv(tmp_path / "labels.csv")
    named = NamedColumns("intent")
    roles = choose_columns(tmp_path / "labels.csv", named, None, needs_inputs=False).roles
    rows = read_rows(tmp_path / "labels.csv", roles)
    assert rows.truth == ("a", "b", "a")
    assert rows.questions.rows == 3
    with pytest.raises(DataError, match="no column is left for a model to read"):
        choose_columns(tmp_path / "labels.csv", named, None)


def test_the_truth_is_kept_apart_and_ties_and_groups_stand_beside(tickets):
    roles = Roles("intent", "message", groups=("region",), key="customer")
    rows = read_rows(tickets, roles, reads=("id",))
    assert "intent" not in rows.questions.raw.columns
    assert rows.questions.frame.columns == ["message", "id"]
    assert rows.questions.labels == ("billing", "login", "parcel")
    assert rows.questions.texts is not None
    assert rows.groups["region"][:2] == ["north", "south"]
    assert rows.clusters is not None
    assert rows.clusters[0] == rows.clusters[1]
    assert rows.clusters[0] != rows.clusters[3]


def test_a_frame_and_its_file_are_the_same_rows(tickets):
    roles = Roles("intent", "message", ("region",), groups=("region",), key="customer")
    of_file, of_frame = read_rows(tickets, roles), read_rows(ticket_rows(), roles)
    assert of_file.truth == of_frame.truth
    assert of_file.questions.frame.equals(of_frame.questions.frame)
    assert (of_file.clusters == of_frame.clusters).all()


@pytest.mark.parametrize(
    ("frame", "roles", "what"),
    [
        ({"t": ["a"], "y": ["b"]}, Roles("x", "t"), "column 'x' is not in the frame"),
        ({"t": ["a", " "], "y": ["b", "c"]}, Roles("y", "t"), "row 2, column 't': the text is missing"),
        ({"t": ["a", "b"], "y": ["b", None]}, Roles("y", "t"), "row 2, column 'y': the label is missing"),
        ({"t": [], "y": []}, Roles("y", "t"), "got none"),
        ({"t": ["a"], "y": ["b"]}, Roles("y", "t", ("y",)), "a model must not read it"),
    ],
)
def test_rows_that_cannot_be_asked_about_are_refused(frame, roles, what):
    schema = dict.fromkeys(frame, pl.String)
    with pytest.raises(DataError, match=what):
        read_rows(pl.DataFrame(frame, schema=schema), roles)


def test_a_column_that_a_model_asks_for_and_is_not_there_is_refused(tickets):
    with pytest.raises(DataError, match=r"column 'rgion' is not in .*did you mean 'region'"):
        read_rows(tickets, Roles("intent", "message"), reads=("rgion",))


def test_a_column_may_be_said_that_the_project_file_does_not_have(tickets, tmp_path):
    (tmp_path / "smallcraft.toml").write_text(PROJECT, encoding="utf-8")
    config = load_config(tmp_path)
    assert choose_columns(tickets, NamedColumns(text="region"), config).roles.text == "region"
