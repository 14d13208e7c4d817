"""Draws the measured table between its marks in docs/compare.md; the words around it are written by hand."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.comparison.lines import LEVEL, OURS, Line, read_lines
from benchmarks.process import ROOT

PAGE = ROOT / "docs" / "compare.md"
BEGIN, END = "<!-- measured: python -m benchmarks.comparison -->", "<!-- /measured -->"
_COLUMNS = ("tool", "quantity", "theirs", "smallcraft", "better", "measured again by")


def render_table(lines: Sequence[Line]) -> str:
    """Summary, table, and what was measured when.

    Args:
        lines: In their order.
    """
    if not lines:
        return "Nothing was measured yet.\n"
    ours = sum(line.better == OURS for line in lines)
    level = sum(line.better == LEVEL for line in lines)
    rows = [
        (line.tool, line.quantity, line.theirs, line.ours, _loud(line), f"`{line.command}`") for line in lines
    ]
    versions = {
        line.tool: f"{line.tool}: {line.version}, {line.date}" for line in reversed(lines) if line.version
    }
    told = "".join(f"- {versions[tool]}\n" for tool in dict.fromkeys(line.tool for line in lines))
    return (
        f"{len(lines)} lines: smallcraft is better in {ours}, level in {level}, worse in "
        f"{len(lines) - ours - level} (in bold).\n\n{_table(rows)}\nVersions and dates:\n\n{told}"
    )


def render_page(page: str, lines: Sequence[Line]) -> str:
    """The page with its table drawn anew.

    Args:
        page: As it is, with both marks.
        lines: Of the table.
    """
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    assert rest
    assert after
    return f"{before}{BEGIN}\n{render_table(lines)}{END}{after}"


def write_page() -> None:
    """Draw the table anew."""
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(render_page(page, read_lines()), encoding="utf-8")


def _loud(line: Line) -> str:
    return line.better if line.better in (OURS, LEVEL) else f"**{line.better}**"


def _table(rows: Sequence[Sequence[str]]) -> str:
    every = [_COLUMNS, ["---"] * len(_COLUMNS), *rows]
    return "".join("| " + " | ".join(row) + " |\n" for row in every)
