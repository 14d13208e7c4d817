"""The corpus's project file is one that a build takes, and names a price and a margin."""

from __future__ import annotations

from smallcraft.demo.helpdesk.corpus import generate
from smallcraft.demo.helpdesk.project import PROJECT_FILE, TOUR_FILE
from smallcraft.pipeline.config import parse_config


def test_the_project_file_is_understood_whole():
    config = parse_config(PROJECT_FILE)
    assert config.budget.model_dump(exclude_none=True) == {"latency_p95_ms": 25.0, "size_mb": 30.0}
    assert config.card.intended_use
    assert config.card.out_of_scope


def test_every_role_names_a_column_of_the_corpus():
    roles = parse_config(PROJECT_FILE).roles()
    assert set(roles.named) == set(generate(rows=1000).frame.columns)


def test_the_tours_file_is_the_same_project_with_a_part_of_the_ladder():
    whole, tour = parse_config(PROJECT_FILE), parse_config(TOUR_FILE)
    assert (tour.data, tour.rollout, tour.watch) == (whole.data, whole.rollout, whole.watch)
    assert tour.name == whole.name
    assert tour.ladder.rungs == ("majority", "ngram", "fast")
