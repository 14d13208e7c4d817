"""The lean form of a tuned encoder: what was trained already, averaged and pruned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.models.toys import TEXT, toy_workshop

from smallcraft.bundle.inputs import read_inputs
from smallcraft.models.rungs.cascade import Cascade
from smallcraft.models.rungs.lean import LEAN, LONGEST, Lean, cut_positions, fast_over
from smallcraft.models.rungs.tuned import TUNED
from smallcraft.models.tuning.plan import TrainPlan, TuningPlan

pytestmark = pytest.mark.torch

PLAN = TuningPlan(
    layers=1,
    folds_trained=2,
    train=TrainPlan(epochs=3, batch_rows=16, learning_rate=3e-3, averaging=0.0, precision="fp32"),
)
RUNG = Lean("lean", replace(TUNED, plan=PLAN), 0)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory, tiny_backbone):
    return toy_workshop(tmp_path_factory.mktemp("lean"), TEXT, backbone=tiny_backbone, n=80)


def test_it_is_the_mean_of_the_trainings_on_all_rows_and_without_each_fold(workshop):
    trainer, merged = RUNG.tuned.trainer(workshop), RUNG.merged(workshop)
    parts = [trainer.tuned(), trainer.tuned_without(0), trainer.tuned_without(1)]
    name = "encoder.layer.1.output.dense.weight"
    expected = np.mean([part.source.weights[name] for part in parts], axis=0)
    assert np.allclose(merged.source.weights[name], expected, atol=1e-6)
    assert np.allclose(merged.head, np.mean([part.head for part in parts], axis=0))


def test_it_trains_nothing_that_the_tuned_rung_has_not_trained(workshop, monkeypatch):
    logits = RUNG.tuned.out_of_fold(workshop)
    RUNG.tuned.stages(workshop)
    monkeypatch.setattr("smallcraft.models.tuning.trainer.train", lambda *_, **__: pytest.fail("it trains"))
    (own,) = RUNG.out_of_fold(workshop)
    assert np.array_equal(own, logits[0], equal_nan=True)
    ((_, inputs),) = workshop.parts
    assert np.isfinite(RUNG.stages(workshop)[0].logits(inputs)).all()


def test_both_stages_share_one_table_of_the_pieces_that_the_texts_need(tmp_path, tiny_backbone):
    workshop = toy_workshop(tmp_path, TEXT, backbone=tiny_backbone, n=40)
    few = read_inputs(
        {"message": [("card pay", "bill", "late fee")[label] for label in workshop.labels]}, TEXT
    )
    workshop = replace(workshop, parts=(("train", few),))
    pair = Cascade("cascade_tuned", fast_over("lean", 0), RUNG)
    first, second = pair.stages(workshop)
    (static,) = [block for block in first.blocks if block.name == "static"]
    assert static.path == second.blocks[0].spec["weights"][0] == "lean-embeddings.bin"
    assert static.table.tobytes() == second.blocks[0].files.read("lean-embeddings.bin")
    assert len(static.table) < len(workshop.backbone_source().token_table)


def test_positions_that_no_text_reaches_are_cut_and_the_others_stay(tmp_path, tiny_backbone):
    source = toy_workshop(tmp_path, TEXT, backbone=tiny_backbone, n=20).backbone_source()
    name = "embeddings.position_embeddings.weight"
    longer = np.vstack([source.weights[name], source.weights[name]])
    cut = cut_positions(replace(source, weights={**source.weights, name: longer}))
    assert np.array_equal(cut.weights[name], source.weights[name][:LONGEST])
    assert cut.config["max_position_embeddings"] == len(cut.weights[name]) == LONGEST


def test_its_exact_form_rounds_nothing(workshop):
    from smallcraft.models.exact import list_rounded

    assert list_rounded(RUNG.stages(workshop.in_form("fp32"))) == ()
    assert list_rounded(RUNG.stages(workshop)) == ("lean/encoder",)


def test_it_needs_and_costs_what_the_rung_that_trains_does(workshop):
    assert LEAN.needs == TUNED.needs
    assert LEAN.estimate_cpu_s(workshop) == TUNED.estimate_cpu_s(workshop)
    assert (LEAN.is_raced, LEAN.no_cheaper_than) == (True, "frozen")
