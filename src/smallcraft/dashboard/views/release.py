"""One release: what it is and why, what it changed, evidence, verdicts, proof, papers, files, how to go back.

Leaves to others: evidence as tables (`views.release_evidence`), the proof (`views.release_proof`).
Always: nothing is shown of a release whose signature does not hold; a paper that is damaged takes no other
part with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from smallcraft.canonical import digest_bytes
from smallcraft.dashboard.archive import Shown, open_log, show_releases
from smallcraft.dashboard.asked import Asked
from smallcraft.dashboard.rendering import Paper, render_paper
from smallcraft.dashboard.sources import Part, Sources, read_part
from smallcraft.dashboard.views.release_evidence import EvidencePart, tell_evidence
from smallcraft.dashboard.views.release_proof import Event, ProofPart, prove, tell_events
from smallcraft.pipeline.recorded import verdicts_of
from smallcraft.pipeline.report_parts.moved import MovedPart, Movement, describe_movement
from smallcraft.records import StoredFile, Verdict
from smallcraft.registry.composing import read_decision
from smallcraft.registry.memory.decisions import DecisionRecord
from smallcraft.registry.reading import Stored
from smallcraft.registry.tlog.order import Numbered

CARD, DATASHEET = "card.md", "datasheet.md"


@dataclass(frozen=True)
class Neighbours:
    """The versions before and after, of the same name; empty where there is none."""

    before: str
    after: str


@dataclass(frozen=True)
class ReleaseView:
    """What stands on the page.

    Attributes:
        shown: The release as lists show it.
        sentence: Why this candidate was chosen.
        neighbours: Versions beside it.
        decision: What was decided and why; its value is None where the release says nothing of it.
        moved: The delta to its parent.
        verdicts: Of every gate.
        evidence: What was measured.
        proof: Checked now.
        events: What the log says of it since.
        card: The model card.
        datasheet: Of the data.
        files: With their digests.
        manifest: Digest of its manifest.
    """

    shown: Shown
    sentence: str
    neighbours: Neighbours
    decision: Part[DecisionRecord | None]
    moved: MovedPart | None
    verdicts: tuple[Verdict, ...]
    evidence: Part[EvidencePart]
    proof: Part[ProofPart]
    events: tuple[Event, ...]
    card: Part[Paper]
    datasheet: Part[Paper]
    files: tuple[StoredFile, ...]
    manifest: str

    @property
    def label(self) -> str:
        """How people name it."""
        return self.shown.label


def read(sources: Sources, asked: Asked) -> ReleaseView:
    """The page.

    Raises:
        NotFoundError: There is no such release, or its bytes were erased.
        IntegrityError: Its signature or a manifest does not hold.
    """
    registry, log = sources.registry(), open_log(sources)
    stored = registry.find(asked.path["label"])
    name, version = stored.entry.name or "", stored.entry.version or 0
    put = log.state.put(name, version)
    [shown] = show_releases(sources, [put or Numbered(0, stored.entry)])
    decision = read_part(lambda: read_decision(stored))
    manifest = stored.model.content.digest
    return ReleaseView(
        shown=shown,
        sentence=shown.line.value.sentence if shown.line.value else "",
        neighbours=Neighbours(
            *(f"{name}@{near}" if log.state.put(name, near) else "" for near in (version - 1, version + 1))
        ),
        decision=decision,
        moved=None if decision.value is None else _moved(decision.value),
        verdicts=verdicts_of(stored.facts),
        evidence=read_part(
            lambda: sources.remember(
                "evidence", manifest, lambda: tell_evidence(stored.facts, digest=manifest)
            )
        ),
        proof=read_part(lambda: prove(sources, stored)),
        events=tell_events(log, stored),
        card=read_part(partial(_paper, sources, stored, CARD)),
        datasheet=read_part(partial(_paper, sources, stored, DATASHEET)),
        files=stored.files,
        manifest=manifest,
    )


def _moved(decision: DecisionRecord) -> MovedPart:
    return describe_movement(Movement(decision.delta, decision.rationale, decision.rollback))


def _paper(sources: Sources, stored: Stored, path: str) -> Paper:
    """A paper; its bytes are read and hashed each time, and rendered where they are others than the last."""
    data = stored.read(path)
    return sources.remember(
        f"paper {path}", digest_bytes(data), lambda: render_paper(data.decode("utf-8", "replace"))
    )
