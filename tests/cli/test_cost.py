"""`smallcraft cost`: the table, the object it prints, exit codes 0, 1, 2 and 3; no time is asserted."""

from __future__ import annotations

import io
import json
import re

import jsonschema
import pytest
from rich.console import Console
from tests.conftest import ROOT
from tests.pipeline.test_cost_output import compared
from tests.projects import change_project

from smallcraft.cli.cost import bounds_words, cost_table, method_lines, value_words
from smallcraft.cli.main import run
from smallcraft.pipeline import costing
from smallcraft.records import Measurement

SCHEMA = json.loads((ROOT / "docs" / "schemas" / "cost.json").read_text(encoding="utf-8"))
PRICES = '[prices]\nid = "ours"\nas_of = "2026-11-01"\nper_cpu_hour = 0.045\ncurrency = "EUR"\n[ladder]'


def cost(project, *options):
    return run(["cost", "-p", str(project), *options])


def bundle_of(project, rung):
    return str(next((project / ".smallcraft" / "bundles").glob(f"{rung}-*")))


def printed_lines(text):
    return [" ".join(line.split()) for line in text.splitlines()]


@pytest.mark.slow
def test_scenarios_are_one_object_with_every_unit(small, capsys):
    change_project(small, "[ladder]", PRICES)
    assert cost(small, "--seconds", "1", "--objective-ms", "50", "--json") == 0
    captured = capsys.readouterr()
    told = json.loads(captured.out)
    jsonschema.validate(told, SCHEMA)
    found = {measurement["name"]: measurement for measurement in told["measurements"]}
    assert next(iter(found)) == "noise_floor_ms"
    units = {
        "p99_ms": "ms",
        "cpu_s_per_1000": "s",
        "size_mb": "MB",
        "offline_rows_per_cpu_s": "rows/CPU-s",
        "max_rate_per_s": "1/s",
        "energy_j_per_1000": "J",
        "money_per_1000": "EUR",
        "money_per_1000_correct": "EUR",
    }
    assert {name: found[name]["unit"] for name in units} == units
    assert found["money_per_1000_correct"]["split"] == "cert"
    assert found["money_per_1000_correct"]["value"] >= found["money_per_1000"]["value"] > 0
    energy = found["energy_j_per_1000"]
    assert energy["method"].startswith("measured:") or energy["value"] is None
    assert told["inputs"]["source"] == "dev rows of rows.csv"
    assert "measuring rows@1: one request at a time" in captured.err


@pytest.mark.slow
def test_a_bundle_and_a_file_need_no_project(small, tmp_path, capsys, monkeypatch):
    rows = tmp_path / "new.csv"
    rows.write_text("message,other\nwhere is my parcel,1\nlogin locked again,2\n", encoding="utf-8")
    bundle = bundle_of(small, "ngram")
    monkeypatch.chdir(tmp_path)
    assert run(["cost", "--bundle", bundle, "-i", "new.csv", "--seconds", "1"]) == 0
    lines = printed_lines(capsys.readouterr().out)
    assert any(line.endswith("2 rows asked about (new.csv)") for line in lines)
    order = [line for line in lines if line in ("this machine", "one request at a time", "under load")]
    assert order == ["this machine", "one request at a time", "under load"]
    assert any(re.fullmatch(r"money_per_1000 not measured money", line) for line in lines)
    assert "a price sheet is declared under [prices] in smallcraft.toml" in lines


@pytest.mark.slow
def test_a_release_that_answers_far_slower_than_another_fails_its_ceiling(small, capsys):
    code = cost(
        small, "--against", bundle_of(small, "majority"), "--at-most", "0.01", "--seconds", "1", "--json"
    )
    told = json.loads(capsys.readouterr().out)
    jsonschema.validate(told, SCHEMA)
    # No n-gram model takes a hundredth of a constant's time; only an unsteady machine leaves it open.
    assert (code, told["outcome"]) == ((2, "FAIL") if told["comparison"]["is_steady"] else (3, "UNDECIDED"))
    assert told["comparison"]["blocks"] == 5
    assert [m["name"] for m in told["measurements"]] == ["latency_ratio", "cpu_ratio"]


