from __future__ import annotations

import pytest

from smallcraft.pipeline.config import parse_config
from smallcraft.pipeline.reproducing.clock import (
    is_timed,
    why_not_promised,
    with_recorded_costs,
    without_timed,
)
from smallcraft.records import CandidateStatus, Evidence, Measurement

DATA = '[data]\npath = "a.csv"\ntext = "t"\nlabel = "l"\n'
ALONE = {"decision": {"chosen": "ngram", "tied": ["ngram"]}}


def evidence(p95: float, f1: float) -> Evidence:
    return Evidence(
        "ngram",
        CandidateStatus.MEASURED,
        "sha256:1",
        (
            Measurement("p95_ms", p95, "ms", 5, "order statistics"),
            Measurement("size_mb", p95, "MB", 5, "bytes"),
            Measurement("macro_f1", f1, "fraction", 5, "bootstrap", split="dev"),
        ),
    )


def test_costs_are_taken_from_the_record_and_nothing_else_is():
    found = with_recorded_costs(evidence(2.0, 0.8), evidence(1.0, 0.9))
    assert [m.value for m in found.measurements] == [1.0, 2.0, 0.8]


def test_a_rung_without_a_record_keeps_its_own_costs():
    assert with_recorded_costs(evidence(2.0, 0.8), None) == evidence(2.0, 0.8)


@pytest.mark.parametrize("name", ["money_per_1000", "energy_j_per_1000", "peak_rss_mb", "noise_floor_ms"])
def test_what_follows_from_a_timing_is_timed_too(name):
    assert is_timed(name, "EUR")


def test_json_loses_its_timings_wherever_they_stand():
    quality = {"name": "macro_f1", "unit": "fraction", "value": 1}
    timing = {"name": "p95_ms", "unit": "ms", "value": 1}
    document = {"candidates": [{"rung": "ngram", "measurements": [quality, timing]}], "text": "ms"}
    assert without_timed(document) == {
        "candidates": [{"rung": "ngram", "measurements": [quality]}],
        "text": "ms",
    }


def test_a_build_that_only_shows_its_costs_promises_everything():
    assert why_not_promised(parse_config(f"{DATA}[budget]\nsize_mb = 3"), ALONE) == ()


def test_each_budget_of_time_is_named():
    config = parse_config(f"{DATA}[budget]\nlatency_p95_ms = 5\ntrain_cpu_s = 600\nsize_mb = 3")
    told = why_not_promised(config, ALONE)
    assert [sentence.split(" rests")[0] for sentence in told] == [
        "the verdict of [budget] latency_p95_ms = 5",
        "the verdict of [budget] train_cpu_s = 600",
    ]


def test_a_gate_of_ones_own_over_a_timing_is_named():
    gate = 'rule = "at_most"\nlimit = 1.0\nsplit = "none"'
    config = parse_config(
        f'{DATA}[gates.quick]\n{gate}\nmeasurement = "p99_ms"\n'
        f'[gates.good]\n{gate.replace("none", "dev")}\nmeasurement = "log_loss"\n'
    )
    assert why_not_promised(config, ALONE) == (
        "the verdict of [gates.quick] rests on p99_ms, which is measured anew",
    )


def test_a_choice_between_tied_candidates_is_named_as_one_by_cost():
    (told,) = why_not_promised(
        parse_config(DATA), {"decision": {"chosen": "fast", "tied": ["fast", "frozen"]}}
    )
    assert told.startswith("fast was chosen among candidates that are as good (frozen) by measured CPU time")
