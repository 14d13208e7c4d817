"""The encoder under all tasks: from a trunk's directory or from a bundle, each graph opened once."""

from __future__ import annotations

import json
import shutil
import threading

import numpy as np
import pytest
from tests.models.toys import toy_rows

import smallcraft.bundle
from smallcraft.bundle.runtime import open_bundle
from smallcraft.bundle.trunk.roots import read_roots
from smallcraft.bundle.trunk.trunk import open_trunk
from smallcraft.errors import BundleFormatError, IntegrityError, InvalidInputError, NotFoundError

TEXTS = toy_rows(12, seed=36).columns["message"]


def test_a_directory_without_an_encoder_is_no_trunk(toys, tmp_path):
    with pytest.raises(InvalidInputError, match=r"a trunk is the one encoder of a bundle, .* has 0"):
        open_trunk(toys.fast)
    with pytest.raises(NotFoundError, match=r"has no bundle\.json"):
        open_trunk(tmp_path)


@pytest.mark.parametrize("key", ["files", "stages"])
def test_an_incomplete_description_is_refused(toys, tmp_path, key):
    root = shutil.copytree(toys.tasks["pairs"], tmp_path / "trunk")
    description = json.loads((root / "bundle.json").read_bytes())
    del description[key]
    (root / "bundle.json").write_text(json.dumps(description), encoding="utf-8")
    with pytest.raises(BundleFormatError, match=f"incompletely.*{key}"):
        open_trunk(root)


def test_a_bundle_is_a_trunk_too(toys):
    trunk, own = smallcraft.bundle.open_trunk(toys.tasks["kinds"]), open_bundle(toys.tasks["pairs"])
    trunk.add("pairs", toys.tasks["pairs"])
    assert np.array_equal(trunk.answer(TEXTS, task="pairs").probs, own.predict_proba(TEXTS))


def test_several_threads_open_one_session(toys):
    roots, found = read_roots(toys.trunk), []
    threads = [threading.Thread(target=lambda: found.append(roots.session())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(session) for session in found}) == 1


def test_a_changed_weight_is_found_when_the_trunk_is_opened(toys, tmp_path):
    root = shutil.copytree(toys.trunk, tmp_path / "trunk")
    data = bytearray((root / "weights.bin").read_bytes())
    data[0] ^= 1
    (root / "weights.bin").write_bytes(data)
    with pytest.raises(IntegrityError, match=r"weights\.bin does not match its record"):
        open_trunk(root)


def test_a_trunk_that_is_not_the_one_recorded_is_refused(toys):
    with pytest.raises(IntegrityError, match="is not what was recorded: sha256:00 was wanted"):
        open_trunk(toys.trunk, digest="sha256:00")
