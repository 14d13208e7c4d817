"""Laws of the profile: what ran is counted, what did not run is not."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from smallcraft.evaluate.sparsity.operators import profile_request


def test_only_the_taken_experts_operators_run(toy):
    block = toy.open().stages[1].blocks[0]
    taken = block.route(toy.inputs)
    for number in np.unique(taken):
        found = profile_request(block, toy.inputs.take(np.flatnonzero(taken == number)[:1]))
        assert found.taken == number
        assert found.foreign == 0
        assert min(found.trunk, found.experts[number]) > 5
    assert block.opened == {}


def test_an_expert_that_runs_beside_the_taken_one_is_seen(toy):
    block = toy.open().stages[1].blocks[0]

    class Greedy(type(block)):
        """Runs every expert and keeps one."""

        def _row(self, tokens, expert):
            for number in range(self.n_experts):
                super()._row(tokens, number)
            return super()._row(tokens, expert)

    greedy = Greedy(**{field.name: getattr(block, field.name) for field in fields(block)})
    found = profile_request(greedy, toy.inputs.take(np.array([0])))
    assert found.foreign > 0
    assert replace(found, experts=(found.experts[found.taken],), taken=0).foreign == 0