@pytest.mark.parametrize(
    ("comparison", "at_most", "code", "words"),
    [
        (compared(0.96, 1.02), None, 0, "rows@1 and rows@1 are not shown to differ: 0.990 [0.960, 1.020]"),
        (compared(0.96, 1.02), "1.10", 0, "PASS      latency_ratio"),
        (compared(0.96, 1.02), "1.01", 3, "UNDECIDED latency_ratio"),
        (compared(1.2, 1.3), "1.10", 2, "FAIL      latency_ratio"),
        (compared(1.2, 1.3), None, 0, "rows@1 is slower than rows@1: 1.249 [1.200, 1.300]; A/A steady"),
        (compared(0.2, 0.3, aa=(1.1, 1.2)), "1.10", 3, "nothing is claimed: A/A unsteady"),
    ],
)
def test_a_comparison_is_an_exit_code_only_where_a_ceiling_was_set(
    comparison, at_most, code, words, small_built, capsys, monkeypatch
):
    monkeypatch.setattr(costing, "compare_latency", lambda *args, **settings: comparison)
    ceiling = [] if at_most is None else ["--at-most", at_most]
    assert cost(small_built, "--against", "latest", *ceiling) == code
    assert words in capsys.readouterr().out


def test_seconds_are_the_blocks_of_a_comparison(small_built, monkeypatch):
    blocks = []

    def compare(*args, **settings):
        blocks.append(settings["blocks"])
        return compared(0.9, 1.1)

    monkeypatch.setattr(costing, "compare_latency", compare)
    for seconds in ("1", "60", "120"):
        assert cost(small_built, "--against", "1", "--seconds", seconds) == 0
    assert blocks == [5, 6, 12]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["nobody@7"], "no release is called 'nobody'"),
        (["9"], "has no version '9'"),
        (["--against", "rows@9"], "has no version '9'"),
        (["-i", "other.csv"], "column 'message' is not in other.csv; it has 'text', 'x'"),
        (["-i", "empty.csv"], "empty.csv has a header and no rows"),
        (["-i", "none.csv"], "there is no file none.csv"),
        (["--objective-ms", "0"], "--objective-ms must be a number above 0"),
        (["--at-most", "1.1"], "name it with --against"),
        (["--bundle", "."], ". holds no bundle.json"),
    ],
)
def test_what_cannot_be_measured_is_one_error_with_1(
    options, words, small_built, tmp_path, capsys, monkeypatch
):
    (tmp_path / "other.csv").write_text("text,x\nhello,1\n", encoding="utf-8")
    (tmp_path / "empty.csv").write_text("message\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert cost(small_built, *options) == 1
    captured = capsys.readouterr().err
    assert captured.startswith("error: ")
    assert captured.count("\n") == 1
    assert words in captured


def test_an_estimate_is_grey_and_never_a_value():
    guess = Measurement(
        "energy_j_per_1000", None, "J", 9, "estimated:cpu_s", 3.2, 36.0, detail="not measured: x"
    )
    counted = Measurement("energy_j_per_1000", 9.5, "J", 9, "measured:rapl", 9.0, 10.0)
    assert (value_words(guess), bounds_words(guess)) == ("estimated", "[3.2, 36]")
    assert (value_words(counted), bounds_words(counted)) == ("9.5", "[9, 10]")
    stream = io.StringIO()
    Console(file=stream, force_terminal=True, color_system="standard", width=100).print(cost_table([guess]))
    assert re.search(r"\x1b\[[0-9;]*2m[^\x1b]*energy_j_per_1000", stream.getvalue())
    assert method_lines([guess, counted]) == [
        "energy_j_per_1000: measured:rapl",
        "not measured: energy_j_per_1000: x",
    ]


def test_a_missed_rate_is_a_bound_and_not_a_rate():
    missed = Measurement(
        "max_rate_per_s", None, "1/s", 662, "open loop", high=2210.4, detail="no rate was shown"
    )
    assert (value_words(missed), bounds_words(missed)) == ("not measured", "at most 2,210")


def test_every_cost_stands_in_the_table_once():
    names = ("money_per_1000", "noise_floor_ms", "p50_ms", "first_ms", "offline_rows_per_s", "something_new")
    table = cost_table([Measurement(name, 1.0, "u", 1, "m") for name in names])
    stream = io.StringIO()
    Console(file=stream, width=100).print(table)
    lines = [line for line in stream.getvalue().splitlines() if line.startswith("   ") and line.strip()]
    cells = [line.split()[0] for line in lines]
    assert sorted(cells) == sorted(names)
    assert cells[0] == "noise_floor_ms"
