"""A release's pictures are those of its report, drawn from what it recorded; the card stays word for word."""

from __future__ import annotations

import pytest

from smallcraft.pipeline.card_pictures import draw_release, pictured_card, write_pictured_card
from smallcraft.pipeline.workspace import open_registry
from smallcraft.registry.papers.checking import compare_published

PICTURES = ["quality-against-cost", "classes", "confidence"]


@pytest.fixture(scope="module")
def stored(tiny_built):
    return open_registry(tiny_built).find("rows@1")


@pytest.fixture(scope="module")
def card(stored):
    return stored.read("card.md").decode("utf-8")


def test_the_pictures_say_what_the_report_of_the_build_says(stored, tiny_built):
    page = (tiny_built / "report.html").read_text(encoding="utf-8")
    drawings = draw_release(stored)
    assert [drawing.name for drawing in drawings] == PICTURES
    for drawing in drawings:
        assert f'aria-label="{drawing.alt}"' in page


def test_a_card_with_pictures_is_the_same_card(stored, card):
    text = pictured_card(card, draw_release(stored), label="rows@1")
    assert text.startswith("---\n")
    assert compare_published(text, card, label="rows@1").is_equal
    assert text.count("](") >= len(PICTURES)
    assert text.index("<!-- end of smallcraft card -->") < text.index("## Pictures")


def test_a_card_without_pictures_has_no_heading_for_them(card):
    assert "## Pictures" not in pictured_card(card, (), label="rows@1")


def test_the_same_release_gives_the_same_files(stored, card, tmp_path):
    first, second = (write_pictured_card(stored, card, tmp_path / name) for name in ("a", "b"))
    assert [path.name for path in first] == ["card.md", *(f"{name}.png" for name in PICTURES)]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
