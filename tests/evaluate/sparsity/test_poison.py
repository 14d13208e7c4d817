"""Laws of poisoning: it shows where it should and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from smallcraft.evaluate.sparsity.poison import poison_experts


def test_poison_in_experts_not_taken_changes_no_bit_and_in_the_taken_one_spoils_every_answer(toy):
    found = poison_experts(toy.open().stages[1], toy.inputs)
    assert (found.rows, found.changed, found.spoilt) == (toy.inputs.n, 0, toy.inputs.n)


def test_a_head_that_reads_other_experts_columns_is_caught(toy):
    stage = toy.open().stages[1]

    class Leaky(type(stage.head)):
        """Adds a little of every expert's columns to each answer."""

        def logits(self, encoded, n):
            everything = self.parts[0].values.astype(np.float64).sum() * self.parts[0].scale[0]
            return super().logits(encoded, n) + 1e-9 * everything

    leaky = replace(stage, head=Leaky(stage.head.bias, stage.head.parts))
    few = toy.inputs.take(np.arange(10))
    assert poison_experts(leaky, few).changed == 10
