"""A registry of three releases, made the way users make one."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from smallcraft.registry.store import Registry

NOW = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """Three versions of `helpdesk`; they share a tokenizer."""
    made = Registry.create(tmp_path / "registry")
    for version in (1, 2, 3):
        made.publish(
            "helpdesk",
            {
                "bundle/model.json": b'{"weights":"version %d %s"}' % (version, b"x" * 900),
                "bundle/tokenizer.json": b'{"tokens":[]}',
                "card.md": b"# helpdesk",
                "evidence/dev.json": b'{"accuracy":0.9%d}' % version,
            },
            {"chosen": "ngram", "accuracy": 0.9 + version / 100},
            now=NOW,
        )
    return made


@pytest.fixture
def memory_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: what is killed there need not wait for a disk."""
    shared = Path("/dev/shm")
    if not os.access(shared, os.W_OK):
        yield tmp_path
        return
    folder = Path(tempfile.mkdtemp(dir=shared))
    yield folder
    shutil.rmtree(folder)
