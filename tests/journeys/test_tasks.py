"""Several labels a row, and numbers: from a file to answers, through the same commands as classes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.projects import build_for_all, build_quietly, change_project

from smallcraft.api import load, verify
from smallcraft.cli.main import run
from smallcraft.evaluate.tags.scores import SCORES as TAG_SCORES
from smallcraft.evaluate.values.scores import SCORES as VALUE_SCORES

pytestmark = pytest.mark.slow

WORDS = {
    "billing": ("invoice", "charge", "refund", "payment"),
    "cards": ("card", "pin", "visa", "chip"),
    "login": ("password", "login", "locked", "reset"),
}
FILL = (
    "please",
    "help",
    "my",
    "the",
    "about",
    "today",
    "again",
    "need",
    "thanks",
    "hello",
    "still",
    "problem",
)


def tagged_rows(n: int, *, seed: int = 0, wrong: float = 0.05) -> pl.DataFrame:
    """Messages about none, one or several things; a label in twenty is wrong."""
    rng = np.random.default_rng(seed)
    texts, tags = [], []
    for _ in range(n):
        about = [name for name in WORDS if rng.random() < 0.4]
        words = [word for name in about for word in rng.choice(WORDS[name], 2)] + list(rng.choice(FILL, 6))
        texts.append(" ".join(rng.permutation(words)))
        tags.append([name for name in WORDS if (name in about) != (rng.random() < wrong)])
    return pl.DataFrame({"message": texts, "topics": tags, "region": rng.choice(["north", "south"], n)})


def valued_rows(n: int, *, seed: int = 0) -> pl.DataFrame:
    """Sizes and places that say what a thing costs, but for noise."""
    rng = np.random.default_rng(seed)
    size, age, place = rng.uniform(20, 200, n), rng.uniform(0, 50, n), rng.choice(["a", "b", "c"], n)
    price = 3 * size - 2 * age + np.select([place == "a", place == "b"], [0, 80], -60) + rng.normal(0, 20, n)
    columns = {"size": size.round(1), "age": age.round(), "place": place, "price": price.round(2)}
    return pl.DataFrame({**columns, "region": rng.choice(["north", "south"], n)})


def start_project(folder: Path, data: str, *, label: str) -> str:
    """`smallcraft init`, and what it wrote."""
    project = folder / "smallcraft.toml"
    assert run(["init", str(folder / data), "--label", label, "-o", str(project)]) == 0
    return project.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def tagged(tmp_path_factory) -> tuple[Path, dict[str, Any]]:
    """A project and what its first build told."""
    folder = tmp_path_factory.mktemp("tagged")
    tagged_rows(500).write_parquet(folder / "tickets.parquet")
    joined = tagged_rows(60, seed=9).with_columns(pl.col("topics").list.join(" | ").replace("", "|"))
    joined.write_csv(folder / "new.csv")
    written = start_project(folder, "tickets.parquet", label="topics")
    assert 'task = "multilabel"  # the column holds lists' in written
    project, text = folder / "smallcraft.toml", written.replace('metric = "macro_f1"', 'metric = "micro_f1"')
    text = text.replace('backbone = "auto"', 'backbone = "none"\nrungs = ["majority", "ngram", "cascade"]')
    project.write_text(text + "\n[gates.fairness]\ntolerance = 0.1\n", encoding="utf-8")
    return folder, build_for_all(folder)


@pytest.fixture(scope="module")
def valued(tmp_path_factory) -> tuple[Path, dict[str, Any]]:
    """A project and what its first build told."""
    folder = tmp_path_factory.mktemp("valued")
    valued_rows(500).write_csv(folder / "homes.csv")
    valued_rows(60, seed=9).write_csv(folder / "new.csv")
    written = start_project(folder, "homes.csv", label="price")
    assert 'task = "regression"' in written
    assert 'metric = "rmse"' in written
    ladder = 'backbone = "auto"\nrungs = ["majority", "linear", "trees"]'
    written = written.replace('backbone = "auto"', ladder)
    (folder / "smallcraft.toml").write_text(written, encoding="utf-8")
    return folder, build_for_all(folder)


def test_several_labels_a_row_from_a_file_to_answers(tagged, tmp_path):
    folder, result = tagged
    by_rung = {candidate["rung"]: candidate for candidate in result["candidates"]}
    assert result["release"] == "tickets@1"
    assert result["chosen"] == "ngram"
    assert by_rung["cascade"]["status"] == "skipped"
    assert set(TAG_SCORES) <= set(by_rung["ngram"]["scores"])
    assert (
        by_rung["ngram"]["scores"]["micro_f1"]["value"] > by_rung["majority"]["scores"]["micro_f1"]["value"]
    )
    assert set(result["cert"]["scores"]) == {"micro_f1", "subset_accuracy"}
    # What makes no sense here is said not to be measured, and never passes.
    fairness = [verdict for verdict in result["verdicts"] if "fairness" in verdict["gate"]]
    assert {verdict["outcome"] for verdict in fairness} == {"UNDECIDED"}
    assert [audit["summary"].startswith("not made") for audit in result["audits"]] == [True]
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "audits ask how one class a row is answered" in page
    assert "region" in page

    answers = tmp_path / "answers.jsonl"
    assert run(["predict", "-p", str(folder), "-i", str(folder / "new.csv"), "-o", str(answers)]) == 0
    told = [json.loads(line)["label"] for line in answers.read_text(encoding="utf-8").splitlines()]
    new = pl.read_csv(folder / "new.csv")
    predictor = load("tickets@1", project=folder)
    assert [tuple(labels) for labels in told] == predictor.predict(new).tolist()
    truth = [tuple(label.split(" | ")) if label != "|" else () for label in new["topics"]]
    assert np.mean([given == true for given, true in zip(predictor.predict(new), truth, strict=True)]) > 0.6
    assert predictor.predict_proba(new).shape == (60, 3)
    verify(folder)


def test_several_labels_are_checked_evaluated_and_gated_like_classes(tagged, capsys):
    folder, _ = tagged
    assert run(["check", "-p", str(folder), "--json"]) in (0, 2, 3)
    found = json.loads(capsys.readouterr().out)
    outcomes = {check["check"]: check for check in found["checks"]}
    assert outcomes["label_accuracy"]["outcome"] == "UNDECIDED"
    assert "here a row has several" in outcomes["label_accuracy"]["summary"]
    assert outcomes["leakage"]["outcome"] in ("PASS", "FAIL", "UNDECIDED")
    assert run(["check", "-p", str(folder), "--audit", "40"]) == 1
    assert "asks about one class a row" in capsys.readouterr().err
    assert run(["gate", "-p", str(folder)]) in (0, 3)
    capsys.readouterr()
    models = [
        "--model",
        "tickets@1",
        "--model",
        str(next((folder / ".smallcraft/bundles").glob("majority-*"))),
    ]
    arguments = ["evaluate", str(folder / "new.csv"), "-p", str(folder), *models, "--json"]
    assert run(arguments) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["metric"] == "micro_f1"
    assert told["data"]["labels"] == ["billing", "cards", "login"]
    assert told["differences"][0]["value"] < 0
    assert "statistically tied" not in (told["tie"] or {}).get("sentence", "")


def test_numbers_from_a_file_to_answers(valued, tmp_path):
    folder, result = valued
    scores = {candidate["rung"]: candidate["scores"] for candidate in result["candidates"]}
    assert set(scores) == {"majority", "linear", "trees"}
    assert result["release"] == "homes@1"
    assert result["chosen"] in {"linear", "trees"}
    assert set(VALUE_SCORES) <= set(scores["linear"])
    assert scores["linear"]["mae"]["value"] < 0.3 * scores["majority"]["mae"]["value"]
    assert set(result["cert"]["scores"]) == {"rmse", "r2"}
    assert result["cert"]["bound"] is None
    held = scores[result["chosen"]]["interval_coverage"]
    assert held["low"] <= 0.9 <= held["high"]
    assert "1 is the error of always answering the mean" in json.dumps(result["claims"])
    assert "left out: a number has no classes" in (folder / "report.html").read_text(encoding="utf-8")

    answers = tmp_path / "answers.csv"
    assert run(["predict", "-p", str(folder), "-i", str(folder / "new.csv"), "-o", str(answers)]) == 0
    told, new = pl.read_csv(answers), pl.read_csv(folder / "new.csv")
    predictor = load("homes@1", project=folder)
    np.testing.assert_allclose(told["label"].to_numpy(), predictor.predict(new))
    assert (told["low"] < told["label"]).all()
    assert np.mean(np.abs(predictor.predict(new) - new["price"].to_numpy())) < 40


def test_numbers_are_evaluated_and_a_second_release_tells_what_changed(valued, capsys):
    folder, _ = valued
    models = ["--model", "homes@1", "--model", str(next((folder / ".smallcraft/bundles").glob("majority-*")))]
    assert run(["evaluate", str(folder / "new.csv"), "-p", str(folder), *models, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["metric"] == "rmse"
    assert told["differences"][0]["is_shown"] is True
    assert run(["evaluate", str(folder / "new.csv"), "-p", str(folder), *models, "--metric", "micro_f1"]) == 1
    assert "the scores of regression are mae" in capsys.readouterr().err

    valued_rows(600, seed=1).write_csv(folder / "homes.csv")
    change_project(folder, '["majority", "linear", "trees"]', '["linear"]')
    change_project(folder, "# floor = 0.90", "floor = 40.0")
    again = build_quietly(folder, capsys)
    assert again["release"] == "homes@2"
    gates = {verdict["gate"]: verdict["outcome"] for verdict in again["verdicts"]}
    assert gates["not_worse_than_incumbent"] in ("PASS", "UNDECIDED")
    assert gates["quality_floor"] == "PASS"
    assert run(["diff", "homes@1", "homes@2", "-p", str(folder)]) == 0
