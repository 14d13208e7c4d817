"""The cascade over the tuned encoder, from rows to a bundle."""

from __future__ import annotations

import pytest
from tests.models.toys import TEXT, toy_workshop

from smallcraft.bundle.runtime import open_bundle
from smallcraft.models.ladder import fit_rung
from smallcraft.models.rungs.tuned import TUNED

pytestmark = pytest.mark.torch


def test_its_bundle_has_two_stages_one_tokenizer_and_one_table(tmp_path, tiny_backbone):
    workshop = toy_workshop(tmp_path, TEXT, backbone=tiny_backbone, n=60, n_folds=3)
    made = fit_rung("cascade_tuned", workshop, workshop.scratch / "bundles", about={})
    bundle = open_bundle(made.bundle)
    assert [stage.name for stage in bundle.stages] == ["lean-fast", "lean"]
    assert bundle.stages[0].blocks[0].tokenizer is bundle.stages[1].blocks[0].tokenizer
    assert made.decoder is not None
    assert made.decoder.mix is not None
    assert len(list(made.bundle.glob("*embeddings.bin"))) == 1
    # What it trained is what the rung `tuned` trains: nothing is trained again.
    assert TUNED.out_of_fold(workshop)[0].shape == (60, 3)
