"""A tiny encoder as torch trains it: its source, texts as ids, and labels that the texts hint at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from tests.models.toys import toy_rows

from smallcraft.models.backbone import Backbone
from smallcraft.models.encoders import EncoderSource, source_of
from smallcraft.models.tuning.encoder import Encoder
from smallcraft.models.tuning.learner import Learner
from smallcraft.models.tuning.prefix import Ids, read_ids


@dataclass(frozen=True)
class Lesson:
    source: EncoderSource
    texts: list[str]
    labels: np.ndarray
    ids: Ids

    def learner(self, *, first_layer: int = 0, **options: object) -> Learner:
        """From the tables up, or from states; always the same start."""
        options = {"embeddings": first_layer == 0} | options
        encoder = Encoder(self.source.weights, self.source.config, first_layer=first_layer, **options)
        return Learner(encoder, np.zeros((self.source.width + 1, 3)))


@pytest.fixture(scope="session")
def source(tiny_backbone: Backbone) -> EncoderSource:
    return source_of(tiny_backbone)


@pytest.fixture(scope="session")
def lesson(source: EncoderSource) -> Lesson:
    rows = toy_rows(120)
    texts = list(rows.columns["message"])
    return Lesson(source, texts, rows.labels, read_ids(source, texts))
