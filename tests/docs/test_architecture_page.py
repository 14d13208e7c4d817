"""The page that explains the house is held to the house: folders, layers, files it sends a reader to."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
SOURCE = ROOT / "src" / "smallcraft"
MINUTES, WORDS_A_MINUTE = 5, 230


def rows() -> list[list[str]]:
    """The names in each line of the table of layers, top first."""
    table = PAGE.partition("| line | what lives there |")[2].partition("\n\n")[0]
    return [re.findall(r"`(\w+)`", line.split("|")[1]) for line in table.splitlines() if "`" in line]


def test_the_page_has_every_folder_and_file_of_the_package_and_no_other():
    named = [name for row in rows() for name in row]
    there = {
        path.stem for path in SOURCE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert sorted(named) == sorted(there - {"__init__", "__main__"})


def test_the_order_of_the_page_is_the_one_that_import_linter_enforces():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    enforced = {name.strip(): place for place, layer in enumerate(layers) for name in layer.split("|")}
    places = [enforced[name] for row in rows() for name in row]
    assert places == sorted(places)


def test_whatever_stands_in_front_of_a_slash_in_the_text_is_there():
    named = set(re.findall(r"`((?:\w+/)+\w+(?:\.py)?)`", PAGE))
    missing = [name for name in named if not any((base / name).exists() for base in (ROOT, SOURCE))]
    assert named
    assert missing == []


def test_the_page_is_read_in_five_minutes():
    prose = re.sub(r"\([^)]*\.(?:py|md)\)|[|`*#]", " ", PAGE)
    assert len(prose.split()) <= MINUTES * WORDS_A_MINUTE
