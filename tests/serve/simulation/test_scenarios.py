import pytest

from smallcraft.errors import NotFoundError
from smallcraft.serve.simulation.scenarios import SCENARIOS, Change, find_scenario


def test_every_scenario_is_found_by_its_name_and_told_in_a_sentence():
    for name, scenario in SCENARIOS.items():
        assert find_scenario(name) is scenario
        assert scenario.name == name
        assert scenario.about.endswith(".")


def test_a_scenario_is_worse_exactly_when_the_release_is():
    for scenario in SCENARIOS.values():
        change = scenario.change
        is_worse = change is not None and (
            max(change.added_errors, change.stalls) > 0
            or change.slower > 1.05
            or max(change.slow_tail, change.likelier) > 1
        )
        assert scenario.is_worse is is_worse, scenario.name


def test_the_scenarios_that_bars_are_set_for_are_what_the_bars_say():
    for name in ("errors", "sticky_errors", "late_errors"):
        assert SCENARIOS[name].change.added_errors == 0.02, name
    assert SCENARIOS["late_errors"].change.share == 0.25
    assert SCENARIOS["slow_tail"].change == Change(slow_tail=1.5)
    assert SCENARIOS["fine"].change is SCENARIOS["fine"].incident is SCENARIOS["fine"].keys is None
    assert SCENARIOS["incident"].incident.added_errors == 0.10
    assert SCENARIOS["sticky"].keys.error_spread > 0 < SCENARIOS["sticky"].keys.latency_spread


def test_a_misspelt_scenario_is_refused_with_the_nearest():
    with pytest.raises(NotFoundError, match="did you mean 'slow_tail'"):
        find_scenario("slow_tial")
