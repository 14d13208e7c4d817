"""A missing extra is named with the command that installs it, before anything begins."""

from __future__ import annotations

import importlib.util
import sys
import tomllib
from pathlib import Path

import pytest

from smallcraft.cli.parts import EXTRAS, require_extra
from smallcraft.errors import MissingPartError

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", EXTRAS)
def test_an_extra_that_is_installed_is_no_obstacle(name):
    require_extra(name)


@pytest.mark.parametrize(("name", "module"), [(name, one) for name in EXTRAS for one in EXTRAS[name].modules])
def test_any_missing_part_of_an_extra_is_told_with_what_installs_it(monkeypatch, name, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingPartError, match=rf"needs .*pip install 'smallcraft\[{name}\]'"):
        require_extra(name)


def test_every_extra_is_one_that_can_be_installed():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    assert set(EXTRAS) <= set(declared)
    assert all(importlib.util.find_spec(one) for extra in EXTRAS.values() for one in extra.modules)
