"""What is kept of an experiment reads back as it was."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.campaigns.kept import (
    KEPT,
    Experiment,
    Line,
    Made,
    keep,
    read_experiment,
    read_rounds,
    summed,
)
from benchmarks.campaigns.repairs import Seed
from benchmarks.campaigns.rounds import ProjectRound

from smallcraft.label.measuring import Delta
from smallcraft.records import Interval

MADE = Made("2026-11-29 10:00 UTC", 1.5, {"cores": "2"}, {"numpy": "2.0"})
GAIN = Delta("all", 0.8, 0.83, Interval(0.01, 0.05), (0.03,), 100)
LINE = Line(0, {"random": 10, "relabel_value": 41}, {"random": 1, "relabel_value": 0}, GAIN, GAIN)
EXPERIMENT = Experiment("banking77, any class", (LINE,), {"random": GAIN, "before": GAIN}, MADE)
ROUND = ProjectRound(
    0,
    100,
    20,
    {"targeted": 40, "random": 10},
    {"targeted": 36, "random": 2},
    1,
    GAIN,
    replace(GAIN, after=0.9),
)


def test_an_experiment_reads_back_as_it_was_and_one_that_never_ran_is_none(tmp_path):
    keep(EXPERIMENT, "banking77", made=MADE, folder=tmp_path)
    assert read_experiment("banking77", folder=tmp_path) == EXPERIMENT
    assert read_experiment("clinc150", folder=tmp_path) is None


def test_rounds_read_back_as_they_were(tmp_path):
    assert read_rounds(folder=tmp_path) is None
    keep((ROUND,), "rounds", made=MADE, folder=tmp_path)
    assert read_rounds(folder=tmp_path) == ((ROUND,), MADE)


def test_a_line_compares_repairs_and_says_whether_the_printed_interval_held():
    assert LINE.ratio("relabel_value", "random") == 4.1
    assert LINE.is_covered
    assert not ROUND.is_covered
    assert ROUND.ratio == (36 / 40) / (2 / 10)


def test_gains_are_of_the_targeted_strategy_over_each_other_one():
    seeds = [
        Seed(
            seed,
            {"random": 1, "relabel_value": 3},
            {},
            {"random": 0, "relabel_value": 0},
            GAIN,
            GAIN,
            GAIN,
            {"random": [True, False], "before": [False, False], "relabel_value": [True, True]},
        )
        for seed in range(2)
    ]
    found = summed("x", seeds, targeted="relabel_value", made=MADE)
    assert {name: gain.value for name, gain in found.gains.items()} == {"random": 0.5, "before": 1.0}
    assert len(found.lines) == 2


def test_what_is_kept_in_the_repository_reads():
    for path in KEPT.glob("*.json"):
        name = path.stem
        assert (read_rounds() if name == "rounds" else read_experiment(name)) is not None
