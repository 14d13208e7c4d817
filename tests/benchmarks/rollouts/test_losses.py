from dataclasses import replace

import pytest
from benchmarks.rollouts.contestants import OURS
from benchmarks.rollouts.kept import KeptCell, Made
from benchmarks.rollouts.losses import find_losses

from smallcraft.records import Interval
from smallcraft.serve.simulation.cells import Average, Share
from smallcraft.serve.simulation.flagger import Flagger
from smallcraft.serve.simulation.scenarios import SCENARIOS
from smallcraft.serve.simulation.simulate import simulate_rule

MADE = Made("", "", "", 0.0, {}, {})


@pytest.fixture(scope="module")
def template():
    return simulate_rule(Flagger("any"), SCENARIOS["fine"], rollouts=2, horizon_s=60.0)


def table(template, rows):
    """Cells by scenario, of (rule, share rolled back, mean harm)."""
    return {
        scenario: [
            KeptCell(
                replace(
                    template,
                    rule=rule,
                    scenario=scenario,
                    rolled_back=Share(round(100 * share), share, Interval(0.0, 1.0)),
                    excess_bad=Average(harm, None, harm, harm),
                ),
                MADE,
            )
            for rule, share, harm in cells
        ]
        for scenario, cells in rows.items()
    }


def test_a_peer_with_less_harm_is_told_of_with_what_it_pays_for_it(template):
    found = find_losses(
        table(
            template,
            {
                "fine": [(OURS, 0.01, 0.0), ("quick", 0.02, 0.0), ("slow", 0.03, 0.0)],
                "incident": [(OURS, 0.01, 0.0), ("quick", 0.85, 0.0), ("slow", 0.03, 0.0)],
                "errors": [(OURS, 1.0, 9.0), ("quick", 1.0, 4.0), ("slow", 1.0, 30.0)],
            },
        )
    )
    pays = "false rollbacks up to 85.0 %, in `incident`"
    assert found == [f"`errors`, excess bad requests: {OURS} 9.00; quick 4.00 ({pays})."]


def test_a_peer_with_fewer_false_alarms_is_told_of_with_its_harm(template):
    found = find_losses(
        table(
            template,
            {
                "fine": [(OURS, 0.02, 0.0), ("deaf", 0.0, 0.0)],
                "errors": [(OURS, 1.0, 9.0), ("deaf", 0.0, 900.0)],
            },
        )
    )
    assert found == [
        f"`fine`, false rollbacks: {OURS} 2.0 %; deaf 0.0 % (excess bad requests up to 900.0, in `errors`)."
    ]


def test_a_peer_that_lets_a_regression_pass_did_not_do_little_harm(template):
    assert find_losses(table(template, {"errors": [(OURS, 1.0, 9.0), ("deaf", 0.1, 2.0)]})) == []
