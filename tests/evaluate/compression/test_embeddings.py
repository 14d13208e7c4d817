"""Cosines of rows, and the encoders of two bundles paired by their stage."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.models.tinybert import write_backbone
from tests.models.toys import TEXT, toy_rows, toy_workshop

from smallcraft.bundle.inputs import read_inputs
from smallcraft.bundle.layout import BundleFiles, listed_digests, read_description
from smallcraft.bundle.runtime import open_bundle
from smallcraft.evaluate.compression.embeddings import NEAR, cosines, encoder_pairs, measure_embeddings
from smallcraft.gates.compression import CompressionLimits
from smallcraft.models.backbone import find_backbone
from smallcraft.models.encoders import source_of, write_encoder
from smallcraft.models.ladder import fit_rung
from smallcraft.models.parts.encoder import make_encoder


@given(st.integers(0, 30), st.floats(0.1, 100))
def test_a_cosine_does_not_depend_on_length_and_is_1_with_itself(seed, scale):
    rows = np.random.default_rng(seed).normal(size=(5, 4)).astype(np.float32)
    assert np.allclose(cosines(rows, rows * np.float32(scale)), 1, atol=1e-6)
    assert np.allclose(cosines(rows, -rows), -1, atol=1e-6)


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    workshop = toy_workshop(folder, TEXT, backbone=find_backbone(str(write_backbone(folder / "tiny"))), n=60)
    names = ("cascade", "cascade:fp32", "ngram")
    return {name: open_bundle(fit_rung(name, workshop, folder / "b", about={}).bundle) for name in names}


def test_every_encoder_of_a_cascade_is_paired_under_its_stage(bundles):
    (pair,) = encoder_pairs(bundles["cascade"], bundles["cascade:fp32"])
    assert pair.stage == "frozen"
    assert (pair.rounded.spec.get("form"), pair.exact.spec.get("form")) == (None, "fp32")


def test_an_encoder_beside_itself_is_wholly_alike(bundles):
    rows = {"message": toy_rows(20).columns["message"]}
    exact = bundles["cascade:fp32"]
    mean, near, least = measure_embeddings(exact, exact, rows, confidence=0.95)
    assert mean.value == pytest.approx(1)
    assert near.value == 1
    assert least.value == pytest.approx(1)
    assert (mean.slice, mean.n) == ("encoder=frozen", 20)


def test_a_bundle_without_encoders_gives_no_measurement(bundles):
    rows = {"message": toy_rows(5).columns["message"]}
    assert measure_embeddings(bundles["ngram"], bundles["ngram"], rows, confidence=0.95) == ()


@pytest.mark.backbone
@pytest.mark.realdata
@pytest.mark.slow
def test_the_real_encoder_passes_by_channel_and_is_refused_by_tensor(shared_data, tmp_path):
    with (shared_data / "banking77" / "train.csv").open(newline="") as stream:
        texts = [row["text"] for row in csv.DictReader(stream)][::150]
    source, inputs = source_of(find_backbone("auto")), read_inputs(texts, TEXT)
    found = {}
    for name, options in (("exact", {"form": "fp32"}), ("channel", {}), ("tensor", {"per_channel": False})):
        write_encoder(source, tmp_path / name, **options)
        files = BundleFiles(tmp_path / name, listed_digests(read_description(tmp_path / name)[0]))
        found[name] = make_encoder(files).encode(inputs).values
    limits = CompressionLimits()
    good, bad = (cosines(found[name], found["exact"]) for name in ("channel", "tensor"))
    assert good.mean() >= limits.cosine
    assert (good >= NEAR).mean() >= limits.near_rows
    assert bad.mean() < limits.cosine
