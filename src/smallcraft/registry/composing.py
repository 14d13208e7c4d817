"""What a release says of itself, written once its version is known: decision, cards, datasheet, ML-BOM.

Leaves to others: what each paper says (`registry.memory`, `registry.papers`), staging them
(`registry.publishing`).
Always: every paper follows from the stored facts and files, and the decision's numbers can be computed again
from them by whoever checks (`check_stored_decision`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from smallcraft.canonical import canonical_json
from smallcraft.registry.drafting import Draft, Parent
from smallcraft.registry.manifests.kinds import DECISION_PATH, FACTS_PATH
from smallcraft.registry.manifests.manifest import parse_object
from smallcraft.registry.memory.answers import ANSWERS_FILE
from smallcraft.registry.memory.decisions import (
    DecisionRecord,
    Rationale,
    check_decision,
    parse_decision,
    rule_rationale,
    write_decision,
)
from smallcraft.registry.memory.decisions import Parent as Followed
from smallcraft.registry.memory.evidence import Side
from smallcraft.registry.memory.rows import ROWS_FILE
from smallcraft.registry.papers.bom import render_bom
from smallcraft.registry.papers.croissant import render_croissant
from smallcraft.registry.papers.datasheet import render_datasheet
from smallcraft.registry.papers.model_card import render_model_card
from smallcraft.registry.reading import Stored

CODE_PATH = "code.json"
_EVIDENCE = (FACTS_PATH, "evidence.json", ANSWERS_FILE, ROWS_FILE, "smallcraft.toml")


@dataclass(frozen=True)
class CodeVersion:
    """The project's own code, as its version control names it.

    Attributes:
        commit: Of the folder that the project file is in.
        is_dirty: Whether files there differ from that commit.
    """

    commit: str
    is_dirty: bool


def compose_papers(
    draft: Draft, *, because: str | None = None, code: CodeVersion | None = None
) -> Mapping[str, bytes]:
    """Every paper of a release.

    Args:
        draft: The release as it will be.
        because: Why it is made, by a person; None to give the rule's reason.
        code: The project's own code; None where it is under no version control.

    Returns:
        Path inside the release to bytes.
    """
    written = {} if code is None else {CODE_PATH: _encode_code(code)}
    after = _side(draft.label, draft.facts, lambda path: _read(draft, written, path))
    parent = draft.parent
    before = _side(parent.label, parent.facts, parent.read) if parent else None
    decision = write_decision(
        before,
        after,
        verdict="accept",
        rationale=Rationale(because, "person") if because else rule_rationale(draft.facts),
        parents=[_followed(parent)] if parent else [],
        evidence=[file.path for file in draft.files if file.path in _EVIDENCE],
    )
    recorded = {
        "name": draft.name,
        "version": draft.version,
        "created": draft.created,
        "manifest_digest": draft.manifest.digest,
        "decision_record": json.loads(decision),
    }
    facts = {**after.facts, **recorded}
    bundle = [file for file in draft.files if file.path.startswith("bundle/")]
    return {
        **written,
        DECISION_PATH: decision,
        "card.md": render_model_card(facts).encode("utf-8"),
        "bom.json": render_bom(facts, files=bundle),
        "datasheet.md": render_datasheet(facts).encode("utf-8"),
        "croissant.json": render_croissant(facts),
    }


def read_decision(stored: Stored) -> DecisionRecord | None:
    """What a release says of why it was made; None where it says nothing.

    Raises:
        IntegrityError: It is not what `compose_papers` writes.
    """
    if DECISION_PATH not in stored.locations:
        return None
    return parse_decision(stored.read(DECISION_PATH), what=f"{DECISION_PATH} of {stored.entry.label}")


def check_stored_decision(stored: Stored, *, parent: Stored | None) -> None:
    """Compute the decision's numbers again from the evidence of both releases.

    Args:
        stored: The release.
        parent: That its decision names; None where it names none.

    Raises:
        IntegrityError: The first number that the evidence does not give.
    """
    before = side_of(parent) if parent else None
    check_decision(stored.read(DECISION_PATH), before=before, after=side_of(stored))


def side_of(stored: Stored) -> Side:
    """A release as something to compare."""
    return _side(stored.entry.label, stored.facts, stored.read)


def _side(label: str, facts: Mapping[str, object], read: Callable[[str], bytes]) -> Side:
    """With the code's version among the facts, which a rebuild of the same release need not share."""
    side = Side(label, facts, read)
    code = side.file(CODE_PATH)
    if code is None:
        return side
    return Side(label, {**facts, "code": parse_object(code, what=f"{CODE_PATH} of {label}")}, read)


def _read(draft: Draft, written: Mapping[str, bytes], path: str) -> bytes:
    return written[path] if path in written else draft.read(path)


def _followed(parent: Parent) -> Followed:
    return Followed(parent.label, parent.manifest)


def _encode_code(code: CodeVersion) -> bytes:
    return canonical_json({"commit": code.commit, "dirty": code.is_dirty})
