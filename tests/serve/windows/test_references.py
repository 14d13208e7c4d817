"""References by digest: read once, looked for again, never in the way."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from smallcraft.data.profiles.measuring import Measures
from smallcraft.data.profiles.reference import make_reference
from smallcraft.data.profiles.reference_bytes import write_reference
from smallcraft.data.profiles.rows import Rows
from smallcraft.serve.windows.references import References, reference_path

DIGEST = "sha256:" + "ab" * 32


@pytest.fixture(scope="module")
def reference():
    rng = np.random.default_rng(1)
    return make_reference(Rows(50, numbers={"x0": rng.normal(size=50)}), rng=rng)


def test_without_a_folder_rows_are_measured_without_one():
    assert References(None).find(DIGEST) == Measures()


def test_the_reference_of_a_bundle_is_found_by_its_digest(tmp_path, reference):
    reference_path(tmp_path, DIGEST).write_bytes(write_reference(reference))
    references = References(tmp_path)
    assert references.find(DIGEST).farness == reference.measures.farness
    assert references.find("sha256:" + "cd" * 32) == Measures()
    # Read once.
    reference_path(tmp_path, DIGEST).unlink()
    references.look_again()
    assert references.find(DIGEST).farness == reference.measures.farness


def test_one_that_comes_later_is_found_when_it_is_looked_for_again(tmp_path, reference):
    references = References(tmp_path)
    assert references.find(DIGEST) == Measures()
    reference_path(tmp_path, DIGEST).write_bytes(write_reference(reference))
    assert references.find(DIGEST) == Measures()
    references.look_again()
    assert references.find(DIGEST).farness == reference.measures.farness


def test_one_that_is_damaged_is_told_and_done_without(tmp_path, reference, caplog):
    written = write_reference(reference)
    reference_path(tmp_path, DIGEST).write_bytes(written[:-1] + bytes([written[-1] ^ 1]))
    with caplog.at_level(logging.ERROR, "smallcraft.serve"):
        assert References(tmp_path).find(DIGEST) == Measures()
    assert "measured without a reference" in caplog.text
