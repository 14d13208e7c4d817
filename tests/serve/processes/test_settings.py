"""What a server is told: what cannot be served is refused by name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.serve.loading.source import ModelSource
from smallcraft.serve.processes.settings import ServeSettings, check_settings
from smallcraft.serve.windows.settings import WindowSettings


@pytest.fixture
def good(tmp_path):
    sources = (ModelSource("m", "1", tmp_path, "sha256:1"), ModelSource("n", "1", tmp_path, "sha256:2"))
    return ServeSettings(models=sources, state=tmp_path, tokens=("a" * 16,))


def test_good_settings_pass(good):
    check_settings(good)
    check_settings(replace(good, windows=WindowSettings(Path("w"))))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"models": ()}, "a release to serve"),
        ({"routers": 0}, "routers"),
        ({"open_requests": 0}, "open_requests"),
        ({"port": 70000}, "port"),
        ({"tokens": ("short",)}, "16 characters"),
        ({"windows": WindowSettings(Path("w"), seconds=7)}, "divides a day"),
    ],
)
def test_what_cannot_be_is_refused_by_name(good, change, told):
    with pytest.raises(InvalidInputError, match=told):
        check_settings(replace(good, **change))


def test_two_releases_of_one_model_are_refused_with_the_remedy(good):
    twice = (good.models[0], replace(good.models[0], version="2"))
    with pytest.raises(InvalidInputError, match="roll the other out"):
        check_settings(replace(good, models=twice))
