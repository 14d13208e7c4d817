"""Within one call a text is run once, and rows that differ in any way are never shared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from tests.models.toys import toy_rows

from smallcraft.bundle.inputs import read_inputs
from smallcraft.bundle.trunk.once import Call

TEXTS = toy_rows(12, seed=37).columns["message"]


class Counting:
    """A session that counts its runs."""

    def __init__(self, session):
        self.session, self.runs = session, 0

    def run(self, names, feed):
        self.runs += 1
        return self.session.run(names, feed)


def test_a_text_is_run_once_however_many_tasks_ask(trunk):
    session = Counting(trunk.roots.session())
    trunk.roots._sessions[trunk.roots.spec["model"]] = session
    texts = ["lost card", "late fee", "lost card"]
    trunk.answer_mixed(texts * 3, [name for name in ("kinds", "pairs", "few") for _ in texts])
    assert session.runs == 2


def test_an_encoder_that_scales_otherwise_shares_no_rows(trunk):
    bundle = trunk.bundle("kinds")
    stage = bundle.stages[0]
    block = stage.blocks[0]
    longer = replace(block, spec={**block.spec, "gain": 8.0})
    other = replace(bundle, stages=(replace(stage, blocks=(longer,)),))
    call = Call()
    texts = read_inputs(TEXTS, bundle.spec)
    for each, of in ((bundle, block), (other, longer), (bundle, block)):
        bound = call.bind(each, encoder="")
        assert np.array_equal(bound.stages[0].blocks[0].encode(texts).values, of.encode(texts).values)
    assert len(call.rows) == 2


def test_a_remembering_block_stands_for_its_block_in_every_way(trunk):
    bundle = trunk.bundle("unsure")
    bound = Call().bind(bundle, encoder="")
    block, remembering = bundle.stages[1].blocks[0], bound.stages[1].blocks[0]
    assert (remembering.name, remembering.width) == (block.name, block.width)
    assert bound.stages[0].blocks == bundle.stages[0].blocks
    nothing = read_inputs([], bundle.spec)
    assert remembering.encode(nothing).values.shape == (0, block.width)
