"""A model is opened when everything of it is what was recorded, harmless, and answers its own test."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
from tests.serve.loading.hostile import (
    endless_graph,
    foreign_graph,
    harmless_graph,
    outside_graph,
    write_graph_bundle,
)
from tests.serve.task_bundles import some_inputs, write_task_bundles

from smallcraft.bundle.layout import DESCRIPTION
from smallcraft.bundle.runtime import open_bundle
from smallcraft.errors import BundleFormatError, IntegrityError, InvalidInputError
from smallcraft.serve.loading.limits import LoadLimits
from smallcraft.serve.loading.opening import check_folder, open_model, usable_threads
from smallcraft.serve.loading.source import head_of_folder, source_of_folder


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return write_task_bundles(tmp_path_factory.mktemp("tasks"))


@pytest.fixture
def copy_of(paths, tmp_path):
    """A bundle of the test's own."""
    return lambda name: shutil.copytree(paths[name], tmp_path / name)


def flip_byte(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("name", ["numbers", "amount", "cascade", "mixed"])
def test_a_sound_model_answers_as_its_bundle(paths, name):
    loaded = open_model(source_of_folder(paths[name], "helpdesk", "3"))
    bundle = open_bundle(paths[name])
    inputs = some_inputs(bundle.spec, 5, np.random.default_rng(0))
    reply = loaded.answerer.answer(inputs)
    rows = [loaded.answerer.answer(inputs.take(np.array([row]))).probs for row in range(5)]
    assert reply.probs.tobytes() == np.concatenate(rows).tobytes()
    facts = loaded.answerer.heads[""]
    assert (facts.label, facts.digest) == ("helpdesk@3", bundle.digest)
    assert loaded.checks[""].is_fine


def test_texts_of_an_encoder_are_run_side_by_side_where_there_are_processors(paths):
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert usable_threads() == 1
    finally:
        os.sched_setaffinity(0, before)
    assert 1 <= usable_threads() <= 4
    source = source_of_folder(paths["int8"], "helpdesk")
    many, one = (open_model(source, threads=threads).answerer for threads in (3, 1))
    questions = [some_inputs(one.heads[""].spec, 2, np.random.default_rng(seed)) for seed in range(8)]
    for found, inputs in zip(many.answer_many("", questions), questions, strict=True):
        assert found.probs.tobytes() == one.answer(inputs).probs.tobytes()


def test_a_file_changed_after_it_was_verified_is_found(copy_of):
    folder = copy_of("words")
    source = source_of_folder(folder, "helpdesk")
    flip_byte(folder / "heads/words.npz")
    with pytest.raises(IntegrityError, match=r"heads/words\.npz does not match its record"):
        open_model(source)


def test_a_bundle_put_in_place_of_the_one_that_was_verified_is_found(copy_of):
    folder = copy_of("numbers")
    source = source_of_folder(folder, "helpdesk")
    other = copy_of("unsure")
    shutil.rmtree(folder)
    other.rename(folder)
    with pytest.raises(IntegrityError, match=f"is not what was recorded: {source.digest} was wanted"):
        open_model(source)


def test_a_model_that_fails_its_own_test_is_refused(tmp_path):
    sound = source_of_folder(write_graph_bundle(tmp_path / "sound", harmless_graph()), "helpdesk", "4")
    assert open_model(sound).checks[""].agreeing == 4
    golden = np.array([[0.5, 0.5], [0.2, 0.8], [0.5, 0.5], [0.1, 0.9]])
    folder = write_graph_bundle(tmp_path / "other", harmless_graph(), golden=golden)
    with pytest.raises(
        BundleFormatError, match=r"helpdesk@4 must answer its own test .* 2 of 4 rows do here"
    ):
        open_model(source_of_folder(folder, "helpdesk", "4"))


def test_a_model_whose_answers_are_no_numbers_is_refused(tmp_path):
    folder = write_graph_bundle(tmp_path / "bundle", harmless_graph(), numbers=np.full((4, 2), np.nan))
    with pytest.raises(BundleFormatError, match="0 of 4 rows do here"):
        open_model(source_of_folder(folder, "helpdesk"))


def test_parts_that_do_not_fit_are_refused(tmp_path):
    folder = write_graph_bundle(tmp_path / "bundle", harmless_graph())
    description = json.loads((folder / DESCRIPTION).read_bytes())
    description["classes"] = ["yes", "no", "perhaps"]
    (folder / DESCRIPTION).write_text(json.dumps(description))
    with pytest.raises(BundleFormatError, match="must name a class for each logit"):
        open_model(source_of_folder(folder, "helpdesk"))


def test_an_operator_that_needs_code_of_its_own_is_refused(tmp_path):
    source = source_of_folder(write_graph_bundle(tmp_path / "bundle", foreign_graph()), "helpdesk")
    with pytest.raises(
        IntegrityError, match=r"'Steal' of 'evil.example' needs code that is not the engine's"
    ):
        open_model(source)


@pytest.mark.parametrize(
    "location", ["../secret.bin", "/etc/passwd", "a/../../secret.bin", "*/_ORT_MEM_ADDR_/*"]
)
def test_weights_outside_the_bundle_are_refused(tmp_path, location):
    (tmp_path / "secret.bin").write_bytes(np.ones(4, np.float32).tobytes())
    source = source_of_folder(write_graph_bundle(tmp_path / "bundle", outside_graph(location)), "helpdesk")
    with pytest.raises(IntegrityError, match="outside the release"):
        open_model(source)


@pytest.mark.parametrize("is_listed", [True, False])
def test_weights_are_never_looked_for_on_the_disk(tmp_path, monkeypatch, is_listed):
    weights = np.ones(4, np.float32).tobytes()
    files = {"secret.bin": weights} if is_listed else {}
    folder = write_graph_bundle(tmp_path / "bundle", outside_graph("secret.bin"), files)
    source = source_of_folder(folder, "helpdesk")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "secret.bin").write_bytes(weights)
    for where in (folder, elsewhere):
        monkeypatch.chdir(where)
        with pytest.raises(BundleFormatError, match="cannot open the bundle's graph"):
            open_model(source)


