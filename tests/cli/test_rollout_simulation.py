"""`rollout simulate`: what a project's settings do, told in intervals; nonsense is refused before it runs."""

from __future__ import annotations

import json

import pytest

from smallcraft.cli import rollout_simulation
from smallcraft.cli.main import run
from smallcraft.serve.simulation import simulate as simulation
from smallcraft.serve.simulation.cells import Average, Share, SimulatedCell
from smallcraft.serve.simulation.scenarios import SCENARIOS
from smallcraft.serve.simulation.telling import tell_cell, tell_service
from smallcraft.serve.simulation.traffic import Traffic
from smallcraft.stats.intervals import clopper_pearson_interval


def cell(scenario="errors", *, is_worse=True, seconds=None) -> SimulatedCell:
    """18 of 20 rolled back, one promoted, one undecided."""
    average = Average(12.25, None, 12.0, 13.0)
    took = None if seconds is None else Average(seconds, None, seconds, seconds)

    def share(count: int) -> Share:
        return Share(count, count / 20, clopper_pearson_interval(count, 20, level=0.95))

    return SimulatedCell(
        rule="smallcraft",
        scenario=scenario,
        is_worse=is_worse,
        traffic=Traffic(),
        seed=0,
        rollouts=20,
        tick_s=0.25,
        horizon_s=3600.0,
        promoted=share(1),
        rolled_back=share(18),
        frozen=share(0),
        undecided=share(1),
        excess_bad=average,
        canary_requests=average,
        rollback_s=took,
        promotion_s=took,
        causes={},
        weights={},
    )


@pytest.fixture
def ran(monkeypatch):
    """What was simulated; nothing is."""
    asked = []

    def simulate(plan, scenario, **options):
        asked.append((plan, scenario.name, options))
        return cell(scenario.name, is_worse=scenario.is_worse, seconds=40.0)

    monkeypatch.setattr(simulation, "simulate", simulate)
    return asked


def test_the_help_names_every_scenario_on_its_side():
    no_worse, worse = rollout_simulation._NO_WORSE.split(", "), rollout_simulation._WORSE.split(", ")
    assert dict.fromkeys(no_worse, False) | dict.fromkeys(worse, True) == {
        scenario.name: scenario.is_worse for scenario in SCENARIOS.values()
    }
    assert set(rollout_simulation._USUAL_SCENARIOS) <= set(SCENARIOS)


def test_the_settings_are_the_projects_and_the_traffic_is_what_was_said(ran, told, tmp_path):
    (tmp_path / "smallcraft.toml").write_text(
        '[data]\npath = "a.csv"\ntext = "m"\nlabel = "l"\n[rollout]\nstages = [0.2]\n', encoding="utf-8"
    )
    arguments = ("--requests-s", 7, "--error-rate", 0.1, "--p50-ms", 3, "--p99-ms", 30, "--seed", 5)
    told("rollout", "simulate", "-p", tmp_path, "--scenario", "slow", "--rollouts", 9, *arguments)
    ((plan, name, options),) = ran
    assert (plan.stages, name) == ((0.2,), "slow")
    assert (options["rollouts"], options["seed"]) == (9, 5)
    assert options["traffic"] == Traffic(requests_s=7, error_rate=0.1, median_s=0.003, p99_s=0.03)


def test_each_scenario_is_told_in_a_line_and_the_traffic_with_its_seed_at_the_end(ran, told):
    lines = told("rollout", "simulate", "--scenario", "errors", "--scenario", "fine").splitlines()
    errors, fine = cell(seconds=40.0), cell("fine", is_worse=False, seconds=40.0)
    assert lines == [
        f"errors: {tell_cell(errors)}",
        f"fine: {tell_cell(fine)}",
        f"traffic: {tell_service(fine)}",
        "next  smallcraft rollout start RELEASE",
    ]
    assert lines[0].startswith("errors: rolled back in 90")
    assert lines[1].startswith("fine: promoted in 5")


def test_scripts_read_one_list_and_people_are_told_what_runs(ran, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(["rollout", "simulate", "--json"]) == 0
    captured = capsys.readouterr()
    assert [found["scenario"] for found in json.loads(captured.out)] == list(
        rollout_simulation._USUAL_SCENARIOS
    )
    assert captured.err.startswith("there is no smallcraft.toml here: the usual settings\nfine: The new ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--p50-ms", 100, "--p99-ms", 20), "--p50-ms must be above 0 and below --p99-ms, got 100 and 20"),
        (("--p50-ms", 0), "--p50-ms must be above 0"),
        (("--p99-ms", "inf"), "got 20 and inf"),
        (("--p50-ms", "nan"), "got nan and 100"),
        (("--requests-s", 0), "--requests-s must be above 0 and at most 10,000, got 0"),
        (("--requests-s", "inf"), "got inf"),
        (("--error-rate", 5), "error_rate must be a share in [0, 1), got 5; write 0.01 for 1%"),
        (("--error-rate", "nan"), "error_rate must be a share"),
        (("--rollouts", 0), "--rollouts"),
        (("--seed", -1), "--seed"),
        (("--scenario", "fine", "--scenario", "erors"), "did you mean 'errors'?"),
        (("-p", "/nowhere/at/all"), "there is no project file /nowhere/at/all"),
    ],
)
def test_nonsense_is_refused_before_anything_runs(arguments, message, ran, told):
    assert message in told("rollout", "simulate", *arguments, code=1)
    assert ran == []


@pytest.mark.slow
def test_the_same_seed_gives_the_same_rollouts(told_json, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = ("rollout", "simulate", "--rollouts", "20", "--scenario", "errors")
    (found,) = told_json(*arguments)
    assert found["rolled_back"]["count"] >= 18
    assert told_json(*arguments) == [found]
