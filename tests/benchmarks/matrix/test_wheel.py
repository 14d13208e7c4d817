"""A wheel is right when it holds each file of the package and nothing else."""

from __future__ import annotations

import zipfile

import pytest
from benchmarks.matrix.wheel import PACKAGE, build_wheel, differences
from benchmarks.resolver import is_installed
from tests.conftest import ON_BUILD_MACHINE


@pytest.fixture
def package(tmp_path):
    folder = tmp_path / "src/craft"
    (folder / "templates/__pycache__").mkdir(parents=True)
    for name in ("__init__.py", "templates/page.html", "templates/__pycache__/page.pyc"):
        (folder / name).write_text(name)
    return folder


def wheel_of(tmp_path, *names):
    path = tmp_path / "craft-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name in (*names, "craft-1.dist-info/RECORD"):
            archive.writestr(name, b"")
    return path


def test_a_wheel_with_every_file_of_the_package_is_right(tmp_path, package):
    wheel = wheel_of(tmp_path, "craft/__init__.py", "craft/templates/page.html")
    assert differences(wheel, package) == []


def test_a_missing_template_and_a_stray_test_are_named(tmp_path, package):
    wheel = wheel_of(tmp_path, "craft/__init__.py", "tests/test_craft.py")
    assert differences(wheel, package) == [
        "it lacks craft/templates/page.html",
        "it holds tests/test_craft.py, which is no part of the package",
    ]


@pytest.mark.slow
def test_the_wheel_of_this_checkout_is_right_and_has_the_demo_and_the_pages(tmp_path):
    if not (ON_BUILD_MACHINE or is_installed()):
        pytest.skip("uv is not in .bench; `make wheel` brings it")
    wheel = build_wheel(tmp_path)
    assert differences(wheel) == []
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {"smallcraft/py.typed", "smallcraft/demo/helpdesk/phrases.toml"} <= set(names)
    assert sum(name.endswith(".jinja") for name in names) == len(list(PACKAGE.rglob("*.jinja")))
    assert any(name.endswith("dist-info/licenses/LICENSE") for name in names)
