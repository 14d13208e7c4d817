"""`smallcraft check` through the command line: a bare file, a project, votes, an audit, a repair."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.journeys.test_build import check_schema
from tests.projects import (
    MESSAGES,
    build_quietly,
    change_project,
    message_rows,
    person_rows,
    run_command,
    save_rows,
    write_project,
    write_rows,
)

from smallcraft.cli.main import run
from smallcraft.data.quality.sheet import unescaped
from smallcraft.data.repair import read_record, record_path, replay_repairs
from smallcraft.demo.helpdesk.corpus import generate
from smallcraft.pipeline.workspace import open_registry
from smallcraft.registry.papers.datasheet import render_release_datasheet

ROWS = 1200


def check(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    capsys.readouterr()
    code = run(["check", *arguments, "--json"])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return json.loads(captured.out)


@pytest.fixture(scope="module")
def corpus():
    return generate(rows=ROWS)


@pytest.fixture(scope="module")
def tickets(tmp_path_factory, corpus) -> Path:
    path = tmp_path_factory.mktemp("tickets") / "tickets.csv"
    corpus.frame.write_csv(path)
    return path


@pytest.fixture(scope="module")
def checked(tickets) -> dict:
    """The bare file, checked once; not to be changed."""
    folder = tickets.parent / "out"
    assert run(["check", str(tickets), "--backbone", "none", "-o", str(folder)]) == 0
    return json.loads((folder / "check.json").read_text("utf-8"))


def by_name(report: dict, name: str) -> dict:
    return next(found for found in report["checks"] if found["check"] == name)


def test_a_bare_file_gives_a_page_findings_and_json(checked, tickets):
    check_schema("check", checked)
    folder = tickets.parent / "out"
    assert {path.name for path in folder.iterdir()} == {
        "check.html",
        "check.json",
        "consensus.parquet",
        "findings.parquet",
    }
    page = (folder / "check.html").read_text("utf-8")
    assert "undetermined" in page
    assert "smallcraft check --audit 120" in page


def test_every_flagged_row_is_in_the_findings(checked, tickets):
    findings = pl.read_parquet(tickets.parent / "out" / "findings.parquet")
    told = sum(group["count"] for found in checked["checks"] for group in found["flagged"])
    assert findings.height == told
    frame = pl.read_csv(tickets)
    labelled = findings.filter(pl.col("given").is_not_null())
    assert labelled["given"].to_list() == frame["intent"].gather(labelled["line"]).to_list()


def test_planted_wrong_labels_are_found(checked, tickets, corpus):
    findings = pl.read_parquet(tickets.parent / "out" / "findings.parquet")
    is_wrong = corpus.truth["is_wrong_label"].to_numpy()
    told = findings.filter(pl.col("kind").is_in(["wrong", "votes say otherwise"]))["line"].unique().to_numpy()
    assert is_wrong[told].sum() / is_wrong.sum() > 0.9
    assert is_wrong[told].mean() > 0.8


def test_the_bad_annotator_is_the_worst_and_its_interval_holds_the_truth(checked, corpus):
    measured = {
        found["slice"].removeprefix("annotator="): found
        for found in by_name(checked, "consensus")["measurements"]
        if found["name"] == "annotator_accuracy"
    }
    worst = min(measured, key=lambda name: measured[name]["value"])
    assert worst == "ann_c"
    true = float((corpus.frame["ann_c"] == corpus.truth["true_intent"]).mean())
    assert measured["ann_c"]["low"] - 0.02 <= true <= measured["ann_c"]["high"] + 0.02


def test_without_an_audit_the_index_is_undetermined_and_says_what_would_determine_it(checked):
    assert checked["index"]["value"] is None
    assert "--audit" in checked["index"]["detail"]


def test_an_audit_answered_determines_the_index(tickets, corpus, tmp_path, capsys):
    base = (str(tickets), "--backbone", "none", "-o", str(tmp_path / "out"))
    report = check(capsys, *base, "--audit", "120")
    sheet = Path(report["audit_sheet"])
    truth = corpus.truth["true_intent"].to_list()
    with sheet.open(newline="", encoding="utf-8-sig") as stream:
        lines = list(csv.DictReader(stream))
    assert len(lines) == 120
    for line in lines:
        line["adjudicated"] = truth[int(line["row"])]
    with sheet.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
    report = check(capsys, *base, "--audit-answers", str(sheet))
    accuracy = report["index"]["factors"]["label_accuracy"]
    assert accuracy["n"] == 120
    right = 1 - float(corpus.truth["is_wrong_label"].mean())
    assert accuracy["low"] <= right <= accuracy["high"]
    assert 0 < report["index"]["value"] <= accuracy["low"]
    assert by_name(report, "noise_ceiling")["numbers"]["ceiling"] == pytest.approx(accuracy["value"])


def test_a_sheet_with_answers_is_never_overwritten(tickets, tmp_path, capsys):
    base = ["check", str(tickets), "--backbone", "none", "-o", str(tmp_path / "out")]
    assert run([*base, "--audit", "60"]) == 0
    sheet = tmp_path / "out" / "audit.csv"
    answered = sheet.read_bytes().replace(b"\r\n", b"\n") + b"\n"
    sheet.write_bytes(answered)
    capsys.readouterr()
    assert run([*base, "--audit", "80"]) == 1
    assert "audit.csv" in capsys.readouterr().err
    assert sheet.read_bytes() == answered


def test_a_fix_writes_a_new_version_and_leaves_the_original(tickets, corpus, tmp_path, capsys):
    before = tickets.read_bytes()
    out = tmp_path / "out"
    report = check(capsys, str(tickets), "--backbone", "none", "-o", str(out), "--fix", "relabel,merge")
    assert tickets.read_bytes() == before
    version = Path(report["version"])
    fixed, original = pl.read_csv(version), pl.read_csv(tickets)
    assert fixed.columns == original.columns
    assert fixed.height == original.height - report["repairs"]["merge"]
    record = read_record(record_path(version))
    assert replay_repairs(tickets, record) == record.after
    true = dict(enumerate(corpus.truth["true_intent"].to_list()))
    relabelled = [repair for repair in record.repairs if repair.action == "relabel"]
    assert len(relabelled) == report["repairs"]["relabel"] > 20
    assert np.mean([true[repair.row] == repair.after for repair in relabelled]) > 0.85
    assert [original["intent"][repair.row] for repair in relabelled] == [r.before for r in relabelled]


def test_the_same_file_says_the_same_twice(checked, tickets, tmp_path, capsys):
    again = check(capsys, str(tickets), "--backbone", "none", "-o", str(tmp_path / "again"))
    for key in ("index", "checks", "splits", "model", "notes"):
        assert again[key] == checked[key]


def test_own_probabilities_take_the_place_of_a_model(tickets, corpus, tmp_path, capsys):
    names = list(corpus.intents)
    truth = corpus.truth["true_intent"].to_list()
    probs = np.full((ROWS, len(names)), 0.1 / (len(names) - 1))
    probs[np.arange(ROWS), [names.index(name) for name in truth]] = 0.9
    pl.DataFrame(probs, schema=names).write_parquet(tmp_path / "probs.parquet")
    out = tmp_path / "out"
    report = check(capsys, str(tickets), "--probs", str(tmp_path / "probs.parquet"), "-o", str(out))
    assert report["model"] == "probabilities from probs.parquet, as given"
    findings = pl.read_parquet(out / "findings.parquet").filter(pl.col("check") == "label_issues")
    assert set(findings["line"]) == set(np.flatnonzero(corpus.truth["is_wrong_label"].to_numpy()))


def test_a_project_is_checked_without_telling_a_model_about_sealed_labels(tmp_path, capsys):
    folder = write_project(tmp_path / "helpdesk")
    report = check(capsys, "-p", str(folder))
    check_schema("check", report)
    for name in ("label_issues", "difficulty", "consensus"):
        found = by_name(report, name)
        assert {group["split"] for group in found["flagged"]} <= {"train", "dev"}
        assert not [key for key in found["numbers"] if key.endswith("_cert")]
    numbers = by_name(report, "label_accuracy")["numbers"]
    assert all(value is None for value in numbers.values())
    assert report["index"]["split"] == "cert"
    assert (folder / "check" / "check.html").exists()


@pytest.mark.slow
def test_a_gate_on_the_data_waits_for_an_audit_and_then_decides(tmp_path, capsys):
    gate = "[gates.data]\ntolerance = 0.35\nrequired = true"
    folder = write_project(tmp_path / "helpdesk", more=gate)
    undecided = build_quietly(folder, capsys, code=3)
    verdict = next(found for found in undecided["verdicts"] if found["gate"] == "data_quality")
    assert verdict["outcome"] == "UNDECIDED"
    assert "--audit" in verdict["needs"]
    report = check(capsys, "-p", str(folder), "--audit", "100")
    answer_sheet(Path(report["audit_sheet"]), folder)
    change_project(folder, 'label = "intent"', 'label = "intent"\naudit = "check/audit.csv"')
    released = build_quietly(folder, capsys)
    assert 0.65 <= released["data_quality_index"] < 1
    datasheet = open_registry(folder).read("latest").facts["quality"]["index"]
    assert datasheet["value"] == pytest.approx(released["data_quality_index"])
    assert "rightly labelled" in render_release_datasheet(open_registry(folder).read("latest"))


def answer_sheet(sheet: Path, folder: Path) -> None:
    """Fill in a sheet of the sealed rows from what is known of the corpus."""
    frame, known = pl.read_csv(folder / "tickets.csv"), pl.read_parquet(folder / "truth.parquet")
    truth = dict(zip(frame["message"], known["true_intent"], strict=True))
    with sheet.open(newline="", encoding="utf-8-sig") as stream:
        lines = list(csv.DictReader(stream))
    for line in lines:
        line["adjudicated"] = truth[unescaped(line["message"])]
    with sheet.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)


def test_votes_alone_give_each_item_its_label(tmp_path, capsys, corpus):
    frame = corpus.frame.with_row_index("ticket").select("ticket", "ann_a", "ann_b", "ann_c")
    long = frame.unpivot(index="ticket", variable_name="annotator", value_name="label")
    long.write_csv(tmp_path / "votes.csv")
    out = tmp_path / "out"
    report = check(capsys, "--votes", str(tmp_path / "votes.csv"), "-p", str(tmp_path), "-o", str(out))
    check_schema("check", report)
    found = pl.read_parquet(out / "consensus.parquet").sort(pl.col("item").cast(pl.Int64))
    truth = corpus.truth["true_intent"]
    majority = frame.select(pl.concat_list("ann_a", "ann_b", "ann_c").list.eval(pl.element().mode().first()))
    right = (found["label"] == truth).mean()
    assert right >= (majority.to_series().list.first() == truth).mean()
    assert right > 0.95


def test_a_long_file_of_votes_finds_its_rows_by_their_id(tmp_path, capsys, corpus):
    rows = corpus.frame.with_row_index("ticket").with_columns(pl.format("T-{}", "ticket").alias("ticket"))
    rows.select("ticket", "message", "intent").write_csv(tmp_path / "tickets.csv")
    long = rows.select("ticket", "ann_a", "ann_b", "ann_c").unpivot(
        index="ticket", variable_name="annotator", value_name="label"
    )
    long.sample(fraction=1.0, shuffle=True, seed=3).write_csv(tmp_path / "votes.csv")
    arguments = (str(tmp_path / "tickets.csv"), "--votes", str(tmp_path / "votes.csv"), "--backbone", "none")
    report = check(capsys, *arguments, "-o", str(tmp_path / "out"))
    assert by_name(report, "consensus")["numbers"]["voted_all"] == ROWS
    assert by_name(report, "disagreement")["numbers"]["votes"] == 3 * ROWS


def test_columns_without_a_text_are_checked_too(tmp_path, capsys):
    save_rows(tmp_path / "people.csv", person_rows(300))
    report = check(capsys, str(tmp_path / "people.csv"), "--label", "bought", "-o", str(tmp_path / "out"))
    assert "rung" in report["model"]
    assert by_name(report, "label_issues")["outcome"] in ("PASS", "UNDECIDED")


def test_rows_that_cannot_be_used_are_set_aside_and_told(tmp_path, capsys):
    rows = message_rows(120)
    rows["intent"][5] = None
    save_rows(tmp_path / "rows.csv", rows)
    report = check(capsys, str(tmp_path / "rows.csv"), "--backbone", "none", "-o", str(tmp_path / "out"))
    assert report["splits"]["all"]["rows"] == 119
    assert "1 of 120 rows cannot be used" in report["notes"][0]
    assert pl.read_parquet(tmp_path / "out" / "quarantine.parquet").height == 1
    findings = pl.read_parquet(tmp_path / "out" / "findings.parquet")
    frame = pl.DataFrame(rows)
    assert findings["given"].to_list() == frame["intent"].gather(findings["line"]).to_list()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.csv"], "missing.csv"),
        (["rows.csv", "--probs", "missing.npy"], "missing.npy"),
        (["rows.csv", "--votes", "missing.csv"], "missing.csv"),
        (["rows.csv", "--fix", "polish"], "a repair must be one of drop, relabel, merge, got 'polish'"),
        (["rows.csv", "--audit", "3"], "3"),
        (["rows.csv", "--audit-answers", "missing.csv"], "missing.csv"),
        (["rows.csv", "--label", "intnt"], "did you mean 'intent'"),
        (["one.csv", "--label", "intent"], "one class only"),
        (["--label", "intent"], "a bare file"),
        (["--votes", "rows.csv", "--audit", "20", "-p", "nowhere"], "a file of votes has none"),
    ],
)
def test_bad_input_is_one_error_and_leaves_nothing(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    save_rows(tmp_path / "rows.csv", message_rows(60))
    save_rows(tmp_path / "one.csv", {"message": ["a b c", "d e f"], "intent": ["x", "x"]})
    before = sorted(path.name for path in tmp_path.iterdir())
    more = ["--backbone", "none"] if arguments[0].endswith(".csv") else []
    assert run(["check", *arguments, *more]) == 1
    error = capsys.readouterr().err
    assert error.count("error:") == 1
    assert message in error
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_strict_check_exits_with_2_when_something_failed(tmp_path, capsys):
    rows = message_rows(150)
    rows["message"][149] = rows["message"][0]
    rows["part"] = ["train"] * 100 + ["dev"] * 25 + ["test"] * 25
    folder = write_rows(tmp_path / "leaky", rows, data=f'{MESSAGES}\nsplit = "part"')
    assert run(["check", "-p", str(folder)]) == 0
    assert run(["check", "-p", str(folder), "--strict"]) == 2


@pytest.mark.slow
def test_a_killed_check_leaves_the_data_alone_and_runs_again(tmp_path):
    save_rows(tmp_path / "rows.csv", message_rows(200))
    before = (tmp_path / "rows.csv").read_bytes()
    done = run_command("check", "rows.csv", "--backbone", "none", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "rows.csv").read_bytes() == before
    assert (tmp_path / "rows-check" / "check.html").exists()
