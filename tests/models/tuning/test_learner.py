"""A learner answers with the head on embeddings of one length, as the bundle does."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from smallcraft.bundle.layout import BundleFiles, listed_digests, read_description
from smallcraft.models.encoders import write_encoder
from smallcraft.models.parts.encoder import make_encoder
from smallcraft.models.tuning.batches import Beside
from smallcraft.models.tuning.encoder import Encoder
from smallcraft.models.tuning.learner import GAIN, Learner

pytestmark = pytest.mark.torch


def test_embeddings_are_as_long_as_the_bundles(lesson, tmp_path):
    output = lesson.learner().eval()(lesson.ids.batch(np.arange(5)))
    assert np.allclose(np.linalg.norm(output.embedding.detach().numpy(), axis=1), GAIN, atol=1e-5)
    write_encoder(lesson.source, tmp_path / "encoder")
    files = BundleFiles(tmp_path / "encoder", listed_digests(read_description(tmp_path / "encoder")[0]))
    assert make_encoder(files).spec["gain"] == GAIN


def test_the_head_starts_where_it_is_told_and_comes_back(lesson):
    head = np.random.default_rng(0).normal(size=(lesson.source.width + 1, 4))
    encoder = Encoder(lesson.source.weights, lesson.source.config, embeddings=True)
    learner = Learner(encoder, head).eval()
    assert np.allclose(learner.head_weights(), head, atol=1e-6)
    output = learner(lesson.ids.batch(np.arange(5)))
    expected = output.embedding.detach().numpy() @ head[:-1] + head[-1]
    assert np.allclose(output.logits.detach().numpy(), expected, atol=1e-4)


def test_features_beside_the_text_are_read_as_they_are(lesson):
    rng = np.random.default_rng(0)
    features, width = sp.csr_matrix(rng.random((120, 3))), lesson.source.width
    head = rng.normal(size=(width + 3 + 1, 2))
    encoder = Encoder(lesson.source.weights, lesson.source.config, embeddings=True)
    rows = np.array([4, 9])
    output = Learner(encoder, head).eval()(Beside(lesson.ids, features).batch(rows))
    read = np.hstack([output.embedding.detach().numpy(), features[rows].toarray()])
    assert np.allclose(output.logits.detach().numpy(), read @ head[:-1] + head[-1], atol=1e-4)
