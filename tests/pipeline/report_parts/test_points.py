from __future__ import annotations

from dataclasses import replace

import pytest
from tests.pipeline.builds import make_build

from smallcraft.pipeline.report_parts.points import class_points, cost_points, undrawn_rungs
from smallcraft.pipeline.report_parts.tables import find_winner
from smallcraft.records import CandidateStatus


@pytest.fixture(scope="module")
def result():
    return make_build()


def with_cost(result, rung, value):
    """The build with one candidate's cost replaced."""
    candidates = tuple(
        replace(
            evidence,
            measurements=tuple(
                replace(m, value=value) if m.name == "cpu_s_per_1000" else m for m in evidence.measurements
            ),
        )
        if evidence.rung == rung
        else evidence
        for evidence in result.candidates
    )
    return replace(result, candidates=candidates)


def test_a_point_has_the_measurements_own_numbers(result):
    evidence = find_winner(result.candidates, result.decision)
    quality, cost = evidence.find("macro_f1", split="dev"), evidence.find("cpu_s_per_1000")
    (point,) = (point for point in cost_points(result.candidates, result.decision) if point.rung == "cascade")
    assert (point.quality, point.low, point.high) == (quality.value, quality.low, quality.high)
    assert (point.cost, point.cost_low, point.cost_high) == (cost.value, cost.low, cost.high)


def test_hovering_tells_everything_and_what_was_not_measured(result):
    (point,) = (point for point in cost_points(result.candidates, result.decision) if point.rung == "cascade")
    assert point.hover.split(" · ") == [
        "cascade (chosen)",
        "macro_f1 0.944 [0.933, 0.953]",
        "p50 0.580 ms",
        "p95 0.986 ms",
        "CPU per 1,000 0.592 s",
        "size 26.2 MB",
        "memory not measured",
        "training 118 CPU-s",
    ]


@pytest.mark.parametrize("value", [None, 0.0])
def test_a_cost_that_a_log_axis_cannot_show_is_named_not_drawn_as_zero(result, value):
    changed = with_cost(result, "fast", value)
    assert "fast" not in {point.rung for point in cost_points(changed.candidates, changed.decision)}
    assert undrawn_rungs(changed.candidates, changed.decision) == ("fast",)
    assert undrawn_rungs(result.candidates, result.decision) == ()


def test_what_was_skipped_or_crashed_is_no_point_and_not_missed(result):
    crashed = replace(result.candidates[1], status=CandidateStatus.CRASHED)
    changed = replace(result, candidates=(crashed, *result.candidates[2:]))
    assert "ngram" not in {point.rung for point in cost_points(changed.candidates, changed.decision)}
    assert undrawn_rungs(changed.candidates, changed.decision) == ()


def test_the_worst_classes_come_first_and_the_rest_is_cut(result):
    points = class_points(find_winner(result.candidates, result.decision), most=5)
    everyone = class_points(find_winner(result.candidates, result.decision), most=1000)
    assert points == everyone[:5]
    assert [point.f1 for point in everyone] == sorted(point.f1 for point in everyone)
    assert "unseen" not in {point.name for point in everyone}
    assert len(everyone) == 40


def test_a_class_point_has_the_measurements_own_numbers(result):
    evidence = find_winner(result.candidates, result.decision)
    for point in class_points(evidence):
        f1 = evidence.find("f1", split="dev", slice=f"class={point.name}")
        assert (point.f1, point.low, point.high) == (f1.value, f1.low, f1.high)
        assert point.hover.startswith(f"{point.name} · F1 {f1.value:.3f}")
