"""Projects that the pages of releases are tested on: a built one with an ugly label, and bare registries."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.pipeline.conftest import FIXED
from tests.projects import QUICK_LADDER, change_project, message_rows, write_rows
from tests.registry.decided import DAYS
from tests.registry.memory.sides import facts_of, verdict
from tests.registry.memory.test_rounds import BARE

from smallcraft.cli.main import run
from smallcraft.dashboard.app import make_app
from smallcraft.label.outcome import encode_outcome
from smallcraft.pipeline.stages import measure
from smallcraft.pipeline.workspace import Workspace, open_registry
from smallcraft.registry.memory.trials import decisions_of_candidates
from smallcraft.registry.store import Registry

UGLY = "<script>alert(1)</script>"
DATA = 'text = "message"\nlabel = "intent"\ngroups = ["region"]'


def build_ugly(folder: Path) -> Path:
    """Two releases of rows with a label that is a script: `rows@1`, then the stable `rows@2`.

    Beside them a build that a gate kept back, and a round of labelling.
    """
    rows = message_rows(150, labels=("billing", UGLY, "parcel"))
    rows["region"] = ["north", "south & <b>east</b>"] * 75
    write_rows(folder, rows, data=DATA, more=QUICK_LADDER)
    project = ("-p", str(folder))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "measure_cost", lambda bundle, rows, *, seed: FIXED)
        assert run(["build", "--json", *project]) == 0
        assert run(["alias", "stable", "rows@1", "--because", "the first", *project]) == 0
        change_project(folder, "[data]", "seed = 1\n[data]")
        assert run(["build", "--json", "--because", "<i>another</i> seed", *project]) == 0
    assert run(["alias", "stable", "rows@2", "--because", "it held", *project]) == 0
    registry = open_registry(folder)
    facts = facts_of(bundle="b9", verdicts=[verdict("size_mb", "FAIL", "30 MB is not at most 20")])
    registry.record_trials("rows", [*decisions_of_candidates(facts), encode_outcome(BARE)], now=DAYS[1])
    return folder


def release_bare(folder: Path, count: int) -> Registry:
    """A project without data whose registry has this many releases `rows@1`, `rows@2`, ..."""
    folder.mkdir(parents=True, exist_ok=True)
    registry = Registry.create(Workspace(folder).registry)
    for version in range(1, count + 1):
        files = {"bundle/model.json": b'{"version":%d}' % version, "card.md": b"# rows %d" % version}
        registry.publish("rows", files, {"chosen": "ngram", "sentence": f"number {version}"}, now=DAYS[0])
    return registry


def break_facts(registry: Registry, label: str) -> None:
    """Change a byte of what a release says of itself."""
    stored = registry.find(label)
    for content in (stored.model.content, *(one.content for one in stored.attached)):
        path = registry.layout.blob(content.digest)
        data = path.read_bytes()
        path.chmod(0o644)
        path.write_bytes(data.replace(b"sha256", b"sha257", 1))


def pages(folder: Path) -> TestClient:
    """A browser without JavaScript, in front of the pages of a project."""
    return TestClient(make_app(folder), base_url="http://127.0.0.1", raise_server_exceptions=True)


def write_last_build(folder: Path, outcome: str) -> None:
    """As a build does that released nothing, since its gate said this."""
    verdicts = [{"gate": "size_mb", "outcome": outcome, "reason": "30 MB", "required": True}]
    path = Workspace(folder).last_build
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"release": None, "facts": {"verdicts": verdicts}}))
    os.utime(path)
