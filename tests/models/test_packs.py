"""Packs: a task without its encoder, on a trunk that has it; with an adapter, an encoder of its own."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from tests.models.test_adapters import random_adapter
from tests.models.tinybert import write_backbone
from tests.models.toys import toy_rows, toy_workshop

from smallcraft.bundle.runtime import open_bundle
from smallcraft.bundle.selfcheck import run_selfcheck
from smallcraft.bundle.trunk.trunk import open_trunk
from smallcraft.canonical import canonical_json, digest_file
from smallcraft.errors import (
    BundleFormatError,
    IntegrityError,
    InvalidInputError,
    NotFoundError,
)
from smallcraft.models.adapters import QUERY_AND_VALUE, Adapter, merge
from smallcraft.models.backbone import find_backbone
from smallcraft.models.encoders import source_of, write_encoder
from smallcraft.models.ladder import fit_rung
from smallcraft.models.packs import write_pack, write_trunk

TEXTS = [*toy_rows(20, seed=32).columns["message"], "", "card " * 200]


@pytest.fixture(scope="module")
def made(tiny_backbone, tmp_path_factory):
    """A trunk in fp32, a bundle on it, one on its encoder after an adapter was merged, and the adapter."""
    folder = tmp_path_factory.mktemp("packs")
    source = source_of(tiny_backbone)
    adapter = random_adapter(source, QUERY_AND_VALUE)
    write_trunk(source, folder / "trunk", form="fp32")
    shop = toy_workshop(folder / "plain", backbone=tiny_backbone, n=45).in_form("fp32")
    plain = fit_rung("frozen", shop, folder / "bundles", about={"made": "plain"}).bundle
    merged_folder = write_backbone(folder / "merged")
    from safetensors.numpy import save_file

    save_file(dict(merge(source, adapter).weights), merged_folder / "model.safetensors")
    merged = find_backbone(str(merged_folder))
    shop = toy_workshop(folder / "tuned", backbone=merged, n=45).in_form("fp32")
    tuned = fit_rung("frozen", shop, folder / "bundles", about={"made": "tuned"}).bundle
    return {"folder": folder, "trunk": folder / "trunk", "plain": plain, "tuned": tuned, "adapter": adapter}


@pytest.fixture(scope="module")
def packs(made):
    plain = write_pack(made["plain"], made["folder"] / "plain-pack", trunk=made["trunk"])
    tuned = write_pack(
        made["tuned"], made["folder"] / "tuned-pack", trunk=made["trunk"], adapter=made["adapter"]
    )
    return {"plain": plain, "tuned": tuned}


@pytest.fixture
def trunk(made, packs):
    opened = open_trunk(made["trunk"])
    for name, pack in packs.items():
        opened.add(name, pack.path)
    return opened


def test_a_trunks_encoder_has_the_very_files_of_a_bundle(tiny_backbone, tmp_path):
    source = source_of(tiny_backbone)
    write_trunk(source, tmp_path / "trunk")
    write_encoder(source, tmp_path / "encoder")
    for path in (tmp_path / "encoder").iterdir():
        if path.name != "bundle.json":
            assert digest_file(path) == digest_file(tmp_path / "trunk" / path.name)
    extra = {path.name for path in (tmp_path / "trunk").iterdir()} - {
        path.name for path in (tmp_path / "encoder").iterdir()
    }
    assert extra == {"adaptable.onnx"}


def test_the_same_trunk_and_pack_give_the_same_bytes(made, packs, tiny_backbone, tmp_path):
    write_trunk(source_of(tiny_backbone), tmp_path / "trunk", form="fp32")
    assert digest_file(tmp_path / "trunk" / "bundle.json") == digest_file(made["trunk"] / "bundle.json")
    again = write_pack(made["tuned"], tmp_path / "pack", trunk=tmp_path / "trunk", adapter=made["adapter"])
    assert again.digest == packs["tuned"].digest


def test_a_pack_answers_as_its_bundle_to_the_bit(made, trunk):
    own = open_bundle(made["plain"]).answer(TEXTS).probs
    assert np.array_equal(trunk.answer(TEXTS, task="plain").probs, own)


def test_a_pack_with_an_adapter_answers_as_the_merged_encoders_bundle(made, trunk):
    own = open_bundle(made["tuned"]).answer(TEXTS).probs
    found = trunk.answer(TEXTS, task="tuned").probs
    assert np.abs(found - own).max() < 1e-4
    without = trunk.answer(TEXTS, task="plain").probs
    assert np.abs(without - open_bundle(made["plain"]).answer(TEXTS).probs).max() == 0


def test_tasks_of_different_adapters_in_one_batch_share_no_rows(trunk):
    alone = {name: trunk.answer(TEXTS, task=name).probs for name in ("plain", "tuned")}
    names = [name for _ in TEXTS for name in ("plain", "tuned")]
    for answers in trunk.answer_mixed([text for text in TEXTS for _ in range(2)], names):
        assert np.array_equal(answers.said.probs, alone[answers.task])


def test_a_pack_brings_its_own_self_check_and_no_encoder(packs, trunk):
    for name, pack in packs.items():
        check = run_selfcheck(trunk.bundle(name))
        assert (check.rows, check.agreeing, check.largest_difference) == (32, 32, 0.0)
        files = {path.name for path in pack.path.rglob("*") if path.is_file()}
        assert not files & {"model.onnx", "weights.bin", "embeddings.bin", "tokenizer.json"}
        assert pack.size_bytes == sum(path.stat().st_size for path in pack.path.rglob("*") if path.is_file())


# --- refused ---------------------------------------------------------------------------


def test_a_pack_is_no_bundle(packs):
    with pytest.raises(NotFoundError, match=r"is not a bundle: it has no bundle\.json"):
        open_bundle(packs["plain"].path)


def test_a_bundle_of_another_encoder_needs_an_adapter(made, tmp_path):
    with pytest.raises(InvalidInputError, match="was trained on another encoder"):
        write_pack(made["tuned"], tmp_path / "pack", trunk=made["trunk"])


def test_a_pack_of_another_trunk_is_refused(made, packs):
    other = open_trunk(made["tuned"])
    for name, pack in packs.items():
        with pytest.raises(InvalidInputError, match=f"'{name}' was trained on another encoder"):
            other.add(name, pack.path)


def test_an_adapter_needs_a_trunk_that_takes_one(made, packs):
    bare = open_trunk(made["plain"])
    bare.add("tuned", packs["tuned"].path)
    with pytest.raises(InvalidInputError, match=r"no graph with low-rank inputs; .*write_trunk"):
        bare.answer(TEXTS[:1], task="tuned")


def test_a_changed_adapter_is_found_when_it_is_read(made, packs, tmp_path):
    root = shutil.copytree(packs["tuned"].path, tmp_path / "pack")
    data = bytearray((root / "adapter.onnx_adapter").read_bytes())
    data[len(data) // 2] ^= 1
    (root / "adapter.onnx_adapter").write_bytes(data)
    trunk = open_trunk(made["trunk"])
    trunk.add("tuned", root)
    with pytest.raises(IntegrityError, match=r"adapter\.onnx_adapter does not match its record"):
        trunk.answer(TEXTS[:1], task="tuned")


def test_a_recorded_file_that_is_no_adapter_is_refused(made, packs, tmp_path):
    root = shutil.copytree(packs["tuned"].path, tmp_path / "pack")
    (root / "adapter.onnx_adapter").write_bytes(b"garbage")
    description = json.loads((root / "pack.json").read_bytes())
    listed = {"digest": digest_file(root / "adapter.onnx_adapter"), "size_bytes": 7}
    description["files"]["adapter.onnx_adapter"] = listed
    (root / "pack.json").write_bytes(canonical_json(description))
    trunk = open_trunk(made["trunk"])
    trunk.add("tuned", root)
    with pytest.raises(BundleFormatError, match="is no adapter that onnxruntime"):
        trunk.answer(TEXTS[:1], task="tuned")


@pytest.mark.torch
def test_what_the_rung_lora_trained_answers_from_a_pack_as_from_its_bundle(made, tiny_backbone, tmp_path):
    from smallcraft.models.rungs.lora import LORA

    shop = toy_workshop(tmp_path, backbone=tiny_backbone, n=60, n_folds=2).in_form("fp32")
    bundle = fit_rung("lora", shop, tmp_path / "bundles", about={"made": "lora"}).bundle
    adapter = LORA.tuned(shop).adapter
    pack = write_pack(bundle, tmp_path / "pack", trunk=made["trunk"], adapter=adapter)
    trunk = open_trunk(made["trunk"])
    trunk.add("lora", pack.path)
    own = open_bundle(bundle).predict_proba(TEXTS)
    assert np.abs(trunk.answer(TEXTS, task="lora").probs - own).max() < 1e-4
    plain = write_pack(bundle, tmp_path / "plain", trunk=made["trunk"], adapter=Adapter({}))
    trunk.add("plain", plain.path)
    assert np.abs(trunk.answer(TEXTS, task="plain").probs - own).max() > 1e-3
