"""Prices are the project's own, a gate judges the interval that is shown, bad settings cost no measuring."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.pipeline.builds import measured
from tests.pipeline.test_cost_output import compared
from tests.pipeline.test_prices import PRICES, PROJECT, project

from smallcraft.bundle.inputs import InputSpec
from smallcraft.errors import DataError, InvalidInputError, NotFoundError
from smallcraft.gates.policy import custom_specs, judge_all
from smallcraft.pipeline import costing
from smallcraft.pipeline.config import parse_config
from smallcraft.pipeline.costing import CostOptions, judge_ratio, measure_costs, money_measurements
from smallcraft.pipeline.events import SilentListener
from smallcraft.pipeline.result import candidate_json
from smallcraft.records import Measurement, Outcome

RELEASED = measured("ngram", quality=0.9, p50_ms=0.4, size_mb=1.0, train_cpu_s=2.0)
CPU = Measurement("cpu_s_per_1000", 8.0, "s", 1000, "mean", low=7.0, high=9.0, level=0.95)
ACCURACY = Measurement(
    "accuracy", 0.8, "fraction", 100, "Wilson", low=0.7, high=0.9, split="cert", level=0.95
)


def released(*more: Measurement):
    """What is on record of the bundle that ships; the same names without a split give way."""
    others = tuple(m for m in RELEASED.measurements if m.name not in {found.name for found in more})
    return replace(RELEASED, measurements=(*others, *more))


def test_answers_are_priced_by_the_projects_sheet_and_the_accuracy_that_cert_told():
    on_dev = replace(ACCURACY, value=0.99, split="dev")
    money, correct = money_measurements(project(**PRICES), released(CPU, on_dev, ACCURACY))
    assert money.value == pytest.approx(8.0 / 3600 * 0.045)
    assert correct.value == pytest.approx(8.0 / 3600 * 0.045 / 0.8)
    assert (money.unit, money.split, correct.split) == ("EUR", None, "cert")
    assert "price sheet ours of 2026-11-01" in money.detail


def test_without_prices_nothing_is_said_of_money():
    assert money_measurements(parse_config(PROJECT), released(CPU, ACCURACY)) == ()


def test_without_the_accuracy_of_cert_a_correct_answer_has_no_price():
    money, correct = money_measurements(project(**PRICES), released(CPU, replace(ACCURACY, split="dev")))
    assert money.value is not None
    assert correct.value is None
    assert "needs the accuracy" in correct.detail


@pytest.mark.parametrize(
    ("name", "split", "limit", "outcome"),
    [
        ("money_per_1000", "none", 0.000113, Outcome.PASS),
        ("money_per_1000", "none", 0.00008, Outcome.FAIL),
        ("money_per_1000", "none", 0.0001, Outcome.UNDECIDED),
        ("money_per_1000_correct", "cert", 0.000162, Outcome.PASS),
        ("money_per_1000_correct", "cert", 0.00009, Outcome.FAIL),
    ],
)
def test_money_can_be_gated_like_any_cost(name, split, limit, outcome):
    text = f'[gates.price]\nrule = "budget"\nmeasurement = "{name}"\nsplit = "{split}"\nlimit = {limit}\n'
    config = parse_config(f"{PROJECT}{text}[prices]\n" + "\n".join(f"{k} = {v}" for k, v in PRICES.items()))
    gates = custom_specs({name: gate.as_written() for name, gate in config.gates.declared.items()})
    evidence = released(CPU, ACCURACY)
    priced = replace(evidence, measurements=(*evidence.measurements, *money_measurements(config, evidence)))
    (verdict,) = judge_all(gates, priced)
    assert verdict.outcome is outcome, verdict


def test_energy_is_told_with_its_method_and_an_estimate_has_no_value():
    guess = Measurement("energy_j_per_1000", None, "J", 9, "estimated:cpu_s", 3.2, 36.0, detail="no counter")
    told = candidate_json(released(guess))["cost"]["energy"]
    assert (told["j_per_1000"], told["low"], told["high"]) == (None, 3.2, 36.0)
    assert told["method"] == "estimated:cpu_s"
    counted = replace(guess, value=9.5, method="measured:rapl, 5 windows of 10 s")
    assert candidate_json(released(counted))["cost"]["energy"]["j_per_1000"] == 9.5
    unknown = replace(guess, low=None, high=None)
    assert candidate_json(released(unknown))["cost"]["energy"] is None


@given(st.floats(0.5, 2), st.floats(0.5, 2), st.floats(0.4, 2.5))
def test_the_gate_on_a_ratio_says_what_the_shown_interval_says(one, other, limit):
    low, high = sorted((one, other))
    (verdict,) = judge_ratio(compared(low, high), limit)
    assert (verdict.outcome is Outcome.PASS) == (high <= limit)
    assert (verdict.outcome is Outcome.FAIL) == (low > limit)


def test_an_unsteady_machine_lets_no_ratio_pass():
    (verdict,) = judge_ratio(compared(0.2, 0.3, aa=(1.1, 1.2)), 5.0)
    assert verdict.outcome is Outcome.UNDECIDED
    assert verdict.needs == "measure again on a quiet machine"


def test_an_undecided_ratio_says_how_long_would_settle_it():
    (verdict,) = judge_ratio(compared(0.95, 1.05), 1.02)
    blocks = int(verdict.needs.split()[1])
    assert verdict.needs == f"about {blocks} more blocks: --seconds {(blocks + 6) * 10}"
    assert verdict.blocks
    (on_the_limit,) = judge_ratio(compared(0.5, 2.0), 1.0)
    assert "lies on this one" in on_the_limit.needs


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (CostOptions(objective_ms=0.0), "--objective-ms must be a number above 0, got 0"),
        (CostOptions(objective_ms=float("nan")), "--objective-ms must be a number above 0, got nan"),
        (CostOptions(seconds=-1.0), "--seconds must be a number above 0"),
        (CostOptions(at_most=1.1), "--at-most is a ceiling on the ratio to another bundle"),
        (CostOptions(at_most=0.0, against="1"), "--at-most must be a number above 0"),
        (CostOptions("1", Path("b")), "cost takes a release or --bundle, got both"),
    ],
)
def test_settings_without_sense_are_refused_before_anything_is_opened(options, words, tmp_path):
    with pytest.raises(InvalidInputError, match=words):
        measure_costs(options, tmp_path / "nowhere")


def test_a_folder_that_is_no_bundle_is_refused(tmp_path):
    options = CostOptions(bundle=tmp_path, source="rows.csv")
    with pytest.raises(NotFoundError, match=r"holds no bundle\.json"):
        measure_costs(options, tmp_path)


def test_without_a_project_there_are_no_rows_to_ask_about(tmp_path):
    with pytest.raises(NotFoundError, match="there is no project file"):
        measure_costs(CostOptions(bundle=tmp_path), tmp_path)


def test_rows_that_cannot_be_asked_about_are_refused_by_their_place(tmp_path):
    rows = tmp_path / "rows.csv"
    rows.write_text("message,age\n" + "hello,31\n" * 30 + "hello,old\n", encoding="utf-8")
    spec = InputSpec("message", numbers=("age",))
    with pytest.raises(DataError, match=r"rows.csv, row 31, column 'age': 'old' is not a number"):
        costing._read_rows(str(rows), None, [spec], SilentListener())
    read, columns = costing._read_rows(str(rows), None, [InputSpec("message")], SilentListener())
    assert (read, columns) == (str(rows), {"message": ["hello"] * 31})


def test_a_long_step_is_told_while_it_runs_and_no_longer(monkeypatch):
    heard: list[str] = []

    class Listening(SilentListener):
        def progress(self, step: str, share: float) -> None:
            heard.append(step)

    monkeypatch.setattr(costing, "_SECONDS_BETWEEN_WORDS", 0.001)
    with costing._telling(Listening(), "measuring a@1", 20.0):
        while not heard:
            pass
    count = len(heard)
    assert heard[0] == "measuring a@1, 0 s of at most about 20"
    assert len(heard) == count
