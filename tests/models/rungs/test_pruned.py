"""The rung `pruned`: a bundle with less in it than its parent's, in both forms, trained once for both."""

from __future__ import annotations

import numpy as np
import pytest
from tests.models.toys import MIXED, TEXT, rows_for, toy_rows, toy_workshop

from smallcraft.bundle.runtime import open_bundle
from smallcraft.models import candidates
from smallcraft.models.exact import list_rounded
from smallcraft.models.ladder import fit_rung
from smallcraft.models.prune import PruningPlan
from smallcraft.models.rungs import BUILTIN
from smallcraft.models.rungs.pruned import PRUNED, PrunedRung
from smallcraft.models.tuning.plan import TrainPlan, TuningPlan
from smallcraft.models.tuning.rung import EncoderRung

QUICK = TrainPlan(epochs=2, batch_rows=32, learning_rate=1e-3, precision="fp32")
PARENT = EncoderRung("tuned", TuningPlan(layers=1, train=QUICK, folds_trained=1))
SMALL = PrunedRung(
    "pruned",
    PruningPlan(
        keep_layers=1,
        keep_neurons_share=1.0,
        vocabulary_margin=0,
        train=QUICK,
        judged_rows=30,
        folds_trained=1,
    ),
    PARENT,
)


def test_it_stands_on_the_ladder_behind_its_parent():
    order = list(BUILTIN)
    assert BUILTIN["pruned"] is PRUNED
    assert order.index("tuned") < order.index("pruned")
    assert PRUNED.parent is BUILTIN["tuned"]


def test_it_takes_out_layers_neurons_and_pieces_by_default():
    plan = PRUNED.plan
    assert plan.keep_layers < 6
    assert plan.keep_neurons_share < 1
    assert plan.vocabulary_margin is not None
    assert PRUNED.needs == {"text", "backbone", "train"}
    assert PRUNED.tasks == {"multiclass"}


@pytest.mark.torch
@pytest.mark.parametrize("spec", [TEXT, MIXED])
def test_its_bundle_is_smaller_than_its_parents_and_its_exact_form_answers_alike(
    tiny_backbone, tmp_path, monkeypatch, spec
):
    monkeypatch.setattr(candidates, "BUILTIN", {"tuned": PARENT, "pruned": SMALL})
    workshop = toy_workshop(tmp_path, spec, backbone=tiny_backbone, n=100)
    made = {
        name: fit_rung(name, workshop, tmp_path / "b", about={})
        for name in ("tuned", "pruned", "pruned:fp32")
    }
    assert made["pruned"].decoder == made["pruned:fp32"].decoder
    bundles = {name: open_bundle(attempt.bundle) for name, attempt in made.items()}
    sizes = {
        name: sum(path.stat().st_size for path in bundle.path.rglob("*") if path.is_file())
        for name, bundle in bundles.items()
    }
    assert sizes["pruned"] < sizes["tuned"]
    assert sizes["pruned"] < sizes["pruned:fp32"]
    assert "pruned/encoder" in list_rounded(bundles["pruned"].stages)
    assert list_rounded(bundles["pruned:fp32"].stages) == ()
    rows = rows_for(bundles["pruned"].inputs, toy_rows(60, seed=4))
    one, two = (bundles[name].predict_proba(rows) for name in ("pruned", "pruned:fp32"))
    assert np.mean(one.argmax(axis=1) == two.argmax(axis=1)) >= 0.8
    assert np.abs(one - two).max() > 0
