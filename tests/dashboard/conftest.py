"""Projects that the pages are tried on, the pages over one, and one browser for all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.browser import browser
from tests.dashboard.showing import TOKEN, ShownHere, roll_out, showing
from tests.dashboard.watched import build_watched

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def rolled(watched_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All there is: a release, an alarm, an open campaign, two rollouts; not to be changed."""
    folder = Path(shutil.copytree(watched_once, tmp_path_factory.mktemp("rolled") / "help & <script>desk"))
    roll_out(folder)
    return folder


@pytest.fixture
def rolled_copy(rolled: Path, own_keys: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return Path(shutil.copytree(rolled, tmp_path / "copy"))


@pytest.fixture(scope="session")
def pages(rolled: Path) -> Iterator[ShownHere]:
    """Its pages, whose token is `TOKEN`."""
    with showing(rolled, token=TOKEN) as shown:
        yield shown


@pytest.fixture(scope="session")
def watched_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a release, an open alarm and a campaign; not to be changed."""
    return build_watched(tmp_path_factory.mktemp("watched") / "p")


@pytest.fixture
def watched(watched_once: Path, own_keys: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return Path(shutil.copytree(watched_once, tmp_path / "p"))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser a module: while it runs, its thread can have no other event loop."""
    with browser() as running:
        yield running
