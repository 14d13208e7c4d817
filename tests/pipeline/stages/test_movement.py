"""What a build has moved: as the release's entry tells it, or computed where a gate blocked."""

from __future__ import annotations

import pytest
from tests.projects import change_project

from smallcraft.pipeline import build as building
from smallcraft.pipeline.build import build
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.workspace import open_registry
from smallcraft.records import Outcome
from smallcraft.registry.composing import read_decision


@pytest.fixture
def movements(monkeypatch):
    """Every movement that a build hands to its report."""
    seen = []
    real = building.render_report

    def keep(*given, movement, **named):
        seen.append(movement)
        return real(*given, movement=movement, **named)

    monkeypatch.setattr(building, "render_report", keep)
    return seen


def test_a_release_tells_the_delta_that_its_entry_holds(tiny, fixed_costs, movements):
    change_project(tiny, "[data]", "seed = 1\n[data]")
    result = build(load_config(tiny), because=lambda sentence: "another seed")
    stored = read_decision(open_registry(tiny).find(result.release.label))
    (movement,) = movements
    assert (movement.delta.before, movement.delta.after) == ("rows@1", "rows@2")
    assert (movement.delta, movement.rationale) == (stored.delta, stored.rationale)
    assert movement.rationale.text == "another seed"
    page = result.report.read_text(encoding="utf-8")
    assert "What moved since rows@1" in page
    assert "another seed" in page


def test_a_build_that_a_gate_blocked_is_compared_with_the_last_release(tiny, fixed_costs, movements):
    change_project(tiny, "[ladder]", "[budget]\nsize_mb = 0.0001\n[ladder]")
    result = build(load_config(tiny))
    assert (result.outcome, result.release) == (Outcome.FAIL, None)
    (movement,) = movements
    assert (movement.delta.before, movement.delta.after) == ("rows@1", "this build")
    assert (movement.rationale, movement.rollback) == (None, None)
    on_dev = [change for change in movement.delta.metrics if change.split == "dev"]
    assert all(change.difference == 0 for change in on_dev)
    assert [step.path for step in movement.delta.config if step.op == "add"] == ["/budget"]
    assert movement.delta.rows.relabelled == 0
    assert movement.delta.tensors.changed == ()


def test_where_nothing_was_ever_released_nothing_moved(tiny_built, tmp_path, fixed_costs, movements):
    for name in ("rows.csv", "cert.csv", "smallcraft.toml"):
        (tmp_path / name).write_bytes((tiny_built / name).read_bytes())
    change_project(tmp_path, "[ladder]", "[budget]\nsize_mb = 0.0001\n[ladder]")
    assert build(load_config(tmp_path)).release is None
    assert movements == [None]
