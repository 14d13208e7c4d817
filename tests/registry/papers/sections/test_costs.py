from __future__ import annotations

from tests.registry.papers.samples import facts_of, measurement

from smallcraft.registry.papers.sections.costs import cost


def test_each_cost_stands_with_meaning_interval_and_method():
    told = cost(facts_of())
    assert (
        "| p95\\_ms | time of one answer, 95 of 100 are quicker | 0.1 | 0.08 to 0.12 | ms | 600 | "
        "order statistics |" in told
    )


def test_what_was_not_measured_says_why():
    [energy] = [line for line in cost(facts_of()) if line.startswith("| energy")]
    assert "| not measured | none | J |" in energy
    assert energy.endswith("bootstrap, 95%; no counter |")


def test_a_cost_without_a_known_meaning_is_told_all_the_same():
    facts = {"released": {"measurements": [measurement("new_cost", 3.0, None)]}}
    assert cost(facts)[-1].startswith("| new\\_cost |  | 3 |")


def test_no_cost_is_missing():
    assert cost({}) == ["**missing: what it costs (`smallcraft build` records it)**"]
