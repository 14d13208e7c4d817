"""Evidence as tables: every candidate has a row, sealed scores stand first, what was not measured says so."""

from __future__ import annotations

from tests.registry.memory.sides import candidate, cost, facts_of, measurement

from smallcraft.dashboard.views.release_evidence import tell_evidence


def drawn_facts(**more):
    """With a cost on the chart's axis for both candidates, classes and groups."""
    sliced = [
        measurement("f1", 0.7, slice="class=<b>", split="dev"),
        measurement("f1", 0.5, slice="class=a", split="dev"),
        measurement("accuracy", 0.8, slice="region=n & s", split="dev"),
        cost("cpu_s_per_1000", 0.3, "s"),
    ]
    made = [candidate("ngram", 0.9), candidate("tiny", 0.8)]
    for one in made:
        one["measurements"] = [*one["measurements"], *sliced]
    return facts_of(**{"candidates": made, **more})


def test_every_candidate_has_a_row_and_the_winner_is_marked():
    facts = drawn_facts()
    found = tell_evidence(facts, digest="a")
    assert [row.rung for row in found.candidates] == ["ngram", "tiny"]
    assert [row.rung for row in found.candidates if row.standing == "chosen"] == [facts["chosen"]]


def test_sealed_scores_stand_before_those_that_chose():
    splits = [score.split for score in tell_evidence(drawn_facts(), digest="a").scores]
    assert splits == sorted(splits)
    assert set(splits) == {"cert", "dev"}


def test_classes_and_groups_stand_worst_first_as_they_are_called():
    found = tell_evidence(drawn_facts(), digest="a")
    assert [row.name for row in found.classes] == ["a", "<b>"]
    assert [(row.column, row.value) for row in found.groups] == [("region", "n & s")]


def test_the_chart_has_the_points_of_its_table():
    found = tell_evidence(drawn_facts(), digest="drawn")
    assert found.picture is not None
    assert {point.rung for point in found.points} == {"ngram", "tiny"}
    assert all(f">{point.rung}<" in found.picture.svg for point in found.points)


def test_facts_without_numbers_give_empty_tables_and_no_chart():
    found = tell_evidence({}, digest="empty")
    assert (found.picture, found.candidates, found.scores, found.classes) == (None, (), (), ())
    assert (found.groups, found.methods) == ((), ())
