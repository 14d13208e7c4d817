import dataclasses
import json

import pytest
from benchmarks.rollouts.kept import (
    _OF_ALL,
    _OF_OURS,
    _PACKAGE,
    KeptCell,
    Made,
    is_current,
    keep,
    read,
    read_all,
    sources_digest,
)

from smallcraft.serve.rollout.plan import RolloutPlan
from smallcraft.serve.simulation.flagger import Flagger
from smallcraft.serve.simulation.ours import Smallcraft
from smallcraft.serve.simulation.scenarios import SCENARIOS
from smallcraft.serve.simulation.simulate import simulate_rule

RULES = [Flagger("one", tick_s=30.0), Flagger("other", tick_s=30.0, threshold=1)]


def made(rule):
    return Made(repr(rule), sources_digest(rule), "2026-11-28 10:00 UTC", 1.0, {"cores": "2"}, {"numpy": "2"})


@pytest.fixture(scope="module")
def cells():
    return [
        KeptCell(simulate_rule(rule, SCENARIOS["fine"], rollouts=4, seed=1, horizon_s=300.0), made(rule))
        for rule in RULES
    ]


def test_a_cell_that_was_kept_is_read_as_it_was_and_replaces_only_its_own(tmp_path, cells):
    assert read("fine", folder=tmp_path) == []
    for cell in cells:
        keep(cell, folder=tmp_path)
    newer = dataclasses.replace(cells[0], made=dataclasses.replace(cells[0].made, cpu_s=9.0))
    keep(newer, folder=tmp_path)
    assert read("fine", folder=tmp_path) == [newer, cells[1]]
    assert [path.name for path in tmp_path.iterdir()] == ["fine.json"]


def test_rules_come_in_the_order_asked_for_and_others_not_at_all(tmp_path, cells):
    for cell in cells:
        keep(cell, folder=tmp_path)
    assert read_all(["other", "one", "third"], folder=tmp_path) == {"fine": cells[::-1]}
    assert read_all(["third"], folder=tmp_path) == {}


def test_what_is_kept_is_plain_json(tmp_path, cells):
    keep(cells[0], folder=tmp_path)
    form = json.loads((tmp_path / "fine.json").read_text(encoding="utf-8"))
    assert form["cells"][0]["cell"]["rollouts"] == 4


def test_a_cell_is_current_only_with_the_same_settings_seed_size_and_sources(cells):
    rule, cell = RULES[0], cells[0]
    assert is_current(cell, rule, rollouts=4, seed=1)
    assert not is_current(cell, rule, rollouts=5, seed=1)
    assert not is_current(cell, rule, rollouts=4, seed=2)
    assert not is_current(cell, dataclasses.replace(rule, threshold=4), rollouts=4, seed=1)
    older = dataclasses.replace(cell, made=dataclasses.replace(cell.made, sources="sha256:0"))
    assert not is_current(older, rule, rollouts=4, seed=1)


def test_every_source_that_is_named_is_there():
    assert all(list(_PACKAGE.glob(pattern)) for pattern in (*_OF_ALL, *_OF_OURS))


def test_the_sources_of_our_rule_are_more_than_those_of_peers():
    assert sources_digest(RULES[0]) == sources_digest(RULES[1])
    assert sources_digest(Smallcraft(RolloutPlan())) != sources_digest(RULES[0])
