"""A forge of each kind, empty."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.pipeline.posting.forge_server import ForgeServer, served_forge


@pytest.fixture(params=["github", "gitlab"])
def forge(request: pytest.FixtureRequest) -> Iterator[ForgeServer]:
    with served_forge(request.param) as server:
        yield server


@pytest.fixture
def github() -> Iterator[ForgeServer]:
    with served_forge("github") as server:
        yield server


@pytest.fixture
def gitlab() -> Iterator[ForgeServer]:
    with served_forge("gitlab") as server:
        yield server
