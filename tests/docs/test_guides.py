"""Every block of the documents runs: console blocks in order in one folder, Python executed, TOML parsed."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from filelock import FileLock
from tests.docs.following import Beginning, Reader, assert_printed, blocks, printed_by

from smallcraft.cli.main import run
from smallcraft.demo.helpdesk.corpus import write

ROOT = Path(__file__).parents[2]
GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
README = ROOT / "README.md"
# What the tour says whatever its numbers are; digits of the README are masked.
TOUR = (
    *("messages of weeks 1 to 8 in demo/tickets.csv", "the worst annotator: ann_c", "planted: south"),
    *("released tickets@2: its own sealed rows are broken alike", "rolled_back   0 %  mean confidence"),
    *("tickets@2 is retired; 'stable' means tickets@1, as before", "the same decisions and numbers"),
    *("planted word found: tavori", "rows picked where the change is: ", "200 answers taken in"),
    *("against tickets@1, macro_f1 on dev", "done        100 %  ", "'stable' means tickets@3"),
    *("0 of them without an answer", "stable moved from tickets@1 to tickets@3: rollout"),
    *("planted: one byte of tickets@3; found:", "everything that was planted was found"),
    "look at it: smallcraft dashboard -p demo",
)
BEGINNING = (["init", "tickets.csv"], ["build"])


@pytest.fixture(scope="session")
def beginning(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Beginning:
    """What the first two commands of most guides leave behind, and print; once for all workers."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    folder, keys = shared / "beginning", shared / "beginning-keys"
    with FileLock(f"{folder}.lock"):
        told = folder / ".printed.json"
        if not told.exists():
            folder.mkdir()
            write_tickets(folder)
            with pytest.MonkeyPatch.context() as patch:
                patch.chdir(folder)
                patch.setenv("SMALLCRAFT_CONFIG", str(keys))
                printed = {f"smallcraft {' '.join(words)}": printed_by(words) for words in BEGINNING}
            told.write_text(json.dumps(printed), encoding="utf-8")
        return Beginning(folder, keys, json.loads(told.read_text(encoding="utf-8")))


def write_tickets(folder: Path) -> None:
    """The file that the guides start from, and nothing else."""
    write(folder / "corpus", rows=1500)
    (folder / "corpus" / "tickets.csv").rename(folder / "tickets.csv")
    shutil.rmtree(folder / "corpus")


@pytest.mark.slow
@pytest.mark.backbone
@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_every_block_of_a_guide_runs_as_it_stands(guide, beginning, tmp_path_factory, tmp_path, monkeypatch):
    keys = shutil.copytree(beginning.keys, tmp_path_factory.mktemp("keys") / "config")
    monkeypatch.setenv("SMALLCRAFT_CONFIG", str(keys))
    write_tickets(tmp_path)
    shutil.copytree(beginning.folder / ".smallcraft/cache", tmp_path / ".smallcraft/cache")
    monkeypatch.chdir(tmp_path)
    assert blocks(guide), "a guide without a block teaches nothing"
    Reader(beginning).follow(guide)


@pytest.mark.slow
@pytest.mark.backbone
def test_the_readme_shows_what_the_demo_prints(tmp_path, monkeypatch):
    shown = [block for block in blocks(README) if block.language == "console"]
    (demo,) = [text for block in shown for text in [block.text] if text.startswith("$ make demo")]
    monkeypatch.chdir(tmp_path)
    printed = printed_by(["demo"])
    assert_printed(demo.splitlines()[1:], printed, "make demo")
    assert [words for words in TOUR if words not in printed] == []
    assert f"report: {tmp_path}/demo/report.html" in printed
    assert run(["verify", "-p", "demo"]) == 0


def test_every_link_of_the_documents_leads_somewhere():
    pages = [README, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
    for page in pages:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
            if not target.startswith(("http:", "https:")):
                assert (page.parent / target).exists(), f"{page.name} links to {target}"
