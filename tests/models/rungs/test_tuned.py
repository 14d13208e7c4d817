"""What `tuned` trains by default."""

from __future__ import annotations

from smallcraft.models.rungs.tuned import TUNED


def test_it_trains_upper_layers_on_states_below_and_their_own_weights():
    assert TUNED.name == "tuned"
    assert 0 < TUNED.plan.layers < 6
    assert TUNED.plan.rank == 0


def test_it_costs_as_much_as_frozen_to_answer_and_needs_the_extra():
    assert TUNED.no_cheaper_than == "frozen"
    assert TUNED.needs == {"text", "backbone", "train"}
    assert TUNED.tasks == {"multiclass", "multilabel"}
