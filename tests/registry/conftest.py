"""A registry of three releases, made the way users make one."""

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
                "bundle/model.onnx": b"weights of version %d" % version * 50,
                "bundle/tokenizer.json": b'{"tokens":[]}',
                "card.md": b"# helpdesk",
                "evidence/dev.json": b'{"accuracy":0.9%d}' % version,
            },
            {"chosen": "ngram", "accuracy": 0.9 + version / 100},
            now=NOW,
        )
    return made
