"""A small project with one release, its costs fixed so that a choice never hangs on this machine's mood."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.pipeline.builds import costs
from tests.projects import (
    MESSAGES,
    copy_project,
    message_rows,
    person_rows,
    save_rows,
    write_messages,
    write_rows,
)

from smallcraft.pipeline.build import build
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.stages import measure
from smallcraft.pipeline.workspace import Workspace

# Costs without the training, which the ladder measures itself.
FIXED = costs(p50_ms=0.1, size_mb=0.1, train_cpu_s=0.0)[:-1]


@pytest.fixture
def fixed_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every bundle costs the same."""
    monkeypatch.setattr(measure, "measure_cost", lambda bundle, rows, *, seed: FIXED)


@pytest.fixture(scope="session")
def tiny_built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """150 messages and a cert file of 60, built once; not to be changed."""
    folder = write_messages(tmp_path_factory.mktemp("tiny") / "p", data=f'{MESSAGES}\ncert = "cert.csv"')
    save_rows(folder / "cert.csv", message_rows(60, seed=9))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "measure_cost", lambda bundle, rows, *, seed: FIXED)
        assert build(load_config(folder)).release is not None
    return folder


@pytest.fixture
def tiny(tiny_built: Path, own_keys: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed; as the build left it, whatever other tests loaded since."""
    folder = copy_project(tiny_built, tmp_path / "tiny")
    shutil.rmtree(Workspace(folder).bundles / "rows@1", ignore_errors=True)
    return folder


@pytest.fixture(scope="session")
def people_built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of 240 people with holes, a label of 0 and 1, and the tabular rungs; not to be changed."""
    data = 'features = ["age", "job", "insured"]\nlabel = "bought"'
    folder = write_rows(tmp_path_factory.mktemp("people") / "p", person_rows(240), data=data, more="")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "measure_cost", lambda bundle, rows, *, seed: FIXED)
        assert build(load_config(folder)).release is not None
    return folder
