"""A registry of three releases, whose owner's keys and pins are in a folder of this test alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save
from tests.attacks.forging import NOW, open_log_of, put_numbers, steal_keys

from smallcraft.registry.content.disk import Layout
from smallcraft.registry.opening import Trust
from smallcraft.registry.store import Registry
from smallcraft.registry.tlog.entry import Entry
from smallcraft.registry.tlog.note import Signer


def release_files(version: int) -> dict[str, bytes]:
    """Two files that versions share, two that they do not, one of them stored as what changed."""
    rng = np.random.default_rng(1)
    tensors = {"words": rng.random((300, 1000)).astype(np.float32), "head": np.full(4, version, np.float32)}
    return {
        "bundle/model.json": b'{"weights":"version %d %s"}' % (version, b"x" * 900),
        "bundle/encoder.safetensors": save(tensors),
        "bundle/tokenizer.json": b'{"tokens":[]}',
        "evidence/dev.json": b'{"accuracy":0.9%d}' % version,
    }


@pytest.fixture
def owner(tmp_path: Path) -> Trust:
    """Keys and pins of the registry's owner."""
    return Trust(tmp_path / "owner")


@pytest.fixture
def registry(tmp_path: Path, owner: Trust) -> Registry:
    """Three versions of `helpdesk`; `stable` means the second."""
    made = Registry.create(tmp_path / "registry", trust=owner)
    for version in (1, 2, 3):
        made.publish("helpdesk", release_files(version), {"accuracy": 0.9 + version / 100}, now=NOW)
    made.set_alias("helpdesk", "stable", 2, now=NOW)
    made.log()
    return made


@pytest.fixture
def layout(registry: Registry) -> Layout:
    return registry.layout


@pytest.fixture
def newcomer(tmp_path: Path) -> Trust:
    """Somebody who never saw the registry: no keys, no pins."""
    return Trust(tmp_path / "newcomer")


@pytest.fixture
def thief(registry: Registry, owner: Trust, tmp_path: Path) -> Trust:
    """Somebody who holds a copy of every private key of the owner, and forgot what was seen before."""
    return steal_keys(owner, tmp_path / "thief")


@pytest.fixture
def signer(registry: Registry, thief: Trust) -> Signer:
    """The stolen key of the log."""
    return thief.keyring.log_signer(registry.log().checkpoint.origin, create=False)


@pytest.fixture
def entries(layout: Layout) -> list[Entry]:
    """What the log says."""
    return list(open_log_of(layout).entries)


@pytest.fixture
def puts(layout: Layout) -> list[int]:
    """Places of the three releases in it, from 0."""
    return put_numbers(open_log_of(layout))
