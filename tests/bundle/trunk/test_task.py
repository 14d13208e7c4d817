"""A task on a trunk: its own bundle but for the encoder, which must be the trunk's."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from tests.models.toys import toy_rows

from smallcraft.bundle.runtime import Bundle, open_bundle
from smallcraft.bundle.selfcheck import run_selfcheck
from smallcraft.bundle.trunk.trunk import open_trunk
from smallcraft.errors import BundleFormatError, IntegrityError, InvalidInputError

TEXTS = toy_rows(12, seed=35).columns["message"]


def test_a_task_of_another_encoder_is_refused_with_the_remedy(trunk, toys):
    with pytest.raises(
        InvalidInputError,
        match=r"'other' was trained on another encoder .*; open the trunk of that encoder, or",
    ):
        trunk.add("other", toys.other)
    assert "other" not in trunk.tasks


def test_a_task_without_an_encoder_is_refused(trunk, toys):
    with pytest.raises(
        InvalidInputError, match=r"'fast' has no encoder to share .* `smallcraft\.bundle\.open`"
    ):
        trunk.add("fast", toys.fast)


def test_a_head_changed_on_disk_is_found_at_its_next_reading(toys, tmp_path):
    root = shutil.copytree(toys.tasks["kinds"], tmp_path / "kinds")
    trunk = open_trunk(toys.trunk, budget_bytes=0)
    trunk.add("kinds", root)
    trunk.answer(TEXTS, task="kinds")
    head = root / "heads" / "frozen.npz"
    data = bytearray(head.read_bytes())
    data[-40] ^= 1
    head.write_bytes(data)
    with pytest.raises(IntegrityError, match=r"frozen\.npz does not match its record"):
        trunk.answer(TEXTS, task="kinds")


def test_the_table_that_a_cascade_averages_is_the_trunks_own(trunk):
    static = trunk.bundle("unsure").stages[0].blocks[1]
    table = trunk.roots.files.read("embeddings.bin")
    assert np.shares_memory(static.table, np.frombuffer(table, np.uint8))


def test_a_task_is_a_bundle_with_all_that_a_bundle_offers(trunk, toys):
    own, found = open_bundle(toys.tasks["kinds"]), trunk.bundle("kinds")
    assert found.predict(TEXTS) == own.predict(TEXTS)
    assert found.digest == own.digest
    assert run_selfcheck(found) == run_selfcheck(own)
    (said,) = trunk.ask_mixed(TEXTS, ["kinds"] * len(TEXTS), Bundle.predict)
    assert said.said == own.predict(TEXTS)
    assert said.classes == own.classes


def test_nothing_but_its_description_is_read_when_it_is_added(toys, tmp_path):
    root = tmp_path / "kinds"
    root.mkdir()
    shutil.copy(toys.tasks["kinds"] / "bundle.json", root)
    trunk = open_trunk(toys.trunk)
    trunk.add("kinds", root)
    with pytest.raises(IntegrityError, match=r"heads/frozen\.npz is listed .* but cannot be read"):
        trunk.answer(TEXTS, task="kinds")


@pytest.mark.parametrize("key", ["files", "stages", "classes", "decoder"])
def test_an_incomplete_description_is_refused_when_it_is_added_or_first_asked(toys, tmp_path, key):
    root = shutil.copytree(toys.tasks["kinds"], tmp_path / "task")
    description = json.loads((root / "bundle.json").read_bytes())
    del description[key]
    (root / "bundle.json").write_text(json.dumps(description), encoding="utf-8")
    trunk = open_trunk(toys.trunk)

    def use() -> None:
        trunk.add("task", root)
        trunk.bundle("task")

    with pytest.raises(BundleFormatError, match=f"incomplete.*{key}"):
        use()


def test_a_tokenizer_of_its_own_makes_it_another_encoder(toys, tmp_path):
    root = shutil.copytree(toys.tasks["kinds"], tmp_path / "task")
    description = json.loads((root / "bundle.json").read_bytes())
    description["files"]["tokenizer.json"]["digest"] = "sha256:" + "0" * 64
    (root / "bundle.json").write_text(json.dumps(description), encoding="utf-8")
    with pytest.raises(InvalidInputError, match="'task' was trained on another encoder"):
        open_trunk(toys.trunk).add("task", root)
