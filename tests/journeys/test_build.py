"""The main job, from a project file to a release, through the command line."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from jsonschema import Draft202012Validator
from sklearn.metrics import accuracy_score
from tests.projects import build_json, command, run_command, write_project

import smallcraft.bundle
from smallcraft.api import load
from smallcraft.cli.main import run
from smallcraft.pipeline.workspace import open_registry

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"


def check_schema(name: str, document: object) -> None:
    schema = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(document)


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> object:
    capsys.readouterr()
    assert run([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_build_again_releases_nothing_new_and_says_the_same(built_copy, capsys):
    first = run_json(capsys, "log", "-p", str(built_copy))
    again = run_json(capsys, "build", "-p", str(built_copy))
    assert run_json(capsys, "log", "-p", str(built_copy)) == first
    assert again["release"] == "tickets@1"
    assert again["cert"]["repeated"] is True
    assert again["cert"]["queries"] == 1


def test_json_of_every_verb_keeps_to_its_schema(built_copy, capsys):
    project = ("-p", str(built_copy))
    check_schema("build", run_json(capsys, "build", *project))
    check_schema("log", run_json(capsys, "log", *project))
    check_schema("verify", run_json(capsys, "verify", *project))
    run(["check", *project, "--json"])
    check_schema("check", json.loads(capsys.readouterr().out))


def test_the_released_bundle_answers_as_the_record_says(built):
    predictor = load("latest", project=built)
    rows = pl.read_csv(built / "tickets.csv")
    labels = predictor.predict(rows)
    assert set(labels) <= set(rows["intent"])
    assert predictor.score(rows, rows["intent"].to_numpy()) == accuracy_score(rows["intent"], labels)
    assert predictor.score(rows, rows["intent"].to_numpy()) > 0.8


def test_predict_writes_label_confidence_and_abstained_beside_the_rows(built, tmp_path):
    target = tmp_path / "answers.csv"
    arguments = ["predict", "-p", str(built), "-i", str(built / "tickets.csv"), "-o", str(target)]
    assert run([*arguments, "--abstain-below", "0.5"]) == 0
    answers, rows = pl.read_csv(target), pl.read_csv(built / "tickets.csv")
    assert answers.columns == [*rows.columns, "label", "confidence", "abstained"]
    assert answers["message"].to_list() == rows["message"].to_list()
    assert answers["abstained"].to_list() == (answers["confidence"] < 0.5).to_list()
    probs = load("latest", project=built).predict_proba(rows["message"].to_list())
    np.testing.assert_allclose(answers["confidence"].to_numpy(), probs.max(axis=1))


@pytest.mark.slow
def test_a_project_without_a_backbone_is_built_and_told_what_one_command_would_add(tmp_path, capsys):
    folder = write_project(tmp_path / "p", rungs='backbone = "./nowhere"')
    assert run(["build", "--json", "-p", str(folder)]) == 0
    result = json.loads(capsys.readouterr().out)
    status = {candidate["rung"]: candidate for candidate in result["candidates"]}
    assert result["chosen"] == "ngram"
    assert status["frozen"]["status"] == "skipped"
    assert "backbone './nowhere' is not on this machine" in status["frozen"]["reason"]


@pytest.mark.slow
def test_a_floor_out_of_reach_fails_with_exit_code_2_and_releases_nothing(tmp_path, capsys):
    folder = write_project(tmp_path / "p", more="[quality]\nfloor = 0.999")
    assert run(["build", "--json", "-p", str(folder)]) == 2
    result = json.loads(capsys.readouterr().out)
    assert result["release"] is None
    assert [v["outcome"] for v in result["verdicts"] if v["gate"] == "quality_floor"] == ["FAIL"]
    registry = open_registry(folder)
    assert registry.releases() == ()
    # The look at cert, and every candidate that was tried, the winner that the gate kept back too.
    kinds = [entry.kind for entry in registry.log().entries]
    assert (kinds.count("look"), kinds.count("decision")) == (1, len(result["candidates"]))
    assert (folder / "report.html").exists()


@pytest.mark.slow
def test_a_required_gate_that_too_few_rows_can_settle_is_undecided_with_exit_code_3(tmp_path, capsys):
    folder = write_project(tmp_path / "p", more="[gates.fairness]\ntolerance = 0.05\nrequired = true")
    assert run(["build", "--json", "-p", str(folder)]) == 3
    result = json.loads(capsys.readouterr().out)
    assert result["release"] is None
    fair = [v for v in result["verdicts"] if v["gate"] == "fairness_accuracy_gap"]
    assert {v["slice"] for v in fair} == {f"region={name}" for name in ("north", "south", "east", "west")}
    assert {v["outcome"] for v in fair} == {"UNDECIDED"}
    assert all("more labelled rows of region=" in v["needs"] for v in fair)


@pytest.mark.slow
def test_a_build_killed_at_three_random_moments_ends_as_an_undisturbed_one(tmp_path):
    undisturbed = build_json(write_project(tmp_path / "calm"))
    folder = write_project(tmp_path / "stormy")
    moments = random.Random(4)
    kills = 0
    while kills < 3:
        process = subprocess.Popen(
            command("build", "-p", str(folder)), stdout=subprocess.DEVNULL, start_new_session=True
        )
        try:
            process.wait(timeout=moments.uniform(1.0, 6.0))
            break
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
    stormy = build_json(folder)
    for key in ("chosen", "release", "outcome"):
        assert stormy[key] == undisturbed[key]
    digests = [
        [candidate["digest"] for candidate in (*found["candidates"], found["released"])]
        for found in (undisturbed, stormy)
    ]
    assert digests[0] == digests[1]
    texts = pl.read_csv(folder / "tickets.csv")["message"].to_list()
    answers = [
        smallcraft.bundle.open(found["bundle"]).predict_proba(texts) for found in (undisturbed, stormy)
    ]
    np.testing.assert_array_equal(*answers)
    assert stormy["cert"]["scores"] == undisturbed["cert"]["scores"]
    assert stormy["cert"]["queries"] == 1


def test_two_builds_at_once_do_not_mix(built_copy):
    lock = built_copy / ".smallcraft" / "build.lock"
    hold = "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, 2); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        done = run_command("build", "-p", str(built_copy))
        holder.kill()
    assert done.returncode == 1
    assert "another build is running" in done.stderr


@pytest.mark.slow
def test_the_winner_and_its_threshold_do_not_depend_on_cert(tmp_path):
    """Other cert rows, same candidates and same choice: nothing of cert reaches them."""
    found = []
    for name, keep in (("a", 60), ("b", 110)):
        folder = write_project(tmp_path / name)
        rows = pl.read_csv(folder / "tickets.csv")
        rows.head(1000).write_csv(folder / "tickets.csv")
        rows.tail(200).head(keep).write_csv(folder / "cert.csv")
        project = folder / "smallcraft.toml"
        text = project.read_text(encoding="utf-8").replace(
            'path = "tickets.csv"', 'path = "tickets.csv"\ncert = "cert.csv"'
        )
        project.write_text(text, encoding="utf-8")
        found.append(build_json(folder))
    assert [c["digest"] for c in found[0]["candidates"]] == [c["digest"] for c in found[1]["candidates"]]
    assert found[0]["chosen"] == found[1]["chosen"]
    assert found[0]["released"]["digest"] == found[1]["released"]["digest"]
    assert found[0]["cert"]["rows"] != found[1]["cert"]["rows"]


@pytest.mark.slow
def test_interrupting_a_build_leaves_a_state_from_which_it_goes_on(tmp_path):
    folder = write_project(tmp_path / "p")
    process = subprocess.Popen(
        command("build", "-p", str(folder)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not (folder / ".smallcraft" / "cache" / "training").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "run the same command again" in stderr
    assert build_json(folder)["release"] == "tickets@1"
