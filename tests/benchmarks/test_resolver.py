"""uv is told what pip was told, is installed once, and says what is wrong."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from benchmarks.resolver import ResolverFailedError, run_uv, settings

from benchmarks import resolver


def test_it_knows_where_pip_finds_packages_unless_it_was_told_otherwise():
    of_pip = {"PIP_INDEX_URL": "a", "PIP_EXTRA_INDEX_URL": "b", "PIP_FIND_LINKS": "c", "HOME": "/h"}
    told = settings(of_pip | {"UV_INDEX": "mine"})
    assert {name: told[name] for name in ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_FIND_LINKS", "HOME")} == {
        "UV_DEFAULT_INDEX": "a",
        "UV_INDEX": "mine",
        "UV_FIND_LINKS": "c",
        "HOME": "/h",
    }
    assert settings({}) == {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}


def test_many_who_want_it_at_once_install_it_once(tmp_path, monkeypatch):
    made = []

    def install():
        made.append(1)
        (tmp_path / "uv/bin").mkdir(parents=True)
        (tmp_path / "uv/bin/uv").touch()

    monkeypatch.setattr(resolver, "_FOLDER", tmp_path / "uv")
    monkeypatch.setattr(resolver, "_install", install)
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(lambda _: resolver._program(), range(4)))
    assert (len(made), found) == (1, {tmp_path / "uv/bin/uv"})


@pytest.mark.slow
def test_it_installs_a_package_and_tells_what_it_cannot(tmp_path):
    environment = tmp_path / "environment"
    run_uv(["venv", "--quiet", str(environment)])
    python = str(environment / "bin" / "python")
    run_uv(["pip", "install", "--quiet", "--python", python, "iniconfig"])
    assert list(Path(environment).rglob("iniconfig/__init__.py"))
    with pytest.raises(ResolverFailedError, match="not a requirement"):
        run_uv(["pip", "install", "--quiet", "--python", python, "not a requirement==1"])
