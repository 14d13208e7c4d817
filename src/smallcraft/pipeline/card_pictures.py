"""A release's card with its pictures beside it: the report's charts as PNG, from what the release recorded.

The card stands between its markers, so that `smallcraft card --check` still compares it word for word; the
pictures come after it.
Always: drawn from the facts and files of the release alone; equal releases give equal bytes.
"""

from __future__ import annotations

from pathlib import Path

from smallcraft.pipeline.charts import render_png
from smallcraft.pipeline.pictures import Drawing, class_drawing, cost_drawing, reliability_drawing
from smallcraft.pipeline.recorded import candidates_of, decision_of
from smallcraft.pipeline.report_parts.reliability import Reliability, describe_reliability
from smallcraft.pipeline.workspace import write_whole
from smallcraft.registry.memory.answers import ANSWERS_FILE, decode_answers
from smallcraft.registry.memory.evidence import confidence_of
from smallcraft.registry.papers.checking import embed_card
from smallcraft.registry.papers.markdown import escape
from smallcraft.registry.reading import Stored

CARD = "card.md"
_FENCE = "---"


def write_pictured_card(stored: Stored, card: str, folder: Path) -> tuple[Path, ...]:
    """Write `card.md` and its pictures.

    Args:
        stored: The release.
        card: Its card, with or without a checkpoint.
        folder: Made when it is not there; files of these names in it are replaced.

    Returns:
        What was written, the card first.
    """
    drawings = draw_release(stored)
    written = [folder / CARD]
    write_whole(written[0], pictured_card(card, drawings, label=stored.entry.label).encode("utf-8"))
    for drawing in drawings:
        written.append(folder / f"{drawing.name}.png")
        write_whole(written[-1], render_png(drawing.chart))
    return tuple(written)


def draw_release(stored: Stored) -> tuple[Drawing, ...]:
    """The pictures of a release; one without the numbers for a picture lacks it."""
    facts = stored.facts
    candidates = candidates_of(facts)
    decision = decision_of(facts)
    found: list[Drawing | None] = []
    if decision is not None:
        found = [cost_drawing(candidates, decision), class_drawing(candidates, decision)]
    return tuple(drawing for drawing in (*found, reliability_drawing(_reliability(stored))) if drawing)


def pictured_card(card: str, drawings: tuple[Drawing, ...], *, label: str) -> str:
    """The card between its markers, its front matter above them, the pictures below."""
    lines = card.split("\n")
    end = lines.index(_FENCE, 1) + 1 if lines[:1] == [_FENCE] and _FENCE in lines[1:] else 0
    front = "\n".join([*lines[:end], ""]) if end else ""
    shown = [
        line
        for drawing in drawings
        for line in ("", f"![{escape(drawing.alt)}]({drawing.name}.png)", "", escape(drawing.caption))
    ]
    pictures = "\n".join(["", "## Pictures", *shown]) + "\n" if drawings else ""
    return embed_card(front, card, label=label) + pictures


def _reliability(stored: Stored) -> Reliability | None:
    if ANSWERS_FILE not in stored.locations:
        return None
    log = decode_answers(stored.read(ANSWERS_FILE), what=f"{ANSWERS_FILE} of {stored.entry.label}")
    right = log.truth == log.predicted
    level = confidence_of(stored.facts)
    return describe_reliability(log.confidence, right, level=level, clusters=log.clusters)
