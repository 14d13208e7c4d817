from __future__ import annotations

import json
import shlex
import tomllib

import pytest
from jsonschema import Draft202012Validator
from tests.projects import message_rows, person_rows, save_rows

from smallcraft.cli.main import run
from smallcraft.pipeline.config import load_config


@pytest.fixture
def tickets(tmp_path, monkeypatch):
    """A working folder with a file of messages in it."""
    rows = message_rows(90)
    rows["created_at"] = [f"2026-03-{1 + row // 4:02d}" for row in range(90)]
    save_rows(tmp_path / "tickets.csv", rows)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_project_file_is_written_that_build_reads(tickets, capsys):
    assert run(["init", "tickets.csv"]) == 0
    config = load_config(tickets)
    assert (config.name, config.data.text, config.data.label) == ("tickets", "message", "intent")
    assert config.data.time == "created_at"
    assert run(["check"]) == 0
    assert "next  smallcraft check\n" in capsys.readouterr().out


def test_comments_do_not_say_again_what_the_key_says_and_the_terminal_does(tickets, capsys):
    assert run(["init", "tickets.csv"]) == 0
    lines = (tickets / "smallcraft.toml").read_text(encoding="utf-8").splitlines()
    assert 'text = "message"  # by its name; 7 words a row' in lines
    assert 'label = "intent"  # by its name; 3 classes' in lines
    assert 'time = "created_at"  # every value is a date or time' in lines
    out = capsys.readouterr().out
    assert "  message: text: by its name; 7 words a row" in out
    assert "  intent: label: by its name; 3 classes" in out


def test_columns_that_are_guessed_wrong_can_be_named(tickets):
    rows = {"a": message_rows(90)["message"], "b": message_rows(90)["intent"], "label": ["x", "y"] * 45}
    save_rows(tickets / "odd.csv", rows)
    assert run(["init", "odd.csv", "--label", "b", "--text", "a"]) == 0
    data = load_config(tickets).data
    assert (data.label, data.text) == ("b", "a")


def test_a_table_gets_features(tickets):
    save_rows(tickets / "people.csv", person_rows(80))
    assert run(["init", "people.csv", "--label", "bought"]) == 0
    data = load_config(tickets).data
    assert (data.text, data.features, data.label) == (None, ("age", "job", "insured"), "bought")


def test_a_file_written_elsewhere_finds_the_data_and_the_next_command_finds_the_file(tickets, capsys):
    target = tickets / "my projects" / "first.toml"
    assert run(["init", "tickets.csv", "-o", str(target)]) == 0
    assert load_config(target).data.path == "../tickets.csv"
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == f"next  smallcraft check --project '{target}'"
    assert run(["check", "--project", str(target)]) == 0


def test_a_project_file_that_is_there_is_replaced_only_by_force(tickets, capsys):
    project = tickets / "smallcraft.toml"
    project.write_text("# mine\n", encoding="utf-8")
    assert run(["init", "tickets.csv"]) == 1
    assert "--force" in capsys.readouterr().err
    assert project.read_text(encoding="utf-8") == "# mine\n"
    assert run(["init", "tickets.csv", "--force"]) == 0
    assert "message" in project.read_text(encoding="utf-8")


def test_the_schema_accepts_what_init_writes(tickets, capsys):
    assert run(["init", "--schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    Draft202012Validator.check_schema(schema)
    run(["init", "tickets.csv"])
    written = tomllib.loads((tickets / "smallcraft.toml").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(written)
    with pytest.raises(Exception, match="unexpected"):
        Draft202012Validator(schema).validate({**written, "qualty": {}})


@pytest.mark.parametrize("name", ['say "hi"', "a,b", "ключ", "back\\slash", "tab\there", "[red]"])
def test_columns_of_any_name_are_written_so_that_they_read_back(tickets, name):
    rows = message_rows(60)
    save_rows(tickets / "odd.parquet", {name: rows["message"], f"{name} label": rows["intent"]})
    assert run(["init", "odd.parquet", "--text", name, "--label", f"{name} label"]) == 0
    data = load_config(tickets).data
    assert (data.text, data.label) == (name, f"{name} label")


def test_bad_rows_are_set_aside_by_the_project_file_and_said(tickets, capsys):
    with (tickets / "tickets.csv").open("a", encoding="utf-8") as stream:
        stream.write(",,\n")
    assert run(["init", "tickets.csv"]) == 0
    assert "1 rows lack a text or a label, or are broken: set aside" in capsys.readouterr().out
    assert load_config(tickets).data.on_bad_rows == "quarantine"


def test_classes_of_several_spellings_lead_to_the_command_that_gives_each_one(tickets, capsys):
    rows = message_rows(90)
    rows["intent"] = [label.upper() if at % 9 == 0 else label for at, label in enumerate(rows["intent"])]
    save_rows(tickets / "my export.csv", rows)
    assert run(["init", "my export.csv"]) == 0
    out = capsys.readouterr().out
    assert "each way counts as a class of its own" in out
    last = out.splitlines()[-1]
    assert last == "next  smallcraft init 'my export.csv' --one-spelling --force"
    assert run(shlex.split(last)[2:]) == 0
    out = capsys.readouterr().out
    assert "my export-one-spelling.csv: 90 rows, 3 classes" in out
    assert out.splitlines()[-1] == "next  smallcraft check"
    assert load_config(tickets).data.path == "my export-one-spelling.csv"
    assert load_config(tickets).name == "my-export"
