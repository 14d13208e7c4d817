from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.journeys.test_build import check_schema
from tests.pipeline.evaluated import write_tickets

from smallcraft.cli.main import run


@pytest.fixture
def tickets(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return str(write_tickets(tmp_path, "cli_models"))


def gate(tmp_path, limit: float, *, required: bool = True) -> str:
    path = tmp_path / "gates.toml"
    path.write_text(
        f'[gates.good]\nrule = "at_least"\nmeasurement = "accuracy"\nlimit = {limit}\n'
        f"required = {str(required).lower()}\n",
        encoding="utf-8",
    )
    return str(path)


def test_the_table_has_value_interval_n_and_method(tickets, capsys):
    assert run(["evaluate", tickets, "-m", "cli_models:unsure", "--metric", "accuracy"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"accuracy\s+0\.8\d\d\s+\[0\.\d{3}, 0\.\d{3}\]\s+240\s+Clopper-Pearson 95%", out)
    assert "class=billing" in out
    assert "region=north" in out
    assert re.search(r"cpu_s_per_1000\s+[\d.e-]+\s+240", out)
    assert "columns were guessed" in out


def test_scores_that_are_withheld_stand_in_one_line_with_the_reason(tickets, capsys):
    assert run(["evaluate", tickets, "-m", "cli_models:answer"]) == 0
    out = capsys.readouterr().out
    (line,) = [line for line in out.splitlines() if "not measured:" in line and "brier" in line]
    assert all(name in line for name in ("top_3_accuracy", "log_loss", "ece", "auroc", "average_precision"))
    assert "the model answers with labels only" in line


def test_several_models_are_compared(tickets, capsys):
    arguments = ["evaluate", tickets, "-m", "cli_models:answer", "-m", "cli_models:unsure"]
    assert run([*arguments, "--metric", "accuracy", "--against", "cli_models:unsure"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"cli_models:answer is .*than cli_models:unsure: [+-]0\.\d+ in accuracy \[", out)


def test_json_is_one_object_and_the_rest_goes_to_stderr(tickets, capsys):
    assert run(["evaluate", tickets, "-m", "cli_models:answer", "--json"]) == 0
    captured = capsys.readouterr()
    check_schema("evaluate", json.loads(captured.out))
    assert "asking cli_models:answer 240 rows" in captured.err


def test_files_are_written_where_they_are_asked_for_and_nowhere_else(tickets, tmp_path, capsys):
    before = {path.name for path in tmp_path.iterdir()}
    assert run(["evaluate", tickets, "-m", "cli_models:answer"]) == 0
    assert {path.name for path in tmp_path.iterdir()} - {"__pycache__"} == before
    assert run(["evaluate", tickets, "-m", "cli_models:answer", "-o", "out"]) == 0
    assert "evaluation.html" in capsys.readouterr().out
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"evaluation.json", "evaluation.html"}


@pytest.mark.parametrize(
    ("limit", "required", "code", "word"),
    [
        (0.6, True, 0, "PASS"),
        (0.95, True, 2, "FAIL"),
        (0.83, True, 3, "UNDECIDED"),
        (0.83, False, 0, "UNDECIDED"),
    ],
)
def test_the_exit_code_is_that_of_the_gates(tickets, tmp_path, capsys, limit, required, code, word):
    gates = gate(tmp_path, limit, required=required)
    assert run(["evaluate", tickets, "-m", "cli_models:answer", "--gates", gates]) == code
    out = capsys.readouterr().out
    assert re.search(rf"^{word} +good", out, re.MULTILINE)


def test_columns_metrics_and_seed_are_taken(tickets, capsys):
    arguments = ["--label", "region", "--features", "message,customer", "--groups", "intent", "--seed", "4"]
    assert run(["evaluate", tickets, "-m", "cli_models:first_region", *arguments]) == 1
    assert "has no 'first_region'" in capsys.readouterr().err
    Path("cli_columns.py").write_text(
        "def answer(columns):\n    return ['north'] * len(columns['customer'])\n", encoding="utf-8"
    )
    assert run(["evaluate", tickets, "-m", "cli_columns:answer", *arguments, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["data"]["features"] == ["message", "customer"]
    assert document["models"][0]["measurements"][0]["value"] == 0.5
    assert {m["slice"] for m in document["models"][0]["measurements"]} >= {"intent=billing", "class=north"}


def test_the_help_names_every_kind_of_model(capsys):
    run(["evaluate", "--help"])
    out = " ".join(capsys.readouterr().out.split())
    for words in ("release", ".skops", ".onnx", "module:function", "/v2/models/NAME", "file of predictions"):
        assert words in out