def test_a_pickle_under_any_name_is_refused(tmp_path):
    files = {
        "notes.json": b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94\x8c\x06system\x94\x93."
    }
    source = source_of_folder(write_graph_bundle(tmp_path / "bundle", harmless_graph(), files), "helpdesk")
    with pytest.raises(IntegrityError, match=r"notes.json must not be opened: .*pickle"):
        open_model(source)


def test_a_file_that_is_no_plain_one_is_refused_unread(copy_of):
    folder = copy_of("numbers")
    source = source_of_folder(folder, "helpdesk")
    os.mkfifo(folder / "pipe")
    with pytest.raises(IntegrityError, match="pipe must be a plain file"):
        open_model(source)


def test_a_link_out_of_the_bundle_is_refused(copy_of, tmp_path):
    folder = copy_of("numbers")
    source = source_of_folder(folder, "helpdesk")
    (folder / "heads/columns.npz").rename(tmp_path / "moved.npz")
    (folder / "heads/columns.npz").symlink_to(tmp_path / "moved.npz")
    with pytest.raises(IntegrityError, match="must be a plain file"):
        open_model(source)


@pytest.mark.parametrize("limits", [LoadLimits(files=2), LoadLimits(bundle_bytes=4000)])
def test_a_bundle_larger_than_allowed_is_refused_before_it_is_read(paths, limits):
    source = source_of_folder(paths["words"], "helpdesk")
    with pytest.raises(BundleFormatError, match=r"may have .* files of .* bytes together, it has"):
        open_model(source, limits=limits)


def test_looking_at_a_folder_opens_no_graph(tmp_path):
    source = source_of_folder(write_graph_bundle(tmp_path / "bundle", endless_graph()), "helpdesk")
    assert check_folder(source.folder, source.digest, limits=LoadLimits())["classes"] == ["no", "yes"]


def test_heads_share_the_models_encoder_and_answer_as_their_own_bundles(paths):
    source = replace(
        source_of_folder(paths["fp32"], "helpdesk", "3"),
        heads=(head_of_folder(paths["cascade"], "intents", "2", is_pinned=True),),
    )
    loaded = open_model(source)
    assert {head: facts.label for head, facts in loaded.answerer.heads.items()} == {
        "": "helpdesk@3",
        "intents": "intents@2",
    }
    assert set(loaded.checks) == {"", "intents"}
    for head, name in (("", "fp32"), ("intents", "cascade")):
        alone = open_model(source_of_folder(paths[name], name)).answerer
        inputs = some_inputs(alone.heads[""].spec, 6, np.random.default_rng(3))
        assert loaded.answerer.answer(inputs, head).probs.tobytes() == alone.answer(inputs).probs.tobytes()


def test_a_head_of_another_encoder_is_refused(paths):
    source = replace(
        source_of_folder(paths["fp32"], "helpdesk"), heads=(head_of_folder(paths["int8"], "intents"),)
    )
    with pytest.raises(InvalidInputError, match="was trained on another encoder than the trunk's"):
        open_model(source)


def test_a_head_that_is_not_the_one_recorded_is_found(paths):
    head = replace(head_of_folder(paths["cascade"], "intents"), digest="sha256:" + "0" * 64)
    with pytest.raises(IntegrityError, match="is not what was recorded"):
        open_model(replace(source_of_folder(paths["fp32"], "helpdesk"), heads=(head,)))


def test_a_head_named_twice_is_refused(paths):
    heads = (head_of_folder(paths["cascade"], "intents"),) * 2
    with pytest.raises(InvalidInputError, match="'intents' is named twice"):
        open_model(replace(source_of_folder(paths["fp32"], "helpdesk"), heads=heads))
