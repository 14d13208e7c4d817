"""A tiny backbone and toy bundles, made once a run."""

from __future__ import annotations

import pytest
from tests.models.tinybert import write_backbone
from tests.models.toys import toy_bundles

from smallcraft.models.backbone import Backbone, find_backbone
from smallcraft.models.ladder import Attempt


@pytest.fixture(scope="session")
def tiny_backbone(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    return find_backbone(str(write_backbone(tmp_path_factory.mktemp("weights") / "tiny")))


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory, tiny_backbone: Backbone) -> dict[str, Attempt]:
    """Read-only: a test that edits a bundle copies it first."""
    return toy_bundles(tmp_path_factory.mktemp("toys"), tiny_backbone)
