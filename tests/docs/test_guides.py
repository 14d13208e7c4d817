"""Every block of the documents runs: console blocks in order in one folder, Python executed, TOML parsed.

A console block's `$ ` lines are run; the lines below are what they print. Numbers, digests and paths may
differ from machine to machine, so digits are masked before lines are compared; `...` stands for any lines.
"""

from __future__ import annotations

import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from smallcraft.cli.main import run
from smallcraft.demo.helpdesk.corpus import write
from smallcraft.pipeline.config import parse_config

ROOT = Path(__file__).parents[2]
GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
README = ROOT / "README.md"
_BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block of a document."""

    language: str
    text: str


def blocks(path: Path) -> list[Block]:
    return [Block(*match.groups()) for match in _BLOCK.finditer(path.read_text(encoding="utf-8"))]


def masked(text: str) -> list[str]:
    """Lines without what differs from run to run: folders, hexadecimal digests, numbers, spacing."""
    text = re.sub(r"(?<= )/\S+/", "/", text)
    text = re.sub(r"\b[0-9a-f]{12,}\b", "#", text)
    text = re.sub(r"-?\d[\d,.:TZ]*", "#", text)
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def commands(text: str) -> list[tuple[str, list[str]]]:
    """Each command of a console block, and the lines it is said to print."""
    found: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif found:
            found[-1][1].append(line)
    return found


def assert_printed(expected: list[str], printed: str, command: str) -> None:
    """Every line the document shows was printed, in that order."""
    lines = iter(masked(printed))
    for line in masked("\n".join(expected)):
        if line == "...":
            continue
        assert any(line == other for other in lines), f"`{command}` did not print {line!r}:\n{printed}"


def expanded(word: str) -> list[str]:
    """As a shell does it: a word with a star is the paths that fit."""
    return sorted(map(str, Path().glob(word))) if "*" in word else [word]


def run_console(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    for command, expected in commands(text):
        program, *words = shlex.split(command)
        arguments = [found for word in words for found in expanded(word)]
        if program == "cat":
            print(Path(arguments[0]).read_text(encoding="utf-8"))
        else:
            assert program == "smallcraft", command
            wanted = 0
            if arguments[-2:-1] == ["#exit"]:
                wanted = int(arguments[-1])
                arguments = arguments[:-2]
            capsys.readouterr()
            assert run(arguments) == wanted, f"{command}\n{capsys.readouterr().err}"
        assert_printed(expected, capsys.readouterr().out, command)


@pytest.fixture(scope="module")
def warm_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a first build of the guides' file remembers, so that each guide's own build is quick."""
    folder = tmp_path_factory.mktemp("warm")
    write_tickets(folder)
    assert run(["init", str(folder / "tickets.csv"), "-o", str(folder / "smallcraft.toml")]) == 0
    assert run(["build", "--json", "-p", str(folder)]) == 0
    return folder / ".smallcraft" / "cache"


def write_tickets(folder: Path) -> None:
    """The file that the guides start from, and nothing else."""
    write(folder / "corpus", rows=1500)
    (folder / "corpus" / "tickets.csv").rename(folder / "tickets.csv")
    shutil.rmtree(folder / "corpus")


@pytest.mark.slow
@pytest.mark.backbone
@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_every_block_of_a_guide_runs_as_it_stands(guide, warm_cache, tmp_path, monkeypatch, capsys):
    write_tickets(tmp_path)
    shutil.copytree(warm_cache, tmp_path / ".smallcraft" / "cache")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    assert blocks(guide), "a guide without a block teaches nothing"
    for block in blocks(guide):
        if block.language == "console":
            run_console(block.text, capsys)
        elif block.language == "python":
            exec(compile(block.text, str(guide), "exec"), names)
        elif block.language == "toml":
            parse_config(block.text)
        else:
            assert block.language == "text", f"nothing runs a block of {block.language}"


@pytest.mark.slow
@pytest.mark.backbone
def test_the_readme_shows_what_the_demo_prints(tmp_path, monkeypatch, capsys):
    shown = [block for block in blocks(README) if block.language == "console"]
    (demo,) = [text for block in shown for text in [block.text] if text.startswith("$ make demo")]
    monkeypatch.chdir(tmp_path)
    assert run(["demo"]) == 0
    assert_printed(demo.splitlines()[1:], capsys.readouterr().out, "make demo")


def test_every_link_of_the_documents_leads_somewhere():
    pages = [README, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
    for page in pages:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
            if not target.startswith(("http:", "https:")):
                assert (page.parent / target).exists(), f"{page.name} links to {target}"
