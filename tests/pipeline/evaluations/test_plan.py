from __future__ import annotations

from pathlib import Path

import pytest
from tests.pipeline.evaluated import ticket_rows

from smallcraft.errors import InvalidInputError, NotFoundError
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.evaluations.plan import (
    EvaluateOptions,
    make_plan,
    open_target,
    own_rows_note,
    read_gates,
    refuse_sealed,
)

PROJECT = (
    '[data]\npath = "tickets.csv"\ncert = "sealed.csv"\ntext = "message"\nlabel = "intent"\n'
    "[quality]\nmargin = 0.03\nconfidence = 0.9\n"
)


@pytest.fixture
def project(tmp_path):
    ticket_rows().write_csv(tmp_path / "tickets.csv")
    ticket_rows(30, seed=9).write_csv(tmp_path / "sealed.csv")
    ticket_rows(30, seed=10).write_csv(tmp_path / "fresh.csv")
    (tmp_path / "smallcraft.toml").write_text(PROJECT, encoding="utf-8")
    return load_config(tmp_path)


def test_the_sealed_set_is_refused_by_whatever_path_it_is_named(project, tmp_path):
    for path in ("sealed.csv", "./sealed.csv", "seal*.csv"):
        with pytest.raises(InvalidInputError, match=r"sealed test set of tickets.*metered"):
            refuse_sealed(tmp_path / path, project)
    (tmp_path / "link.csv").symlink_to(tmp_path / "sealed.csv")
    with pytest.raises(InvalidInputError, match="metered"):
        refuse_sealed(tmp_path / "link.csv", project)
    refuse_sealed(tmp_path / "fresh.csv", project)
    refuse_sealed(tmp_path / "sealed.csv", None)


def test_rows_that_a_release_was_trained_on_are_named_as_such(project, tmp_path):
    (note,) = own_rows_note(tmp_path / "tickets.csv", project)
    assert "were trained on" in note
    assert own_rows_note(tmp_path / "fresh.csv", project) == ()


def test_margin_and_confidence_are_the_users_else_the_projects(project):
    plan = make_plan(EvaluateOptions(), project)
    assert (plan.margin, plan.confidence) == (0.03, 0.9)
    plan = make_plan(EvaluateOptions(margin=0.2, confidence=0.8), project)
    assert (plan.margin, plan.confidence) == (0.2, 0.8)
    plan = make_plan(EvaluateOptions(), None)
    assert (plan.margin, plan.confidence) == (0.01, 0.95)


@pytest.mark.parametrize(
    ("content", "error", "what"),
    [
        (None, NotFoundError, "there is no file of gates"),
        ("", InvalidInputError, "got nothing"),
        ("gates =", InvalidInputError, "not valid TOML"),
        ("[gates]", InvalidInputError, "must hold tables"),
        ("[data]\npath = 'x'", InvalidInputError, "got 'data'"),
        (
            "[gates.a]\nrule = 'at_leest'\nmeasurement = 'accuracy'\nlimit = 1",
            InvalidInputError,
            "did you mean 'at_least'",
        ),
        ("[gates.a]\nrule = 'at_least'\nmeasurement = 'accuracy'", InvalidInputError, "needs limit"),
        (
            "[gates.a]\nrule = 'at_least'\nmeasurement = 'accuracy'\nlimit = 'x'",
            InvalidInputError,
            "must be number",
        ),
        ("gates = 3", InvalidInputError, "must hold tables"),
    ],
)
def test_gates_that_cannot_be_judged_are_refused(tmp_path, content, error, what):
    path = tmp_path / "gates.toml"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(error, match=what):
        read_gates(path)


def test_a_release_is_opened_checked_and_called_by_its_number(built):
    for name in ("latest", "tickets@1", "1"):
        model = open_target(name, EvaluateOptions(project=built))
        assert (model.target, model.kind) == ("tickets@1", "release")
    with pytest.raises(NotFoundError, match="7"):
        open_target("tickets@7", EvaluateOptions(project=built))


def test_a_release_where_there_is_no_registry_is_not_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotFoundError):
        open_target("latest", EvaluateOptions())


def test_a_file_that_is_called_as_a_release_might_be_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("latest").mkdir()
    with pytest.raises(NotFoundError, match=r"bundle\.json"):
        open_target("latest", EvaluateOptions())
