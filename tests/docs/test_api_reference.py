"""The API reference is made from the docstrings: a strict build of the whole site, with all public names."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tests.conftest import require

import smallcraft.api

ROOT = Path(__file__).parents[2]
WHY = None if importlib.util.find_spec("mkdocs") else "mkdocs is not installed; `make docs` brings it"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    require(WHY)
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "ignore",
            "-m",
            "mkdocs",
            "build",
            "--quiet",
            "--strict",
            "--site-dir",
            folder,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_every_public_name_stands_on_the_reference(site):
    page = (site / "reference" / "python.html").read_text("utf-8")
    assert [name for name in smallcraft.api.__all__ if f'id="smallcraft.api.{name}"' not in page] == []


@pytest.mark.slow
def test_the_site_loads_nothing_from_elsewhere(site):
    for page in site.rglob("*.html"):
        loaded = re.findall(
            r'<(?:script|img|link|iframe)[^>]+(?:src|href)="(https?:[^"]+)"', page.read_text("utf-8")
        )
        assert [url for url in loaded if "canonical" not in url] == [], page.name


def test_every_page_of_the_documents_is_in_the_navigation():
    text = (ROOT / "mkdocs.yml").read_text("utf-8")
    named = set(re.findall(r"[\w/-]+\.md", str(yaml.safe_load(text)["nav"])))
    there = {
        path.relative_to(ROOT / "docs").as_posix()
        for path in (ROOT / "docs").rglob("*.md")
        if path.parent.name != "decisions"
    }
    assert there - named == set()
    assert named - there == set()
