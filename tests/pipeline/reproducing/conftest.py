"""A small release, and what building it again found."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from tests.pipeline.conftest import FIXED

from smallcraft.pipeline.reproducing.record import Reproduction
from smallcraft.pipeline.reproducing.run import reproduce
from smallcraft.pipeline.stages import measure
from smallcraft.pipeline.workspace import open_registry
from smallcraft.registry.keys.keyring import config_folder


def reproduced(project: Path, reference: str = "latest", *, keep: Path | None = None) -> Reproduction:
    registry = open_registry(project)
    return reproduce(project, registry.read(reference), registry, keep=keep)


@pytest.fixture(autouse=True)
def own_keys(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the user's keys and pins, so that copies of one project may go separate ways."""
    folder = tmp_path_factory.mktemp("keys") / "config"
    shutil.copytree(config_folder(os.environ), folder)
    monkeypatch.setenv("SMALLCRAFT_CONFIG", str(folder))
    return folder


@pytest.fixture(scope="session")
def tiny_again(tiny_built: Path) -> Reproduction:
    """The small release, built again on the same machine from the same files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "measure_cost", lambda bundle, rows, *, seed: FIXED)
        return reproduced(tiny_built)
