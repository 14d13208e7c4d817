"""A small project with one release, shared by the verbs that only read."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.projects import copy_project, write_messages

from smallcraft.pipeline.build import build
from smallcraft.pipeline.config import load_config


@pytest.fixture(scope="session")
def small_built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """150 messages, built once as a user would; not to be changed."""
    folder = write_messages(tmp_path_factory.mktemp("small") / "p")
    assert build(load_config(folder)).release is not None
    return folder


@pytest.fixture
def small(small_built: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return copy_project(small_built, tmp_path / "small")
