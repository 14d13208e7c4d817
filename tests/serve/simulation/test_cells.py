import json

import numpy as np
import pytest
from scipy import stats

from smallcraft.canonical import canonical_json
from smallcraft.errors import InvalidInputError
from smallcraft.serve.simulation.cells import from_json, summarise, to_json
from smallcraft.serve.simulation.flagger import Flagger
from smallcraft.serve.simulation.runs import Fates
from smallcraft.serve.simulation.scenarios import SCENARIOS
from smallcraft.serve.simulation.traffic import Keys, Traffic


def fates(*, ended, causes=None, groups=None):
    n = len(ended)
    return Fates(
        ended=np.array(ended),
        causes=np.array(causes or [-1] * n),
        ended_s=np.arange(1.0, n + 1),
        excess=np.arange(n),
        requests=10 * np.arange(n),
        weights=np.full(n, 0.25),
        groups=np.zeros(n, dtype=np.int64) if groups is None else np.array(groups),
    )


def cell(scenario="fine", **fields):
    return summarise(
        Flagger("flagger"), Traffic(), SCENARIOS[scenario], fates(**fields), seed=3, horizon_s=600.0
    )


def test_every_rollout_has_one_fate():
    found = cell(ended=[0, 0, 0, 0, 1, 2, 2, -1, -1, -1], causes=[-1, -1, -1, -1, 1, -1, -1, -1, -1, -1])
    fates = (found.promoted, found.rolled_back, found.frozen, found.undecided)
    assert [fate.count for fate in fates] == [4, 1, 2, 3]
    assert found.rolled_back.share == pytest.approx(0.1)
    exact = stats.binomtest(1, 10).proportion_ci(method="exact")
    assert (found.rolled_back.interval.low, found.rolled_back.interval.high) == pytest.approx(tuple(exact))


def test_averages_are_of_what_they_say():
    found = cell(ended=[0] * 101)
    assert (found.excess_bad.mean, found.excess_bad.p50, found.excess_bad.p95) == (50, 50, 95)
    assert found.canary_requests.mean == 500
    assert found.promotion_s.p95 == 96


def test_what_did_not_happen_has_no_time():
    assert cell(ended=[0, 0]).rollback_s is None
    assert cell(ended=[1, 1], causes=[0, 0]).promotion_s is None
    assert cell(ended=[0, 0]).promotion_s.mean == 1.5


def test_rollbacks_are_false_only_where_the_release_is_no_worse():
    assert cell("fine", ended=[1, 0], causes=[0, -1]).false_rollbacks.count == 1
    assert cell("errors", ended=[1, 0], causes=[0, -1]).false_rollbacks is None


def test_causes_and_weights_are_those_of_rollbacks_alone():
    found = cell(ended=[1, 1, 0, 1], causes=[0, 1, -1, 1])
    assert found.causes == {"success rate": 1, "duration": 2}
    assert found.weights == {"0.25": 3}


def test_a_mean_lies_in_its_interval_and_one_rollout_has_no_spread():
    many = cell(ended=[0] * 50).excess_bad
    assert many.interval.low < many.mean == 24.5 < many.interval.high
    assert cell(ended=[0]).excess_bad.interval is None


def test_where_groups_differ_the_mean_is_known_less_well():
    alone = cell(ended=[0] * 40).excess_bad.interval
    # Excess rises with the number of the rollout, so groups of neighbours differ.
    together, few = (
        cell(ended=[0] * 40, groups=[place // size for place in range(40)]).excess_bad.interval
        for size in (8, 10)
    )
    assert together.high - together.low > 2 * (alone.high - alone.low)
    assert few == alone


def test_the_json_form_is_plain_and_says_everything():
    found = cell(ended=[0, 1, 1], causes=[-1, 0, 1])
    form = json.loads(canonical_json(to_json(found)))
    assert form["rolled_back"]["count"] == 2
    assert form["traffic"]["requests_s"] == 50
    assert form["promotion_s"]["mean"] == 1
    assert set(form) == set(vars(found))


def test_a_cell_comes_back_from_its_json_form():
    for found in (cell(ended=[0, 1, 1], causes=[-1, 0, 1]), cell(ended=[0])):
        assert from_json(json.loads(json.dumps(to_json(found)))) == found
    with_keys = Traffic(keys=Keys(10), escalation=0.1)
    found = summarise(
        Flagger("flagger"), with_keys, SCENARIOS["fine"], fates(ended=[0, 0]), seed=3, horizon_s=600.0
    )
    assert from_json(json.loads(json.dumps(to_json(found)))).traffic == with_keys


@pytest.mark.parametrize("lacking", ["traffic", "promoted", "seed"])
def test_what_is_no_cell_is_refused(lacking):
    form = {name: value for name, value in to_json(cell(ended=[0, 0])).items() if name != lacking}
    with pytest.raises(InvalidInputError, match="simulate it again"):
        from_json(form)
