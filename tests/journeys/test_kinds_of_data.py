"""From a file to answers, whatever the rows look like: tables, text with features, labels of any spelling."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.projects import (
    MESSAGES,
    QUICK_LADDER,
    build_quietly,
    change_project,
    message_rows,
    person_rows,
    run_command,
    save_rows,
    write_project,
    write_rows,
)

from smallcraft.api import load, verify
from smallcraft.cli.main import run
from smallcraft.pipeline.workspace import open_registry

pytestmark = pytest.mark.slow

STRANGE_LABELS = ("[red]rot, grün[/]", '<script>alert("1")</script>', "zwei\nZeilen", "答え: 'ja'", "=1+1")


def facts_of(folder: Path) -> dict:
    return dict(open_registry(folder).read("latest").facts)


def assert_every_row_is_accounted_for(folder: Path, read: int) -> None:
    data = facts_of(folder)["data"]
    in_splits = sum(split["rows"] for split in data["splits"].values())
    assert in_splits + data["rows_held_out"] + data["rows_quarantined"] == data["rows_read"] == read


def test_a_table_with_holes_bad_rows_and_a_label_of_numbers(tmp_path, capsys):
    rows = person_rows(240)
    rows["age"][7] = float("inf")
    data = 'features = ["age", "job", "insured"]\nlabel = "bought"\non_bad_rows = "quarantine"'
    folder = write_rows(tmp_path / "a table", rows, data=data, more="", name="people.parquet")
    result = build_quietly(folder, capsys)
    assert [c["rung"] for c in result["candidates"]] == ["majority", "linear", "trees", "distilled"]
    assert {c["status"] for c in result["candidates"]} == {"measured"}
    assert result["chosen"] in {"linear", "trees", "distilled"}
    assert result["release"] == "people@1"
    assert_every_row_is_accounted_for(folder, 240)
    assert pl.read_parquet(folder / "quarantine.parquet")["reason"].to_list() == [
        "inf is not a finite number"
    ]

    asked = save_rows(tmp_path / "new.jsonl", {"age": [None, 25.0, 75.0], "job": ["cook", None, "pilot"]})
    arguments = ["predict", "-p", str(folder), "-i", str(asked), "-o", str(tmp_path / "answers.csv")]
    assert run(arguments) == 1
    assert "column 'insured' is not in" in capsys.readouterr().err
    rows = {"age": [None, 25.0, 75.0], "job": ["cook", None, "pilot"], "insured": [None, True, False]}
    save_rows(asked, rows)
    assert run(arguments) == 0
    answers = pl.read_csv(tmp_path / "answers.csv")
    assert answers["label"].to_list()[1:] == [0, 1]
    predictor = load("latest", project=folder)
    assert predictor.classes_.tolist() == ["0", "1"]
    np.testing.assert_allclose(answers["confidence"].to_numpy(), predictor.predict_proba(rows).max(axis=1))
    verify(folder)


def test_labels_of_any_spelling_come_back_as_they_were_written(tmp_path, capsys):
    rows = message_rows(200, labels=STRANGE_LABELS)
    rows["part"] = ["cert" if row % 5 == row // 5 % 5 else "train" for row in range(200)]
    folder = write_rows(
        tmp_path / "Überraschung", rows, data=f'{MESSAGES}\nsplit = "part"', name="строки.csv"
    )
    assert run(["build", "-p", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "column 'part' decides" in out
    release = open_registry(folder).read("latest")
    assert sorted(release.facts["task"]["classes"]) == sorted(STRANGE_LABELS)
    assert release.facts["data"]["splits"]["cert"]["rows"] == 40
    assert_every_row_is_accounted_for(folder, 200)

    page = (folder / "report.html").read_text(encoding="utf-8")
    assert '<script>alert("1")' not in page
    assert run(["card", "-p", str(folder)]) == 0
    assert '<script>alert("1")' not in capsys.readouterr().out
    assert run(["show", "-p", str(folder)]) == 0

    questions = message_rows(20, labels=STRANGE_LABELS, seed=8)
    asked = save_rows(tmp_path / "asked.csv", {"message": questions["message"]})
    for name in ("answers.csv", "answers.jsonl", "answers.parquet"):
        assert run(["predict", "-p", str(folder), "-i", str(asked), "-o", str(tmp_path / name)]) == 0
    with (tmp_path / "answers.csv").open(encoding="utf-8", newline="") as stream:
        assert [row["label"] for row in csv.DictReader(stream)] == questions["intent"]
    lines = (tmp_path / "answers.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["label"] for line in lines] == questions["intent"]
    assert pl.read_parquet(tmp_path / "answers.parquet")["label"].to_list() == questions["intent"]


def test_text_and_features_stand_together(tmp_path, capsys):
    data = (
        '[data]\npath = "tickets.csv"\ntext = "message"\nfeatures = ["region"]\nlabel = "intent"\n'
        'key = "customer_id"\ntime = "created_at"\ngroups = ["region"]\n'
    )
    folder = write_project(tmp_path / "p", data=data)
    result = build_quietly(folder, capsys)
    assert result["chosen"] == "ngram"
    assert facts_of(folder)["task"]["features"] == ["region"]
    assert_every_row_is_accounted_for(folder, 1200)
    predictor = load("latest", project=folder)
    rows = pl.read_csv(folder / "tickets.csv").head(50)
    probs = predictor.predict_proba(rows)
    np.testing.assert_array_equal(predictor.predict_proba(rows.select("region", "message")), probs)
    elsewhere = rows.with_columns(region=pl.lit("a region never seen"))
    assert not np.array_equal(predictor.predict_proba(elsewhere), probs)
    with pytest.raises(Exception, match="'message', 'region', got a plain list"):
        predictor.predict(rows["message"].to_list())
    slices = {m["slice"] for c in facts_of(folder)["candidates"] for m in c["measurements"]}
    assert {f"region={name}" for name in set(rows["region"])} <= slices


def test_a_project_is_built_from_any_folder_by_any_path(tmp_path, monkeypatch, capsys):
    folder = write_rows(
        tmp_path / "my projects" / "first one", message_rows(150), data=MESSAGES, more=QUICK_LADDER
    )
    monkeypatch.chdir(tmp_path)
    by_file = build_quietly(Path("my projects/first one/smallcraft.toml"), capsys)
    monkeypatch.chdir(folder)
    here = run_command("build", "--json", cwd=folder)
    assert here.returncode == 0, here.stderr
    assert json.loads(here.stdout)["release"] == by_file["release"] == "rows@1"
    assert Path(json.loads(here.stdout)["bundle"]).resolve() == (tmp_path / by_file["bundle"]).resolve()
    change_project(folder, '"rows.csv"', json.dumps(str(folder / "rows.csv")))
    assert build_quietly(folder, capsys)["released"]["digest"] == by_file["released"]["digest"]
