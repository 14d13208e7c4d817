"""The tiny rung: what `fast` sees of the training texts, over a part of the token table."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.models.tinybert import CONFIG, make_weights
from tests.models.toys import TEXT, toy_rows, toy_workshop
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from smallcraft.bundle.runtime import open_bundle
from smallcraft.models.backbone import Backbone, find_backbone
from smallcraft.models.ladder import fit_rung
from smallcraft.models.parts.tokenizers import pruned
from smallcraft.models.rungs.fast import FAST
from smallcraft.models.rungs.tiny import TINY

LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORDS = ["card", "pay", "bill", "lost", "late", "fee", "help", "open", "account", "close", "the", "my", "is"]
UNUSED = ["[unused0]", *(f"zz{first}{second}" for first in LETTERS[:14] for second in LETTERS[:14])]


def write_wordy_backbone(folder: Path) -> Path:
    """An encoder whose letters all stand alone, with some 200 pieces that no text uses."""
    from safetensors.numpy import save_file

    pieces = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        *LETTERS,
        *(f"##{each}" for each in LETTERS),
        *WORDS,
        *UNUSED,
    ]
    places = {piece: at for at, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(places, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", places["[CLS]"]), ("[SEP]", places["[SEP]"])]
    )
    rng = np.random.default_rng(0)
    table = rng.normal(0, 0.3, (len(pieces), CONFIG["hidden_size"])).astype(np.float32)
    folder.mkdir(parents=True)
    save_file({**make_weights(), "embeddings.word_embeddings.weight": table}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({**CONFIG, "vocab_size": len(pieces)}))
    (folder / "tokenizer.json").write_text(tokenizer.to_str())
    return folder


@pytest.fixture(scope="module")
def wordy(tmp_path_factory) -> Backbone:
    return find_backbone(str(write_wordy_backbone(tmp_path_factory.mktemp("wordy") / "weights")))


@pytest.fixture
def workshop(wordy, tmp_path, monkeypatch):
    monkeypatch.setattr(pruned, "_MARGIN", 10)
    return toy_workshop(tmp_path, TEXT, backbone=wordy, n=120)


def test_training_texts_have_the_n_grams_of_fast_under_new_ids(workshop):
    tiny, fast = TINY.recipe(workshop), FAST.recipe(workshop)
    for one, two in zip(tiny.encoded[0], fast.encoded[0], strict=True):
        assert one.offsets.tolist() == two.offsets.tolist()
        assert np.allclose(np.sort(one.values), np.sort(two.values))


def test_only_a_part_of_the_token_table_ships(workshop, tmp_path):
    small, large = (fit_rung(name, workshop, tmp_path / "b", about={}) for name in ("tiny", "fast"))
    sizes = [(attempt.bundle / "embeddings.bin").stat().st_size for attempt in (small, large)]
    assert sizes[0] < 0.5 * sizes[1]


def test_the_bundle_answers_about_as_fast_does(workshop, tmp_path):
    rows = toy_rows(150, seed=5)
    right = {}
    for name in ("tiny", "fast"):
        bundle = open_bundle(fit_rung(name, workshop, tmp_path / "b", about={}).bundle)
        found = np.argmax(bundle.predict_proba(rows.columns["message"]), axis=1)
        right[name] = np.mean(found == rows.labels)
    assert right["tiny"] > right["fast"] - 0.05


def test_the_exact_form_has_the_same_weights_over_an_exact_table(workshop):
    (rounded,), (exact,) = TINY.stages(workshop), TINY.stages(workshop.in_form("fp32"))
    assert rounded.blocks[1].table.dtype == np.uint8
    assert exact.blocks[1].table.dtype == np.float32
    inputs = workshop.parts[0][1]
    assert np.abs(rounded.logits(inputs) - exact.logits(inputs)).max() < 0.05
    assert np.mean(rounded.logits(inputs).argmax(1) == exact.logits(inputs).argmax(1)) > 0.98
