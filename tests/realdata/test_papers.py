"""The papers of a release of 77 intents: nothing is empty that the system could have filled."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from tests.pipeline.conftest import FIXED

from smallcraft.pipeline.build import build
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.stages import measure
from smallcraft.pipeline.workspace import open_registry
from smallcraft.registry.papers.person import KEYS

pytestmark = [pytest.mark.realdata, pytest.mark.slow]

PROJECT = """name = "banking77"
[data]
path = "train.csv"
cert = "test.csv"
text = "text"
label = "category"
license = "CC-BY-4.0"
source = "banking77"
[ladder]
rungs = ["majority", "ngram"]
backbone = "none"
"""
# What only people can do: say what they know, and look at labels.
BY_PEOPLE = {*KEYS.values(), "an audit of its labels"}


@pytest.fixture(scope="module")
def released(shared_data: Path, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("papers") / "p"
    shutil.copytree(shared_data / "banking77", folder)
    (folder / "smallcraft.toml").write_text(PROJECT, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "measure_cost", lambda bundle, rows, *, seed: FIXED)
        assert build(load_config(folder)).release is not None
    return open_registry(folder).find("banking77@1")


def sections(markdown: str) -> dict[str, str]:
    parts = re.split(r"^## (.+)$", markdown, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("paper", ["card.md", "datasheet.md"])
def test_no_section_is_empty_and_only_people_could_fill_what_is_missing(released, paper):
    text = released.read(paper).decode("utf-8")
    told = sections(text)
    assert len(told) >= 7
    assert not [title for title, content in told.items() if not content.strip()]
    assert {*re.findall(r"\*\*missing: (.*?) \(", text)} <= BY_PEOPLE
    assert "not recorded" not in text


def test_the_card_tells_all_77_classes_and_the_first_decision(released):
    told = sections(released.read("card.md").decode("utf-8"))
    assert any("77" in content for content in told.values())
    assert "banking77@1" in released.read("decision.json").decode("utf-8")
    decision = json.loads(released.read("decision.json"))
    assert (decision["verdict"], decision["parents"]) == ("accept", [])
    assert {one["rung"] for one in decision["tried"]} == {"majority", "ngram"}


def test_the_data_are_named_by_their_own_digests(released):
    croissant = json.loads(released.read("croissant.json"))
    files = [item for item in croissant["distribution"] if item["@type"] == "cr:FileObject"]
    assert [item["contentUrl"] for item in files] == ["train.csv", "test.csv"]
    assert all(re.fullmatch("[0-9a-f]{64}", item["sha256"]) for item in files)


def test_the_bill_of_materials_keeps_to_its_schema_and_has_slices_with_intervals(released):
    data = released.read("bom.json").decode("utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(data) is None
    model = json.loads(data)["metadata"]["component"]
    metrics = model["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]
    assert any("confidenceInterval" in metric for metric in metrics)
    assert any(metric.get("slice") for metric in metrics)
