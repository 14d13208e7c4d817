"""The page of commands says what the help says, each verb once."""

from __future__ import annotations

import re
from pathlib import Path

from smallcraft.cli.listing import EXAMPLES
from smallcraft.cli.main import app
from smallcraft.cli.manual import render_manual

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"


def test_the_page_of_commands_says_what_the_help_says(update_goldens):
    rendered = render_manual(app)
    if update_goldens:
        PAGE.write_text(rendered, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == rendered, "run `make goldens`, and read the difference"


def test_every_verb_stands_on_the_page_once():
    titles = re.findall(r"^### smallcraft (.+)$", render_manual(app), re.MULTILINE)
    assert len(titles) == len(set(titles))
    assert set(EXAMPLES) <= set(titles)
