"""What `lora` trains by default."""

from __future__ import annotations

from smallcraft.models.rungs.lora import LORA


def test_it_trains_low_rank_changes_of_queries_and_values():
    assert LORA.name == "lora"
    assert LORA.plan.rank == 8
    assert LORA.plan.targets == ("query", "value")


def test_changes_are_not_drawn_towards_zero():
    assert LORA.plan.train.weight_decay == 0.0
