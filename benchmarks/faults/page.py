"""Writes docs/faults.md from what was seen; nothing in its table is typed by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.faults.catalogue import CATALOGUE, Fault
from benchmarks.faults.kept import read
from benchmarks.faults.outcomes import WORDS, Outcome, System
from benchmarks.process import ROOT

PAGE = ROOT / "docs" / "faults.md"

_HEAD = """\
# What a store notices

Written by `python -m benchmarks.faults`; edits are lost. Every cell is what was seen when the fault was \
made for real, in a folder of its own, as a person with access to the files would make it, and the system \
was then used through its normal commands. A person who also rewrites every copy and every key is not \
stopped by any of them: evidence begins with the first checkpoint held elsewhere.
"""

Seen = Mapping[str, Mapping[str, Outcome]]
"""Fault to system to what was seen."""


def render_page(seen: Seen, systems: Sequence[System], *, date: str, machine: str) -> str:
    """All of it."""
    versions = ", ".join(f"{name} {version}" for one in systems for name, version in one.versions.items())
    return "\n".join(
        [
            _HEAD,
            f"Seen {date} on {machine}. Versions: {versions}.\n",
            "".join(f"- {one.name}: {one.setting}.\n" for one in systems),
            _render_words(),
            _render_counts(seen, systems),
            "## Fault by fault\n",
            _table(
                ("fault", *(one.name for one in systems)),
                [(_fault(fault), *(_cell(seen, fault, one) for one in systems)) for fault in CATALOGUE],
            ),
        ]
    )


def write_page() -> None:
    """Write the page anew from what is kept; nothing where no fault was ever tried."""
    kept = read()
    if kept is not None:
        page = render_page(kept.seen, kept.systems, date=kept.date, machine=kept.machine)
        PAGE.write_text(page, encoding="utf-8")


def _render_words() -> str:
    return "".join(f"- **{word}**: {meaning}.\n" for word, meaning in WORDS.items())


def _render_counts(seen: Seen, systems: Sequence[System]) -> str:
    lines = []
    for one in systems:
        kinds = [seen[fault.key][one.name].kind for fault in CATALOGUE if fault.key in seen]
        lines.append((one.name, *(str(kinds.count(word) or "") for word in WORDS)))  # type: ignore[arg-type]
    return "## In short\n\n" + _table(("", *WORDS), lines)


def _fault(fault: Fault) -> str:
    return f"**{fault.title}**: {fault.how}"


def _cell(seen: Seen, fault: Fault, system: System) -> str:
    outcome = seen.get(fault.key, {}).get(system.name, Outcome("not run", "not asked for"))
    return f"**{outcome.kind}**: {outcome.evidence}"


def _table(columns: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [columns, ["---"] * len(columns), *lines]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |\n" for row in rows)
