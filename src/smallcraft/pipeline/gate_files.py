"""Verdicts as files that pipelines read: JUnit XML, JSON (schema in `docs/schemas/gate.json`), Markdown.

Pure functions from verdicts to text; whoever calls writes them.
Always: every verdict is in every file, or counted where a file would grow too long; names and reasons come
from data and are escaped; an UNDECIDED that blocks is a failure wherever only pass and fail exist.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

from smallcraft.pipeline.result import overall_outcome, verdict_json
from smallcraft.records import Outcome, Verdict

EXIT_CODES: Mapping[Outcome, int] = {Outcome.PASS: 0, Outcome.FAIL: 2, Outcome.UNDECIDED: 3}
FORMAT = "smallcraft-gate/1"
# A step summary of GitHub ends at 1 MiB; so many rows of that length stay well below it.
MOST_ROWS = 200
_LONGEST_NAME, _LONGEST_REASON = 120, 320
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MARKUP = re.compile(r"([\\`*_\[\]|~#])")
_LINKS = (("@", "&#64;"), ("://", "&#58;//"), ("www.", "www&#46;"))


def case_name(verdict: Verdict) -> str:
    """How a verdict is called where tests are listed.

    >>> case_name(Verdict("fair", Outcome.PASS, "", measurement="tpr_gap", slice="sex=Female"))
    'fair::tpr_gap::sex=Female'
    """
    return "::".join((verdict.gate, verdict.measurement or "-", verdict.slice))


def gated_json(subject: str, verdicts: Sequence[Verdict]) -> Mapping[str, Any]:
    """The stable form of `gate --json`.

    Args:
        subject: What was judged: a release, a bundle, a model.
        verdicts: Of every gate.
    """
    outcome = overall_outcome(tuple(verdicts))
    return {
        "format": FORMAT,
        "subject": subject,
        "outcome": outcome.value,
        "exit_code": EXIT_CODES[outcome],
        "verdicts": [{**verdict_json(verdict), "blocks": verdict.blocks} for verdict in verdicts],
    }


def render_json(subject: str, verdicts: Sequence[Verdict]) -> str:
    """The same as text."""
    return json.dumps(gated_json(subject, verdicts), indent=2) + "\n"


def render_junit(subject: str, verdicts: Sequence[Verdict]) -> str:
    """JUnit XML, a test case a verdict.

    FAIL is a failure, so is an UNDECIDED that blocks (its type says which); one that does not is skipped.
    """
    failures = sum(verdict.blocks for verdict in verdicts)
    skipped = sum(_is_skipped(verdict) for verdict in verdicts)
    counts = {"tests": len(verdicts), "failures": failures, "errors": 0, "skipped": skipped, "time": "0"}
    told = {name: str(count) for name, count in counts.items()}
    root = ET.Element("testsuites", {"name": "smallcraft gate", **told})
    suite = ET.SubElement(root, "testsuite", {"name": _in_xml(f"smallcraft gate: {subject}"), **told})
    for verdict in verdicts:
        _add_case(suite, verdict)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def render_markdown(subject: str, verdicts: Sequence[Verdict], *, most_rows: int = MOST_ROWS) -> str:
    """A table for people, worst first; it fits the step summary of GitHub.

    Args:
        subject: What was judged.
        verdicts: Of every gate.
        most_rows: Verdicts that are shown; the others are counted.
    """
    outcome = overall_outcome(tuple(verdicts))
    ordered = sorted(verdicts, key=_badness)
    rows = [
        f"| {_said(verdict)} | {_in_cell(verdict.gate)} | {_in_cell(verdict.measurement)} "
        f"| {_in_cell(verdict.slice)} | {_in_cell(_told(verdict), _LONGEST_REASON)} |"
        for verdict in ordered[:most_rows]
    ]
    left = Counter(verdict.outcome.value for verdict in ordered[most_rows:])
    counts = Counter(verdict.outcome.value for verdict in verdicts)
    lines = [
        f"### smallcraft gate: {outcome.value}",
        "",
        f"{_in_cell(subject)}: " + ", ".join(f"{counts[kind.value]} {kind.value}" for kind in _ORDER),
        "",
        "| | gate | measurement | slice | reason |",
        "|---|---|---|---|---|",
        *rows,
    ]
    if left:
        lines += ["", "Not shown: " + ", ".join(f"{count:,} {kind}" for kind, count in left.items()) + "."]
    return "\n".join(lines) + "\n"


_ORDER = (Outcome.FAIL, Outcome.UNDECIDED, Outcome.PASS)


def _add_case(suite: ET.Element, verdict: Verdict) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        {"classname": _in_xml(verdict.gate), "name": _in_xml(case_name(verdict)), "time": "0"},
    )
    told = _in_xml(_told(verdict))
    if verdict.blocks:
        failure = ET.SubElement(case, "failure", {"type": verdict.outcome.value, "message": told})
        failure.text = told
    elif _is_skipped(verdict):
        ET.SubElement(case, "skipped", {"message": told})
    else:
        ET.SubElement(case, "system-out").text = told


def _is_skipped(verdict: Verdict) -> bool:
    return verdict.outcome is Outcome.UNDECIDED and not verdict.blocks


def _told(verdict: Verdict) -> str:
    """The reason, and what would settle it."""
    needs = f"; would settle it: {verdict.needs}" if verdict.needs else ""
    return verdict.reason + needs


def _said(verdict: Verdict) -> str:
    if verdict.blocks:
        return f"**{verdict.outcome.value}**"
    return verdict.outcome.value


def _badness(verdict: Verdict) -> tuple[int, int]:
    return _ORDER.index(verdict.outcome), 0 if verdict.blocks else 1


def _in_xml(text: str) -> str:
    """Characters that XML cannot hold, written out."""
    return _NOT_IN_XML.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def _in_cell(text: str, longest: int = _LONGEST_NAME) -> str:
    """One line of plain text: no markup, no mention, no link, no longer than a reader wants."""
    line = " ".join(_NOT_IN_XML.sub(" ", text).split())
    if len(line) > longest:
        line = f"{line[: longest - 3]}..."
    escaped = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    escaped = _MARKUP.sub(r"\\\1", escaped)
    for plain, written in _LINKS:
        escaped = escaped.replace(plain, written)
    return escaped or "-"
