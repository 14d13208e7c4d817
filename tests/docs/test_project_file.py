"""The page about the project file names every setting, rung and score there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from smallcraft.evaluate.scores import BUILTIN as SCORES
from smallcraft.models.rungs import BUILTIN as RUNGS
from smallcraft.pipeline.config import config_schema

PAGE = (Path(__file__).parents[2] / "docs" / "project-file.md").read_text(encoding="utf-8")


def settings(schema: dict) -> list[str]:
    """Every key of every section."""
    sections = [schema, *schema["$defs"].values()]
    return sorted({name for section in sections for name in section.get("properties", {})})


@pytest.mark.parametrize("name", settings(config_schema()))
def test_every_setting_is_named(name):
    assert f"{name} = " in PAGE or f"[{name}" in PAGE or f".{name}]" in PAGE or f"`{name}`" in PAGE


@pytest.mark.parametrize("rung", RUNGS)
def test_every_rung_has_its_row(rung):
    assert f"\n| `{rung}` |" in PAGE


@pytest.mark.parametrize("score", SCORES)
def test_every_score_is_named(score):
    assert score in PAGE
