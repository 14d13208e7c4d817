from __future__ import annotations

from dataclasses import replace

from tests.pipeline.dev_answers import make_movement

from smallcraft.pipeline.report_parts.moved import Movement, describe_movement
from smallcraft.registry.memory.deltas import Delta
from smallcraft.registry.memory.metric_changes import MetricChange


def change(low, high, difference=0.0):
    return MetricChange("accuracy", "dev", 0.9, 0.9, difference, low, high, 0.95, 100, how="paired")


def meanings(*changes):
    part = describe_movement(Movement(Delta("a@1", "a@2", metrics=changes)))
    return [row.meaning for row in part.quality]


def test_only_an_interval_that_excludes_zero_is_called_better_or_worse():
    assert meanings(change(0.001, 0.02), change(-0.02, -0.001), change(-0.01, 0.02), change(None, None)) == [
        "better",
        "worse",
        "no difference shown",
        "no difference shown",
    ]


def test_what_was_not_compared_says_why_and_is_never_zero():
    row = describe_movement(make_movement()).quality[1]
    assert (row.difference, row.meaning, row.note) == (
        "not compared",
        "",
        "the sealed rows are not the same ones",
    )
    unmeasured = MetricChange("accuracy", "cert", None, None, reason="the ledger did not tell it of both")
    part = describe_movement(Movement(Delta("a@1", "a@2", metrics=(unmeasured,))))
    assert (part.quality[0].before, part.quality[0].after) == ("not measured", "not measured")


def test_a_cost_is_cheaper_or_dearer_only_where_noise_does_not_hide_it():
    size, latency = describe_movement(make_movement()).costs
    assert (size.difference, size.meaning) == ("-4.7", "cheaper")
    assert (latency.difference, latency.meaning) == ("not compared", "")


def test_a_first_release_tells_that_there_is_nothing_to_compare_with():
    first = Delta(None, "a@1", notes=("the first release: there is nothing to compare it with",))
    part = describe_movement(Movement(first))
    assert part.sentence == "the first release: there is nothing to compare it with"
    assert (part.before, part.quality, part.costs, part.others, part.notes) == (None, (), (), (), ())


def test_a_build_that_released_nothing_has_no_reason_and_no_way_back():
    part = describe_movement(replace(make_movement(), rationale=None, rollback=None))
    assert (part.why, part.said_by, part.rollback) == (None, None, None)
    assert part.sentence.startswith("macro_f1 on dev: 0.912 -> 0.944")
