"""Laws of picking a plug-in: the folder's own table first, installed packages second, else a list."""

from __future__ import annotations

import sys

import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.plugins import find_plugin

BUILTIN = {"majority": "our majority", "ngram": "our ngram"}


@pytest.fixture
def installed_package(tmp_path, monkeypatch):
    """A package on the path, installed as pip would, that offers two rungs."""
    (tmp_path / "other_rungs.py").write_text("FOREST = 'their forest'\nNGRAM = 'their ngram'\n")
    info = tmp_path / "other_rungs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other-rungs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[smallcraft.rungs]\nforest = other_rungs:FOREST\nngram = other_rungs:NGRAM\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("other_rungs", None)


def test_a_builtin_is_found_by_its_name():
    assert find_plugin("rungs", "ngram", BUILTIN) == "our ngram"


@pytest.mark.usefixtures("installed_package")
def test_an_installed_package_adds_to_the_table():
    assert find_plugin("rungs", "forest", BUILTIN) == "their forest"


@pytest.mark.usefixtures("installed_package")
def test_an_installed_package_never_replaces_a_builtin():
    assert find_plugin("rungs", "ngram", BUILTIN) == "our ngram"


@pytest.mark.usefixtures("installed_package")
def test_a_plugin_of_one_folder_is_not_one_of_another():
    with pytest.raises(InvalidInputError, match=r"^'forest' is not one of the scores: majority, ngram"):
        find_plugin("scores", "forest", BUILTIN)


@pytest.mark.usefixtures("installed_package")
def test_an_unknown_name_is_answered_with_all_there_are_and_the_nearest():
    message = r"'forst' is not one of the rungs: forest, majority, ngram - did you mean 'forest'\?"
    with pytest.raises(InvalidInputError, match=message):
        find_plugin("rungs", "forst", BUILTIN)


@pytest.mark.usefixtures("installed_package")
def test_a_package_is_not_loaded_until_its_plugin_is_asked_for():
    find_plugin("rungs", "majority", BUILTIN)
    assert "other_rungs" not in sys.modules
    find_plugin("rungs", "forest", BUILTIN)
    assert "other_rungs" in sys.modules
